"""Starts the zygote: python3 -I zygote_main.py

fd 3: control socket to the launcher; fd 4: compiled seccomp policies. The first message on the socket
is the configuration, JSON: "preload" (modules), "warmup" (Python code, may be empty),
"context_library" (path of libwarren-context.so), "start" ("fork" or "exec"). Not an argument, for
every context shows its zygote's command line. Exit status: 0 when the launcher closes the socket, 1
with a line on stderr when the zygote cannot start.
"""

import importlib.util
import os
import sys


def _load_package():
    """This folder as the package warren_worker: it goes by another name in a sandbox, and -I
    keeps it off sys.path, where its short names would shadow the user's modules."""
    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "warren_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    sys.modules["warren_worker"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["warren_worker"])


def main():
    _load_package()
    from warren_worker.zygote import start

    return start()


sys.exit(main())

"""A context in a fresh interpreter (start mode "exec"): python3 -I context_main.py CONFIG FORK_NS
JOINED_NS

Already confined, with fds 0 to 4 in place. CONFIG, JSON: "preload" (modules); FORK_NS and
JOINED_NS: monotonic times.
"""

import importlib.util
import json
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
    from warren_worker.context import Context
    from warren_worker.zygote import import_all

    import_all(json.loads(sys.argv[1])["preload"])
    # No warm-up: it would cost this one context more than it saves.
    Context(warmup=None).serve(int(sys.argv[2]), int(sys.argv[3]))


main()

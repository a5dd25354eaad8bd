"""A context worker without a sandbox around it: unconfined_context.py REQUEST_FD EVENT_FD WARMUP [MODULE...]"""

import importlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../runtime/worker"))


def main():
    request_fd, event_fd, warmup, *preload = sys.argv[1:]
    for module in preload:
        importlib.import_module(module)
    from warren_worker.context import Context

    context = Context(warmup)
    # High numbers first: either may sit on 3 or 4.
    high = [os.dup(int(request_fd)), os.dup(int(event_fd))]
    os.close(int(request_fd))
    os.close(int(event_fd))
    os.dup2(high[0], 3)
    os.dup2(high[1], 4)
    for fd in high:
        if fd > 4:
            os.close(fd)
    now = time.monotonic_ns()
    context.serve(now, now)


main()

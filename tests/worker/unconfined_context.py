"""Context workers without a sandbox around them: unconfined_context.py CONFIG

CONFIG, JSON: "preload", "warmup", "pipes" ([request fd, event fd] of each context). One context runs in this very process;
several are forked as the zygote forks them, each as pid 1 of a pid namespace of its own.
"""

import ctypes
import importlib
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../runtime/worker"))

CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000


def serve(context, pipes):
    fork_ns = time.monotonic_ns()
    # First away from 3 and 4: either may sit there.
    high = [os.dup(os.dup(os.dup(fd))) for fd in pipes]
    for number, fd in zip((3, 4), high):
        os.dup2(fd, number)
    os.closerange(5, max(high) + 1)
    context.serve(fork_ns, time.monotonic_ns())


def fork_as_pid_1(context, pipes):
    libc = ctypes.CDLL(None, use_errno=True)
    if os.fork() == 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWPID):
            os.write(2, f"unshare(NEWUSER | NEWPID): {os.strerror(ctypes.get_errno())}\n".encode())
            os._exit(1)
        pid = os.fork()
        if pid == 0:
            serve(context, pipes)
        # Or this process keeps the pipes open and nobody sees their end.
        os.closerange(3, 256)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)


def main():
    config = json.loads(sys.argv[1])
    for module in config["preload"]:
        importlib.import_module(module)
    from warren_worker.context import Context

    context = Context(config["warmup"])
    if len(config["pipes"]) == 1:
        serve(context, config["pipes"][0])
    for pipes in config["pipes"]:
        fork_as_pid_1(context, pipes)
    os.closerange(3, 256)
    for _ in config["pipes"]:
        os.wait()


main()

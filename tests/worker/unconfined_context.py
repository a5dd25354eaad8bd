"""Context workers without a sandbox around them: unconfined_context.py CONFIG

CONFIG, JSON: "preload", "warmup", "pipes" ([request fd, event fd] of each context). One context
runs in this very process; several are forked as the zygote forks them, each as pid 1 of a pid
namespace of its own.
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


def fork_as_pid_1():
    """fork() into a new pid namespace. The parent lets go of the pipes, or nobody sees their
    end."""
    pid = os.fork()
    if pid:
        return pid
    maps = {"setgroups": "deny", "gid_map": f"0 {os.getegid()} 1", "uid_map": f"0 {os.geteuid()} 1"}
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWPID):
        os.write(2, f"unshare(NEWUSER | NEWPID): {os.strerror(ctypes.get_errno())}\n".encode())
        os._exit(1)
    # A namespace inside this one can only be made by somebody who is mapped here.
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    pid = os.fork()
    if pid == 0:
        return 0
    os.closerange(3, 256)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)


def main():
    config = json.loads(sys.argv[1])
    pipes = config["pipes"]
    # The worst case for what tells a fork by its pid: the one who forks and the forked are all pid
    # 1.
    if len(pipes) > 1 and (pid := fork_as_pid_1()):
        os.closerange(3, 256)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for module in config["preload"]:
        importlib.import_module(module)
    from warren_worker.context import Context
    from warren_worker.zygote import settle

    context = Context(config["warmup"])
    settle()
    if len(pipes) == 1:
        serve(context, pipes[0])
    for pair in pipes:
        if fork_as_pid_1() == 0:
            serve(context, pair)
    os.closerange(3, 256)
    for _ in pipes:
        os.wait()


main()

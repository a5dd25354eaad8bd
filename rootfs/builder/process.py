"""Runs the build's commands so that nothing of them outlives the build."""

import ctypes
import os
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# Own mount and pid namespaces: however the command ends, its mounts and its processes end with it,
# and removing a half-made tree can never reach through a mount that was left behind.
_CONTAINED = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]


def _die_with_builder():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start_contained(command, options=(), **popen):
    """Starts `command` inside its own namespaces; returns the Popen."""
    return subprocess.Popen([*_CONTAINED, *options, "--", *command], preexec_fn=_die_with_builder,
                            stdin=subprocess.DEVNULL, **popen)


def run_contained(command, options=(), **popen):
    """Runs `command` to its end; returns (exit status, standard output, standard error) as text."""
    process = start_contained(command, options, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", **popen)
    try:
        out, err = process.communicate()
    finally:
        stop(process)
    return process.returncode, out, err


def stop(process):
    """Ends `process` and everything below it, if it still runs."""
    if process.poll() is None:
        # Stopped first: a child that unshare has just forked has not asked yet to be killed with it, and would live on.
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        for child in _children(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
    process.wait()


def _children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []

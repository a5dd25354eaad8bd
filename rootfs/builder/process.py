"""Runs the build's commands so that nothing of them outlives the build."""

import ctypes
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
        process.kill()
    process.wait()

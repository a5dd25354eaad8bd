"""Subprocesses that a cell waits for: an interrupt of the cell ends them first, as Ctrl-C in a
terminal would. The launcher signals the context alone, for what the user's code started to run
beside its cells (Popen, &) must live on.

In the foreground is what `!`, %%bash and its like, os.system and subprocess's run(), call(),
check_call() and check_output() wait for, with all its descendants.
"""

import builtins
import functools
import subprocess
from errno import EPERM
from os import P_PID, WEXITED, WNOHANG, WNOWAIT, kill, listdir, waitid
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP
from time import monotonic, sleep

from IPython.core.magics.script import ScriptMagics

__builtins__ = dict(vars(builtins))  # See wire.py.

# From the interrupt of a subprocess to its kill: as long as subprocess.run() gives one, for which
# it counts on the terminal.
GRACE_S = 0.25
_LOOK_INTERVAL_S = 0.002
# From the stop of a family to its being stopped, which takes each to the end of its system call.
STOP_S = 1
# States of /proc/PID/stat in which a process starts nothing.
_STILL = "Tt"
_ENDED = "ZX"

# Functions that wait for a subprocess, and which of their variables holds it.
_WAITS = {
    subprocess.run.__code__: "process",
    subprocess.call.__code__: "p",
    # Not yet the user's: an exception from here on loses it.
    subprocess.Popen.__init__.__code__: "self",
    ScriptMagics.shebang.__code__: "p",
}


class NotStartedYet(Exception):
    """A function that starts a subprocess has begun, and whether there is one cannot be told."""


def waits(frame):
    """Whether this frame is one that waits for a subprocess."""
    return frame.f_code in _WAITS


def process_of(frame):
    """The pid of the subprocess that a frame of waits() has, or None where it has ended. Raises
    NotStartedYet."""
    process = frame.f_locals.get(_WAITS[frame.f_code])
    pid = getattr(process, "pid", None)
    if pid is None:
        raise NotStartedYet
    return pid if getattr(process, "returncode", None) is None else None


def end(pids):
    """Interrupts these children and their descendants, and kills those that stay, with all below
    them."""
    family = stop(pids)
    signal_all(family, SIGINT)
    signal_all(family, SIGCONT)
    deadline = monotonic() + GRACE_S
    # Not of the children alone: a shell may be gone, and what it was just starting have lost the
    # interrupt on its way from the shell's handler to its own program.
    while left := _living(family):
        if monotonic() > deadline:
            signal_all(stop(left), SIGKILL)
            return
        sleep(_LOOK_INTERVAL_S)


def stop(pids):
    """Stops these processes and their descendants, and returns them: by pid, when they began. What
    is stopped starts nothing more; else a shell that dies could leave a child behind that was not
    there yet when they were counted. A process that is told to stop goes on to the end of its
    system call, which may be a fork: so they are counted until all of them stand still, and once
    more, for that may have come in the middle of a count."""
    stopped = {}
    still = False
    deadline = monotonic() + STOP_S
    while True:
        found = _descendants(pids)
        fresh = {pid: began for pid, (_, began) in found.items() if pid not in stopped}
        signal_all(fresh, SIGSTOP)
        stopped |= fresh
        stood = still
        still = not fresh and all(state in _STILL for state, _ in found.values())
        # One that waits for the child of its vfork, which is stopped, never shows it.
        if stood and still or monotonic() > deadline:
            return stopped


def _living(family):
    """Those of stop() that have not ended; where /proc cannot be read, those of them that are
    children of ours."""
    return [pid for pid, began in family.items() if _lives(pid, began)]


def _lives(pid, began):
    try:
        _, state, since = stat(str(pid))
    except OSError:
        return _runs(pid)
    return state not in _ENDED and began in (since, 0)


def _runs(pid):
    """Whether a child of ours has not ended; it is left for whoever waits for it."""
    try:
        return waitid(P_PID, pid, WEXITED | WNOHANG | WNOWAIT) is None
    except ChildProcessError:
        return False


def signal_all(pids, number):
    for pid in pids:
        try:
            kill(pid, number)
        except ProcessLookupError:
            pass
        except OSError as error:
            # A program with another user's rights.
            if error.errno != EPERM:
                raise


def _descendants(pids):
    """Those of these processes that live, and all that descend from them: by pid, their states and
    when they began; only their own pids, as if stopped, where /proc cannot be read."""
    children, alive = {}, {}
    try:
        for name in filter(str.isdigit, listdir("/proc")):
            parent, state, began = stat(name)
            if state not in _ENDED:
                alive[int(name)] = (state, began)
                children.setdefault(parent, []).append(int(name))
    except OSError:
        # No descriptor is left for it.
        return dict.fromkeys(pids, ("T", 0))
    family = [pid for pid in pids if pid in alive]
    for pid in family:
        family.extend(child for child in children.get(pid, ()) if child not in family)
    return {pid: alive[pid] for pid in family}


def children_of(pid):
    """Pids of its main thread's children, the youngest last."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        # A kernel without CONFIG_PROC_CHILDREN.
        pids = [int(name) for name in listdir("/proc") if name.isdigit()]
        return [child for child in pids if stat(str(child))[0] == pid]


def stat(name):
    """Parent, state and start time (ticks) of a process of /proc, by the name that it has there."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, "X", 0
    return int(fields[1]), fields[0].decode(), int(fields[19])


def raise_interrupts_of_scripts(shell, count_interrupts):
    """%%bash and its like swallow the interrupt of their script, or make another exception of it,
    by IPython's version: then a cell goes on with what comes next."""
    magics = shell.magics_manager.registry["ScriptMagics"]
    original = magics.shebang

    @functools.wraps(original)
    def shebang(line, cell):
        before = count_interrupts()
        try:
            return original(line, cell)
        finally:
            if count_interrupts() != before:
                raise KeyboardInterrupt from None

    magics.shebang = shebang
    shell.magics_manager.magics["cell"]["script"] = shebang


def system(command):
    """os.system() that an interrupt ends: the original ignores SIGINT while it waits, and leaves
    that to the terminal."""
    status = subprocess.call(command, shell=True)
    return -status if status < 0 else status << 8

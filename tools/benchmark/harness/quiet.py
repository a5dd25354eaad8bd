"""Was the machine quiet while something was measured? From CPU time that others used, steal time, pressure and a reference
measured again."""

import os
import time

from . import cpu

# Above it, a row's figures are not the machine's best. Shares of all cores.
OTHERS_SHARE = 0.05
STOLEN_SHARE = 0.02
# Share of the time in which something waited for the disk: no row of ours does.
STALLED_SHARE = 0.10
# A reference that is so many times slower or faster after the row than before it.
DRIFT = 1.3

_KTHREADD = 2


class Watch:
    """Between begin and end. Ours is this process with all below it: servers, clients, references, sandboxes.
    Lifecycle: Watch() -> finish() once."""

    def __init__(self):
        self._begin = (time.monotonic(), cpu.host_seconds(), _others_seconds(), _pressure())

    def finish(self):
        """JSON: "others" and "stolen", shares of all cores from 0 to 1; "pressure": for each resource the share of the time in
        which something waited for it, {} where the kernel does not tell. That of the CPU counts our own processes too, and
        that of memory a sandbox at its limit, so they are not judged."""
        wall, host, others, pressure = self._begin
        seconds = max(time.monotonic() - wall, 1e-9)
        total = seconds * os.cpu_count()
        now = _pressure()
        return {
            "others": max(0.0, _others_seconds() - others) / total,
            "stolen": max(0.0, cpu.host_seconds()["stolen"] - host["stolen"]) / total,
            "pressure": {name: (now[name] - pressure[name]) / seconds for name in now if name in pressure},
        }


def drift(name, before, after):
    """JSON of a reference's figures at both sides of a row; None where it could not be measured."""
    return {"reference": name, "before": before, "after": after} if before and after else None


def reasons(account):
    """Why the machine was not quiet, in words; [] when it was. account: of Watch.finish, with "drift" of drift() or None."""
    found = []
    cores = os.cpu_count() if "cores" not in account else account["cores"]
    if account["others"] > OTHERS_SHARE:
        found.append(f"other processes used {account['others']:.0%} of {cores} cores")
    if account["stolen"] > STOLEN_SHARE:
        found.append(f"the hypervisor took {account['stolen']:.0%} of {cores} cores")
    stalled = account["pressure"].get("io", 0)
    if stalled > STALLED_SHARE:
        found.append(f"something waited for the disk {stalled:.0%} of the time")
    moved = account.get("drift")
    if moved and not 1 / DRIFT <= moved["after"] / moved["before"] <= DRIFT:
        found.append(f"{moved['reference']} went from {moved['before']:.3g} to {moved['after']:.3g} ms")
    return found


def _others_seconds():
    """CPU seconds of all processes but ours and the kernel's threads, with those of the children that they have waited for:
    so what a process used stays in the sum when it ends."""
    ours = set(cpu.descendants(os.getpid()))
    return sum(
        seconds for pid, parent, seconds in cpu.processes() if pid not in ours and _KTHREADD not in (pid, parent)
    )


def _pressure():
    """Resource -> seconds in which at least one task waited for it, since the start of the machine."""
    found = {}
    for name in ("cpu", "memory", "io"):
        try:
            with open(f"/proc/pressure/{name}") as file:
                found[name] = int(file.readline().rsplit("total=", 1)[1]) / 1e6
        except (OSError, IndexError, ValueError):
            continue
    return found

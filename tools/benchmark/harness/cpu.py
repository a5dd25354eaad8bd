"""Where CPU time went while something was measured, from the kernel's own accounting."""

import os
import resource
import time

from .errors import BenchError

_TICKS = os.sysconf("SC_CLK_TCK")
# Command -> what it is, and what its children that have ended were.
_ROLES = {
    "python3": ("zygote and live contexts", "ended contexts"),
    "warren-launcher": ("launcher", "ended inits"),
    "memfd:warren-in": ("inits", "ended processes of sandboxes"),
    "warren-relay": ("relay", "ended children of the relay"),
    "warren-fetcher": ("fetcher", "ended children of the fetcher"),
    "warren-store": ("package store", "ended children of the package store"),
}


class CpuAccount:
    """Between begin and end, by kind of process. Lifecycle: CpuAccount(root pid) -> finish() once."""

    def __init__(self, root):
        """root: pid of the supervisor; its descendants are counted with it."""
        self._root = root
        self._begin = (time.monotonic(), host_seconds(), _tree(root), _client())

    def finish(self):
        """JSON: shares of all cores, 0 to 1, of the time between: "busy", "kernel", "stolen", and "by_process"."""
        wall, host, tree, client = self._begin
        total = (time.monotonic() - wall) * os.cpu_count()
        host_now, tree_now, client_now = host_seconds(), _tree(self._root), _client()
        shares = {}
        for process, (names, seconds) in tree_now.items():
            before = tree.get(process, (names, (0.0,) * len(seconds)))[1]
            for name, now, then in zip(names, seconds, before):
                shares[name] = shares.get(name, 0.0) + (now - then) / total
        shares["client"] = (client_now - client) / total
        return {
            "seconds": round(total / os.cpu_count(), 3),
            "busy": round((host_now["busy"] - host["busy"]) / total, 4),
            "kernel": round((host_now["kernel"] - host["kernel"]) / total, 4),
            "stolen": round((host_now["stolen"] - host["stolen"]) / total, 4),
            "by_process": {name: round(share, 4) for name, share in sorted(shares.items()) if share > 0},
        }


def in_words(account):
    """'97 % of 2 cores busy (54 % in the kernel): contexts 40 %, ...'"""
    parts = sorted(account["by_process"].items(), key=lambda item: -item[1])
    listed = ", ".join(f"{name} {share:.0%}" for name, share in parts if share >= 0.01)
    cores = os.cpu_count()
    return f"CPU: {account['busy']:.0%} of {cores} cores busy, {account['kernel']:.0%} in the kernel: {listed}"


def descendants(root):
    """Pids of root and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields is not None:
                children.setdefault(int(fields[2]), []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def descendant(root, program):
    """Pid of the first one below root, the nearest to it, that was started under this name. Raises BenchError where none was."""
    for pid in descendants(root)[1:]:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.path.basename(file.read().split(b"\0")[0].decode(errors="replace")) == program:
                    return pid
        except OSError:
            continue
    raise BenchError(f"no {program} runs below process {root}")


def processes():
    """(pid, parent, CPU seconds with those of its waited-for children) of every process."""
    for entry in os.listdir("/proc"):
        fields = _stat(int(entry)) if entry.isdigit() else None
        if fields is not None:
            yield int(entry), int(fields[2]), sum(int(field) for field in fields[12:16]) / _TICKS


def share_of_a_core(pids, seconds):
    """What all of these use together over so many seconds from now; 1 is a whole core."""
    used, begin = _nanoseconds_used(pids), time.monotonic_ns()
    time.sleep(seconds)
    now, end = _nanoseconds_used(pids), time.monotonic_ns()
    return sum(spent - used.get(thread, 0) for thread, spent in now.items()) / (end - begin)


def _nanoseconds_used(pids):
    """CPU time of each of their threads, by the scheduler's clock; what has ended counts nothing."""
    used = {}
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    used[pid, thread] = int(file.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return used


def host_seconds():
    """CPU seconds of the whole host since its start: "busy", "kernel" (part of it) and "stolen"."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = (int(field) / _TICKS for field in file.readline().split()[1:9])
    kernel = system + irq + softirq
    return {"busy": user + nice + kernel, "kernel": kernel, "stolen": steal}


def _tree(root):
    """(pid, start time) -> names and CPU seconds of the process itself and of its children that it has waited for."""
    found = {}
    for pid in descendants(root):
        fields = _stat(pid)
        if fields is None:
            continue
        user, system, waited_user, waited_system = (int(field) / _TICKS for field in fields[12:16])
        names = _ROLES.get(fields[0], (fields[0], f"ended children of {fields[0]}"))
        found[pid, fields[20]] = (names, (user + system, waited_user + waited_system))
    return found


def _stat(pid):
    """Fields of /proc/PID/stat, command first and pid left out."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    command, rest = text.split("(", 1)[1].rsplit(")", 1)
    return [command, *rest.split()]


def _client():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

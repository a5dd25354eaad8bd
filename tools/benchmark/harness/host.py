"""Which host a run was on: without it a figure means nothing."""

import datetime
import os
import platform
import subprocess


def describe(root):
    """JSON for the head of the results."""
    memory = read_meminfo()
    return {
        "cpu_model": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory["MemTotal"] / 2**30, 1),
        "kernel": platform.release(),
        "cgroup_mode": cgroup_mode(),
        "transparent_huge_pages": _selected("/sys/kernel/mm/transparent_hugepage/enabled"),
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "revision": revision(root),
        "load_at_start": os.getloadavg()[0],
    }


def same_machine(host):
    """The part of describe() by which two runs could be on one machine."""
    return {key: host.get(key) for key in ("cpu_model", "cores", "memory_gib", "kernel", "cgroup_mode")}


def read_meminfo():
    """/proc/meminfo in bytes."""
    fields = {}
    with open("/proc/meminfo") as lines:
        for line in lines:
            name, value = line.split(":")
            fields[name] = int(value.split()[0]) * 1024
    return fields


def cgroup_mode():
    """"v2", "v1" or "hybrid", by where the controllers are."""
    with open("/proc/mounts") as mounts:
        types = {line.split()[1]: line.split()[2] for line in mounts}
    v1 = "cgroup" in types.values()
    if types.get("/sys/fs/cgroup") == "cgroup2":
        return "hybrid" if v1 else "v2"
    return "hybrid" if "cgroup2" in types.values() else "v1"


def _cpu_model():
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _selected(path):
    """The choice in brackets of a file such as "always [madvise] never"."""
    try:
        with open(path) as file:
            return file.read().split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "unknown"


def revision(root):
    """The commit of the checkout that the folder is in, with "-dirty" where sources differ from it."""
    command = ["git", "-C", root, "-c", f"safe.directory={root}", "describe", "--always", "--abbrev=12", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"

"""Tenants: what one sandbox leaves, holds or does cannot be seen or felt in another."""

import ctypes
import errno
import fcntl
import os
import socket
import subprocess
import time

from attack import LIBC, Broken, Inconclusive, fails, probe

SHARED = "needs two sandboxes"
TEMPLATE_FILE = "/usr/bin/env"
LIBC.shmat.restype = ctypes.c_void_p


def leave_files(host):
    """Writes where a sandbox can, and where the next might look."""
    for folder in ("/tmp", "/home/user", "/dev/shm", "/var/tmp"):
        if os.access(folder, os.W_OK):
            with open(f"{folder}/{host['token']}-left", "w") as file:
                file.write("secret of another tenant")
    return True


def no_files(host):
    for folder in ("/tmp", "/home/user", "/dev/shm", "/var/tmp"):
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                if host["token"] in name:
                    raise Broken(f"{folder}/{name} is there")


@probe("mount_namespace", plant=leave_files, unconfined=SHARED)
def probe_files_of_neighbour(host):
    """A neighbour's files cannot be seen."""
    no_files(host)


@probe("mount_namespace", plant=leave_files, order="predecessor", unconfined=SHARED)
def probe_files_of_predecessor(host):
    """Nothing of an earlier sandbox's files is left."""
    no_files(host)


def leave_segment(host):
    segment = LIBC.shmget(0x57415252, 4096, 0o1666)
    address = LIBC.shmat(segment, None, 0)
    ctypes.memmove(address, b"secret", 6)
    return segment


def no_segment(host):
    if LIBC.shmget(0x57415252, 4096, 0o666) >= 0:
        raise Broken("its segment is there")
    listed = open("/proc/sysvipc/shm").read().count("\n") if os.path.exists("/proc/sysvipc/shm") else 1
    if listed > 1:
        raise Broken("segments are listed")


@probe("ipc_namespace", plant=leave_segment, unconfined=SHARED)
def probe_shared_memory_of_neighbour(host):
    """A neighbour's System V shared memory cannot be seen or attached."""
    no_segment(host)


@probe("ipc_namespace", plant=leave_segment, order="predecessor", unconfined=SHARED)
def probe_shared_memory_of_predecessor(host):
    """Nor that of an earlier sandbox."""
    no_segment(host)


def listen(host):
    """Listens on an abstract socket and on a port, for as long as the sandbox lives."""
    left = socket.socket(socket.AF_UNIX)
    left.bind("\0" + host["token"])
    left.listen()
    right = socket.socket()
    right.bind(("127.0.0.1", 0))
    right.listen()
    listen.kept = (left, right)
    return right.getsockname()[1]


@probe("net_namespace, landlock", plant=listen, unconfined=SHARED)
def probe_abstract_socket_of_neighbour(host):
    """A neighbour's abstract sockets cannot be reached."""
    with socket.socket(socket.AF_UNIX) as sock:
        fails("connect to the neighbour", lambda: sock.connect("\0" + host["token"]), errno.ECONNREFUSED)


@probe("net_namespace", plant=listen, unconfined=SHARED)
def probe_port_of_neighbour(host):
    """A neighbour's loopback ports cannot be reached."""
    with socket.socket() as sock:
        fails("connect to the neighbour", lambda: sock.connect(("127.0.0.1", host["planted"])), errno.ECONNREFUSED)


def lock_template_file(host):
    lock_template_file.file = open(TEMPLATE_FILE, "rb")
    fcntl.flock(lock_template_file.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


@probe("mount_namespace", plant=lock_template_file, unconfined=SHARED)
def probe_file_locks_of_neighbour(host):
    """A neighbour's locks on files of the template are not felt: they would be a channel between tenants."""
    with open(TEMPLATE_FILE, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Broken("the neighbour's lock is felt") from error


DEVICES = ("/dev/null", "/dev/zero", "/proc/version", "/proc/sys/kernel/osrelease")


def lock_devices(host):
    lock_devices.files = [open(path, "rb") for path in DEVICES]
    for file in lock_devices.files:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


@probe("mount_namespace", plant=lock_devices, unconfined=SHARED)
def probe_device_locks_of_neighbour(host):
    """Nor are locks on /dev/null and /proc."""
    for path in DEVICES:
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Broken(f"a lock on {path} is felt") from error


def nothing(host):
    return True


def use_template(host):
    """For neighbours: opens, reads and runs a file of the template."""
    for _ in range(5):
        subprocess.run([TEMPLATE_FILE, "true"], check=True)
        open(TEMPLATE_FILE, "rb").read()


def no_event(host):
    os.set_blocking(probe_watch_neighbour.fd, False)
    try:
        events = os.read(probe_watch_neighbour.fd, 4096)
    except BlockingIOError:
        return
    raise Broken(f"{len(events)} bytes of events of the neighbour")


@probe("mount_namespace", plant=nothing, aftermath=use_template, conclude=no_event, unconfined=SHARED)
def probe_watch_neighbour(host):
    """What a neighbour does with files of the template cannot be watched."""
    fd = LIBC.inotify_init1(0)
    for path in (TEMPLATE_FILE.encode(), b"/dev/null"):
        if LIBC.inotify_add_watch(fd, path, 0x1 | 0x20) < 0:
            raise Inconclusive("inotify_add_watch failed")
    probe_watch_neighbour.fd = fd


def hold_secret(host):
    """Keeps a secret in memory that is easy to find, and made here only."""
    hold_secret.value = [("warren" + "-secret-" + str(n)).encode() * 20 for n in range(2000)]
    return len(hold_secret.value)


@probe("zygote", plant=hold_secret, order="predecessor", unconfined=SHARED)
def probe_memory_of_predecessor(host):
    """An earlier sandbox's memory is nowhere in this one's."""
    pattern = b"-".join((b"warren", b"secret", b"17")) + b"warren-"
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            fields = line.split()
            start, stop = (int(edge, 16) for edge in fields[0].split("-"))
            if "r" not in fields[1] or len(fields) > 5 and fields[5].startswith("[v"):
                continue
            try:
                memory.seek(start)
                data = memory.read(min(stop - start, 256 << 20))
            except (OSError, ValueError, OverflowError):
                continue
            where = data.find(pattern)
            while where >= 0:
                # One's own copies of the pattern name the secret twice, the secret itself twenty times.
                if data.count(b"warren", where, where + 100) > 3:
                    raise Broken(f"found in {fields[0]}")
                where = data.find(pattern, where + 1)


def name_host(host):
    return [os.uname().nodename, os.getpid()]


@probe("pid_namespace", plant=name_host, unconfined=SHARED)
def probe_processes_of_neighbour(host):
    """A neighbour's processes cannot be seen or named."""
    mine = {os.getpid(), os.getppid(), 0, 1}
    for pid in range(2, 1000):
        if pid in mine or os.path.exists(f"/proc/{pid}"):
            continue
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise Broken(f"process {pid} of another user exists") from error
        # One's own threads and children are listed in /proc; what is not listed is somebody's.
        raise Broken(f"process {pid} can be signalled and is not listed")


def burn(host):
    """Uses more CPU time and memory than a trivial cell needs on any host: [seconds, bytes]."""
    while time.process_time() < 5:
        pass
    hoard = b"x" * (200 << 20)
    return [5, len(hoard)]


@probe("cgroup, supervisor", plant=burn, order="predecessor", host_check="fresh_usage", unconfined=SHARED)
def probe_counters_of_predecessor(host):
    """CPU time and memory that an earlier sandbox used are not counted as this one's."""
    return True

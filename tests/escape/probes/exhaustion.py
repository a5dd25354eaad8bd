"""Exhaustion: every resource ends at the sandbox's own limit, and the host and its neighbours stay well."""

import ctypes
import errno
import fcntl
import mmap
import os
import signal
import socket
import struct
import threading
import time

from attack import LIBC, Broken, Inconclusive, fails, in_child, probe, syscall

ALONE = True
UNSAFE = "would exhaust the host"
MIB = 1 << 20


def work(host):
    """For neighbours, before the attack and after it: a little of everything is still done."""
    sum(range(200_000))
    with open("/tmp/neighbour", "w") as file:
        file.write("x" * 100_000)
    if in_child(lambda: None) != 0:
        raise Broken("a process of a neighbour's ends badly")


def await_all(children, told):
    """Waits until each of so many children has written a byte to the pipe.

    A sandbox whose limits hold is ended meanwhile. Where one child dies and the sandbox lives on, this waits for the
    cell's bound: that the others were slow and that nobody ends them looks the same from here.
    """
    while children > 0:
        count = len(os.read(told, children))
        children -= count
        if not count:
            signal.pause()


def fork_until_refused(most):
    """Forks sleeping children until it fails; returns their pids."""
    children = []
    try:
        while len(children) < most:
            pid = os.fork()
            if pid == 0:
                time.sleep(1000)
                os._exit(0)
            children.append(pid)
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
    return children


def end(children):
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@probe("cgroup, rlimits", limits={"pids": 48}, plant=work, aftermath=work, unconfined=UNSAFE)
def probe_fork_bomb(host):
    """Processes end at the sandbox's limit."""
    children = fork_until_refused(200)
    end(children)
    if len(children) > 48:
        raise Broken(f"{len(children)} processes fit into 48")
    if not children:
        raise Inconclusive("no process at all could be started")


@probe("supervisor", limits={"pids": 48}, unconfined=UNSAFE)
def probe_fork_bomb_grows_back(host):
    """A fork bomb whose processes replace each other stays within the limit, and its sandbox can be destroyed."""
    for _ in range(8):
        if os.fork() == 0:
            while True:
                try:
                    if os.fork() == 0:
                        os.setsid()
                    else:
                        os._exit(0)
                except OSError:
                    pass
    time.sleep(1)


@probe("cgroup, rlimits", limits={"pids": 48}, unconfined=UNSAFE)
def probe_thread_bomb(host):
    """Threads count as processes do."""
    stop = threading.Event()
    started = 0
    try:
        for _ in range(200):
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    stop.set()
    if started > 48:
        raise Broken(f"{started} threads fit into 48")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128}, plant=work, aftermath=work,
       unconfined=UNSAFE)
def probe_memory_bomb(host):
    """Memory ends at the sandbox's limit, and the outcome says so."""
    hoard = []
    for _ in range(512):
        hoard.append(b"x" * MIB)
    raise Broken(f"{len(hoard)} MiB fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128}, unconfined=UNSAFE)
def probe_memory_of_children(host):
    """Memory counts for all processes together, and running out ends the whole sandbox."""
    told, tell = os.pipe()
    for _ in range(8):
        if os.fork() == 0:
            hoard = [b"x" * MIB for _ in range(60)]
            os.write(tell, b"f")
            signal.pause()
            os._exit(len(hoard))
    await_all(8, told)
    raise Broken("8 x 60 MiB fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128, "disk_mib": 1024}, unconfined=UNSAFE)
def probe_shared_memory_counts(host):
    """Files in /dev/shm count as memory."""
    with open("/dev/shm/fill", "wb", buffering=0) as file:
        for _ in range(300):
            file.write(b"x" * MIB)
    raise Broken("300 MiB in /dev/shm fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128, "disk_mib": 1024}, unconfined=UNSAFE)
def probe_files_count(host):
    """Files of the writable layer count as memory."""
    for number in range(300):
        with open(f"/tmp/fill-{number}", "wb", buffering=0) as file:
            file.write(b"x" * MIB)
    raise Broken("300 MiB of files fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128, "disk_mib": 1024}, unconfined=UNSAFE)
def probe_anonymous_files_count(host):
    """Anonymous files (memfd) count as memory."""
    fd = os.memfd_create("fill")
    for number in range(300):
        os.pwrite(fd, b"x" * MIB, number * MIB)
    raise Broken("300 MiB in a memfd fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 128}, unconfined=UNSAFE)
def probe_system_v_memory_counts(host):
    """System V shared memory counts, attached or not."""
    LIBC.shmat.restype = ctypes.c_void_p
    for _ in range(300):
        segment = LIBC.shmget(0, MIB, 0o1600)
        if segment < 0:
            raise OSError(ctypes.get_errno(), "shmget")
        address = LIBC.shmat(segment, None, 0)
        ctypes.memset(address, 1, MIB)
        LIBC.shmdt(ctypes.c_void_p(address))
    raise Broken("300 MiB of segments fit into 128")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 64}, unconfined=UNSAFE)
def probe_page_tables_count(host):
    """Page tables count as memory: one page mapped all over the address space uses up the limit."""
    fd = os.memfd_create("page")
    os.ftruncate(fd, mmap.PAGESIZE)
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    # Where there is room: a mapping that is given up again.
    room = 24_000 * 2 * MIB
    start = LIBC.mmap(None, room, 0, 0x22 | 0x4000, -1, 0)
    LIBC.munmap(ctypes.c_void_p(start), ctypes.c_size_t(room))
    if start in (None, ctypes.c_void_p(-1).value):
        raise Inconclusive("no 47 GiB of address space in a row")
    for number in range(24_000):
        # MAP_SHARED | MAP_FIXED_NOREPLACE, one page in every 2 MiB: each needs a table of its own.
        address = LIBC.mmap(start + number * 2 * MIB, mmap.PAGESIZE, 3, 1 | 0x100000, fd, 0)
        if address == ctypes.c_void_p(-1).value:
            raise Inconclusive(f"mapping {number}: errno {ctypes.get_errno()}")
        ctypes.memset(address, 1, 1)
    raise Broken("the tables of 24000 mappings (94 MiB) fit into 64 MiB")


@probe("cgroup", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 96, "pids": 64}, unconfined=UNSAFE)
def probe_socket_buffers_count(host):
    """What lies unread in sockets counts as memory."""
    told, tell = os.pipe()
    for _ in range(40):
        if os.fork() == 0:
            pairs = []
            try:
                while True:
                    left, right = socket.socketpair()
                    left.setblocking(False)
                    pairs.append((left, right))
                    try:
                        while True:
                            left.send(b"x" * 65536)
                    except BlockingIOError:
                        pass
            except OSError:
                os.write(tell, b"f")
                signal.pause()
    await_all(40, told)
    raise Broken("40 processes filled all the sockets that they could have")


@probe("cgroup, rlimits", ends=("OUT_OF_MEMORY",), limits={"memory_mib": 96}, unconfined=UNSAFE)
def probe_pipe_buffers_count(host):
    """What lies unread in pipes is bounded: by the memory limit, or by the pipe quota of the sandbox's own user."""
    total = 0
    pipes = []
    try:
        while True:
            read, write = os.pipe()
            pipes.append((read, write))
            os.set_blocking(write, False)
            try:
                fcntl.fcntl(write, 1031, MIB)
            except OSError:
                pass
            try:
                while True:
                    total += os.write(write, b"x" * 65536)
            except BlockingIOError:
                pass
    except OSError:
        pass
    if total > 96 * MIB:
        raise Broken(f"{total // MIB} MiB in pipes fit into 96")


def enlarge_pipe(host):
    """For neighbours: a pipe can be made a megabyte large."""
    _, write = os.pipe()
    if fcntl.fcntl(write, 1031, MIB) < MIB:
        raise Broken("a neighbour's pipe stays small")


@probe("user_ids", plant=enlarge_pipe, aftermath=enlarge_pipe, limits={"memory_mib": 512}, unconfined=UNSAFE)
def probe_pipe_quota_of_neighbour(host):
    """Hoarding pipes takes nothing of a neighbour's quota: it is counted by user, and no two sandboxes share one."""
    try:
        while True:
            _, write = os.pipe()
            fcntl.fcntl(write, 1031, MIB)
    except OSError:
        pass


def take_watch(host):
    """For neighbours: an inotify instance can be made."""
    fd = LIBC.inotify_init1(0)
    if fd < 0:
        raise Broken("a neighbour gets no inotify instance")
    os.close(fd)


@probe("namespace_quotas", plant=take_watch, aftermath=take_watch, unconfined=UNSAFE)
def probe_inotify_quota_of_neighbour(host):
    """Hoarding inotify instances takes nothing of a neighbour's quota."""
    for _ in range(1000):
        if LIBC.inotify_init1(0) < 0:
            return


@probe("rlimits", unconfined="broken")
def probe_descriptors(host):
    """Open files of a process end at the sandbox's limit."""
    opened = []
    try:
        for _ in range(5000):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    finally:
        for fd in opened:
            os.close(fd)
    if len(opened) > 4096:
        raise Broken(f"{len(opened)} files could be opened")


def burn_for(seconds, release, report):
    """In a child: computes from the release on, and reports the CPU time that this took."""
    os.read(release, 1)
    begin, end = time.process_time(), time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    os.write(report, struct.pack("d", time.process_time() - begin))
    os._exit(0)


@probe("cgroup", limits={"cpu_millis": 50}, plant=work, aftermath=work, unconfined="broken")
def probe_cpu_quota(host):
    """Many busy processes together get no more CPU time than the sandbox's share."""
    # A share is a ratio of times: CPU time as the scheduler counts it, which is also what it takes from the quota, over the
    # clock's. A busy or slow host can only make it smaller: the share is a small one and the processes are many, so that
    # without a quota they get more of a busy host too. What is let pass beyond is what was saved up at the start, and a tick
    # of each processor's.
    release, start = os.pipe()
    read, report = os.pipe()
    children = 16
    for _ in range(children):
        if os.fork() == 0:
            os.close(start)
            burn_for(8, release, report)
    os.close(report)
    begin = time.monotonic()
    os.close(start)
    used = b""
    while data := os.read(read, 4096):
        used += data
    wall = time.monotonic() - begin
    if len(used) != 8 * children:
        raise Inconclusive(f"{len(used) // 8} of {children} processes came to their end")
    used = sum(number for number, in struct.iter_unpack("d", used))
    if used > 0.05 * wall * 1.4 + 0.15:
        raise Broken(f"{used:.1f} s of CPU time in {wall:.1f} s with a share of 0.05")


@probe("rlimits", unconfined="broken")
def probe_timers(host):
    """POSIX timers are bounded."""
    timer = ctypes.c_int()
    for _ in range(5000):
        # SIGEV_SIGNAL with SIGALRM, never armed.
        event = (ctypes.c_int * 16)(0, 0, signal.SIGALRM, 0)
        if syscall("timer_create", 1, ctypes.cast(event, ctypes.c_void_p), ctypes.byref(timer))[0] != 0:
            return
    raise Broken("5000 timers could be made")


@probe("rlimits", unconfined="broken")
def probe_queued_signals(host):
    """Queued signals are bounded."""
    number = signal.SIGRTMIN + 3
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        for _ in range(20_000):
            if LIBC.sigqueue(os.getpid(), number, 0) != 0:
                return
    finally:
        while signal.sigtimedwait({number}, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    raise Broken("20000 signals could be queued")


@probe("rlimits, seccomp, namespace_quotas", unconfined="broken")
def probe_message_queues(host):
    """POSIX message queues, whose memory is the kernel's, cannot be made."""
    name = f"{host['token']}".encode()
    result, _ = syscall("mq_open", ctypes.c_char_p(name), os.O_CREAT | os.O_RDWR, 0o600, 0)
    if result >= 0:
        os.close(result)
        LIBC.mq_unlink(b"/" + name)
        raise Broken("a message queue could be made")


@probe("rlimits, seccomp", unconfined="broken")
def probe_locked_memory(host):
    """Memory cannot be locked."""
    memory = mmap.mmap(-1, 1 << 20)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if LIBC.mlock(ctypes.c_void_p(address), ctypes.c_size_t(1 << 20)) == 0:
        raise Broken("a megabyte could be locked")


@probe("rlimits", limits={"disk_mib": 64}, unconfined="broken")
def probe_file_size(host):
    """No file grows beyond the writable layer's size."""
    path = f"/tmp/{host['token']}-size"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        fails("write at 16 GiB", lambda: os.pwrite(fd, b"x", 16 << 30))
    finally:
        os.close(fd)
        os.unlink(path)


@probe("cgroup_namespace", unconfined="the host has its cgroups mounted read-only or not at all")
def probe_cgroups_out_of_reach(host):
    """The sandbox cannot reach the cgroup that bounds it."""
    for point, kind in ((line.split()[1], line.split()[2]) for line in open("/proc/self/mounts")):
        if kind.startswith("cgroup"):
            raise Broken(f"{kind} is mounted at {point}")
    for line in open("/proc/self/cgroup"):
        if line.strip().split(":", 2)[2] != "/":
            raise Broken(f"the cgroup is named: {line.strip()}")


@probe("output", ends=("OUTPUT_LIMIT",), output_mib=8, plant=work, aftermath=work,
       unconfined="the bound is the supervisor's")
def probe_output_flood(host):
    """Endless printing ends at the bound on output."""
    while True:
        print("x" * 65536)


@probe("output", ends=("OUTPUT_LIMIT",), output_mib=8, unconfined="the bound is the supervisor's")
def probe_raw_output_flood(host):
    """Endless writing past Python's streams, by several processes, ends at the bound on output too."""
    for _ in range(3):
        os.fork()
    while True:
        os.write(2, b"x" * 65536)


@probe("output", ends=("OUTPUT_LIMIT",), output_mib=8, unconfined="the bound is the supervisor's")
def probe_display_flood(host):
    """Displays count as output."""
    from IPython.display import display
    while True:
        display({"text/plain": "x" * 500_000}, raw=True)


@probe("output", ends=("TIMED_OUT", "OUTPUT_LIMIT"), deadline=3, unconfined="the bound is the supervisor's")
def probe_tiny_writes(host):
    """A flood of single bytes is bounded as well."""
    while True:
        os.write(1, b"x")


@probe("deadline", plant=work, aftermath=work, limits={"pids": 128, "memory_mib": 256}, deadline=8,
       ends=("TIMED_OUT", "OUT_OF_MEMORY", "OUTPUT_LIMIT"), unconfined=UNSAFE)
def probe_everything_at_once(host):
    """Forks, memory, files, descriptors, signals and output at once end in the attacker's own sandbox."""
    for kind in range(24):
        try:
            child = os.fork()
        except OSError:
            continue  # the first ones have used up the limit already
        if child == 0:
            while True:
                try:
                    if kind % 4 == 0:
                        os.fork()
                    elif kind % 4 == 1:
                        with open(f"/tmp/{time.monotonic_ns()}", "wb") as file:
                            file.write(b"x" * MIB)
                    elif kind % 4 == 2:
                        os.open("/dev/null", os.O_RDONLY)
                        os.write(1, b"y" * 4096)
                    else:
                        os.kill(os.getpid(), signal.SIGURG)
                except OSError:
                    pass
    while True:
        time.sleep(0.1)

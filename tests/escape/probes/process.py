"""Processes: only one's own can be seen, signalled, read or outlived."""

import ctypes
import errno
import os
import resource
import signal
import subprocess
import time

from attack import DENIED, Broken, Inconclusive, fails, in_child, patience, probe, refused, sleeper, syscall

PTRACE_TRACEME, PTRACE_SEIZE = 0, 0x4206


def still_here(host):
    """For neighbours: true when this sandbox still runs code."""
    return True


@probe("identity, landlock", granted_to_root="init has its user id; the kernel drops what it sends, root/kill_init")
def probe_signal_init(host):
    """Init cannot be signalled."""
    fails("signal 0 to init", lambda: os.kill(1, 0))


@probe("template_root")
def probe_signal_host_process(host):
    """No process of the host can be named by its number."""
    fails("signal 0 to a host process", lambda: os.kill(host["pid"], 0))


@probe("template_root")
def probe_host_processes_invisible(host):
    """/proc lists no process of the host."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"warrend" in file.read() or int(pid) == host["pid"]:
                    raise Broken(f"process {pid} of the host is listed")
        except OSError:
            continue


@probe("proc_masks")
def probe_init_hidden_in_proc(host):
    """/proc hides the processes of other users of the sandbox, init among them."""
    if os.path.lexists("/proc/1"):
        raise Broken("/proc/1 is listed")


@probe("pid_namespace, template_namespaces, user_ids, landlock", ends=("KILLED",), plant=still_here, aftermath=still_here,
       unconfined="would kill whoever tries it")
def probe_kill_all(host):
    """kill(-1, SIGKILL) ends the attacker's own sandbox alone."""
    told, tell = os.pipe()
    if os.fork() == 0:
        # Whom the call reaches has the signal before it returns, and so dies before it can read what is told then.
        try:
            os.kill(-1, signal.SIGKILL)
            os.write(tell, b"k")
        finally:
            os._exit(0)
    os.close(tell)
    if os.read(told, 1):
        raise Broken("the cell survived")
    raise Inconclusive("kill(-1) failed")


@probe("seccomp, identity, capabilities, landlock")
def probe_ptrace_parent(host):
    """The parent process cannot be traced."""
    parent = os.getppid() or 1
    refused("ptrace", PTRACE_SEIZE, parent, 0, 0)


@probe("seccomp, identity, capabilities, landlock")
def probe_ptrace_init(host):
    """Init cannot be traced."""
    def attempt():
        result, error = syscall("ptrace", PTRACE_SEIZE, 1, 0, 0)
        os._exit(0 if result == -1 and error in DENIED else 1)
    if in_child(attempt) != 0:
        raise Broken("ptrace got past the filter")


@probe("seccomp")
def probe_ptrace_child(host):
    """Tracing is closed even between one's own processes: a tracer rewrites its tracee's calls."""
    def attempt():
        result, error = syscall("ptrace", PTRACE_TRACEME, 0, 0, 0)
        os._exit(0 if result == -1 and error in DENIED else 1)
    if in_child(attempt) != 0:
        raise Broken("PTRACE_TRACEME got past the filter")


@probe("seccomp")
def probe_read_process_memory(host):
    """Another process's memory cannot be read with process_vm_readv."""
    refused("process_vm_readv", 1, 0, 0, 0, 0, 0)


@probe("seccomp")
def probe_write_process_memory(host):
    """Another process's memory cannot be written with process_vm_writev."""
    refused("process_vm_writev", 1, 0, 0, 0, 0, 0)


@probe("seccomp")
def probe_steal_descriptor(host):
    """A descriptor cannot be taken out of another process (pidfd_getfd)."""
    refused("pidfd_getfd", -1, 0, 0)


@probe("seccomp")
def probe_compare_processes(host):
    """Kernel pointers cannot be compared across processes (kcmp)."""
    refused("kcmp", os.getpid(), os.getpid(), 0, 0, 0)


@probe("rlimits, user_namespace")
def probe_raise_priority(host):
    """The nice value cannot be lowered."""
    fails("nice -5", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))


@probe("rlimits, user_namespace")
def probe_realtime(host):
    """No real-time scheduling."""
    fails("SCHED_FIFO", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))


@probe("user_namespace")
def probe_oom_score(host):
    """A process cannot exempt itself from the out-of-memory killer."""
    before = open("/proc/self/oom_score_adj").read()

    def lower():
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(int(before) - 1))
    fails("lower oom_score_adj", lower)


@probe("rlimits")
def probe_raise_resource_limits(host):
    """No hard limit on resources can be raised."""
    for name in ("NOFILE", "NPROC", "MEMLOCK", "SIGPENDING", "MSGQUEUE", "CORE", "FSIZE"):
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is None:
            which = {"SIGPENDING": 11, "MSGQUEUE": 12}[name]
        soft, hard = resource.getrlimit(which)
        if hard == resource.RLIM_INFINITY:
            raise Broken(f"RLIMIT_{name} is unlimited")
        try:
            resource.setrlimit(which, (soft, hard + 1))
        except (ValueError, OSError):
            continue
        raise Broken(f"RLIMIT_{name} could be raised")


@probe("rlimits")
def probe_core_dump(host):
    """A crash hands nothing to the host's core dump handler."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    # 1 and not 0: a handler behind a pipe is called for 0 as well.
    if hard != 1:
        raise Broken(f"RLIMIT_CORE is {hard}")


@probe("pid_namespace", host_check="runs", unconfined="would leave a process on the host")
def probe_daemon_dies(host):
    """A double-forked daemon in a session of its own ends with its sandbox."""
    if os.fork() == 0:
        os.setsid()
        sleeper(host["token"])
        os._exit(0)
    os.wait()


@probe("pid_namespace", host_check="runs", unconfined="would leave processes on the host")
def probe_stopped_tree_dies(host):
    """A tree of stopped processes ends with its sandbox at once."""
    for _ in range(20):
        os.kill(sleeper(host["token"]), signal.SIGSTOP)


@probe("pid_namespace", host_check="runs", unconfined="would leave processes on the host")
def probe_stubborn_processes_die(host):
    """Processes that ignore every signal and their parent's death end with their sandbox."""
    started, running = os.pipe()
    for _ in range(5):
        if os.fork() == 0:
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            os.setsid()
            sleeper(host["token"])
            os.write(running, b".")
            while True:
                time.sleep(1000)
    os.close(running)
    # All of them: one that came to run behind the sandbox's end would not be seen.
    for _ in range(5):
        if not os.read(started, 1):
            raise Inconclusive("none of them is left")


def orphan_zombies():
    """How many ended processes wait for init to reap them."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        count += state == "Z" and parent == "1"
    return count


@probe("init", limits={"pids": 64}, unconfined="nothing reaps in a pid namespace without an init")
def probe_orphans_reaped(host):
    """Orphans are reaped: hundreds of them do not use up the limit on processes."""
    # A shell forks them: this interpreter is large, and each of its forks takes long.
    orphans = "i=0; while [ $i -lt 20 ]; do (: &) || exit 1; i=$((i + 1)); done"
    for _ in range(20):
        deadline = time.monotonic() + patience(30)
        while subprocess.run(["/bin/sh", "-c", orphans], stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > deadline:
                left = orphan_zombies()
                if left:
                    raise Broken(f"{left} zombies use up the limit")
                raise Inconclusive("no process can be started, and no zombie is there")
            time.sleep(0.01)


@probe("deadline", ends=("TIMED_OUT",), deadline=2, unconfined="the deadline is the supervisor's")
def probe_ignored_interrupt(host):
    """A cell that ignores every signal ends soon after its deadline."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@probe("deadline", ends=("TIMED_OUT",), deadline=2, unconfined="the deadline is the supervisor's")
def probe_swallowed_interrupt(host):
    """A cell that catches every exception ends soon after its deadline."""
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            continue


@probe("deadline", ends=("TIMED_OUT",), deadline=1, unconfined="the deadline is the supervisor's")
def probe_endless_sleep(host):
    """A cell that sleeps for decades ends at its deadline."""
    time.sleep(1e9)


@probe("deadline", ends=("KILLED", "EXITED"), unconfined="would end whoever tries it")
def probe_worker_suicide(host):
    """A worker that kills itself is a result, not a failure of the service."""
    os.kill(os.getpid(), signal.SIGKILL)


@probe("deadline", ends=("KILLED",), unconfined="would end whoever tries it")
def probe_worker_crash(host):
    """A worker that crashes in C code is a result, not a failure of the service."""
    ctypes.string_at(8)


@probe("seccomp")
def probe_clone_parent(host):
    """A child cannot be given to the parent's parent, which is not of this sandbox (CLONE_PARENT)."""
    result, error = syscall("clone", 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
    if result == 0:
        os._exit(0)
    if result > 0 or error not in (errno.EPERM, errno.ENOSYS):
        raise Broken(f"clone returned {result}, {errno.errorcode.get(error, error)}")


@probe("session", unconfined="a test has no terminal either")
def probe_terminal_of_host(host):
    """There is no controlling terminal to type into."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return
    raise Broken("/dev/tty opens")

"""The agent: Warren's process in a sandbox, which starts its commands, is out of reach of what runs there.

It joins the sandbox and stays out of its pid namespace. What leads to it from inside is the socket at which those wait who
want root (`sudo`), and being its child.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import time

from attack import Broken, Inconclusive, fails, in_child, patience, probe, sleeper, syscall

DOOR = "/run/warren/sudo"
SAFE = "there is no agent to reach"
ROOT = ("root",)
FAILED = ("POLICY_VIOLATION", "KILLED")
SO_PEERPIDFD = 77
PTRACE_SEIZE = 0x4206
PIDFD_SEND_SIGNAL = 424


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def event(kind, body):
    """A frame as the agent sends it to the supervisor."""
    body = varint(kind << 3 | 2) + varint(len(body)) + body
    return len(body).to_bytes(4, "little") + body


# As if a command had started, as if somebody wanted root, and one that is no message.
FORGED = (event(1, b"\x08\x01\x10\x01"), event(8, b""), event(7, b"\x08\x01"), b"\xff" * 64)


def at_the_door():
    """A connection to the agent, which takes none."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(DOOR)
    return client


def number():
    """The agent's process id, as far as the kernel tells: 0 where it has none here."""
    with at_the_door() as client:
        pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid


def handle():
    """A pidfd of the agent, or None where the kernel gives none out."""
    with at_the_door() as client:
        value, size = ctypes.c_int(-1), ctypes.c_uint(4)
        result, _ = syscall(55, client.fileno(), socket.SOL_SOCKET, SO_PEERPIDFD, ctypes.byref(value), ctypes.byref(size))
    return value.value if result == 0 else None


def signals(pid):
    """Whether this process takes a signal from us."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@probe("pid_namespace", unconfined=SAFE)
def probe_agent_number(host):
    """The agent has no process id inside: its socket does not tell one."""
    pid = number()
    if pid:
        raise Broken(f"it is process {pid}")


@probe("pid_namespace", place="command", unconfined=SAFE)
def probe_agent_parent(host):
    """The agent has no process id inside: its own child has no parent there, nor have those whom it serves as root."""
    if os.getppid():
        raise Broken(f"the command's parent is process {os.getppid()}")


@probe("seccomp", unconfined=SAFE)
def probe_agent_handle(host):
    """The agent's socket gives no handle of its process (SO_PEERPIDFD)."""
    pidfd = handle()
    if pidfd is not None:
        os.close(pidfd)
        raise Broken("a pidfd of the agent can be had")


@probe("pid_namespace, identity, landlock", unconfined=SAFE)
def probe_agent_signal(host):
    """The agent cannot be signalled, by number or by handle."""
    pid, pidfd = number(), handle()
    if pid and signals(pid):
        raise Broken(f"process {pid} takes a signal")
    if pidfd is not None and syscall(PIDFD_SEND_SIGNAL, pidfd, 0, 0, 0)[0] == 0:
        raise Broken("its pidfd takes a signal")


@probe("pid_namespace, landlock", profiles=ROOT, unconfined=SAFE)
def probe_agent_signal_as_root(host):
    """The agent, which has root's user id, cannot be signalled by root."""
    probe_agent_signal(host)


@probe("pid_namespace", place="command", host_check="same_agent", unconfined="would kill whoever tries it")
def probe_agent_kill_all(host):
    """kill(-1, SIGKILL) of a command ends all that runs in its sandbox, and neither the agent nor init: the next one runs."""
    if os.fork() == 0:
        sleeper(host["token"])
        os._exit(0)
    os.wait()
    os.kill(0, signal.SIGCONT)
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        raise Inconclusive("it reaches nobody") from None
    if os.getppid():
        raise Broken("the agent is among those that it could reach")


@probe("pid_namespace, seccomp, identity, capabilities, landlock, undumpable", unconfined=SAFE)
def probe_agent_trace(host):
    """The agent cannot be traced."""
    def attempt():
        os._exit(1 if syscall("ptrace", PTRACE_SEIZE, number() or 1 << 22, 0, 0)[0] == 0 else 0)
    if in_child(attempt) != 0:
        raise Broken("PTRACE_SEIZE works")


@probe("pid_namespace, seccomp, identity, capabilities, landlock, undumpable", unconfined=SAFE)
def probe_agent_memory(host):
    """The agent's memory can neither be read nor written (process_vm_readv, process_vm_writev)."""
    here = (ctypes.c_char * 8)()
    local = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
    # Nothing is there: who may look is told so.
    remote = (ctypes.c_size_t * 2)(4096, 8)
    for name in ("process_vm_readv", "process_vm_writev"):
        result, error = syscall(name, number() or 1 << 22, local, 1, remote, 1, 0)
        if result != -1 or error == errno.EFAULT:
            raise Broken(f"{name} looks into it")


@probe("seccomp, identity, capabilities, landlock, undumpable", unconfined=SAFE)
def probe_agent_descriptors(host):
    """No descriptor can be taken out of the agent (pidfd_getfd)."""
    pidfd = handle()
    taken = -1
    for wanted in range(3, 16):
        if taken < 0:
            taken, _ = syscall("pidfd_getfd", -1 if pidfd is None else pidfd, wanted, 0)
    if taken >= 0:
        raise Broken(f"a descriptor of the agent: {os.readlink(f'/proc/self/fd/{taken}')}")


@probe("pid_namespace, own_proc", unconfined=SAFE)
def probe_agent_in_proc(host):
    """/proc shows no agent, so that there is neither its memory nor its descriptors to open."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                name = file.read().partition("(")[2].rpartition(")")[0]
        except OSError:
            continue
        # Of a command that has not executed its program yet it is the name too; none starts now.
        if "agent" in name:
            raise Broken(f"process {pid} is {name}")


@probe("descriptors", place="command", unconfined=SAFE)
def probe_agent_inherited_descriptors(host):
    """A command has its three streams and no descriptor of its agent's, to whose peers it could send frames."""
    here = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    found = sorted(int(fd) for fd in os.listdir(here) if int(fd) not in (0, 1, 2, here))
    # listdir has one of its own while it looks.
    alive = [fd for fd in found if os.path.lexists(f"/proc/self/fd/{fd}")]
    if alive:
        raise Broken(f"descriptors {alive}: {[os.readlink(f'/proc/self/fd/{fd}') for fd in alive]}")


@probe("control", place="command", host_check="same_agent", unconfined=SAFE)
def probe_agent_frames_as_output(host):
    """What a command writes that looks like the agent's frames is output."""
    for stream in (1, 2):
        for forged in FORGED:
            os.write(stream, forged)


@probe("control", ends=FAILED, host_check="same_agent", unconfined=SAFE)
def probe_agent_frames_of_a_context(host):
    """The agent's frames from a context are none: its session ends, and the agent serves on."""
    for forged in FORGED:
        os.write(4, forged)
    raise Broken("the frames were swallowed")


@probe("control", host_check="same_agent", unconfined=SAFE)
def probe_agent_frames_at_the_door(host):
    """The agent reads nothing that comes over its socket: neither its peers' frames nor orders, in any number."""
    kept = []
    for forged in FORGED * 3:
        client = at_the_door()
        client.setblocking(False)
        client.send(forged * 64)
        kept.append(client)
    host["kept"] = kept


@probe("identity, landlock", granted_to_root="the directory is root's, and who takes its place serves root's own sudo",
       unconfined=SAFE)
def probe_agent_door_taken(host):
    """Nobody but root can put a socket of its own in the place of the agent's."""
    def attempt():
        os.rename(DOOR, DOOR + ".old")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(DOOR)
    fails("take the place of the agent's socket", attempt, errno.EACCES, errno.EPERM, errno.EROFS)


@probe("agent", host_check="same_agent", unconfined=SAFE)
def probe_agent_starved_of_time(host):
    """A score of processes that compute without rest do not keep the agent from running a command."""
    waiting, release = os.pipe()
    for _ in range(20):
        if os.fork() == 0:
            os.close(release)
            os.read(waiting, 1)
            while True:
                pass
    # All at once: the first ones would starve the forks of the others.
    os.close(release)


@probe("agent", limits={"pids": 64}, host_check="same_agent", unconfined="would exhaust the host")
def probe_agent_starved_of_processes(host):
    """At the limit of processes the agent lives on, and runs a command as soon as there is room for one."""
    waiting, release = os.pipe()
    children = []
    try:
        while True:
            pid = os.fork()
            if pid == 0:
                os.close(release)
                os.read(waiting, 1)
                os._exit(0)
            children.append(pid)
    except BlockingIOError:
        pass
    os.close(release)
    for pid in children:
        os.waitpid(pid, 0)


@probe("agent", host_check="same_agent", unconfined="would exhaust the host")
def probe_agent_starved_of_queues(host):
    """Hoarded signals, pipes and descriptors, of the agent's own user where that is root, leave it what it needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 65))
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            kept = []
            try:
                while True:
                    kept.append(os.pipe())
            except OSError:
                pass
            for wanted in range(34, 65):
                for _ in range(1000):
                    os.kill(os.getpid(), wanted)
            while True:
                time.sleep(1000)
        children.append(pid)
    deadline = time.monotonic() + patience(20)
    while any(status(pid) != "S" for pid in children):
        if time.monotonic() > deadline:
            raise Inconclusive("the hoarders do not come to rest")
        time.sleep(0.01)


def status(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]

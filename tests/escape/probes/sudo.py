"""sudo: gives what the profile `root` is, and reaches nothing of those who serve it."""

import array
import os
import socket
import stat
import subprocess
import threading
import time

from attack import Broken, probe

DOOR, BELL = "/run/warren/sudo", "/dev/warren-sudo"
SAFE = "there is no agent, launcher or supervisor to reach"


def sudo(*words):
    done = subprocess.run(["sudo", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Broken(f"sudo {words[0]} ends with {done.returncode}: {done.stderr}")
    return done.stdout


def still_serves(host):
    """For the attacked sandbox, which still runs code and still gets root; and for a neighbour."""
    if sudo("id", "-u") != "0\n":
        raise Broken("sudo gives no root")


@probe("sudo", unconfined=SAFE)
def probe_sudo_is_the_profile_root(host):
    """A command of sudo has the eight capabilities of `root`, no_new_privs, both filters, and no descriptor but its streams."""
    status = dict(line.split(":\t", 1) for line in sudo("cat", "/proc/self/status").splitlines() if ":\t" in line)
    for name, allowed in (("CapPrm", 0x4fb), ("CapEff", 0x4fb), ("CapBnd", 0x4fb), ("CapInh", 0), ("CapAmb", 0)):
        if int(status[name], 16) & ~allowed:
            raise Broken(f"{name} is {status[name]}")
    if status["NoNewPrivs"] != "1" or status["Seccomp"] != "2":
        raise Broken(f"no_new_privs {status['NoNewPrivs']}, seccomp {status['Seccomp']}")
    found = sudo("sh", "-c", "ls /proc/self/fd").split()
    # The fourth is that of ls itself.
    if len(found) > 4:
        raise Broken(f"descriptors {found} are open")


@probe("sudo", unconfined=SAFE)
def probe_sudo_opens_no_namespace(host):
    """Root by sudo makes no namespace, mounts nothing and traces nobody."""
    program = ("import ctypes, sys\n"
               "libc = ctypes.CDLL(None)\n"
               "sys.exit(0 in (libc.unshare(0x10000000), libc.unshare(0x20000), libc.mount(b'x', b'/mnt', b'tmpfs', 0, None),\n"
               "              libc.umount2(b'/proc', 2), libc.ptrace(16, 1, 0, 0)))\n")
    done = subprocess.run(["sudo", "python3", "-Ic", program], stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Broken("one of them worked")


def connection():
    """To the agent; root's own sudo needs none, so it is rung for where there is none."""
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(DOOR)
            return client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            with open(BELL, "wb", buffering=0) as rope:
                rope.write(b"!")
            time.sleep(0.01)


@probe("sudo", conclude=still_serves, plant=still_serves, aftermath=still_serves, unconfined=SAFE)
def probe_sudo_door_half_open(host):
    """Connections that say nothing, nonsense, or send descriptors that linger hold up no later one, and no neighbour's."""
    still_serves(host)
    kept = []
    for text in (b"", b"x", b"\xff" * 4096, b"sudo" + b"\xff" * 8, b"sudo" + bytes(8)):
        client = connection()
        if text:
            ends = socket.socketpair()
            client.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [end.fileno() for end in ends]))])
        kept.append(client)


@probe("sudo", conclude=still_serves, plant=still_serves, aftermath=still_serves, unconfined=SAFE)
def probe_sudo_flood(host):
    """Ringing the bell and knocking at the door all the time, from many threads, keeps nobody from being served."""
    still_serves(host)
    end = time.monotonic() + 2

    def ring():
        rope = os.open(BELL, os.O_WRONLY | os.O_NONBLOCK)
        while time.monotonic() < end:
            try:
                os.write(rope, b"x" * 4096)
            except BlockingIOError:
                pass

    def knock():
        while time.monotonic() < end:
            connection().close()

    threads = [threading.Thread(target=target) for target in (ring, knock, knock)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@probe("sudo", unconfined=SAFE)
def probe_sudo_program_is_warrens(host):
    """The program that serves sudo, and the bell, can be replaced by nobody inside, root included."""
    for path in ("/opt/warren/bin/sudo", BELL):
        for words in (("rm", "-f", path), ("mv", path, "/tmp/moved"), ("chmod", "777", path)):
            subprocess.run(["sudo", *words], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if not os.path.exists(path) or stat.S_IMODE(os.stat(path).st_mode) & 0o777 == 0o777:
            raise Broken(f"{path} was changed")
    done = subprocess.run(["sudo", "sh", "-c", "echo >> /opt/warren/bin/sudo"], capture_output=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        raise Broken("the program was written to")

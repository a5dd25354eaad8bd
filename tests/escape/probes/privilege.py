"""Privilege: none, and no way to any."""

import ctypes
import errno
import os
import socket
import subprocess

from attack import DENIED, ROOT_CAPABILITIES, Broken, Host, fails, in_child, probe, sleeper, status_field, syscall


def only_own(name):
    """The set has nothing but what the profile says: nothing for user, eight capabilities for root."""
    value = int(status_field(name), 16)
    if value != (ROOT_CAPABILITIES if Host.profile == "root" else 0):
        raise Broken(f"{name} is {value:x}")


def empty_set(name):
    value = int(status_field(name), 16)
    if value:
        raise Broken(f"{name} is {value:x}")


@probe("capabilities")
def probe_no_effective_capability(host):
    """The capability sets are empty; root's permitted and effective ones hold the eight of its profile."""
    for name in ("CapPrm", "CapEff"):
        only_own(name)
    for name in ("CapInh", "CapAmb"):
        empty_set(name)


@probe("capabilities")
def probe_no_bounding_capability(host):
    """The bounding set has no more: nothing that is started can have another capability."""
    only_own("CapBnd")


@probe("no_new_privileges")
def probe_no_new_privileges(host):
    """no_new_privs is set."""
    if status_field("NoNewPrivs") != "1":
        raise Broken("NoNewPrivs is 0")


@probe("seccomp")
def probe_filter_mode(host):
    """seccomp filters are active."""
    if status_field("Seccomp") != "2":
        raise Broken(f"Seccomp is {status_field('Seccomp')}")


@probe("identity")
def probe_identity(host):
    """User code is its profile's user and group, in the real, effective, saved and file system ids."""
    ids = status_field("Uid").split() + status_field("Gid").split()
    if set(ids) != {"0" if Host.profile == "root" else "1000"}:
        raise Broken(" ".join(ids))


@probe("groups")
def probe_no_groups(host):
    """There are no supplementary groups but one's own."""
    groups = set(os.getgroups()) - {1000}
    if groups or host["unconfined"]:
        raise Broken(f"groups {sorted(groups)}")


@probe("seccomp, capabilities", granted_to_root="it is root of its sandbox")
def probe_become_root(host):
    """No call makes user code root of the sandbox."""
    for name, number in (("setuid", 105), ("setreuid", 113), ("setresuid", 117), ("setfsuid", 122)):
        result, error = syscall(number, 0, 0, 0)
        if os.geteuid() == 0 or (result == 0 and name != "setfsuid") or (result == -1 and error not in DENIED):
            raise Broken(f"{name} returned {result}")


@probe("seccomp, capabilities", granted_to_root="SETGID: su and services change groups")
def probe_become_root_group(host):
    """No call gives user code another group."""
    for name, number in (("setgid", 106), ("setregid", 114), ("setresgid", 119)):
        result, error = syscall(number, 0, 0, 0)
        if result == 0 or error not in DENIED:
            raise Broken(f"{name} returned {result}")
    fails("setgroups", lambda: os.setgroups([0]))


@probe("seccomp, capabilities")
def probe_take_capabilities(host):
    """No capability can be taken."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(1 << 21, 1 << 21, 0, 0, 0, 0)
    result, _ = syscall(126, ctypes.cast(header, ctypes.c_void_p), ctypes.cast(data, ctypes.c_void_p))
    if result == 0:
        raise Broken("capset works")


@probe("seccomp, securebits")
def probe_raise_ambient_capability(host):
    """No capability can be made ambient."""
    result, error = syscall("prctl", 47, 2, 21, 0, 0)
    if result == 0:
        raise Broken("PR_CAP_AMBIENT_RAISE works")
    if error not in DENIED or host["unconfined"]:
        raise Broken(f"PR_CAP_AMBIENT_RAISE reaches the kernel: {errno.errorcode.get(error, error)}")


@probe("no_new_privileges, mount_flags")
def probe_set_user_id_programs(host):
    """No set-user-id program of the template gives its owner's identity."""
    found = 0
    for name in ("su", "sudo", "mount", "passwd", "newgrp", "chsh"):
        path = f"/usr/bin/{name}"
        if os.path.exists(path) and os.stat(path).st_mode & 0o4000:
            found += 1
            started, running = os.pipe()  # not inherited by an exec
            pid = os.fork()
            if pid == 0:
                null = os.open("/dev/null", os.O_RDWR)
                read, _ = os.pipe()
                os.dup2(read, 0)  # it waits for an answer that does not come
                os.dup2(null, 1)
                os.dup2(null, 2)
                os.execv(path, [name, "-"] if name == "su" else [name])
            os.close(running)
            os.read(started, 1)  # ends when the exec, which makes it root or does not, is done
            os.close(started)
            try:
                # There until it is reaped, ended or not.
                effective = status_field("Uid", pid).split()[1]
            finally:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            if effective == "0" and Host.profile != "root":
                raise Broken(f"{name} runs as root")
    if host["unconfined"]:
        raise Broken(f"{found} set-user-id programs run as root")


@probe("no_new_privileges, mount_flags")
def probe_privileged_programs(host):
    """Programs with file capabilities (ping and the like) gain none."""
    script = "grep CapEff /proc/self/status"
    output = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True).stdout
    if int(output.split()[1], 16) & ~(ROOT_CAPABILITIES if Host.profile == "root" else 0):
        raise Broken(output.strip())


@probe("capabilities", unconfined="the maps of the first user namespace are fixed as well")
def probe_id_maps_closed(host):
    """The maps of user and group ids cannot be written a second time."""
    for name, text in (("uid_map", "0 0 1"), ("gid_map", "0 0 1"), ("setgroups", "allow")):
        def write(name=name, text=text):
            fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)
        fails(f"write {name}", write)


@probe("user_namespace")
def probe_id_map_bounded(host):
    """The sandbox's user namespace knows 65536 ids, not the host's."""
    inside, _, count = (int(word) for word in open("/proc/self/uid_map").read().split()[:3])
    if inside != 0 or count > 65536:
        raise Broken(f"{count} ids are mapped")


@probe("capabilities", host_check="identity", unconfined="is asked on the host, about a sandbox")
def probe_seen_from_host(host):
    """Seen from the host, user code has a user id of its own range, no capability but its profile's, no_new_privs and a filter."""
    sleeper(host["token"])


def sleep_beside(host):
    sleeper(host["token"] + "-neighbour")


@probe("user_ids", plant=sleep_beside, host_check="distinct_identity",
       unconfined="is asked on the host, about two sandboxes")
def probe_own_user_ids(host):
    """Two sandboxes have no host user id in common."""
    sleeper(host["token"])


@probe("environment")
def probe_environment(host):
    """The environment holds nothing of the host's."""
    allowed = ("HOME", "PATH", "LANG", "LC_", "USER", "LOGNAME", "SHELL", "TERM", "PWD", "TZ", "TMPDIR", "PYTHON", "MPL",
               "OMP_", "OPENBLAS_", "MKL_", "KMP_", "NUMEXPR_", "XDG_", "IPYTHON", "HOSTNAME", "COLUMNS", "LINES", "WARREN_SANDBOX",
               "JOBLIB_", "LOKY_", "DEBIAN_FRONTEND", "CLICOLOR", "FORCE_COLOR", "PAGER", "GIT_PAGER", "OLDPWD", "SHLVL", "_")
    with open("/proc/self/environ", "rb") as file:
        start = {entry.split(b"=")[0].decode() for entry in file.read().split(b"\0") if entry}
    extra = sorted(name for name in start | set(os.environ) if not name.startswith(allowed))
    if extra:
        raise Broken(f"also holds {extra[:8]}")


@probe("seccomp, kernel")
def probe_loosen_filter(host):
    """The filter cannot be taken off, nor a listener be put behind it."""
    result, error = syscall("prctl", 22, 0, 0, 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_DISABLED
    if result == 0:
        raise Broken("PR_SET_SECCOMP works")
    # A filter with a user notification listener would let one process answer for another.
    program = (ctypes.c_uint64 * 2)(0, 0)
    result, error = syscall(317, 1, 8, ctypes.cast(program, ctypes.c_void_p))
    if result >= 0 or error not in DENIED + (errno.EINVAL, errno.EACCES) or host["unconfined"]:
        raise Broken(f"seccomp(2): {errno.errorcode.get(error, error)}")


@probe("capabilities", granted_to_root="CHOWN: install, tar and apt give files away")
def probe_chown(host):
    """A file cannot be given to another user."""
    def attempt():
        path = f"/tmp/{host['token']}-chown"
        open(path, "w").close()
        try:
            os.chown(path, 0 if os.getuid() else 1, -1)
        except OSError:
            os._exit(0)
        finally:
            os.unlink(path)
        os._exit(1)
    if in_child(attempt) != 0:
        raise Broken("chown works")


@probe("identity", granted_to_root="DAC_OVERRIDE: the files of all users of its sandbox")
def probe_closed_directory(host):
    """A directory of another user that is closed to others cannot be listed."""
    try:
        os.listdir("/root")
    except OSError:
        return
    raise Broken("/root can be listed")


@probe("capabilities", granted_to_root="DAC_OVERRIDE and CHOWN: also what a user has closed to all others")
def probe_closed_file(host):
    """A file that its mode closes to everyone cannot be opened."""
    path = f"/tmp/{host['token']}-closed"
    open(path, "w").close()
    try:
        if Host.profile == "root":
            os.chown(path, 1000, 1000)
        os.chmod(path, 0o600 if Host.profile == "root" else 0)
        fails("open it", lambda: os.close(os.open(path, os.O_RDONLY)))
    finally:
        os.unlink(path)


@probe("capabilities", granted_to_root="NET_BIND_SERVICE: servers on ports below 1024 of its own loopback")
def probe_low_port(host):
    """No port below 1024 can be taken."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        fails("bind port 81", lambda: sock.bind(("127.0.0.1", 81)), errno.EACCES)

"""Root of the sandbox: master of its own files and processes, and of nothing else. Runs with the profile `root` alone.

All other groups attack as root too, where the suite is told so; here is what only root could try.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from attack import Broken, Inconclusive, fails, in_child, mounts, probe, status_field, syscall

ROOT = ("root",)
MS_REMOUNT, MS_BIND = 32, 4096


def text(string):
    return ctypes.c_char_p(string.encode())


def succeeds_in_child(action):
    """Whether action() works in a child; it ends with it."""
    def attempt():
        try:
            action()
        except OSError:
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(in_child(attempt)) == 1


def call(name, *args):
    """The call, as an action that raises OSError."""
    result, error = syscall(name, *args)
    if result == -1:
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def still_here(host):
    """After the attack: this sandbox, whose end init's would be, still runs code."""
    if in_child(lambda: None) != 0:
        raise Broken("nothing can be started any more")


@probe("kernel", profiles=ROOT, conclude=still_here, unconfined="its pid 1 takes no signal from inside either")
def probe_kill_init(host):
    """No signal that root sends to init, the kill of it included, reaches it."""
    for number in range(1, 65):
        try:
            os.kill(1, number)
        except OSError:
            continue


@probe("seccomp, undumpable, landlock", profiles=ROOT)
def probe_trace_init_as_root(host):
    """Init, which has root's user id, cannot be traced by root."""
    if succeeds_in_child(lambda: call("ptrace", 0x4206, 1, 0, 0)):  # PTRACE_SEIZE
        raise Broken("PTRACE_SEIZE works")


@probe("undumpable, landlock", profiles=ROOT)
def probe_look_into_init(host):
    """Init's environment, memory map, descriptors, root and working directory are closed to root."""
    for name in ("environ", "maps", "auxv"):
        try:
            os.close(os.open(f"/proc/1/{name}", os.O_RDONLY))
        except OSError:
            continue
        raise Broken(f"/proc/1/{name} opens")
    for name in ("root", "cwd", "exe", "ns/user"):
        try:
            os.readlink(f"/proc/1/{name}")
        except OSError:
            continue
        raise Broken(f"/proc/1/{name} can be followed")
    try:
        names = os.listdir("/proc/1/fd")
    except OSError:
        return
    raise Broken(f"init's descriptors are listed: {names[:8]}")


@probe("undumpable, landlock, yama", profiles=ROOT)
def probe_write_init_memory(host):
    """Init's memory can neither be read nor written by root."""
    for mode in (os.O_RDONLY, os.O_RDWR):
        fails("open /proc/1/mem", lambda mode=mode: os.close(os.open("/proc/1/mem", mode)))


@probe("seccomp", profiles=ROOT)
def probe_limits_of_init(host):
    """Init's resource limits can neither be read nor changed."""
    result, _ = syscall(302, 1, 7, 0, (ctypes.c_uint64 * 2)())  # prlimit64, RLIMIT_NOFILE
    if result == 0:
        raise Broken("prlimit64 of init works")


@probe("user_namespace", profiles=ROOT)
def probe_unmapped_ids(host):
    """Root can become no user or group but the sandbox's 65536, and give no file to one."""
    for number in (65536, 70000, 1 << 31):
        for name, action in (("setresuid", lambda n=number: os.setresuid(n, n, n)),
                             ("setresgid", lambda n=number: os.setresgid(n, n, n)),
                             ("setgroups", lambda n=number: os.setgroups([n]))):
            if succeeds_in_child(action):
                raise Broken(f"{name} to {number} works")
    with tempfile.NamedTemporaryFile() as file:
        fails("chown to an id outside", lambda: os.chown(file.name, 70000, 70000), errno.EINVAL)


@probe("capabilities", profiles=ROOT, unconfined="the kernel takes them from who gives root up everywhere")
def probe_regain_root(host):
    """Who has given root up is without capabilities and cannot get it back."""
    def attempt():
        os.setgroups([])
        os.setresgid(1000, 1000, 1000)
        os.setresuid(1000, 1000, 1000)
        if int(status_field("CapEff"), 16) or int(status_field("CapPrm"), 16):
            os._exit(2)
        for action in (lambda: os.setresuid(0, 0, 0), lambda: os.setuid(0), lambda: os.setresgid(0, 0, 0),
                       lambda: os.setgroups([0])):
            try:
                action()
            except OSError:
                continue
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(in_child(attempt))
    if code in (1, 2):
        raise Broken("root is back" if code == 1 else "capabilities outlive the change of identity")
    if code != 0:
        raise Inconclusive(f"the child ended with {code}")


@probe("no_new_privileges, mount_flags", profiles=ROOT)
def probe_set_user_id_root_program(host):
    """A set-user-id program of root's making runs as whoever starts it."""
    # Not in a directory that is private to root: its user has to reach it.
    folder = tempfile.mkdtemp(dir="/tmp")
    os.chmod(folder, 0o755)
    path = os.path.join(folder, "id")
    shutil.copy("/usr/bin/id", path)
    os.chown(path, 0, 0)
    os.chmod(path, 0o6755)
    done = subprocess.run([path, "-u"], capture_output=True, text=True, user=1000, group=1000, extra_groups=[])
    if done.stdout.strip() != "1000":
        raise Broken(f"became {done.stdout.strip()} {done.stderr.strip()[:80]}")


@probe("seccomp, capabilities, landlock", profiles=ROOT)
def probe_mount_as_root(host):
    """Root can mount nothing: no tmpfs, no /proc without masks."""
    folder = tempfile.mkdtemp(dir="/tmp")
    for kind in ("tmpfs", "proc"):
        result, _ = syscall("mount", text("none"), text(folder), text(kind), 0, 0)
        if result == 0:
            syscall("umount2", text(folder), 2)
            raise Broken(f"{kind} can be mounted")


@probe("seccomp, capabilities, landlock", profiles=ROOT, unconfined="nothing is masked there")
def probe_unmask(host):
    """What covers files of /proc cannot be taken off, nor what makes /proc/sys read-only."""
    for point, _, _, _ in mounts():
        if point.startswith("/proc/") and syscall("umount2", text(point), 2)[0] == 0:
            raise Broken(f"{point} is uncovered")
    if syscall("mount", 0, text("/proc/sys"), 0, MS_REMOUNT | MS_BIND, 0)[0] == 0:
        raise Broken("/proc/sys is writable")


@probe("seccomp, capabilities", profiles=ROOT)
def probe_unshare_as_root(host):
    """Root makes no namespace, neither a user namespace nor, without one, another kind."""
    for name, flag in (("mount", 0x20000), ("UTS", 0x4000000), ("IPC", 0x8000000), ("net", 0x40000000), ("pid", 0x20000000)):
        if succeeds_in_child(lambda flag=flag: call("unshare", flag)):
            raise Broken(f"a {name} namespace can be made")


@probe("seccomp, capabilities", profiles=ROOT)
def probe_chroot_as_root(host):
    """Root cannot change its root directory, from which an open directory would be a way out."""
    if succeeds_in_child(lambda: call("chroot", text("/tmp"))):
        raise Broken("chroot works")


@probe("seccomp", profiles=ROOT)
def probe_owner_of_namespace(host):
    """No handle of the user namespace that owns another namespace can be had (NS_GET_USERNS)."""
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        owner = fcntl.ioctl(fd, 0xB701)
    except OSError:
        return
    finally:
        os.close(fd)
    os.close(owner)
    raise Broken("NS_GET_USERNS works")


@probe("template_root", profiles=ROOT)
def probe_cgroup_files(host):
    """No cgroup file can be reached, so that root can raise no limit and leave no group."""
    for point, _, kind, _ in mounts():
        if kind.startswith("cgroup"):
            raise Broken(f"{point} is a {kind} file system")
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory"):
        if os.path.exists(path):
            raise Broken(f"{path} is there")


@probe("user_namespace", profiles=ROOT)
def probe_overlay_attributes(host):
    """The attributes by which the overlay hides the template's files from writes cannot be set."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        for name in ("trusted.overlay.redirect", "trusted.overlay.opaque"):
            fails(f"set {name}", lambda name=name: os.setxattr(file.name, name, b"y"))


@probe("seccomp, capabilities", profiles=ROOT)
def probe_raw_socket_as_root(host):
    """Root opens neither a raw nor a packet socket."""
    for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 0)):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError:
            continue
        raise Broken(f"family {family} opens")


TEMPLATE_FILES = ("/usr/bin/env", "/etc/passwd", "/etc/ld.so.cache", "/usr/lib/os-release")


def digests(host):
    """For neighbours: what the template's files hold."""
    found = {}
    for path in TEMPLATE_FILES:
        if os.path.exists(path):
            with open(path, "rb") as file:
                found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def unchanged(host):
    for path, digest in digests(host).items():
        if host["planted"].get(path) != digest:
            raise Broken(f"{path} has changed for a neighbour")


@probe("overlay", profiles=ROOT, plant=digests, aftermath=unchanged, unconfined="needs two sandboxes")
def probe_template_unchanged(host):
    """What root writes over the template's files, no other sandbox sees."""
    written = 0
    for path in TEMPLATE_FILES:
        try:
            with open(path, "ab", buffering=0) as file:
                file.write(b"# changed by root of a sandbox\n")
            written += 1
        except OSError:
            continue  # read-only by its mount
    if not written:
        raise Inconclusive("root can write none of them")


@probe("user_namespace", profiles=ROOT)
def probe_files_of_nobody(host):
    """Files of /proc that belong to the host's root take no write from the sandbox's."""
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/irq/default_smp_affinity",
                 "/proc/sysrq-trigger", "/proc/self/oom_adj"):
        if not os.path.exists(path) or os.path.samefile(path, "/dev/null"):
            continue
        if path == "/proc/self/oom_adj":
            def lower():
                with open(path, "w") as file:
                    file.write("-17")
            if succeeds_in_child(lower):
                raise Broken("the out-of-memory killer spares it")
            continue
        fails(f"open {path} for writing", lambda path=path: os.close(os.open(path, os.O_WRONLY)))


@probe("kernel", profiles=ROOT, conclude=still_here, unconfined="would stop what it runs beside")
def probe_stop_init(host):
    """Init cannot be stopped by root."""
    os.kill(1, signal.SIGSTOP)
    os.kill(1, signal.SIGTSTP)

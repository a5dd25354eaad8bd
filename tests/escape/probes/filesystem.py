"""Files: a root of its own, nothing of the host, nothing that can be changed for others."""

import errno
import os
import shutil
import stat
import subprocess
import tempfile

from attack import Broken, Host, fails, kernel_lacks, mounts, probe, unreadable, unwritable

WRITABLE = "/home/user"


def scratch(host):
    """A directory that the attacker may write to."""
    return tempfile.mkdtemp(dir="/tmp" if host["unconfined"] else WRITABLE)


@probe("template_root")
def probe_host_file_absent(host):
    """A file of the host that the template does not list does not exist inside."""
    if os.path.lexists(host["marker"]):
        raise Broken(f"{host['marker']} is there")


@probe("template_root")
def probe_host_file_by_traversal(host):
    """No way up out of the root, the working directory or a process's root leads to the host's files."""
    up = "/.." * 40
    for way in (up, os.getcwd() + up, "/proc/self/root" + up, "/proc/self/cwd" + up, "/proc/1/root", "/proc/1/cwd" + up):
        if os.path.lexists(way + host["marker"]):
            raise Broken(f"{way[:24]}... leads to {host['marker']}")


@probe("template_root")
def probe_old_root_gone(host):
    """Nothing of the root that was left by pivot_root is mounted or lies about."""
    for point, _, _, _ in mounts():
        if point.startswith(("/layer", "/lower", "/newroot", "/old", "/.old", "/mnt", "/boot")):
            raise Broken(f"{point} is mounted")
    if len({point for point, _, _, _ in mounts()} & {"/etc", "/var", "/home", "/root", "/opt"}) > 0:
        raise Broken("directories of the host are mounted one by one")
    if host["unconfined"]:
        raise Broken("this is the host's root")


@probe("template_root")
def probe_working_directory_inside(host):
    """The working directory lies below the sandbox's root."""
    where = os.readlink("/proc/self/cwd")
    if where.startswith("(unreachable)") or where != WRITABLE:
        raise Broken(where)


@probe("template_root")
def probe_shadow(host):
    """No password hash can be read."""
    try:
        with open("/etc/shadow") as file:
            lines = file.readlines()
    except OSError:
        return
    # Root of the sandbox reads the template's own; it has accounts without passwords only.
    hashes = [line for line in lines if line.count(":") and line.split(":")[1] not in ("", "*", "!", "!*", "!!")]
    if Host.profile != "root" or hashes:
        raise Broken(f"/etc/shadow opens, {len(lines)} lines")


@probe("template_root")
def probe_root_home(host):
    """Root's home directory shows nothing."""
    try:
        names = os.listdir("/root")
    except OSError:
        return
    if [name for name in names if name not in (".bashrc", ".profile")] or host["unconfined"]:
        raise Broken(f"/root holds {names[:5]}")


@probe("identity, landlock", granted_to_root="in the writable layer of its sandbox: root/template_unchanged")
def probe_template_read_only(host):
    """No file of the template can be opened for writing."""
    for path in ("/usr/bin/env", "/usr/lib/os-release", "/etc/passwd", "/etc/group"):
        if os.path.exists(path):
            unwritable(path)


@probe("template_root")
def probe_mount_table_without_host_paths(host):
    """The mount table names no directory of the host."""
    here = os.path.dirname(host["marker"])
    for point, _, _, source in mounts():
        for secret in ("/var/lib/warren", here):
            if secret in source or point.startswith(secret):
                raise Broken(f"{point}: {source[:80]}")
    if host["unconfined"]:
        raise Broken("this is the host's mount table")


@probe("descriptors")
def probe_no_inherited_descriptors(host):
    """Open at the start are /dev/null and pipes, nothing else: no directory, no socket, no file of the host."""
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
            mode = os.fstat(int(name)).st_mode
        except OSError:
            continue  # the listing's own
        if target == "/dev/null" or stat.S_ISFIFO(mode) or target.startswith("anon_inode:[event"):
            continue
        if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode) or target.startswith("anon_inode"):
            if target.startswith("/proc/") and target.endswith("/fd"):
                continue
            raise Broken(f"descriptor {name} is {target}")


@probe("mount_flags")
def probe_nosuid_everywhere(host):
    """Every mount ignores set-user-id bits and file capabilities."""
    for point, options, _, _ in mounts():
        if "nosuid" not in options:
            raise Broken(f"{point} is without nosuid")


@probe("mount_flags")
def probe_nodev_everywhere(host):
    """Every mount but /dev and its parts ignores device nodes."""
    for point, options, _, _ in mounts():
        masked = point.startswith("/proc/")  # files covered by the sandbox's own /dev/null
        if "nodev" not in options and not (point + "/").startswith("/dev/") and not masked:
            raise Broken(f"{point} is without nodev")


@probe("template_root")
def probe_sys_absent(host):
    """/sys shows no kernel, firmware, device or cgroup."""
    for name in ("kernel", "firmware", "devices", "fs/cgroup", "class", "module"):
        if os.path.isdir(f"/sys/{name}") and os.listdir(f"/sys/{name}"):
            raise Broken(f"/sys/{name} is there")


@probe("proc_masks, identity, capabilities")
def probe_proc_sys_read_only(host):
    """The kernel's settings cannot be changed through /proc/sys."""
    for name in ("kernel/core_pattern", "kernel/modprobe", "vm/overcommit_memory", "kernel/hostname",
                 "net/ipv4/ip_forward", "user/max_user_namespaces"):
        path = f"/proc/sys/{name}"
        if os.path.exists(path):
            unwritable(path)


@probe("proc_masks, user_namespace")
def probe_proc_kcore(host):
    """/proc/kcore, the kernel's memory, gives nothing."""
    unreadable("/proc/kcore")


@probe("proc_masks, user_namespace")
def probe_proc_keys(host):
    """/proc/keys and /proc/key-users give nothing."""
    unreadable("/proc/keys")
    unreadable("/proc/key-users")


@probe("proc_masks, user_namespace")
def probe_proc_sysrq(host):
    """/proc/sysrq-trigger takes no command: it is absent, or /dev/null."""
    path = "/proc/sysrq-trigger"
    try:
        found = os.stat(path)
    except OSError:
        kernel_lacks(path)
        return
    if stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3):
        return
    unwritable(path)


@probe("proc_masks, user_namespace")
def probe_proc_kernel_log(host):
    """/proc/kmsg and /dev/kmsg give nothing."""
    unreadable("/proc/kmsg")
    unreadable("/dev/kmsg")


@probe("proc_masks, user_namespace")
def probe_proc_timer_list(host):
    """The timers of all processes (/proc/timer_list, /proc/sched_debug, /proc/latency_stats) are not shown."""
    for name in ("timer_list", "sched_debug", "latency_stats", "timer_stats"):
        unreadable(f"/proc/{name}")


@probe("proc_masks, user_namespace")
def probe_proc_kallsyms(host):
    """The addresses of the kernel's symbols are not shown."""
    try:
        with open("/proc/kallsyms") as file:
            lines = [file.readline() for _ in range(50)]
    except OSError:
        return
    if any(int(line.split()[0], 16) for line in lines if line.strip()):
        raise Broken(lines[0].strip())
    kernel_lacks("/proc/kallsyms")


@probe("proc_masks, identity, capabilities, landlock")
def probe_proc_init_hidden(host):
    """Init's memory, environment, root, descriptors and map are closed to user code."""
    for name in ("environ", "mem", "maps", "auxv"):
        unreadable_or_closed(f"/proc/1/{name}")
    for name in ("root", "cwd", "exe"):
        try:
            os.readlink(f"/proc/1/{name}")
        except OSError:
            continue
        raise Broken(f"/proc/1/{name} can be followed")


def unreadable_or_closed(path):
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return
    os.close(fd)
    raise Broken(f"{path} opens")


@probe("devices")
def probe_devices_minimal(host):
    """/dev holds null, zero, full, random, urandom, tty, terminals, shared memory, links and sudo's bell, and nothing else."""
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin", "stdout", "stderr",
               "mqueue", "core", "warren-sudo"}
    extra = sorted(set(os.listdir("/dev")) - allowed)
    if extra:
        raise Broken(f"/dev also holds {extra[:8]}")


@probe("devices")
def probe_devices_harmless(host):
    """Every device node below /dev is one of the harmless ones, by its number."""
    harmless = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)}
    for folder, _, names in os.walk("/dev"):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            number = (os.major(found.st_rdev), os.minor(found.st_rdev))
            terminal = 136 <= number[0] <= 143
            if stat.S_ISBLK(found.st_mode) or (stat.S_ISCHR(found.st_mode) and number not in harmless and not terminal):
                raise Broken(f"{folder}/{name} is device {number}")


@probe("devices")
def probe_devices_read_only(host):
    """/dev takes no new file."""
    path = f"/dev/{host['token']}"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    except OSError:
        return
    os.unlink(path)
    raise Broken("a file could be made in /dev")


@probe("seccomp, capabilities, user_namespace")
def probe_mknod_block(host):
    """A block device node cannot be made."""
    path = os.path.join(scratch(host), "disk")
    fails("mknod of a block device", lambda: os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(8, 0)))


@probe("seccomp, capabilities, user_namespace")
def probe_mknod_memory(host):
    """A node of the machine's memory cannot be made."""
    path = os.path.join(scratch(host), "mem")
    fails("mknod of /dev/mem", lambda: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 1)))


@probe("no_new_privileges, mount_flags")
def probe_set_user_id_file(host):
    """A set-user-id program of one's own making runs as nobody else."""
    path = os.path.join(scratch(host), "id")
    shutil.copy("/usr/bin/id", path)
    try:
        os.chown(path, 65534, 65534)
    except OSError:
        pass
    os.chmod(path, 0o6755)
    before = f"{os.geteuid()} {os.getegid()}"
    ids = subprocess.run([path, "-u"], capture_output=True, text=True).stdout.strip()
    groups = subprocess.run([path, "-g"], capture_output=True, text=True).stdout.strip()
    if f"{ids} {groups}" != before:
        raise Broken(f"became {ids}:{groups}")


@probe("capabilities")
def probe_file_capabilities(host):
    """A file cannot be given capabilities."""
    path = os.path.join(scratch(host), "file")
    open(path, "w").close()
    # Version 2, CAP_SYS_ADMIN permitted and effective.
    value = (0x02000001).to_bytes(4, "little") + (1 << 21).to_bytes(4, "little") + bytes(12)
    fails("set security.capability", lambda: os.setxattr(path, "security.capability", value))


@probe("layer_size", limits={"disk_mib": 32, "memory_mib": 512}, unconfined="would fill the host's disk")
def probe_disk_size(host):
    """The writable layer ends at its size, wherever the files lie."""
    written = 0
    block = b"x" * (1 << 20)
    try:
        for place in (WRITABLE, "/tmp", "/dev/shm"):
            with open(f"{place}/fill-{host['token']}", "wb", buffering=0) as file:
                for _ in range(24):
                    written += file.write(block)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        if written > 33 << 20:
            raise Broken(f"{written >> 20} MiB fit into 32 MiB") from error
        return
    raise Broken(f"{written >> 20} MiB fit into 32 MiB")


@probe("layer_size", limits={"disk_inodes": 1024}, unconfined="would fill the host's disk")
def probe_disk_inodes(host):
    """The writable layer holds no more files than its limit."""
    folder = scratch(host)
    for number in range(4096):
        try:
            os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
    raise Broken("4096 files fit into 1024")


@probe("rlimits")
def probe_sparse_file(host):
    """A file cannot be extended to a petabyte."""
    path = os.path.join(scratch(host), "sparse")
    fails("truncate to 1 PiB", lambda: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 1 << 50),
          errno.EFBIG, errno.EINVAL)


@probe("uts_namespace")
def probe_host_name(host):
    """The host's name is not known inside."""
    names = {os.uname().nodename}
    for path in ("/etc/hostname", "/proc/sys/kernel/hostname"):
        if os.path.exists(path):
            names.add(open(path).read().strip())
    if host["hostname"] in names:
        raise Broken(f"the host is {host['hostname']}")


@probe("identity, landlock", granted_to_root="what it installs the user runs, in its own sandbox")
def probe_preload_for_others(host):
    """What every process loads (the linker's cache, the profile, Python's library) cannot be written."""
    for path in ("/etc/ld.so.cache", "/etc/profile", os.__file__, shutil.__file__):
        if os.path.exists(path):
            unwritable(path)

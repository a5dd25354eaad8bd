"""The kernel's surface: what a sandbox has no business with is closed, and asking does no harm where it is open."""

import ctypes
import errno
import fcntl
import mmap
import os
import pty
import signal
import socket
import struct
import threading

from attack import (DENIED, Broken, Host, Inconclusive, NotOnThisHost, fails, in_child, kernel_lacks, probe, refused, sleeper,
                    syscall)

NEW_NAMESPACES = {"NEWNS": 0x20000, "NEWCGROUP": 0x2000000, "NEWUTS": 0x4000000, "NEWIPC": 0x8000000,
                  "NEWUSER": 0x10000000, "NEWPID": 0x20000000, "NEWNET": 0x40000000, "NEWTIME": 0x80}
AT_FDCWD = -100


def refused_in_child(name, *args):
    """As refused(), in a child: for calls that change the caller where they are allowed."""
    def attempt():
        try:
            refused(name, *args)
        except Broken:
            os._exit(1)
        os._exit(2 if Host.lacks else 0)
    code = os.waitstatus_to_exitcode(in_child(attempt))
    if code == 2:
        kernel_lacks(name)
    elif code != 0:
        raise Broken(f"{name} got past the filter")


@probe("seccomp")
def probe_unshare_user(host):
    """No user namespace can be made with unshare: it would open most of the kernel's privileged code."""
    refused_in_child("unshare", NEW_NAMESPACES["NEWUSER"])


@probe("seccomp")
def probe_unshare_others(host):
    """No other namespace can be made with unshare."""
    for flag in NEW_NAMESPACES.values():
        refused_in_child("unshare", flag)


@probe("seccomp")
def probe_clone_namespaces(host):
    """No namespace of any kind can be made with clone."""
    for name, flag in NEW_NAMESPACES.items():
        if name == "NEWTIME":
            continue  # clone's low byte is the signal
        result, error = syscall("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
        if result == 0:
            os._exit(0)
        if result > 0:
            os.waitpid(result, 0)
        if result > 0 or error not in DENIED:
            raise Broken(f"clone with {name}: {result}, {errno.errorcode.get(error, error)}")
        kernel_lacks(f"clone with {name}")


@probe("seccomp")
def probe_clone3_unknown(host):
    """A clone3, whose flags no filter can see, is answered as unknown, and threads and processes work without."""
    refused("clone3", 0, 0, errnos=(errno.ENOSYS,))
    done = []
    thread = threading.Thread(target=lambda: done.append(1))
    thread.start()
    thread.join()
    if not done or in_child(lambda: None) != 0:
        raise Inconclusive("threads or processes do not work")


@probe("seccomp")
def probe_setns(host):
    """No namespace can be entered."""
    refused("setns", -1, 0)


@probe("seccomp")
def probe_mount(host):
    """Nothing can be mounted."""
    refused("mount", 0, 0, 0, 0, 0)


@probe("seccomp")
def probe_unmount(host):
    """Nothing can be unmounted: what a mask covers stays covered."""
    refused("umount2", ctypes.c_char_p(b"/nonexistent"), 0)


@probe("seccomp, capabilities")
def probe_pivot_root(host):
    """The root cannot be changed by pivot_root."""
    refused("pivot_root", ctypes.c_char_p(b"/nonexistent"), ctypes.c_char_p(b"/nonexistent"))


@probe("seccomp")
def probe_chroot(host):
    """The root cannot be changed by chroot."""
    refused("chroot", ctypes.c_char_p(b"/nonexistent"))


@probe("seccomp")
def probe_new_mount_calls(host):
    """The newer mount calls are closed as the old one is."""
    for name in ("fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr"):
        refused(name, -1, 0, 0, 0, 0)


@probe("seccomp")
def probe_io_uring(host):
    """The calls of io_uring, whose operations pass by every filter, are closed."""
    refused("io_uring_setup", 0, 0)


@probe("seccomp")
def probe_linux_aio(host):
    """The kernel's older asynchronous I/O is closed."""
    refused("io_setup", 0, 0)


@probe("seccomp")
def probe_bpf(host):
    """BPF programs and maps are closed."""
    refused("bpf", 0, 0, 0)


@probe("seccomp")
def probe_perf_events(host):
    """Performance events are closed."""
    refused("perf_event_open", 0, 0, -1, -1, 0)


@probe("seccomp")
def probe_userfaultfd(host):
    """userfaultfd, a tool to win races in the kernel, is closed."""
    refused("userfaultfd", -1)


@probe("seccomp")
def probe_key_rings(host):
    """Key rings, which no namespace separates, are closed."""
    refused("keyctl", 0, -3, 0, 0, 0)


@probe("seccomp")
def probe_add_key(host):
    """Keys cannot be made or asked for."""
    refused("add_key", 0, 0, 0, 0, 0)
    refused("request_key", 0, 0, 0, 0)


@probe("seccomp")
def probe_splice(host):
    """The splice family, which lends pages of files to pipes, is closed."""
    for name in ("splice", "tee", "vmsplice"):
        refused(name, -1, 0, -1, 0, 0, 0)


@probe("seccomp, user_namespace")
def probe_modules(host):
    """Kernel modules cannot be loaded or removed."""
    refused("init_module", 0, 0, 0)
    refused("finit_module", -1, 0, 0)
    refused("delete_module", ctypes.c_char_p(b"no-such-module"), 0)


@probe("seccomp, user_namespace")
def probe_kexec(host):
    """No other kernel can be loaded."""
    refused("kexec_load", 0, 0, 0, 0xffff)
    refused("kexec_file_load", -1, -1, 0, 0, 0xffff)


@probe("seccomp, capabilities")
def probe_reboot(host):
    """The machine cannot be rebooted."""
    # Without the magic numbers the call does nothing but to say whether it would be allowed.
    refused("reboot", 0, 0, 0, 0)


@probe("seccomp, user_namespace")
def probe_swap(host):
    """Swap space cannot be changed."""
    refused("swapon", ctypes.c_char_p(b"/nonexistent"), 0)
    refused("swapoff", ctypes.c_char_p(b"/nonexistent"))


@probe("seccomp, user_namespace")
def probe_kernel_log(host):
    """The kernel's log cannot be read."""
    refused("syslog", 10, 0, 0)


@probe("seccomp, user_namespace")
def probe_io_ports(host):
    """I/O ports cannot be opened."""
    refused("iopl", 0)
    refused("ioperm", 0, 0, 0)


@probe("seccomp")
def probe_segment_tables(host):
    """Segment tables cannot be changed."""
    refused("modify_ldt", 0, 0, 0)


@probe("seccomp")
def probe_clock(host):
    """The machine's clock cannot be set."""
    refused("clock_settime", 0, 0)
    refused("clock_adjtime", 0, 0)
    refused("adjtimex", 0)


@probe("seccomp, capabilities")
def probe_set_host_name(host):
    """The host name cannot be changed."""
    refused("sethostname", 0, -1)
    refused("setdomainname", 0, -1)


@probe("seccomp")
def probe_file_handles(host):
    """File handles, which walk around the root directory, cannot be made or opened."""
    refused("name_to_handle_at", AT_FDCWD, 0, 0, 0, 0)
    refused("open_by_handle_at", -1, 0, 0)


@probe("seccomp, user_namespace")
def probe_fanotify(host):
    """Whole file systems cannot be watched."""
    refused("fanotify_init", 0, 0)


@probe("seccomp")
def probe_memory_placement(host):
    """Memory cannot be moved between NUMA nodes."""
    for name in ("mbind", "set_mempolicy", "move_pages", "migrate_pages"):
        refused(name, -1, 0, 0, 0, 0, 0)


@probe("seccomp")
def probe_accounting_and_quota(host):
    """Process accounting and quotas cannot be changed."""
    refused("acct", ctypes.c_char_p(b"/nonexistent"))
    refused("quotactl", 0, 0, 0, 0)


@probe("seccomp, kernel", unconfined="the kernel does not know the number either")
def probe_unknown_call(host):
    """A system call of the future is answered as unknown."""
    refused(1000, 0, 0, 0, errnos=(errno.ENOSYS,))


@probe("seccomp, kernel", host_check="x32_calls")
def probe_x32_calls(host):
    """The x32 numbering of system calls is no way around the filter."""
    sleeper(host["token"])

    def attempt():
        result, _ = syscall(0x40000000 + 39)  # getpid
        os._exit(1 if result > 0 else 0)
    code = os.waitstatus_to_exitcode(in_child(attempt))
    if code == 1:
        raise Broken("an x32 call was answered")
    if code != 0 and code != -signal.SIGSYS:
        raise Inconclusive(f"the call ended its process with {code}")
    kernel_lacks("x32 calls")


def answer_to_gate(status):
    """Returns when a child's wait status says that the filter killed it for the 32-bit call that it made."""
    code = os.waitstatus_to_exitcode(status)
    if code == 1:
        raise Broken("a 32-bit call was answered")
    if code == -signal.SIGSEGV:
        # The processor found no gate: the filter was not asked.
        raise NotOnThisHost("this host has no 32-bit system calls")
    if code == 2:
        # As User Mode Linux does: the filter judged it as the 64-bit call that it was.
        raise NotOnThisHost("this host has no 32-bit system calls: it takes 64-bit ones at their gate")
    if code != -signal.SIGSYS:
        raise Broken(f"a 32-bit call got past the filter: the kernel answered, and its process ended with {code}")


@probe("seccomp", host_check="32_bit_calls")
def probe_32_bit_calls(host):
    """The 32-bit system call gate is no way around the filter."""
    sleeper(host["token"])

    def gate(number):
        # mov eax, number; int 0x80; ret
        memory.seek(0)
        memory.write(b"\xb8" + number.to_bytes(4, "little") + b"\xcd\x80\xc3")
        return function()
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))

    def attempt():
        if gate(20) > 0:  # getpid of i386
            os._exit(1)
        os._exit(2 if gate(39) == os.getpid() else 0)  # getpid of x86-64
    answer_to_gate(in_child(attempt))


@probe("seccomp, user_namespace")
def probe_type_into_terminal(host):
    """Nothing can be typed into a terminal on its reader's behalf (TIOCSTI)."""
    leader, follower = pty.openpty()
    try:
        refused(16, follower, 0x5412, ctypes.c_char_p(b"x"))
        # The kernel looks at 32 bits of the request.
        refused(16, follower, 0x5412 | 1 << 32, ctypes.c_char_p(b"x"))
    finally:
        os.close(leader)
        os.close(follower)


@probe("seccomp")
def probe_paste_into_console(host):
    """The virtual console cannot be pasted into or taken over (TIOCLINUX, TIOCCONS)."""
    leader, follower = pty.openpty()
    try:
        refused(16, follower, 0x541C, 0)
        refused(16, follower, 0x541D, 0)
    finally:
        os.close(leader)
        os.close(follower)


@probe("seccomp")
def probe_personality(host):
    """Address randomisation and memory protection cannot be switched off by personality."""
    for flag in (0x0400000, 0x0040000, 0x0100000):
        refused_in_child("personality", flag)


def huge_page_requests(size):
    """[(what, undo, call, arguments...)]: all that gives huge pages, of 2**size bytes each; 0 for the default size."""
    sized = size << 26
    length = 2 << 20
    # Each has bits that the kernel cuts off set once.
    return [(f"{name} of huge pages", *rest) for name, *rest in (
        ("a mapping", unmap, 9, 0, length, 3, 0x40022 | sized, -1, 0),
        ("a mapping", unmap, 9, 0, length, 3, 0x40022 | sized | 1 << 32, -1, 0),
        ("a memfd", os.close, 319, ctypes.c_char_p(b"x"), 0x4 | sized),
        ("a memfd", os.close, 319, ctypes.c_char_p(b"x"), 0x4 | sized | 1 << 32),
        ("a System V segment", remove_segment, 29, 0, length, 0o4600 | sized),
        ("a System V segment", remove_segment, 29, 0, length, 0o4600 | sized | 1 << 32))]


def unmap(address):
    syscall(11, address, 2 << 20)


def remove_segment(identifier):
    syscall(31, identifier, 0, 0)  # shmctl, IPC_RMID


@probe("seccomp")
def probe_huge_pages(host):
    """Huge pages, which no limit counts, cannot be taken: mapped, in a memfd, in a System V segment."""
    # 2**21 is the usual size, 2**30 the large one. A size that no processor has the kernel refuses with an errno of its own:
    # ENOMEM for it comes of the filter alone, also on a host that has no huge pages to give.
    for size in (0, 21, 30, 63):
        for what, undo, *call in huge_page_requests(size):
            result, error = syscall(*call)
            if result != -1:
                undo(result)
                raise Broken(f"{what} can be made")
            if error not in DENIED + (errno.ENOMEM,):
                raise Broken(f"{what} got past the filter: {errno.errorcode.get(error, error)}")
            kernel_lacks(f"{what} ({errno.errorcode[error]})")


@probe("seccomp")
def probe_sendfile(host):
    """No page of a file can be lent to a pipe or a socket by sendfile."""
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    with left, right, open("/usr/bin/env", "rb") as file:
        for target in (writer, left.fileno()):
            fails("sendfile", lambda out=target: os.sendfile(out, file.fileno(), 0, 4096), errno.EINVAL)
    os.close(reader)
    os.close(writer)


@probe("seccomp")
def probe_secret_memory(host):
    """Memory that even the kernel cannot see (memfd_secret), and no limit counts, is closed."""
    result, error = syscall("memfd_secret", 0)
    if result >= 0:
        os.close(result)
        raise Broken("memfd_secret works")
    if error not in DENIED:
        raise Broken(f"memfd_secret: {errno.errorcode.get(error, error)}")
    kernel_lacks(f"memfd_secret ({errno.errorcode[error]})")


@probe("seccomp, user_namespace")
def probe_process_layout(host):
    """The layout that the kernel believes of a process cannot be changed (PR_SET_MM)."""
    result, error = syscall("prctl", 35, 0xFFFF, 0, 0, 0)
    if result != -1 or error not in DENIED:
        raise Broken(f"prctl(PR_SET_MM): {errno.errorcode.get(error, error)}")
    kernel_lacks(f"prctl(PR_SET_MM) ({errno.errorcode[error]})")


@probe("seccomp")
def probe_block_ioctl(host):
    """Files take no ioctl but those of terminals and of waiting bytes."""
    with open("/usr/bin/env", "rb") as file:
        for request in (0x80086601, 0x40086602, 0xC0045877, 0x4020940D, 0x1261):
            try:
                fcntl.ioctl(file.fileno(), request, struct.pack("16Q", *[0] * 16))
            except OSError as error:
                if error.errno in DENIED:
                    continue
                raise Broken(f"ioctl {request:#x} got past the filter: {error}") from error
            raise Broken(f"ioctl {request:#x} works")


@probe("seccomp")
def probe_filter_survives_exec(host):
    """The filter holds in programs that are started."""
    status = in_child(lambda: os.execv("/bin/sh", ["sh", "-c", "grep -q '^Seccomp:[[:space:]]*2' /proc/self/status"]))
    if status != 0:
        raise Broken("a started program runs without a filter")

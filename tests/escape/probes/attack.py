"""What every probe of the attack suite is made of.

A probe is a function `probe_NAME(host)` with one claim about a sandbox, its docstring. It attacks the claim from inside a
sandbox, returns when the claim held, raises Broken with what was possible when it did not, and Inconclusive when it could
not find out, which counts as a failure. Where the host lacks what the claim is about, and nothing else shows the layer at
work, it raises NotOnThisHost. Probes ask in ways that change nothing where they are allowed to ask: the same files run
unconfined in throwaway namespaces, where they have to report Broken.

No verdict comes of how long something took, for a host may be ten times slower than another: Broken needs something that
was seen. Waits end when the thing is true, within patience(), which only a hang reaches.

Several probes run at once, except those of a file that says ALONE = True: they measure, or use up what others need.

The runner sends these files as cells; they need nothing but Python's standard library. It passes what it knows about its
host as `host`, a dict:

  marker      a file of the host with a secret in it        token     a string that marks this run, for command lines
  tcp_port    a listener on the host's 127.0.0.1            abstract  name of an abstract socket of the host
  socket      the supervisor's own socket (path)            pid       a process of the host
  hostname    the host's name                               limits    {"memory_bytes", "pids", ...} of this sandbox
  planted     what `plant` returned                         unconfined  True outside a sandbox
  pace        by how much bounds are to grow here (>= 1)   profile   "user" or "root": what the attacker is inside
"""

import ctypes
import errno
import json
import os
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

# System calls of x86-64 by number: probes must reach the kernel without a library's help.
NR = {
    "clone": 56, "kill": 62, "ptrace": 101, "syslog": 103, "uselib": 134, "personality": 135, "vhangup": 153,
    "modify_ldt": 154, "pivot_root": 155, "prctl": 157, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164,
    "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171,
    "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "io_setup": 206,
    "timer_create": 222, "clock_settime": 227, "mbind": 237, "set_mempolicy": 238, "mq_open": 240, "kexec_load": 246,
    "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272, "splice": 275, "tee": 276,
    "vmsplice": 278, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
    "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435,
    "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "memfd_secret": 447, "process_mrelease": 448, "getpid": 39,
}
DENIED = (errno.EPERM, errno.ENOSYS)
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE: policies/profiles/root.textproto.
ROOT_CAPABILITIES = sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 10))


class Broken(Exception):
    """The claim does not hold; the message says what was possible."""


class Inconclusive(Exception):
    """The probe could not find out; the message says why."""


class NotOnThisHost(Exception):
    """The host lacks what the claim is about; the message says what."""


class Host:
    """What run() was told about the host, for the helpers below."""

    pace = 1.0
    unconfined = False
    # The profile (policies/profiles) that the attacker has.
    profile = "user"
    # Calls that the kernel itself refused, where no sandbox did: with them alone a claim that "held" shows nothing.
    lacks = []


def patience(seconds=60):
    """Seconds that something may take: what only a hang takes at pace 1, grown to this host's."""
    return seconds * Host.pace


def kernel_lacks(what):
    """Outside a sandbox: the kernel itself answers as a sandbox would."""
    if Host.unconfined:
        Host.lacks.append(what)


def probe(layer, *, ends=(), plant=None, order="neighbour", aftermath=None, conclude=None, limits=None, deadline=None,
          bound=60, output_mib=None, place="cell", host_check=None, unconfined="broken", profiles=(), granted_to_root=None):
    """Describes a probe.

    layer: what enforces the claim, one name or several separated by commas: with all of them off, the attack succeeds.
        layers_test.py switches off those that a test build can; the others are what is left then.
    ends: outcomes (names of Termination.Kind) of the cell that prove the claim, where the sandbox does not survive it.
    plant: function(host) that runs before in another sandbox of the same template; what it returns is host["planted"].
    order: "neighbour": the other sandbox lives on; "predecessor": it is destroyed before this one is made.
    aftermath: function(host) that must succeed in the neighbour after the attack.
    conclude: function(host) that runs in the attacked sandbox after the aftermath, and decides.
    limits: of the sandbox: memory_mib, cpu_millis, pids, disk_mib, disk_inodes.
    deadline: seconds after which the cell is to be ended, where that is among `ends`: part of the attack, the same anywhere.
    bound: seconds that the cell may take otherwise, at pace 1; one that runs into it is inconclusive.
    output_mib: the cell's bound on output, in MiB.
    place: whose child the attacker is: "cell" of the context, "command" of the agent. Then it has its own group's file and this one alone.
    host_check: name of a check that the runner makes on the host while the sandbox lives, in addition; it also decides
        where the probe says NotOnThisHost.
    unconfined: "broken" when the attack must succeed without a sandbox, else why it is not tried there.
    profiles: those that attack; all where none is named.
    granted_to_root: why the profile "root" may do what the claim denies to "user". As root the attack must succeed then:
        the verdict is "granted", and "broken" where root lacks what it is granted.
    """
    options = dict(locals())
    for name in ("plant", "aftermath", "conclude"):
        options[name] = options[name].__name__ if options[name] else None
    options["layer"] = [name.strip() for name in layer.split(",")]
    options["ends"] = list(ends)
    options["profiles"] = list(profiles)

    def mark(function):
        function.options = options
        return function

    return mark


def probes_of(module):
    """[{name, group, claim, and what probe() was given}] in the order of the file."""
    found = []
    for name, function in vars(module).items():
        if name.startswith("probe_"):
            claim = " ".join(function.__doc__.split())
            found.append({"name": name[len("probe_"):], "group": module.__name__, "claim": claim,
                          "alone": getattr(module, "ALONE", False), **function.options})
    return found


def run(module, function, host):
    """Runs one function and reports in a line that the runner recognizes: {"verdict", "detail", "value"}."""
    report = {"verdict": "held", "detail": "", "value": None}
    Host.pace, Host.unconfined, Host.lacks, Host.profile = host["pace"], host["unconfined"], [], host["profile"]
    try:
        report["value"] = getattr(module, function)(host)
        if Host.lacks:
            raise NotOnThisHost("this kernel refuses by itself: " + ", ".join(dict.fromkeys(Host.lacks)))
    except Broken as error:
        report.update(verdict="broken", detail=str(error))
    except Inconclusive as error:
        report.update(verdict="inconclusive", detail=str(error))
    except NotOnThisHost as error:
        report.update(verdict="not_on_this_host", detail=str(error))
    except Exception as error:
        report.update(verdict="inconclusive", detail=f"{type(error).__name__}: {error}")
    sys.stdout.write("\nWARREN-ATTACK " + json.dumps(report) + "\n")
    sys.stdout.flush()


def syscall(name, *args):
    """(result, errno) of a raw system call, by name or number."""
    number = NR[name] if isinstance(name, str) else name
    ctypes.set_errno(0)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = LIBC.syscall(ctypes.c_long(number), *words)
    return result, ctypes.get_errno()


def refused(name, *args, errnos=DENIED):
    """The call is answered with one of `errnos`. Any other answer means that it reached the kernel's code."""
    result, error = syscall(name, *args)
    if result != -1:
        raise Broken(f"{name} returned {result}")
    if error not in errnos:
        raise Broken(f"{name} got past the filter: {errno.errorcode.get(error, error)}")
    kernel_lacks(f"{name} ({errno.errorcode.get(error, error)})")


def fails(what, action, *errnos):
    """`action` raises OSError, with one of `errnos` where they are given; returns the errno."""
    try:
        action()
    except OSError as error:
        if errnos and error.errno not in errnos:
            raise Broken(f"{what}: {error}") from error
        kernel_lacks(f"{what} ({errno.errorcode.get(error.errno, error.errno)})")
        return error.errno
    raise Broken(f"{what} succeeded")


def unwritable(path):
    """The file cannot be opened for writing. Nothing is written where it can."""
    fails(f"open {path} for writing", lambda: os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC)))


def unreadable(path):
    """The file is absent, may not be read, or is empty."""
    try:
        with open(path, "rb", buffering=0) as file:
            os.set_blocking(file.fileno(), False)
            data = file.read(64)
    except OSError as error:
        kernel_lacks(f"{path} ({errno.errorcode.get(error.errno, error.errno)})")
        return
    if data:
        raise Broken(f"{path} gives {data[:32]!r}")


def status_field(name, pid="self"):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    raise Inconclusive(f"no {name} in /proc/{pid}/status")


def mounts():
    """[(mount point, options, file system type, source)] of /proc/self/mountinfo."""
    found = []
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, right = line.split(" - ", 1)
            fields = left.split()
            kind, source, super_options = right.split(" ", 2)
            found.append((fields[4], fields[5].split(","), kind, source + " " + super_options.strip()))
    return found


def in_child(body):
    """Runs body() in a forked child; returns its wait status. Its exceptions end it with 98."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
            os._exit(0)
        except BaseException:
            os._exit(98)
    deadline = time.monotonic() + patience()
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise Inconclusive("the child does not end")


def sleeper(token):
    """Starts a process whose command line holds `token`, in a session of its own; returns its pid when it runs, or is about to."""
    started, running = os.pipe()  # not inherited by an exec
    pid = os.fork()
    if pid == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execv("/bin/sh", ["sh", "-c", "while :; do sleep 1000; done", token])
    os.close(running)
    os.read(started, 1)  # ends when the exec closes the other end
    os.close(started)
    return pid

"""The zygote: imports a template's libraries once, then forks a context for each sandbox. It never
runs user code.

Single-threaded for its whole life: a fork copies one thread only, and setns into a user namespace
wants one.

Control messages, over SOCK_SEQPACKET, little endian:
  launcher -> zygote  FORK: <IIQ kind, reserved, context id, then what only libwarren-context
                      understands; with the fds init pidfd, request pipe, event pipe, stdout pipe,
                      stderr pipe, and what the library adds
  zygote -> launcher  <IIQii kind, reserved, context id, pid, status, then text: of READY Python's
                      version and the languages of contexts, with spaces between; FORKED carries a
                      pidfd
"""

import array
import contextlib
import gc
import importlib
import json
import os
import platform
import select
import signal
import socket
import sys
import traceback
from importlib.util import find_spec
from struct import Struct
from time import monotonic_ns

from . import languages
from .channel import report_setup_failure
from .holes import fill_pool_holes
from .immortal import make_everything_immortal
from .native import ContextLibrary, NativeError

CONTROL_FD = 3
POLICIES_FD = 4

FORK = 1
READY = 1
FORKED = 2
EXITED = 3
FAILED = 4

_REQUEST_HEADER = Struct("<IIQ")
_REPLY = Struct("<IIQii")
_MAX_MESSAGE = 64 * 1024
_EVENT_PIPE = 2

# Exit status of a context that came to nothing.
EXIT_SETUP_FAILED = 70
_FIXED_FDS = 5


class ZygoteError(RuntimeError):
    """The zygote cannot start; the text names the cause and the remedy."""


def import_all(names):
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ZygoteError(
                f"cannot import {name!r}, which the template preloads: "
                f"{type(error).__name__}: {error}; "
                "install it in the template or take it off the preload list"
            ) from error


def find_all(names):
    for name in names:
        if find_spec(name) is None:
            raise ZygoteError(
                f"cannot find {name!r}, which the template preloads: "
                "install it in the template or take it off the preload list"
            )


def check_single_threaded():
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise ZygoteError(
            f"{threads} threads after the warm-up, of which a fork would copy one: a preloaded "
            "module or the warm-up code starts threads; "
            "stop them, or take the module off the preload list"
        )


def settle():
    """After the warm-up: makes the heap one that contexts share for as long as they can."""
    gc.collect()
    make_everything_immortal()
    # Out of every later collection, which would write to, and so copy, all its pages.
    gc.freeze()
    fill_pool_holes()


def start():
    """Runs a zygote to its end; returns the process's exit status."""
    control = socket.socket(fileno=CONTROL_FD)
    try:
        config = json.loads(control.recv(_MAX_MESSAGE))
        zygote = Zygote(config, control)
    except (RuntimeError, OSError, ValueError) as error:
        text = f"zygote: {error}"
        print(text, file=sys.stderr)
        send(control, FAILED, 0, 0, 1, text)
        return 1
    zygote.announce()
    zygote.serve()
    return 0


def send(control, kind, context_id, pid, status, text="", fd=None):
    message = (
        _REPLY.pack(kind, 0, context_id, pid, status)
        + text.encode("utf-8", "backslashreplace")[:16384]
    )
    rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (fd,)))]
    control.sendmsg([message], rights)


class Zygote:
    """Lifecycle: Zygote() warms up -> announce() -> serve() until the launcher closes the
    socket."""

    def __init__(self, config, control):
        self._control = control
        self._library = ContextLibrary(config["context_library"])
        self._library.prepare(POLICIES_FD)
        self._library.compact_arenas()
        self._context = None
        self._exec_arguments = None
        if config["start"] == "exec":
            # Checked here all the same: a template that cannot work fails once, not in every
            # sandbox.
            find_all(["IPython", *config["preload"]])
            script = os.path.join(os.path.dirname(__file__), "context_main.py")
            self._exec_arguments = [
                sys.executable,
                "-I",
                script,
                json.dumps({"preload": config["preload"]}),
            ]
        else:
            import_all(config["preload"])
            # Here and not at the top: it imports IPython, which the zygote of the exec mode has no
            # use for.
            from .context import Context

            self._context = Context(config["warmup"])
        check_single_threaded()
        self._pids = {}
        self._child_signal = _signal_pipe()

    def announce(self):
        settle()
        self._library.fill_heap_holes()
        self._library.collapse_heap()
        facts = [platform.python_version(), *languages.offered()]
        send(self._control, READY, 0, os.getpid(), 0, " ".join(facts))

    def serve(self):
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._child_signal, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._child_signal:
                    _drain(fd)
                    self._reap()
                elif not self._receive():
                    return

    def _receive(self):
        """One message. False at the end of the socket."""
        space = socket.CMSG_SPACE(ContextLibrary.MAX_FDS * 4)
        message, ancillary, flags, _ = self._control.recvmsg(
            _MAX_MESSAGE, space, socket.MSG_CMSG_CLOEXEC
        )
        if not message:
            return False
        fds = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data)
        try:
            if (
                flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
                or len(message) < _REQUEST_HEADER.size
            ):
                raise ZygoteError(
                    f"control message of {len(message)} bytes, {len(fds)} fds, flags {flags:#x}"
                )
            kind, _, context_id = _REQUEST_HEADER.unpack_from(message)
            if kind != FORK or len(fds) < _FIXED_FDS:
                raise ZygoteError(f"control message of kind {kind} with {len(fds)} fds")
            self._fork(context_id, message, fds)
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _fork(self, context_id, request, fds):
        start_ns = monotonic_ns()
        try:
            self._library.enter_pid_namespace(fds[0])
            # A plain fork, so that the handlers of malloc, OpenBLAS and Python run.
            pid = os.fork()
        except (NativeError, OSError) as error:
            send(
                self._control,
                FAILED,
                context_id,
                0,
                error.errno or 0,
                f"fork a context: {error}",
            )
            return
        if pid == 0:
            self._become_context(start_ns, request, fds)
        self._pids[pid] = context_id
        pidfd = os.pidfd_open(pid)
        try:
            send(self._control, FORKED, context_id, pid, 0, "", pidfd)
        finally:
            os.close(pidfd)

    def _become_context(self, start_ns, request, fds):
        """In the child, which ends here."""
        try:
            signal.set_wakeup_fd(-1)
            # The launcher ignores the signals of a terminal and a service manager, and what it
            # starts inherits that; a program that the user's code starts must end by them.
            for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            # Let go of fd 3 before join puts the request pipe there: a socket object that is
            # collected closes its fd.
            self._control.detach()
            try:
                self._library.join(request, fds)
            except NativeError as error:
                report_setup_failure(fds[_EVENT_PIPE], error.stage, error.errno)
                return
            if self._exec_arguments is not None:
                self._exec(start_ns)
            self._context.serve(start_ns, monotonic_ns())
        except BaseException:
            traceback.print_exc()
        finally:
            # Nothing of the zygote's may run in a context, whatever happened.
            os._exit(EXIT_SETUP_FAILED)

    def _exec(self, start_ns):
        # The request and the event pipe.
        os.set_inheritable(3, True)
        os.set_inheritable(4, True)
        os.execv(
            self._exec_arguments[0], [*self._exec_arguments, str(start_ns), str(monotonic_ns())]
        )

    def _reap(self):
        """Tells of each before it is reaped: if this process ends in between, the anchor, which its
        children go to, tells of it once more."""
        while self._pids:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
            if info is None:
                return
            pid = info.si_pid
            stopped = info.si_code == os.CLD_STOPPED
            send(self._control, EXITED, self._pids.get(pid, 0), pid, _wait_status(info))
            if stopped:
                # One that was killed meanwhile, for the launcher has heard of it, is no stopped
                # child any more: its end is told next.
                with contextlib.suppress(ChildProcessError):
                    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG)
            else:
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
                self._pids.pop(pid, None)


def _wait_status(info):
    """The result of waitid as wait(2) has it."""
    if info.si_code == os.CLD_EXITED:
        return (info.si_status & 0xFF) << 8
    if info.si_code == os.CLD_STOPPED:
        return info.si_status << 8 | 0x7F
    return info.si_status & 0x7F


def _signal_pipe():
    """The end to poll of a pipe that gets a byte for every SIGCHLD."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    # Without a handler of Python's the signal is ignored, and no byte written.
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    return read_end


def _drain(fd):
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass

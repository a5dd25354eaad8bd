"""The context worker: takes cells from fd 3, runs them in IPython, sends what happens to fd 4.

Lifecycle: prepare() before the fork (in the zygote) or at the start (exec mode) -> serve(), which does not return.
Main thread only; what user code's threads print goes through the same channel.
"""

import builtins
import os
import signal
import site
import sys
from os import _exit, getpid
from time import monotonic_ns

from . import errors, wire
from .channel import EventChannel, RequestReader
from .displays import encode_bundle
from .reseed import Reseeder
from .shell import build_shell, run_warmup
from .streams import OutputStreams

__builtins__ = dict(vars(builtins))  # See wire.py.

REQUEST_FD = 3
EVENT_FD = 4

# Exit status after a request that the supervisor cannot have meant.
EXIT_BAD_REQUEST = 71


class Context:
    """Lifecycle: Context() in the zygote, before the fork, or at the start of a fresh interpreter -> serve()."""

    def __init__(self, warmup):
        """warmup: the template's code to run beforehand, or None for no warm-up at all. Raises RuntimeError if it fails."""
        shell = self._shell = build_shell()
        self._run_cell = shell.run_cell
        self._streams = OutputStreams()
        if warmup is not None:
            sys.stdout, sys.stderr = self._streams.stdout, self._streams.stderr
            try:
                run_warmup(shell, warmup)
            finally:
                sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        self._reseeder = Reseeder()
        self._channel = None
        self._pid = 0
        self._in_cell = False
        # Our own count of the cells: the shell's is the user's to change.
        self._execution_count = 1

    def serve(self, fork_ns, joined_ns):
        """Runs cells until the request pipe ends. fork_ns, joined_ns: monotonic times of the fork and the end of join."""
        self._start(fork_ns, joined_ns)
        requests = RequestReader(REQUEST_FD)
        while True:
            try:
                request = requests.next()
                if request is None:
                    break
            except wire.WireError as error:
                self._say("context worker: request pipe", error)
                _exit(EXIT_BAD_REQUEST)
            except BaseException as error:
                # Out of a signal handler that a cell left behind, for an alarm say.
                self._say("Exception between cells", error)
                continue
            try:
                self._execute(*request)
            except BaseException as error:
                self._say("Exception at the end of a cell", error)
                if self._in_cell:
                    self._done(wire.EXCEPTION)
            self._channel.begin(0)
        _exit(0)

    def _start(self, fork_ns, joined_ns):
        _look_like_a_fresh_interpreter()
        self._reseeder.run()
        self._channel = EventChannel(EVENT_FD)
        self._pid = getpid()
        for fd in (REQUEST_FD, EVENT_FD):
            os.set_inheritable(fd, False)
        self._streams.connect(self._channel)
        sys.stdout = sys.__stdout__ = self._streams.stdout
        sys.stderr = sys.__stderr__ = self._streams.stderr
        self._shell.output = self
        os.register_at_fork(after_in_child=self._disconnect)
        self._handle_interrupt = _interrupt_handler(self._run_user_code.__code__)
        signal.signal(signal.SIGINT, self._handle_interrupt)
        reseeded_ns = monotonic_ns()
        self._channel.send(wire.ready(self._pid, joined_ns - fork_ns, reseeded_ns - joined_ns))

    def _disconnect(self):
        """In a child that user code forks: its output goes to the raw pipes, and it has no part in the protocol."""
        self._streams.disconnect()
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, REQUEST_FD, inheritable=False)
        os.dup2(null, EVENT_FD, inheritable=False)
        os.close(null)

    # A cell.

    def _execute(self, execution_id, code):
        channel = self._channel
        channel.begin(execution_id)
        self._in_cell = True
        try:
            source = code.decode()
            result = self._run_user_code(source)
            error = result.error_before_exec
            if error is None:
                error = result.error_in_exec
        except BaseException as escaped:
            # Past IPython: an interrupt at its edges, its own machinery patched by user code, code that is not UTF-8.
            error = escaped
        if getpid() != self._pid:
            self._end_of_forked_child(error)
        traceback = self._end_of_output(error)
        if error is None:
            outcome = wire.OK
        else:
            outcome = wire.INTERRUPTED if isinstance(error, KeyboardInterrupt) else wire.EXCEPTION
            channel.send(wire.error(*errors.describe(error, traceback)))
        self._done(outcome)
        if signal.getsignal(signal.SIGINT) is not self._handle_interrupt:
            # A cell that leaves SIGINT ignored or deadly would make the next one deaf, or kill the context between cells.
            signal.signal(signal.SIGINT, self._handle_interrupt)

    def _done(self, outcome):
        self._channel.send(wire.done(outcome, self._execution_count))
        self._in_cell = False
        self._execution_count += 1

    def _run_user_code(self, source):
        # SIGINT raises KeyboardInterrupt only while this function is on the stack: see _interrupt_handler.
        return self._run_cell(source, store_history=True)

    def _end_of_output(self, error):
        """Flushes what the cell printed; returns IPython's traceback of error, if it made one."""
        traceback = None
        try:
            traceback = self._shell.take_traceback(error)
            if sys.stdout is not self._streams.stdout or sys.stderr is not self._streams.stderr:
                sys.stdout.flush()
                sys.stderr.flush()
        except Exception as failure:
            self._say("Exception at the end of a cell", failure)
        self._streams.flush()
        return traceback

    def _end_of_forked_child(self, error):
        """os.fork() in a cell: the child has come to the end of the cell, which is not its to report."""
        text = self._shell.take_traceback(error)
        if text is not None and not isinstance(error, SystemExit):
            self._streams.stderr.write(text + "\n")
        self._streams.flush()
        if isinstance(error, SystemExit):
            _exit(error.code if isinstance(error.code, int) else int(error.code is not None))
        _exit(0 if error is None else 1)

    # Output.

    def display(self, bundle, is_result):
        """For shell.py: a display, after everything printed before it."""
        body = encode_bundle(bundle, is_result)
        if getpid() != self._pid:
            # A child that user code forked has only the raw pipes.
            print(bundle.get("text/plain", ""), file=self._streams.stdout)
        elif body is not None:
            self._streams.flush()
            self._channel.send(body)

    def _say(self, what, error):
        name, value, _ = errors.describe(error, "")
        self._streams.stderr.write(f"{what}: {name.decode()}: {value[:1000].decode('utf-8', 'replace')}\n")
        self._streams.stderr.flush()


def _interrupt_handler(code):
    """A SIGINT handler that raises while `code` is on the stack, and else does nothing. So an interrupt that comes late,
    as the cell ends, is lost instead of killing the worker or the next cell; there is no flag to race with."""

    def handle_interrupt(signal_number, frame):
        while frame is not None:
            if frame.f_code is code:
                raise KeyboardInterrupt
            frame = frame.f_back

    return handle_interrupt


def _look_like_a_fresh_interpreter():
    """What user code sees of the process is that of `ipython`, not of the zygote."""
    sys.argv[:] = [""]
    sys.orig_argv[:] = [sys.executable]
    sys.path.insert(0, "")
    user_site = site.getusersitepackages()
    known = set(sys.path)
    if os.path.isdir(user_site):
        site.addsitedir(user_site)
    elif user_site not in known:
        # On the path although it does not exist yet: a cell may install into it.
        sys.path.append(user_site)
    added = [path for path in sys.path if path not in known]
    # Before the template's packages, as in any Python.
    sys.path[:] = [""] + added + [path for path in sys.path[1:] if path in known]

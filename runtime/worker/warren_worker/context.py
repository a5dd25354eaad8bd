"""The context worker: takes cells from fd 3, has its language run them, sends what happens to fd 4.

Lifecycle: prepare() before the fork (in the zygote) or at the start (exec mode) -> serve(), which
does not return. Main thread only; what user code's threads print goes through the same channel.
"""

import builtins
import site
import sys
from _signal import (
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGALRM,
    SIGCHLD,
    SIGINT,
    SIGIO,
    SIGPROF,
    SIGURG,
    SIGUSR1,
    SIGUSR2,
    SIGVTALRM,
    getsignal,
    pthread_sigmask,
    signal,
)
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from os import (
    O_CLOEXEC,
    O_RDWR,
    O_WRONLY,
    _exit,
    chdir,
    close,
    dup2,
    getpid,
    open,
    path,
    register_at_fork,
    set_inheritable,
)
from time import monotonic_ns

from . import cell_files, environment, errors, languages, wire
from .channel import EventChannel, RequestReader, report_setup_failure
from .displays import encode_bundle
from .foreground import raise_interrupts_of_scripts
from .interrupts import InterruptHandler
from .languages.python import PythonLanguage
from .reseed import Reseeder
from .shell import build_shell, forget, run_warmup
from .streams import OutputStreams

__builtins__ = dict(vars(builtins))  # See wire.py.

REQUEST_FD = 3
EVENT_FD = 4

# Signals that user code may have handlers for that raise. They are blocked but for the time that
# user code runs, so that no exception comes out of the protocol's own code. SIGTERM and the like
# stay what they are.
_DEFERRED_SIGNALS = (
    SIGINT,
    SIGALRM,
    SIGVTALRM,
    SIGPROF,
    SIGUSR1,
    SIGUSR2,
    SIGCHLD,
    SIGIO,
    SIGURG,
)

# Of these, what ends our own work with files: an interrupt, and what ends a blocking call after it.
_INTERRUPTS = (SIGINT, SIGURG)

# Why not all output files were told.
_INTERRUPTED = "the cell was interrupted"

# Exit statuses: see worker.proto.
EXIT_BAD_REQUEST = 71
EXIT_BROKEN = 73

# What is installed into the sandbox (kPackagesDirectory): it is there from the start, and empty until
# something is mounted on it.
_PACKAGES = "/opt/packages"

# So often in a row, without a request in between, an exception may come out of the protocol's own
# code: user code has taken from it what it needs, memory for one.
_MAX_ESCAPES = 1000


class Context:
    """Lifecycle: Context() in the zygote, before the fork, or at the start of a fresh
    interpreter -> serve()."""

    def __init__(self, warmup):
        """warmup: the template's code to run beforehand, or None for no warm-up at all. Raises
        RuntimeError if it fails."""
        self._shell = shell = build_shell()
        self._speak(PythonLanguage(shell))
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
        self._escaped = None
        self._requests = 0
        self._signal_mask = ()
        self._interrupt_missed = False
        # Of the running cell: whether it has a number.
        self._counts = True
        # Its output_files, until they are told.
        self._patterns = ()
        # Our own count of the cells: the shell's is the user's to change.
        self._execution_count = 1

    def _speak(self, language):
        self._language = language
        language.output = self
        self._begin, self._run, self._end = language.begin, language.run, language.end

    def serve(self, fork_ns, joined_ns):
        """Runs cells until the request pipe ends. fork_ns, joined_ns: monotonic times of the
        fork and the end of join."""
        try:
            self._start(fork_ns, joined_ns)
        except BaseException as error:
            report_setup_failure(EVENT_FD, "reseed", getattr(error, "errno", None) or 0)
            raise
        requests = RequestReader(REQUEST_FD)
        if not requests.waiting():
            self._rehearse()
        escapes = last_count = 0
        while escapes < _MAX_ESCAPES:
            try:
                self._run_cells(requests)
            except BaseException as error:
                # Out of a handler of user code's, in the moment between its end and the blocking of
                # signals. It is dealt with in there: here the next one would end the process.
                self._escaped = error
            escapes = escapes + 1 if self._requests == last_count else 0
            last_count = self._requests
        _exit(EXIT_BROKEN)

    def _run_cells(self, requests):
        pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)
        if self._escaped is not None:
            self._say("Exception at the end of a cell", self._escaped)
            self._escaped = None
        if self._in_cell:
            why = "an exception came at the end of the cell" if self._patterns else ""
            self._done(wire.EXCEPTION, _incomplete(why))
        while True:
            try:
                request = requests.next()
            except wire.WireError as error:
                self._say("context worker: request pipe", error)
                _exit(EXIT_BAD_REQUEST)
            if request is None:
                self._language.close()
                _exit(0)
            self._requests += 1
            execution_id, kind, body = request
            if kind == wire.EXECUTE:
                self._execute(execution_id, *body)
            elif kind == wire.CONFIGURE:
                self._configure(execution_id, body)
            else:
                self._refuse(execution_id, wire.REQUEST_NAMES.get(kind, f"request {kind}"))

    def _start(self, fork_ns, joined_ns):
        self._signal_mask = pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)
        _look_like_a_fresh_interpreter()
        self._reseeder.run()
        self._channel = EventChannel(EVENT_FD)
        self._pid = getpid()
        for fd in (REQUEST_FD, EVENT_FD):
            set_inheritable(fd, False)
        self._connect_streams()
        self._shell.output = self
        register_at_fork(after_in_child=self._disconnect)
        self._handle_interrupt = InterruptHandler(
            (self._run_user_code.__code__, self._work_on_files.__code__), self._miss_interrupt
        )
        signal(SIGINT, self._handle_interrupt)
        sys.unraisablehook = self._handle_interrupt.unraisable
        raise_interrupts_of_scripts(self._shell, lambda: self._handle_interrupt.count)
        # The launcher sends it after an interrupt, to end a blocking call that the interrupt came
        # just before. Subprocesses ignore it.
        signal(SIGURG, lambda number, frame: None)
        reseeded_ns = monotonic_ns()
        self._channel.send(wire.ready(self._pid, joined_ns - fork_ns, reseeded_ns - joined_ns))

    def _rehearse(self):
        """Runs a cell that nobody sees: the memory of the zygote that every cell writes to becomes
        this context's own, which takes longer than the cell and is better done in the pool."""
        names = set(self._shell.user_ns)
        channel = self._channel
        null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        self._channel = EventChannel(null)
        self._streams.connect(self._channel)
        # An interrupt that comes meanwhile is meant for the first cell: it stays pending until then.
        mask = self._signal_mask
        self._signal_mask = {*mask, SIGINT}
        self._execute(0, b"print()\n1 + 1")
        self._signal_mask = mask
        self._channel = channel
        self._streams.connect(channel)
        close(null)
        forget(self._shell, names)
        self._execution_count = 1

    def _connect_streams(self):
        self._streams.connect(self._channel)
        sys.stdout = sys.__stdout__ = self._streams.stdout
        sys.stderr = sys.__stderr__ = self._streams.stderr

    def _disconnect(self):
        """In a child that user code forks: its output goes to the raw pipes, and it has no part
        in the protocol."""
        self._streams.disconnect()
        try:
            null = open("/dev/null", O_RDWR | O_CLOEXEC)
        except OSError:
            # No descriptor is left for it.
            close(REQUEST_FD)
            close(EVENT_FD)
            return
        dup2(null, REQUEST_FD, inheritable=False)
        dup2(null, EVENT_FD, inheritable=False)
        close(null)

    def _configure(self, execution_id, body):
        """Before the first cell: what the context is to be beside a plain one."""
        self._channel.begin(execution_id)
        step = "environment"
        try:
            language, directory, variables = wire.decode_configure(body)
            environment.update(variables)
            step = "working_directory"
            if directory:
                chdir(directory)
            step = "language"
            language = language.decode() or languages.PYTHON
            if language != self._language.name:
                self._start_language(language)
            self._channel.send(wire.configured())
        except Exception as error:
            number = getattr(error, "errno", None) or 0
            self._channel.send(wire.configured(step, number))
        self._channel.begin(0)

    def _start_language(self, name):
        # What it starts is not to inherit the mask.
        self._open_signals()
        try:
            self._speak(languages.start(name))
        finally:
            self._signal_mask = pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)
        self._handle_interrupt.deliver = self._language.interrupt

    # A cell.

    def _execute(self, execution_id, code, options=None):
        """options: CellOptions, or None for a plain cell."""
        if options is not None:
            if options.not_built:
                self._refuse(execution_id, options.not_built)
                return
            if missing := self._language.unsupported(options):
                self._refuse(execution_id, missing, by_language=True)
                return
            self._counts = options.counts
            self._patterns = options.output_files
        channel = self._channel
        channel.begin(execution_id)
        self._in_cell = True
        inputs = options.input_files if options is not None else ()
        try:
            source = code.decode()
            if inputs:
                self._write_inputs(inputs)
                inputs = ()
            self._begin(options)
            self._open_signals()
            error = self._run_user_code(source, options)
        except BaseException as escaped:
            # Past IPython: an interrupt at its edges, its own machinery patched by user code, code
            # that is not UTF-8.
            error = escaped
        mask = pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)
        if not inputs:
            # As the code has left it.
            self._signal_mask = mask
        self._end()
        if getpid() != self._pid:
            self._end_of_forked_child(error)
        traceback = self._end_of_output(error)
        rest = b""
        if inputs:
            # The code did not run: what there is to say about it has no place in that.
            rest, self._counts, traceback = wire.NOT_RUN, False, ""
        if self._patterns:
            why = self._tell_outputs(error, not inputs)
            rest += _incomplete(why)
            if error is None and why == _INTERRUPTED:
                error, traceback = KeyboardInterrupt(), ""
        if error is None:
            outcome = wire.OK
        else:
            outcome = wire.INTERRUPTED if isinstance(error, KeyboardInterrupt) else wire.EXCEPTION
            channel.send(wire.error(*errors.describe(error, traceback)))
        self._done(outcome, rest)
        self._restore_handler()

    def _restore_handler(self):
        if getsignal(SIGINT) is not self._handle_interrupt:
            # A cell that leaves SIGINT ignored or deadly would make the next one deaf, or kill the
            # context between cells.
            signal(SIGINT, self._handle_interrupt)

    def _open_signals(self):
        while True:
            try:
                # Runs the handlers of what came between cells. An interrupt that came too late is
                # forgotten here.
                pthread_sigmask(SIG_SETMASK, self._signal_mask)
                return
            except Exception as error:
                self._say("Exception in a signal handler between cells", error)

    def _done(self, outcome, rest=b""):
        """rest: further fields of WorkerDone."""
        values = self._language.values if outcome == wire.OK else b""
        number = self._execution_count if self._counts else self._execution_count - 1
        self._channel.send(wire.done(outcome, number, values + rest))
        self._channel.begin(0)
        self._in_cell = False
        self._patterns = ()
        self._execution_count = number + 1
        self._counts = True

    def _refuse(self, execution_id, what, by_language=False):
        """For a request that is not built, here or by the language: nothing of it is done."""
        self._channel.begin(execution_id)
        self._channel.send(wire.unimplemented(what, by_language))
        self._channel.begin(0)

    def _run_user_code(self, source, options):
        # SIGINT raises KeyboardInterrupt only while this function is on the stack: see
        # InterruptHandler. One that came before may have been meant for this cell.
        if self._interrupt_missed:
            self._interrupt_missed = False
            self._channel.send(wire.interrupt_missed())
        return self._run(source, options)

    # Its files.

    def _write_inputs(self, files):
        # What came between cells, which is nothing to this one.
        self._open_signals()
        pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)
        self._work_on_files(cell_files.write_inputs, self._language.open_directory, files)

    def _tell_outputs(self, error, ran):
        """error: what ended the code, or None. ran: whether it has run. Returns why not all files were told, or
        nothing."""
        if not ran:
            return "the code did not run"
        # Missed: it came as the code ended.
        missed, self._interrupt_missed = self._interrupt_missed, False
        if missed or isinstance(error, KeyboardInterrupt):
            return _INTERRUPTED
        self._restore_handler()
        files = cell_files.OutputFiles(self._language.open_directory, self._patterns)
        try:
            self._work_on_files(self._send_outputs, files)
        except KeyboardInterrupt:
            return _INTERRUPTED
        except Exception as failure:
            name, value, _ = errors.describe(failure, "")
            return (name + b": " + value).decode()
        return files.incomplete

    def _send_outputs(self, files):
        for file in files.found():
            self._channel.send(wire.output_file(*file))

    def _work_on_files(self, work, *arguments):
        """With signals blocked, but for interrupts, which raise KeyboardInterrupt from in here."""
        with self._handle_interrupt.raising():
            try:
                pthread_sigmask(SIG_UNBLOCK, _INTERRUPTS)
                work(*arguments)
            finally:
                pthread_sigmask(SIG_BLOCK, _DEFERRED_SIGNALS)

    def _miss_interrupt(self):
        self._interrupt_missed = True

    def _end_of_output(self, error):
        """Flushes what the cell printed; returns the language's traceback of error, if it made one."""
        traceback = None
        try:
            traceback = self._language.traceback(error)
            if sys.stdout is not self._streams.stdout or sys.stderr is not self._streams.stderr:
                sys.stdout.flush()
                sys.stderr.flush()
        except Exception as failure:
            self._say("Exception at the end of a cell", failure)
        try:
            self._streams.flush()
        except Exception as failure:
            # Taken apart by user code, by detach() say.
            self._say("Exception at the end of a cell", failure)
            self._streams = OutputStreams()
            self._connect_streams()
        return traceback

    def _end_of_forked_child(self, error):
        """os.fork() in a cell: the child has come to the end of the cell, which is not its to
        report."""
        text = self._shell.take_traceback(error)
        if text is not None and not isinstance(error, SystemExit):
            self._streams.stderr.write(text + "\n")
        self._streams.flush()
        if isinstance(error, SystemExit):
            _exit(error.code if isinstance(error.code, int) else int(error.code is not None))
        _exit(0 if error is None else 1)

    # Output.

    def display(self, bundle, is_result, metadata=None, display_id=None, update=False):
        """For shell.py: a display, after everything printed before it."""
        body = encode_bundle(bundle, is_result, metadata, display_id, update)
        if getpid() != self._pid:
            # A child that user code forked has only the raw pipes.
            print(bundle.get("text/plain", ""), file=self._streams.stdout)
        elif body is not None:
            self._streams.flush()
            self._channel.send(wire.display(body))

    def clear_output(self, wait):
        """For shell.py."""
        if getpid() == self._pid:
            self._streams.flush()
            self._channel.send(wire.clear_output(wait))

    def _say(self, what, error):
        name, value, _ = errors.describe(error, "")
        line = b"%s: %s: %s\n" % (what.encode(), name, value[:1000])
        self._channel.send_chunk(wire.STDERR_DATA, memoryview(line))


def _incomplete(why):
    return wire.output_files_incomplete(why) if why else b""


def _look_like_a_fresh_interpreter():
    """What user code sees of the process is that of `ipython`, not of the zygote."""
    sys.argv[:] = [""]
    sys.orig_argv[:] = [sys.executable]
    if (platform := sys.modules.get("platform")) is not None:
        # They hold the zygote's host name.
        platform._uname_cache = None
        platform._platform_cache.clear()
    sys.path.insert(0, "")
    user_site = site.getusersitepackages()
    known = set(sys.path)
    if path.isdir(user_site):
        site.addsitedir(user_site)
    elif user_site not in known:
        # On the path although it does not exist yet: a cell may install into it.
        sys.path.append(user_site)
    added = [folder for folder in sys.path if folder not in known]
    # Before the template's packages, as in any Python.
    sys.path[:] = [""] + added + [_PACKAGES] + [folder for folder in sys.path[1:] if folder in known]
    for folder in (user_site, _PACKAGES):
        sys.path_importer_cache[folder] = _find_in(folder)


def _find_in(folder):
    """What looks for modules in a directory that may not be there yet: of such a one Python remembers
    that there is none, and does not look again. It is not there in the zygote's root, either."""
    return FileFinder(
        folder,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (SourceFileLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

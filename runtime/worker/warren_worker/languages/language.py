"""What a language is to a context."""

import builtins
from os import O_CLOEXEC, O_DIRECTORY, O_NONBLOCK, O_PATH, _exit, getpid, kill, open, pipe2, read, write
from signal import SIG_DFL, SIG_UNBLOCK, SIGKILL, pthread_sigmask, signal

__builtins__ = dict(vars(builtins))  # See wire.py.


class Language:
    """Runs the cells of one context. State that a cell leaves is there for the next one.

    Lifecycle: available(), in the zygote -> the constructor, in a context that has its environment
    and working directory -> (begin -> run -> end)* -> close. Main thread only.

    What it says goes to sys.stdout and sys.stderr, or, of other processes, to the raw pipes: fds 1
    and 2. Everything that is written when run() returns belongs to the cell.
    """

    # As clients name it: [a-z0-9_+-], at most 32 characters.
    name = ""

    # Of the cell that was run last: its user_expressions, as wire.done() takes them.
    values = b""

    # Takes its results, by display(bundle, is_result): set by the context.
    output = None

    # Called by the signal handler while run() is on the stack: makes that come to its end, with a
    # KeyboardInterrupt as its result. None: KeyboardInterrupt is raised out of what run() does.
    interrupt = None

    @staticmethod
    def available():
        """Whether the template has what it takes."""
        return True

    def unsupported(self, options):
        """The name of the first thing that a cell asks for and this language has not, or None."""
        return None

    def begin(self, options):
        """Before a cell: its CellOptions, or None for a plain one. Sets what of them holds for the cell
        alone, the variables of its environment say. Signals are blocked, in end() too."""
        raise NotImplementedError

    def run(self, source, options):
        """Runs a cell: str, and CellOptions or None for a plain one. Returns the exception that ended
        it, or None; or raises it. An exception's class name and str() are what the client is told."""
        raise NotImplementedError

    def end(self):
        """After the cell: all that is as it was before."""
        raise NotImplementedError

    def open_directory(self):
        """A descriptor of the directory that relative paths of the next cell's code start from. Raises
        OSError."""
        return open(b".", O_PATH | O_DIRECTORY | O_CLOEXEC)

    def traceback(self, error):
        """The text of what run() returned, or None for Python's own. Called once for each cell,
        also with None."""
        return ""

    def close(self):
        """The context ends, with its processes."""


class InterruptPipe:
    """Interrupts as bytes that wait in a pipe: they wake a poll() also where the signal came just before it."""

    def __init__(self):
        self._reading, self._writing = pipe2(O_CLOEXEC | O_NONBLOCK)

    def fileno(self):
        return self._reading

    def say(self):
        """For the signal handler."""
        try:
            write(self._writing, b"i")
        except BlockingIOError:
            pass

    def take(self):
        """All that wait."""
        try:
            read(self._reading, 65536)
        except BlockingIOError:
            pass


def end_as(status):
    """As the process that runs the cells ended, by subprocess's returncode, so does the context: its code ended its own
    process."""
    if status < 0:
        if -status != SIGKILL:
            signal(-status, SIG_DFL)
        pthread_sigmask(SIG_UNBLOCK, (-status,))
        kill(getpid(), -status)
    _exit(status & 255 if status >= 0 else 128 - status)

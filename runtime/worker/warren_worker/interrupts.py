"""SIGINT -> KeyboardInterrupt in the running cell."""

import builtins
import sys
from contextlib import contextmanager
from _thread import get_ident, start_new_thread
from signal import SIGINT, pthread_kill
from time import sleep

from . import foreground

__builtins__ = dict(vars(builtins))  # See wire.py.

_AGAIN_S = 0.001


def _interrupt_again():
    """The signal once more in a moment, when this handler or hook is over: not from here, where it
    would come before that. It ends blocking calls as the first one did."""
    main = get_ident()

    def interrupt():
        sleep(_AGAIN_S)
        pthread_kill(main, SIGINT)

    start_new_thread(interrupt, ())


class InterruptHandler:
    """A handler that raises while one of `codes` is on the stack, and else only calls missed(). So an
    interrupt that comes late, as the cell ends, is lost instead of killing the worker or the next
    cell; there is no flag to race with.

    It raises again what Python swallowed, in a __del__ or a callback of a weak reference, for which
    unraisable() must be sys.unraisablehook: much of an import runs in such callbacks.
    """

    def __init__(self, codes, missed):
        self._codes = codes
        self._missed = missed
        self._ending = False
        # Called in place of the raise, where it is set (Language.interrupt).
        self.deliver = None
        # Interrupts that were raised.
        self.count = 0

    def __call__(self, signal_number, frame):
        if self._ending:
            return
        waiting = []
        while frame is not None and frame.f_code not in self._codes:
            if foreground.waits(frame):
                waiting.append(frame)
            frame = frame.f_back
        if frame is None:
            self._missed()
            return
        if self.deliver is not None:
            self.deliver()
            return
        if waiting and not self._end_foreground(waiting):
            _interrupt_again()
            return
        self.count += 1
        raise KeyboardInterrupt

    @contextmanager
    def raising(self):
        """Not for the language, but for our own work. SIGINT is blocked at both ends."""
        deliver, self.deliver = self.deliver, None
        try:
            yield
        finally:
            self.deliver = deliver

    def _end_foreground(self, frames):
        """False when a subprocess is being started and cannot be ended yet."""
        try:
            pids = [foreground.process_of(frame) for frame in frames]
        except foreground.NotStartedYet:
            return False
        self._ending = True
        try:
            foreground.end({pid for pid in pids if pid is not None})
        finally:
            self._ending = False
        return True

    def unraisable(self, args):
        if args.exc_type is KeyboardInterrupt and self._raised(args.exc_traceback):
            _interrupt_again()
        else:
            sys.__unraisablehook__(args)

    def _raised(self, traceback):
        last = None
        while traceback is not None:
            last = traceback
            traceback = traceback.tb_next
        return last is not None and last.tb_frame.f_code is type(self).__call__.__code__

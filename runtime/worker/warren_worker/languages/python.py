"""Python: the IPython shell that the zygote has warmed up, in this process."""

import builtins
from contextlib import nullcontext

from .. import wire
from ..code_interpreter import CodeInterpreterDisplays
from ..environment import Override
from ..expressions import evaluate
from .language import Language

__builtins__ = dict(vars(builtins))  # See wire.py.


class PythonLanguage(Language):
    name = "python"

    def __init__(self, shell):
        self._shell = shell
        self._run_cell = shell.run_cell
        self._override = None
        self._displays = CodeInterpreterDisplays(shell)
        # What end() turns off.
        self._styled = False
        self.traceback = shell.take_traceback

    def begin(self, options):
        # An exception at the very end of the cell before has come in between.
        self.end()
        if options is None:
            return
        if options.env:
            self._override = Override(options.env)
        if options.display_style == wire.CODE_INTERPRETER:
            self._styled = True
            self._displays.turn_on()

    def end(self):
        if self._styled:
            self._styled = False
            self._displays.turn_off()
        if self._override is not None:
            self._override.undo()
            self._override = None

    def run(self, source, options):
        self.values = b""
        if options is None:
            result = self._run_cell(source, store_history=True)
        else:
            result = self._run_with_options(source, options)
        error = result.error_before_exec
        return result.error_in_exec if error is None else error

    def _run_with_options(self, source, options):
        shell = self._shell
        if not options.counts:
            shell.unstored_source = source
        try:
            with shell.colored() if options.colors else nullcontext():
                result = self._run_cell(
                    source, store_history=options.counts, silent=options.silent
                )
        finally:
            shell.unstored_source = None
        if options.expressions and result.success:
            self.values = evaluate(shell, options.expressions)
        return result

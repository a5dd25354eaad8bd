"""Ways around what IPython does for every cell and hardly any cell needs. Each gives the original's
result; together they take a cell of `1 + 1` from 255 to 110 us."""

import builtins
import functools
import re

from IPython.core.formatters import (
    BaseFormatter,
    DisplayFormatter,
    IPythonDisplayFormatter,
    MimeBundleFormatter,
    PlainTextFormatter,
    catch_format_error,
)
from IPython.core.inputtransformer2 import TransformerManager

__builtins__ = dict(vars(builtins))  # See wire.py.

# Whose only representation is text, unless somebody registers another one.
_PLAIN_TYPES = frozenset(
    (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, range)
)


class WorkerDisplayFormatter(DisplayFormatter):
    """The original asks a dozen formatters for each value: 150 us that a number need not cost."""

    # Adds what an object is beside that, where the cell asks for it: code_interpreter.extend.
    extend = None

    def format(self, obj, include=None, exclude=None):
        bundle, metadata = self._format(obj, include, exclude)
        # An empty one is of an object that displays itself.
        if self.extend is not None and bundle:
            self.extend(obj, bundle, metadata, include, exclude)
        return bundle, metadata

    def _format(self, obj, include, exclude):
        kind = type(obj)
        if kind in _PLAIN_TYPES and not include and not exclude:
            printers = [
                f.type_printers for f in self.formatters.values() if f.format_type != "text/plain"
            ]
            if not any(kind in types or object in types for types in printers):
                text = self.formatters["text/plain"](obj)
                return ({} if text is None else {"text/plain": text}), {}
        return super().format(obj, include=include, exclude=exclude)


def unwrap_formatters():
    """Takes the `decorator` package out of the way of each formatter's call: it binds the
    arguments by inspect.signature every time, three quarters of the time of a display. IPython's
    own guard against failing formatters stays."""
    guard = catch_format_error.__wrapped__
    for formatter in (
        BaseFormatter,
        PlainTextFormatter,
        IPythonDisplayFormatter,
        MimeBundleFormatter,
    ):
        original = getattr(formatter.__dict__.get("__call__"), "__wrapped__", None)
        if original is not None:
            formatter.__call__ = functools.partialmethod(_call_guarded, guard, original)


def _call_guarded(formatter, guard, original, *args, **kwargs):
    return guard(original, formatter, *args, **kwargs)


# A cell without any of this holds no %magic, !command, help? or /call.
_ESCAPES = re.compile(r"[%!?]|^\s*[/,;]", re.MULTILINE)


class WorkerTransformers(TransformerManager):
    """The original tokenizes every cell to look for escapes."""

    def __init__(self):
        super().__init__()
        self._known_transformers = tuple(self.token_transformers)

    def do_token_transforms(self, lines):
        own = tuple(self.token_transformers) == self._known_transformers
        if own and not _ESCAPES.search("".join(lines)):
            return lines
        return super().do_token_transforms(lines)

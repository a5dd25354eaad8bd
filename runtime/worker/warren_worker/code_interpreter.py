"""DISPLAY_STYLE_CODE_INTERPRETER: what E2B's SDKs read of a display, beside what IPython shows.

All that it takes is imported before the fork: a sandbox has none of these files. That is Warren's own;
matplotlib, pandas and Pillow are used where user code or the template has imported them.
"""

import builtins
import sys
from contextlib import suppress

from . import charts, json_data
from .pillow import ImageDisplays

__builtins__ = dict(vars(builtins))  # See wire.py.

CHART = "application/vnd.warren.chart+json"
DATA = "application/vnd.warren.data+json"
JSON = "application/json"


class CodeInterpreterDisplays:
    """Lifecycle: (turn_on -> turn_off)*, around a cell, with signals blocked. Whatever user code has made of
    what they touch, they raise nothing."""

    def __init__(self, shell):
        self._formatter = shell.display_formatter
        self._images = ImageDisplays()
        self._max_seq_length = None

    def turn_on(self):
        self._formatter.extend = extend
        with suppress(Exception):
            text = self._formatter.formatters["text/plain"]
            self._max_seq_length, text.max_seq_length = text.max_seq_length, 0
        with suppress(Exception):
            self._images.turn_on()

    def turn_off(self):
        self._formatter.extend = None
        before, self._max_seq_length = self._max_seq_length, None
        with suppress(Exception):
            text = self._formatter.formatters["text/plain"]
            # Another value is one that the cell has set.
            if before is not None and text.max_seq_length == 0:
                text.max_seq_length = before
        with suppress(Exception):
            self._images.turn_off()


def extend(value, bundle, metadata, include, exclude):
    """Adds to a bundle what its object is to programs. include, exclude: MIME types, as of display()."""
    for mime_type, represent in ((CHART, _chart), (DATA, _data), (JSON, _json)):
        if include and mime_type not in include or exclude and mime_type in exclude:
            continue
        try:
            text = represent(value)
        except Exception:
            # A subclass, or what the value holds, fights being looked at.
            continue
        if text is not None:
            bundle[mime_type] = text
            if mime_type == JSON:
                metadata[mime_type] = {"expanded": True}


def _chart(value):
    return charts.chart_text(value) if _is(value, "matplotlib.figure", "Figure") else None


def _data(value):
    return json_data.frame_text(value) if _is(value, "pandas", "DataFrame") else None


def _json(value):
    return json_data.collection_text(value) if isinstance(value, (list, dict)) else None


def _is(value, module, name):
    """Whether it is of that class, of a module that nobody here imports."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)

"""Values of user code -> JSON text, bounded: lists, dicts and DataFrames as programs read them.

What is too large, too deep or no JSON has no text, and is no error: the other representations of the
value stay. An exception that is none of ours comes from the value itself, and passes.
"""

import builtins
import sys
from datetime import date, time
from enum import Enum
from json import dumps
from math import isfinite
from uuid import UUID

from . import wire

__builtins__ = dict(vars(builtins))  # See wire.py.

# Of one text: keys and values together, and bytes.
MAX_VALUES = 200_000
MAX_BYTES = 2 * 1024 * 1024


class NotJson(ValueError):
    """A value that has no place in JSON, or is larger than the bounds."""


def collection_text(value):
    """A list or dict, or None where it is no JSON. As orjson has it, which knows dates, UUIDs, enums
    and numpy beside JSON's own types, and makes null of what is no finite number."""
    return _text(_Converter(_refuse).convert, value)


def frame_text(frame):
    """A DataFrame as {column: [value]}, without its index. What JSON knows nothing of is its str()."""
    return _text(_frame_columns, frame)


def encode(value, limit):
    """The text of what is JSON already, in at most `limit` bytes. Raises NotJson."""
    text = dumps(value, ensure_ascii=False, allow_nan=False)
    # A lone surrogate becomes its JSON escape on the way to the wire.
    if len(text) > limit or len(text.encode("utf-8", "backslashreplace")) > limit:
        raise NotJson(f"{len(text)} characters")
    return text


def number(value):
    """A float as JSON has it: None for NaN and infinities."""
    return value if isfinite(value) else None


def _text(convert, value):
    try:
        return encode(convert(value), MAX_BYTES)
    except (NotJson, RecursionError):
        return None


def _frame_columns(frame):
    if frame.size + len(frame.columns) > MAX_VALUES:
        raise NotJson(f"{frame.size} values")
    converter = _Converter(str)
    # Not by to_dict(), which warns of columns with the same name, and leaves all but the last out too.
    return {
        converter.key(name): converter.convert(frame.iloc[:, index].tolist())
        for index, name in enumerate(frame.columns)
    }


def _refuse(value):
    raise NotJson(type(value))


class _Converter:
    """One value to what json.dumps() takes. other: makes a str of what JSON has nothing for."""

    def __init__(self, other):
        self._other = other
        self._left = MAX_VALUES

    def convert(self, value, depth=0):
        self._left -= 1
        if self._left < 0 or depth > wire.MAX_JSON_DEPTH:
            raise NotJson("too large or nested too deep")
        kind = type(value)
        if value is None or kind is str or kind is int or kind is bool:
            return value
        if kind is float:
            return number(value)
        if isinstance(value, dict):
            items = value.items()
            return {self.key(key): self.convert(item, depth + 1) for key, item in items}
        if isinstance(value, (list, tuple)):
            return [self.convert(item, depth + 1) for item in value]
        return self._convert_rare(value, kind, depth)

    def key(self, value):
        """As JSON.stringify would write it."""
        value = self._scalar(value)
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, (bool, float)):
            return dumps(number(value) if isinstance(value, float) else value)
        return str(value)

    def _convert_rare(self, value, kind, depth):
        if kind.__module__ == "numpy" and hasattr(value, "tolist") and value.ndim > 0:
            if value.size > self._left:
                raise NotJson(f"{value.size} values")
            if value.dtype.kind == "M":
                value = value.astype("datetime64[us]")
            return self.convert(value.tolist(), depth)
        return self._scalar(value)

    def _scalar(self, value):
        if value is None or isinstance(value, (bool, str)):
            # Of a subclass too, an enum of str say.
            return value.value if isinstance(value, Enum) else value
        if isinstance(value, Enum):
            return self._scalar(value.value)
        if isinstance(value, (date, time)):
            # NaT is a datetime that does not equal itself.
            return value.isoformat() if value == value else None
        if type(value).__module__ == "numpy":
            return self._numpy_scalar(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return number(float(value))
        if isinstance(value, UUID):
            return str(value)
        if value is getattr(sys.modules.get("pandas"), "NA", self):
            return None
        return self._other(value)

    def _numpy_scalar(self, value):
        if value.dtype.kind == "M":
            # Of nanoseconds item() makes an int.
            value = value.astype("datetime64[us]")
        item = value.item()
        return self._other(value) if item is value else self._scalar(item)

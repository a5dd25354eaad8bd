"""Exceptions of user code -> name, value and traceback as bytes, whatever the exception object
does when asked."""

import builtins
from traceback import format_exception

__builtins__ = dict(vars(builtins))  # See wire.py.

MAX_NAME = 1024
MAX_VALUE = 64 * 1024
MAX_TRACEBACK = 256 * 1024

# Past a metaclass that lies about it.
_class_name = type.__dict__["__name__"].__get__


def describe(error, traceback_text=None):
    """(name, value, traceback) of an exception. traceback_text: IPython's, where it made one."""
    name = _class_name(type(error))
    try:
        value = str(error)
    except BaseException:
        value = f"<str() of the {name} failed>"
    if traceback_text is None:
        try:
            traceback_text = "".join(format_exception(type(error), error, error.__traceback__))
        except BaseException:
            traceback_text = f"{name}: {value}\n<its traceback could not be formatted>"
    return (
        _encode(name)[:MAX_NAME],
        cut(_encode(value), MAX_VALUE),
        cut(_encode(traceback_text), MAX_TRACEBACK),
    )


def cut(data, limit):
    """UTF-8 bytes of at most limit: head and tail are kept, for a traceback says the most at its
    two ends."""
    if len(data) <= limit:
        return data
    note = f"\n[... {len(data) - limit:,} bytes left out ...]\n".encode()
    half = (limit - len(note)) // 2
    return _whole(data[:half]) + note + _whole(data[-half:])


def _encode(text):
    return text.encode("utf-8", "backslashreplace")


def _whole(data):
    return data.decode("utf-8", "ignore").encode()

"""MIME bundles as IPython gives them -> the parts of a WorkerDisplay."""

import builtins
from base64 import b64decode
from json import dumps

from . import wire

__builtins__ = dict(vars(builtins))  # See wire.py.

# IPython gives the data of these as bytes or as base64 text, by who made them.
_BINARY = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"))

# Room for the event's id, field keys and lengths around the parts of a full bundle.
_OVERHEAD = 64
_PART_OVERHEAD = 16
_BUDGET = wire.MAX_FRAME - _OVERHEAD


def encode_bundle(bundle, is_result):
    """dict of MIME type -> str, bytes or JSON value: the encoded WorkerDisplay, or None where
    nothing can be shown."""
    parts = []
    for mime_type, value in list(bundle.items())[: wire.MAX_PARTS]:
        mime = str(mime_type).encode("utf-8", "backslashreplace")
        data = _encode_value(mime_type, value)
        if data is not None and 0 < len(mime) <= wire.MAX_MIME_TYPE:
            parts.append((mime, data))
    parts = _fit(parts)
    return wire.display(parts, is_result) if parts else None


def _encode_value(mime_type, value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        data = value.encode("utf-8", "backslashreplace")
        return _from_base64(data) if mime_type in _BINARY else data
    if value is None:
        return None
    return dumps(value, ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace")


def _from_base64(data):
    try:
        return b64decode(b"".join(data.split()), validate=True)
    except ValueError:
        return data


def _fit(parts):
    """Leaves the biggest parts out until the rest fits a frame, and says so in the text."""
    total = sum(len(mime) + len(data) + _PART_OVERHEAD for mime, data in parts)
    if total <= _BUDGET:
        return parts
    left_out = []
    for part in sorted(parts, key=lambda part: len(part[1]), reverse=True):
        parts.remove(part)
        left_out.append(part)
        total -= len(part[0]) + len(part[1]) + _PART_OVERHEAD
        if total <= _BUDGET - 4096:
            break
    names = ", ".join(f"{mime.decode()} ({len(data):,} bytes)" for mime, data in left_out[:8])
    limit = f"a display holds {_BUDGET:,} bytes: write larger results to a file"
    note = f"[left out: {names}; {limit}]".encode()
    for index, (mime, data) in enumerate(parts):
        if mime == b"text/plain":
            parts[index] = (mime, data + b"\n" + note)
            return parts
    return [(b"text/plain", note), *parts]

"""MIME bundles as IPython gives them -> the parts of a WorkerDisplay."""

import builtins
import re
from base64 import b64decode
from json import dumps

from . import wire

__builtins__ = dict(vars(builtins))  # See wire.py.

# IPython gives the data of these as bytes or as base64 text, by who made them.
_BINARY = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"))

# Room for the event's id, field keys and lengths around the parts of a full bundle, its metadata
# and its display_id.
_OVERHEAD = 128
_PART_OVERHEAD = 16
_BUDGET = wire.MAX_FRAME - _OVERHEAD

_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def encode_bundle(bundle, is_result, metadata=None, display_id=None, update=False):
    """dict of MIME type -> str, bytes or JSON value: the encoded WorkerDisplay, or None where
    nothing can be shown. metadata: dict or None; display_id: str or None."""
    parts = _encode_parts(bundle)
    if not parts:
        return None
    budget, meta, identity = _BUDGET, b"", b""
    if metadata:
        meta = encode_metadata(metadata)
        if meta is None:
            meta = b""
            _add_note(parts, "metadata that is no JSON object of at most 64 KiB")
        budget -= len(meta)
    if display_id:
        identity = _encode_id(display_id)
        budget -= len(identity)
    return wire.display_body(_fit(parts, budget), is_result, meta, identity, update)


def encode_metadata(metadata):
    """Jupyter's metadata as the wire wants it, or None where it is too large, nested too deep or no
    JSON object at all."""
    try:
        data = dumps(
            metadata, ensure_ascii=False, allow_nan=False, skipkeys=True, default=repr
        ).encode("utf-8", "replace")
    except (ValueError, TypeError, RecursionError):
        return None
    good = len(data) <= wire.MAX_METADATA and data[:1] == b"{" and not _is_deep(data)
    return data if good else None


def _is_deep(json):
    if json.count(b"{") + json.count(b"[") <= wire.MAX_JSON_DEPTH:
        return False
    depth = 0
    for byte in _JSON_STRING.sub(b"", json):
        if byte in b"{[":
            depth += 1
            if depth > wire.MAX_JSON_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _encode_id(display_id):
    """Two that differ beyond what fits are one."""
    data = str(display_id).encode("utf-8", "backslashreplace")
    return data[: wire.MAX_DISPLAY_ID].decode("utf-8", "ignore").encode()


def _encode_parts(bundle):
    parts = []
    for mime_type, value in list(bundle.items())[: wire.MAX_PARTS]:
        mime = str(mime_type).encode("utf-8", "backslashreplace")
        data = _encode_value(mime_type, value)
        if data is not None and 0 < len(mime) <= wire.MAX_MIME_TYPE:
            parts.append((mime, data))
    return parts


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


def _fit(parts, budget):
    """Leaves the biggest parts out until the rest fits a frame, and says so in the text."""
    total = sum(len(mime) + len(data) + _PART_OVERHEAD for mime, data in parts)
    if total <= budget:
        return parts
    left_out = []
    for part in sorted(parts, key=lambda part: len(part[1]), reverse=True):
        parts.remove(part)
        left_out.append(part)
        total -= len(part[0]) + len(part[1]) + _PART_OVERHEAD
        if total <= budget - 4096:
            break
    names = ", ".join(f"{mime.decode()} ({len(data):,} bytes)" for mime, data in left_out[:8])
    limit = f"a display holds {_BUDGET:,} bytes: write larger results to a file"
    _add_note(parts, f"{names}; {limit}")
    return parts


def _add_note(parts, left_out):
    note = f"[left out: {left_out}]".encode()
    for index, (mime, data) in enumerate(parts):
        if mime == b"text/plain":
            parts[index] = (mime, data + b"\n" + note)
            return
    # In the place of one where there are as many as there may be.
    parts[:] = [(b"text/plain", note), *parts[: wire.MAX_PARTS - 1]]

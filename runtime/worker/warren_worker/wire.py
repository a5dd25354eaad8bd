"""The messages of proto/warren/internal/worker.proto in protobuf's wire format, and their framing.

Only what the worker needs: it decodes WorkerRequest and encodes WorkerEvent. A generated module
would pull the protobuf runtime into every template, and costs more time for a line of output than
the line itself.

Frame: 4 bytes of length, little endian, then that many bytes of message, at most MAX_FRAME.
"""

import builtins
from struct import Struct

# A private copy: user code may patch or delete builtins without hurting the protocol. Functions
# defined below this line look their builtins up here.
__builtins__ = dict(vars(builtins))

MAX_FRAME = 4 * 1024 * 1024 - 64 * 1024
MAX_CHUNK = 64 * 1024
MAX_PARTS = 64
MAX_MIME_TYPE = 128

# WorkerDone.Outcome
OK = 1
EXCEPTION = 2
INTERRUPTED = 3

LENGTH = Struct("<I")

# Keys of WorkerEvent's fields: field number << 3 | wire type (0 varint, 2 length-delimited).
_EXECUTION_ID = b"\x08"
_READY = b"\x12"
_SETUP_FAILED = b"\x1a"
STDOUT_DATA = b"\x22"
STDERR_DATA = b"\x2a"
_DISPLAY = b"\x32"
_ERROR = b"\x3a"
_DONE = b"\x42"
_INTERRUPT_MISSED = b"\x4a"

_ONE_BYTE = tuple(bytes((n,)) for n in range(128))


class WireError(ValueError):
    """Bytes that are not the message they should be."""


def varint(number):
    """Encodes an int in 0 .. 2**64-1."""
    if number < 128:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(key, data):
    return b"".join((key, varint(len(data)), data))


def event_prefix(execution_id):
    """The part of an event that is the same for all events of a cell. 0 is the default value,
    and so left out."""
    return _EXECUTION_ID + varint(execution_id) if execution_id else b""


def frame(prefix, body):
    """A whole frame: length, event_prefix(), the encoded field."""
    return b"".join((LENGTH.pack(len(prefix) + len(body)), prefix, body))


def chunk_frame(prefix, key, data):
    """A whole frame with output. key: STDOUT_DATA or STDERR_DATA; data: bytes-like, at most
    MAX_CHUNK."""
    size = varint(len(data))
    length = LENGTH.pack(len(prefix) + 1 + len(size) + len(data))
    return b"".join((length, prefix, key, size, data))


def ready(pid, join_ns, reseed_ns):
    body = b"\x08" + varint(pid) + b"\x10" + varint(join_ns) + b"\x18" + varint(reseed_ns)
    return _field(_READY, body)


def setup_failed(stage, error_number):
    body = (
        _field(b"\x0a", stage.encode("utf-8", "backslashreplace")) + b"\x10" + varint(error_number)
    )
    return _field(_SETUP_FAILED, body)


def display(parts, is_result):
    """parts: list of (MIME type, data), both bytes."""
    body = [_field(b"\x0a", _field(b"\x0a", mime) + _field(b"\x12", data)) for mime, data in parts]
    if is_result:
        body.append(b"\x10\x01")
    return _field(_DISPLAY, b"".join(body))


def error(name, value, traceback):
    """All three bytes, already cut to size."""
    return _field(
        _ERROR, _field(b"\x0a", name) + _field(b"\x12", value) + _field(b"\x1a", traceback)
    )


def done(outcome, execution_count):
    return _field(_DONE, b"\x08" + varint(outcome) + b"\x10" + varint(execution_count))


def interrupt_missed():
    return _field(_INTERRUPT_MISSED, b"")


def decode_request(data):
    """WorkerRequest -> (execution_id, code as bytes). Unknown fields are skipped. Raises
    WireError."""
    execution_id, code, position, size = 0, b"", 0, len(data)
    while position < size:
        key, position = _read_varint(data, position)
        wire_type = key & 7
        if wire_type == 0:
            number, position = _read_varint(data, position)
            if key == 0x08:
                execution_id = number
            continue
        if wire_type == 2:
            length, position = _read_varint(data, position)
        elif wire_type == 1:
            length = 8
        elif wire_type == 5:
            length = 4
        else:
            raise WireError(f"unknown wire type {wire_type} at byte {position}")
        end = position + length
        if end > size:
            raise WireError(f"field of {length} bytes at byte {position} of a message of {size}")
        if key == 0x12:
            code = bytes(data[position:end])
        position = end
    return execution_id, code


def _read_varint(data, position):
    number = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise WireError(f"varint cut short or too long at byte {position}")
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7

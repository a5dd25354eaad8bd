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

# Nesting of what is JSON in a message: what parses it elsewhere may count on it.
MAX_JSON_DEPTH = 64
MAX_METADATA = 64 * 1024
MAX_DISPLAY_ID = 256
# Of WorkerDone.
MAX_EXPRESSIONS = 64
MAX_EXPRESSION_NAME = 128
MAX_EXPRESSION_VALUES = 1024 * 1024
MAX_UNIMPLEMENTED = 128
# Of output files.
MAX_OUTPUT_FILES = 1000
MAX_PATH = 4095
MAX_OUTPUT_FILE_ERROR = 256
MAX_INCOMPLETE = 1024

# WorkerRequest.request: field numbers.
EXECUTE = 2
REQUEST_NAMES = {
    2: "execute",
    3: "complete",
    4: "inspect",
    5: "is_complete",
    6: "history",
    7: "input_reply",
    8: "comm",
    9: "configure",
}
CONFIGURE = 9
_EXECUTE = EXECUTE << 3 | 2

# WorkerExecute.DisplayStyle
JUPYTER = 0
CODE_INTERPRETER = 1

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
_CLEAR_OUTPUT = b"\x52"
_UNIMPLEMENTED = b"\x8a\x01"
_CONFIGURED = b"\x92\x01"
_OUTPUT_FILE = b"\x9a\x01"

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


def display(body):
    """An event. body: display_body()."""
    return _field(_DISPLAY, body)


def display_body(parts, is_result, metadata=b"", display_id=b"", update=False):
    """A WorkerDisplay. parts: list of (MIME type, data), both bytes; metadata: JSON, UTF-8."""
    body = [_field(b"\x0a", _field(b"\x0a", mime) + _field(b"\x12", data)) for mime, data in parts]
    if is_result:
        body.append(b"\x10\x01")
    if metadata:
        body.append(_field(b"\x1a", metadata))
    if display_id:
        body.append(_field(b"\x22", display_id))
    if update:
        body.append(b"\x28\x01")
    return b"".join(body)


def clear_output(wait):
    return _field(_CLEAR_OUTPUT, b"\x08\x01" if wait else b"")


def error(name, value, traceback):
    """An event. All three bytes, already cut to size."""
    return _field(_ERROR, error_body(name, value, traceback))


def error_body(name, value, traceback):
    """A WorkerError."""
    return _field(b"\x0a", name) + _field(b"\x12", value) + _field(b"\x1a", traceback)


def done(outcome, execution_count, values=b""):
    """values: joined expression_value()s, and what else is to be in it: output_files_incomplete(),
    NOT_RUN."""
    body = b"\x08" + varint(outcome) + b"\x10" + varint(execution_count) + values
    return _field(_DONE, body)


def expression_value(name, display_body=None, error_body=None):
    """A field of WorkerDone, with one of the two."""
    if display_body is not None:
        value = _field(b"\x12", display_body)
    else:
        value = _field(b"\x1a", error_body)
    return _field(b"\x1a", _field(b"\x0a", name) + value)


# A field of WorkerDone: the code did not run.
NOT_RUN = b"\x28\x01"


def output_files_incomplete(why):
    """A field of WorkerDone. why: text."""
    return _field(b"\x22", why.encode("utf-8", "backslashreplace")[:MAX_INCOMPLETE])


def output_file(path, size, digest, error):
    """An event. All bytes but the size; one of digest and error is empty."""
    body = _field(b"\x0a", path) + b"\x10" + varint(size)
    body += _field(b"\x22", error) if error else _field(b"\x1a", digest)
    return _field(_OUTPUT_FILE, body)


def unimplemented(what, by_language=False):
    """what: text; see the message."""
    data = what.encode("utf-8", "backslashreplace")[:MAX_UNIMPLEMENTED]
    language = b"\x10\x01" if by_language else b""
    return _field(_UNIMPLEMENTED, _field(b"\x0a", data) + language)


def configured(failed_step="", error_number=0):
    body = b""
    if failed_step:
        body = _field(b"\x0a", failed_step.encode()) + b"\x10" + varint(error_number)
    return _field(_CONFIGURED, body)


def interrupt_missed():
    return _field(_INTERRUPT_MISSED, b"")


class CellOptions:
    """What a WorkerExecute asks for beside its code."""

    __slots__ = (
        "silent",
        "store_history",
        "expressions",
        "allow_stdin",
        "colors",
        "env",
        "input_files",
        "output_files",
        "display_style",
    )

    def __init__(self):
        self.silent = False
        # None: unless silent.
        self.store_history = None
        # Lists of (name, text), both bytes.
        self.expressions = []
        self.allow_stdin = False
        self.colors = False
        self.env = []
        # A list of (path, data), and one of patterns; all bytes.
        self.input_files = []
        self.output_files = []
        self.display_style = JUPYTER

    @property
    def counts(self):
        """Whether the cell has a number and enters the history."""
        return not self.silent and self.store_history is not False

    @property
    def not_built(self):
        """The name of what it asks for that this worker has not, or None."""
        return "execute.allow_stdin" if self.allow_stdin else None


def decode_request(data):
    """WorkerRequest -> (execution_id, kind, body). kind: the field number of the last oneof field,
    0 where there is none. body: of EXECUTE, (code as bytes, CellOptions or None for a plain cell);
    of any other, the message's bytes. Unknown fields are skipped, but one that may be a kind of
    request, a message above EXECUTE, is returned like any other. Raises WireError."""
    plain = _decode_plain(data)
    if plain is not None:
        return plain
    execution_id, kind, body = 0, 0, b""
    for key, value in _fields(data, 0, len(data)):
        if key == 0x08:
            execution_id = value
        elif key & 7 == 2 and key >= _EXECUTE:
            kind = key >> 3
            body = value
    if kind == EXECUTE:
        return execution_id, kind, _decode_execute(data, *body)
    return execution_id, kind, bytes(data[slice(*body)]) if kind else b""


def _decode_plain(data):
    """decode_request() of what a plain cell looks like, execution_id and code and nothing else, or
    None: every cell comes through here, and most are that."""
    size = len(data)
    if size < 7 or data[0] != 0x08:
        return None
    execution_id, position = data[1], 2
    if execution_id > 127:
        execution_id, position = _read_varint(data, 1, size)
    for key in (_EXECUTE, 0x0A):
        if position + 1 >= size or data[position] != key:
            return None
        length, position = data[position + 1], position + 2
        if length > 127:
            length, position = _read_varint(data, position - 1, size)
        if position + length != size:
            return None
    return execution_id, EXECUTE, (bytes(data[position:]), None)


def _decode_execute(data, position, end):
    code, options = b"", None
    for key, value in _fields(data, position, end):
        if key == 0x0A:
            code = bytes(data[slice(*value)])
            continue
        if options is None:
            options = CellOptions()
        if key == 0x10:
            options.silent = bool(value)
        elif key == 0x18:
            options.store_history = bool(value)
        elif key == 0x22:
            options.expressions.append(_decode_named_text(data, *value))
        elif key == 0x28:
            options.allow_stdin = bool(value)
        elif key == 0x30:
            options.colors = bool(value)
        elif key == 0x3A:
            options.env.append(_decode_named_text(data, *value))
        elif key == 0x42:
            options.input_files.append(_decode_named_text(data, *value))
        elif key == 0x4A:
            options.output_files.append(bytes(data[slice(*value)]))
        elif key == 0x50:
            options.display_style = value
    return code, options


def decode_configure(data):
    """WorkerConfigure -> (language, working directory, [(name, value)]), all bytes. Raises
    WireError."""
    language = directory = b""
    environment = []
    for key, value in _fields(data, 0, len(data)):
        if key == 0x0A:
            language = data[slice(*value)]
        elif key == 0x12:
            directory = data[slice(*value)]
        elif key == 0x1A:
            environment.append(_decode_named_text(data, *value))
    return language, directory, environment


def _decode_named_text(data, position, end):
    """A WorkerNamedText, or a WorkerInputFile, which has the same fields."""
    name = text = b""
    for key, value in _fields(data, position, end):
        if key == 0x0A:
            name = bytes(data[slice(*value)])
        elif key == 0x12:
            text = bytes(data[slice(*value)])
    return name, text


def _fields(data, position, end):
    """The fields of a message in data[position:end]: (key, value) with the number of a varint, the
    (start, end) of what is length-delimited, and of anything else None. Raises WireError."""
    while position < end:
        key, position = _read_varint(data, position, end)
        wire_type = key & 7
        if wire_type == 0:
            value, position = _read_varint(data, position, end)
            yield key, value
            continue
        if wire_type == 2:
            length, position = _read_varint(data, position, end)
        elif wire_type == 1:
            length = 8
        elif wire_type == 5:
            length = 4
        else:
            raise WireError(f"unknown wire type {wire_type} at byte {position}")
        start, position = position, position + length
        if position > end:
            raise WireError(f"field of {length} bytes at byte {start} of a message of {end}")
        yield key, (start, position) if wire_type == 2 else None


def _read_varint(data, position, end):
    number = shift = 0
    while True:
        if position >= end or shift > 63:
            raise WireError(f"varint cut short or too long at byte {position}")
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7

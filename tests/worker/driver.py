"""Talks to a context worker as the supervisor does. Used by the tests and by latency.py."""

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field

_HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.abspath(os.path.join(_HERE, "../.."))
sys.path.insert(0, os.path.join(REPOSITORY, "runtime/worker"))
sys.path.insert(0, os.path.join(REPOSITORY, "tests/support"))

from pace import eventually, patience  # noqa: E402
from warren_worker import wire  # noqa: E402

_FIELDS = {
    2: "ready",
    3: "setup_failed",
    4: "stdout",
    5: "stderr",
    6: "display",
    7: "error",
    8: "done",
    9: "interrupt_missed",
    10: "clear_output",
    17: "unimplemented",
    18: "configured",
    19: "output_file",
}
OK, EXCEPTION, INTERRUPTED = wire.OK, wire.EXCEPTION, wire.INTERRUPTED


def state_of(pid):
    """Of a process, as /proc tells it: "S" asleep, "T" stopped, "Z" dead and not waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]


def fields(data):
    """The fields of a protobuf message, in order: (number, int or bytes)."""
    position = 0
    while position < len(data):
        key, position = wire._read_varint(data, position, len(data))
        number, position = wire._read_varint(data, position, len(data))
        if key & 7 == 2:
            number, position = bytes(data[position : position + number]), position + number
        yield key >> 3, number


def encode_field(number, value):
    """value: bool, int, str or bytes; a dict is a repeated WorkerNamedText or WorkerInputFile, a list a repeated field."""
    if isinstance(value, list):
        return b"".join(encode_field(number, item) for item in value)
    if isinstance(value, int):
        return wire.varint(number << 3) + wire.varint(int(value))
    if isinstance(value, dict):
        pairs = (encode_field(1, name) + encode_field(2, text) for name, text in value.items())
        return b"".join(encode_field(number, pair) for pair in pairs)
    data = value if isinstance(value, bytes) else value.encode()
    return wire.varint(number << 3 | 2) + wire.varint(len(data)) + data


_EXECUTE_FIELDS = {
    "silent": 2,
    "store_history": 3,
    "user_expressions": 4,
    "allow_stdin": 5,
    "colors": 6,
    "env": 7,
    "input_files": 8,
    "output_files": 9,
    "display_style": 10,
}


def encode_execute(code, **options):
    """A WorkerExecute."""
    fields = (encode_field(_EXECUTE_FIELDS[name], value) for name, value in options.items())
    return encode_field(1, code) + b"".join(fields)


def encode_request(execution_id, body, kind=wire.EXECUTE):
    """A frame. body: the message of the request's kind."""
    body = encode_field(1, execution_id) + encode_field(kind, body)
    return struct.pack("<I", len(body)) + body


@dataclass
class Event:
    execution_id: int
    kind: str
    value: object


@dataclass
class Display:
    parts: dict
    is_result: bool
    # Parsed.
    metadata: dict
    display_id: str
    update: bool


@dataclass
class Cell:
    """What a cell sent, in order."""

    events: list = field(default_factory=list)

    def of(self, kind):
        return [event.value for event in self.events if event.kind == kind]

    @property
    def stdout(self):
        return b"".join(self.of("stdout")).decode()

    @property
    def stderr(self):
        return b"".join(self.of("stderr")).decode()

    @property
    def displays(self):
        return self.of("display")

    @property
    def result(self):
        results = [display for display in self.displays if display.is_result]
        return results[-1].parts["text/plain"].decode() if results else None

    @property
    def error(self):
        """(name, value, traceback) as text, or None."""
        errors = self.of("error")
        return tuple(part.decode() for part in errors[0]) if errors else None

    @property
    def outcome(self):
        return self.of("done")[0][0]

    @property
    def count(self):
        return self.of("done")[0][1]

    @property
    def not_run(self):
        return self.of("done")[0][4]

    @property
    def files(self):
        """The output files: path -> (size, digest, error), in order."""
        return {path: rest for path, *rest in self.of("output_file")}

    @property
    def incomplete(self):
        return self.of("done")[0][3]

    @property
    def values(self):
        """The user_expressions: name to Display or to (name, value, traceback) as text."""
        return self.of("done")[0][2]


def decode_event(data):
    parsed = dict(fields(data))
    execution_id = parsed.pop(1, 0)
    ((number, value),) = parsed.items()
    kind = _FIELDS[number]
    if kind == "display":
        value = decode_display(value)
    elif kind == "error":
        inner = dict(fields(value))
        value = tuple(inner.get(key, b"") for key in (1, 2, 3))
    elif kind == "done":
        inner = dict(fields(value))
        values = dict(map(decode_value, (body for key, body in fields(value) if key == 3)))
        value = (inner.get(1, 0), inner.get(2, 0), values, inner.get(4, b"").decode(), bool(inner.get(5)))
    elif kind in ("ready", "setup_failed"):
        inner = dict(fields(value))
        value = tuple(inner.get(key, 0) for key in range(1, 4))
    elif kind == "clear_output":
        value = bool(dict(fields(value)).get(1))
    elif kind == "unimplemented":
        inner = dict(fields(value))
        value = (inner[1].decode(), bool(inner.get(2)))
    elif kind == "output_file":
        inner = dict(fields(value))
        value = (inner[1], inner.get(2, 0), inner.get(3, b""), inner.get(4, b"").decode())
    elif kind == "configured":
        inner = dict(fields(value))
        value = (inner.get(1, b"").decode(), inner.get(2, 0))
    return Event(execution_id, kind, value)


def decode_display(data):
    inner = list(fields(data))
    parts = [dict(fields(part)) for key, part in inner if key == 1]
    rest = dict(inner)
    return Display(
        {part[1].decode(): part.get(2, b"") for part in parts},
        bool(rest.get(2)),
        json.loads(rest.get(3, b"{}")),
        rest.get(4, b"").decode(),
        bool(rest.get(5)),
    )


def decode_value(data):
    inner = dict(fields(data))
    name = inner[1].decode()
    if 2 in inner:
        return name, decode_display(inner[2])
    error = dict(fields(inner[3]))
    return name, tuple(error.get(key, b"").decode() for key in (1, 2, 3))


class Connection:
    """The supervisor's ends of the pipes of one context."""

    def __init__(self):
        request_read, self.requests = os.pipe()
        self.events, event_write = os.pipe()
        self.far_ends = (request_read, event_write)
        self._next_id = 1
        # Events that say so; they are not among the others.
        self.interrupts_missed = 0
        self._buffer = bytearray()

    def close(self):
        os.close(self.requests)
        os.close(self.events)

    def wait_ready(self):
        self.ready = self.event()
        assert self.ready.kind == "ready", self.ready

    def send(self, code, **options):
        """Starts a cell; returns its id."""
        return self.send_request(encode_execute(code, **options))

    def send_request(self, body, kind=wire.EXECUTE):
        """Sends the message of any kind of request; returns its id."""
        execution_id = self._next_id
        self._next_id += 1
        request = memoryview(encode_request(execution_id, body, kind))
        while request:
            request = request[os.write(self.requests, request) :]
        return execution_id

    def configure(self, language="", working_directory="", environment=None):
        """What was answered: (failed step, errno)."""
        body = encode_field(1, language) + encode_field(2, working_directory)
        execution_id = self.send_request(body + encode_field(3, environment or {}), wire.CONFIGURE)
        event = self.event()
        assert (event.execution_id, event.kind) == (execution_id, "configured"), event
        return event.value

    def event(self, nudge=None):
        """The next event; raises EOFError when the worker is gone. nudge: called every moment that none comes."""
        deadline = time.monotonic() + patience()
        while True:
            if len(self._buffer) >= 4:
                size = struct.unpack_from("<I", self._buffer)[0]
                assert size <= wire.MAX_FRAME, size
                if len(self._buffer) >= 4 + size:
                    event = decode_event(bytes(self._buffer[4 : 4 + size]))
                    del self._buffer[: 4 + size]
                    if event.kind == "interrupt_missed":
                        self.interrupts_missed += 1
                        continue
                    return event
            left = max(0, deadline - time.monotonic())
            if not select.select([self.events], [], [], min(left, 0.05) if nudge else left)[0]:
                if left == 0:
                    raise TimeoutError(f"no event of the worker within {patience():.0f} s")
                if nudge:
                    nudge()
                continue
            data = os.read(self.events, 1 << 20)
            if not data:
                raise EOFError("the event pipe ended")
            self._buffer += data

    def until_done(self, execution_id, nudge=None):
        cell = Cell()
        while True:
            event = self.event(nudge)
            assert event.execution_id in (0, execution_id), event
            cell.events.append(event)
            if event.kind == "done":
                return cell

    def run(self, code, **options):
        return self.until_done(self.send(code, **options))


class Host:
    """The process that holds the contexts, and the raw output pipes that they share. Use as a
    context manager."""

    def __init__(self, contexts=1, warmup="", preload=(), python="/usr/bin/python3"):
        self.contexts = [Connection() for _ in range(contexts)]
        self._home = tempfile.TemporaryDirectory()
        stdout, stdout_write = os.pipe()
        stderr, stderr_write = os.pipe()
        self._raw = {"stdout": stdout, "stderr": stderr}
        for fd in self._raw.values():
            os.set_blocking(fd, False)
        pipes = [context.far_ends for context in self.contexts]
        far_ends = [fd for pair in pipes for fd in pair]
        config = {"preload": list(preload), "warmup": warmup, "pipes": pipes}
        self.process = subprocess.Popen(
            [python, "-I", os.path.join(_HERE, "unconfined_context.py"), json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=stdout_write,
            stderr=stderr_write,
            pass_fds=far_ends,
            cwd=self._home.name,
            env={
                "HOME": self._home.name,
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        for fd in (*far_ends, stdout_write, stderr_write):
            os.close(fd)
        try:
            for context in self.contexts:
                context.wait_ready()
        except BaseException:
            print(self.raw_output("stderr"), file=sys.stderr)
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for context in self.contexts:
            context.close()
        try:
            self.process.wait(patience())
        finally:
            self.process.kill()
            self.process.wait()
            for fd in self._raw.values():
                os.close(fd)
            self._home.cleanup()

    def raw_output(self, name):
        """What plain processes wrote to fd 1 or 2 so far."""
        try:
            return os.read(self._raw[name], 1 << 20).decode()
        except BlockingIOError:
            return ""


class Worker(Host):
    """A host of one context."""

    def __init__(self, **options):
        super().__init__(contexts=1, **options)
        context = self.contexts[0]
        self.ready, self.send, self.event = context.ready, context.send, context.event
        self.until_done, self.run = context.until_done, context.run
        self.send_request, self.configure = context.send_request, context.configure
        self._events = context.events

    @property
    def home(self):
        return self._home.name

    def interrupt(self):
        os.kill(self.process.pid, signal.SIGINT)

    def interrupt_until_done(self, execution_id):
        """As the launcher does: an interrupt, and then what ends a blocking call that it came just before."""
        self.interrupt()
        return self.until_done(execution_id, nudge=lambda: os.kill(self.process.pid, signal.SIGURG))

    def until_asleep(self):
        """Waits until the main thread sleeps in a system call: what it did before is over."""
        assert eventually(self._asleep), f"the worker does not come to rest within {patience():.0f} s"

    def until_output_waits(self):
        """Waits until the worker sleeps in the middle of its output, for the pipe is full."""
        full = eventually(lambda: self._unread() > 0 and self._asleep())
        assert full, f"the worker's output does not fill the pipe within {patience():.0f} s"

    def _asleep(self):
        return state_of(self.process.pid) == "S"

    def _unread(self):
        """Bytes in the event pipe."""
        return struct.unpack("i", fcntl.ioctl(self._events, termios.FIONREAD, b"\0" * 4))[0]

"""sys.stdout and sys.stderr of a context: text that leaves as frames, a line at a time."""

import builtins
from io import BufferedWriter, RawIOBase, TextIOWrapper
from os import write

from . import wire

__builtins__ = dict(vars(builtins))  # See wire.py.


def _discard(data):
    return len(data)


class _FrameWriter(RawIOBase):
    """The bottom of a stream. Where its bytes go changes once or twice in its life:

    nowhere (in the zygote) -> frames (in the context) -> the plain fd (in a child that user code
    forks).
    """

    def __init__(self, fd, key, name):
        self._fd = fd
        self._key = key
        self.name = name
        self._sink = _discard
        # Bytes that are said although the call that said them raised.
        self._said = 0

    def connect(self, channel):
        key = self._key
        send_chunk = channel.send_chunk
        self._sink = lambda data: send_chunk(key, data, self._raised)

    def disconnect(self):
        fd = self._fd
        self._sink = lambda data: write(fd, data)

    def write(self, data):
        data = memoryview(data).cast("B")
        if self._said:
            # The buffer above saw the exception and tries the same bytes again. Who writes past it may bring fewer.
            said, self._said = min(self._said, len(data)), 0
            return said
        return self._sink(data)

    def _raised(self, size, whole):
        # What is larger than the buffer goes past it, and is not tried again.
        if whole <= wire.MAX_CHUNK:
            self._said = size

    def writable(self):
        return True

    def fileno(self):
        # What a subprocess inherits: the raw pipe beside the frames.
        return self._fd


class _Buffer(BufferedWriter):
    def close(self):
        self.flush()


class _Text(TextIOWrapper):
    mode = "w"

    def close(self):
        # User code that closes sys.stdout must not silence the cells after it.
        self.flush()


class OutputStreams:
    """Both streams. Lifecycle: made in the zygote -> connect(channel) in the context -> flush()
    at the end of a cell."""

    def __init__(self):
        self._raw = (
            _FrameWriter(1, wire.STDOUT_DATA, "<stdout>"),
            _FrameWriter(2, wire.STDERR_DATA, "<stderr>"),
        )
        self.stdout, self.stderr = (
            _Text(
                _Buffer(raw, wire.MAX_CHUNK),
                encoding="utf-8",
                # A lone surrogate in a printed text is shown, not an exception.
                errors="backslashreplace",
                newline="\n",
                line_buffering=True,
            )
            for raw in self._raw
        )

    def connect(self, channel):
        for raw in self._raw:
            raw.connect(channel)

    def disconnect(self):
        """In a child that user code forked: its output joins that of subprocesses."""
        for raw in self._raw:
            raw.disconnect()

    def flush(self):
        self.stdout.flush()
        self.stderr.flush()

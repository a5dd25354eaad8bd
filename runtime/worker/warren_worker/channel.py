"""The two pipes between a context worker and the supervisor: requests in, events out."""

import builtins
from errno import EAGAIN, EBADF, EINVAL, EIO, EISDIR, EPIPE
from io import BufferedWriter, FileIO
from os import _exit, fstat, read
from select import POLLIN, poll, select

from . import wire

__builtins__ = dict(vars(builtins))  # See wire.py.

# The supervisor has closed its end, for the sandbox is being taken down; or user code has closed
# the worker's, or made it non-blocking. Nothing more can be said to anybody. Other OSErrors come
# out of signal handlers: TimeoutError is one.
_CHANNEL_LOST = (EPIPE, EBADF, EAGAIN)
# The same of the request pipe, or what user code has put in its place.
_REQUESTS_LOST = (EBADF, EINVAL, EIO, EISDIR)

# Exit statuses: see worker.proto.
EXIT_CHANNEL_LOST = 72


class EventChannel:
    """Sends events. Any thread may send; a frame never gets torn, not even by an exception out of a
    signal handler.

    The frame goes into a buffer that is larger than any frame, then the buffer is flushed. Both
    steps are single C calls of io.BufferedWriter, which keeps count of what is written when a
    signal handler raises in the middle of them; what is left goes out ahead of the next frame. The
    buffer's pages cost nothing until a frame uses them.
    """

    def __init__(self, fd):
        self._out = BufferedWriter(FileIO(fd, "wb", closefd=False), 4 * 1024 * 1024)
        self._write = self._out.write
        self._flush = self._out.flush
        self.prefix = b""

    def begin(self, execution_id):
        """Events sent from here on belong to this cell; 0: to none."""
        self.prefix = wire.event_prefix(execution_id)

    def send(self, body):
        """body: an encoded field of WorkerEvent."""
        self._put(wire.frame(self.prefix, body))

    def send_chunk(self, key, data, raised=None):
        """Sends at most MAX_CHUNK bytes of output; returns how many. data: memoryview of bytes.

        raised(how many, out of how many): called ahead of an exception that comes too late to stop them."""
        whole = size = len(data)
        if size > wire.MAX_CHUNK:
            size = wire.MAX_CHUNK
            data = data[:size]
        self._put(wire.chunk_frame(self.prefix, key, data), raised, size, whole)
        return size

    def _put(self, frame, raised=None, size=0, whole=0):
        try:
            # First what an exception may have left: a buffer that is full would tear the frame.
            self._flush()
            try:
                # Python runs signal handlers where a call ends and where a function of Python's own begins: none
                # runs between that flush and this call, so whatever is raised in here finds the frame taken.
                self._write(frame)
                self._flush()
            except BaseException:
                if raised is not None:
                    raised(size, whole)
                raise
        except OSError as error:
            if error.errno in _CHANNEL_LOST:
                _exit(EXIT_CHANNEL_LOST)
            raise


def report_setup_failure(event_fd, stage, error_number):
    """For a context whose confinement failed: tells the supervisor."""
    EventChannel(event_fd).send(wire.setup_failed(stage, error_number))


class RequestReader:
    """Reads requests: blocking, one at a time. Main thread only."""

    def __init__(self, fd):
        self._fd = fd
        self._identity = _identity(fd)
        self._data = bytearray()
        poller = poll()
        poller.register(fd, POLLIN)
        self._poll = poller.poll

    def waiting(self):
        """Whether next() would return at once."""
        return bool(self._data or self._poll(0))

    def next(self):
        """The next request, as wire.decode_request() gives it, or None at the end of the pipe.
        Raises WireError. Ends the process when user code has taken the pipe away."""
        data = self._data
        while True:
            if len(data) >= 4:
                size = wire.LENGTH.unpack_from(data)[0]
                if size > wire.MAX_FRAME:
                    raise wire.WireError(f"request frame of {size} bytes: at most {wire.MAX_FRAME}")
                if len(data) >= 4 + size:
                    request = wire.decode_request(data[4 : 4 + size])
                    del data[: 4 + size]
                    return request
            try:
                # Waits outside of read: an exception out of a user's signal handler finds nothing
                # half done here, and the caller just calls again.
                self._poll()
                more = read(self._fd, 65536)
            except OSError as error:
                self._recover(error)
                continue
            if not more:
                if _identity(self._fd) != self._identity:
                    _exit(EXIT_CHANNEL_LOST)
                return None
            data += more

    def _recover(self, error):
        if error.errno == EINVAL and self._poll != self._select:
            # poll(2) wants a limit of descriptors above the number that it looks at, of which user
            # code may have left itself none. select(2) does not ask.
            self._poll = self._select
        elif error.errno in _REQUESTS_LOST:
            _exit(EXIT_CHANNEL_LOST)
        elif error.errno != EAGAIN:
            raise error

    def _select(self, timeout=None):
        return select((self._fd,), (), (), timeout)[0]


def _identity(fd):
    """What tells a pipe from another, and from what is put in its place."""
    status = fstat(fd)
    return status.st_dev, status.st_ino

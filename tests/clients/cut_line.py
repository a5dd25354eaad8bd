"""A socket that passes everything on to another one, and can be cut."""

import contextlib
import os
import socket
import tempfile
import threading


class Line:
    """Lifecycle: with Line(path of a listening Unix socket) as line: connect to line.address, line.cut() at any time."""

    def __init__(self, target):
        self._target = target
        self._lock = threading.Lock()
        self._sockets = set()
        self._connects = threading.Event()
        self._connects.set()
        # With True, the line is cut in place of passing on what the server says next about a call: what it has done is done, and
        # nobody has heard of it.
        self.cut_at_next_answer = False

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        path = os.path.join(self._folder.name, "socket")
        self.address = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._folder.cleanup()

    def cut(self):
        """Ends all connections; new ones are made as before."""
        with self._lock:
            ends = tuple(self._sockets)
            self._sockets.clear()
        for end in ends:
            shut(end)

    @contextlib.contextmanager
    def down(self):
        """Ends all connections; new ones are made at the end of this."""
        self._connects.clear()
        self.cut()
        try:
            yield
        finally:
            self._connects.set()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # Closed.
            self._connects.wait()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            with self._lock:
                self._sockets |= {client, server}
            threading.Thread(target=self._pass_on_both_ways, args=(client, server), daemon=True).start()

    def _pass_on_both_ways(self, client, server):
        with client, server:
            back = threading.Thread(target=self._pass_on, args=(server, client, self._swallows), daemon=True)
            back.start()
            self._pass_on(client, server, lambda data: False)
            back.join()

    def _pass_on(self, source, target, swallows):
        try:
            while (data := source.recv(1 << 16)) and not swallows(data):
                target.sendall(data)
        except OSError:
            pass  # Cut.
        with self._lock:
            self._sockets -= {source, target}
        shut(source)
        shut(target)

    def _swallows(self, data):
        if not self.cut_at_next_answer or not has_answer(data):
            return False
        self.cut_at_next_answer = False
        return True


def shut(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # It is.


def has_answer(data):
    """Whether there is a DATA or HEADERS frame of HTTP/2 in it, as opposed to settings and pings."""
    while len(data) >= 9:
        if data[3] in (0, 1):
            return True
        data = data[9 + int.from_bytes(data[:3], "big") :]
    return False

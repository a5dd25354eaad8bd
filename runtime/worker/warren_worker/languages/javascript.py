"""JavaScript: one node of the template's for the life of the context, which is told a cell at a time.

What runs in it are the files beside this one: javascript_start.js takes the others in, javascript_driver.js, on node's own
thread, runs the cells, and javascript_control.js, on another, speaks with this process over a socket: a line of JSON each way.
Code of the cells can write to that socket too, and then says what it likes of its own cell. So a line is bounded, what is no
answer to the running cell is nothing, and of what is one each part is looked at.

An interrupt terminates what runs, and gives up what the cell awaits: when that comes all the same, the rest of the cell runs
then, as timers do that a cell has left. A program that node waits for (execSync) is ended as foreground.py does.
"""

import builtins
import json
import os
import shutil
import socket
import subprocess
from select import POLLIN, poll

from .. import foreground
from .language import InterruptPipe, Language, end_as

__builtins__ = dict(vars(builtins))  # See wire.py.


def _read_beside(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
        return file.read()


# Read before the fork: a sandbox has none of these files.
_START = _read_beside("javascript_start.js")
_SOURCES = {
    name: _read_beside(name)
    for name in ("javascript_driver.js", "javascript_control.js", "javascript_imports.js")
}

# Of node's: low enough for it to make it close-on-exec as it starts.
_CHANNEL_FD = 3
# Bytes of a line of the driver's: as its own limit.
_MAX_LINE = 8 * 1024 * 1024
_MAX_NAME = 256

# From an interrupt until it is looked whether the cell goes on all the same, and then again.
_AGAIN_MS = 50
# From so many on what node waits for is deaf: as long as foreground.GRACE_S.
_DEAF_AGAIN = 5


class JavaScriptLanguage(Language):
    name = "javascript"

    @staticmethod
    def available():
        return shutil.which("node") is not None

    def __init__(self):
        self._number = 0
        self._env = ()
        self._traceback = ""
        # The end of what it told; None while a line that is too long goes on.
        self._told = b""
        # Of the running cell, once it has come.
        self._answer = None
        self._again = 0
        self._interrupts = InterruptPipe()
        self._channel, far_end = socket.socketpair()
        with far_end:
            self._spawn(far_end)
        self._pidfd = os.pidfd_open(self._node.pid)
        self._poll = poll()
        for fd in (self._channel.fileno(), self._interrupts.fileno(), self._pidfd):
            self._poll.register(fd, POLLIN)
        self._wait_until_ready()

    def _spawn(self, far_end):
        # A timer of a cell's that is terminated leaves node's account of its callbacks behind: it would abort over that.
        flags = ["--no-force-async-hooks-checks"]
        # A shell puts it where it is to be: here that is another's number.
        command = f'exec "$@" {_CHANNEL_FD}<&0 0</dev/null'
        self._node = subprocess.Popen(
            ["/bin/sh", "-c", command, "sh", shutil.which("node"), *flags, "-e", _START],
            stdin=far_end,
            process_group=0,
        )

    def _wait_until_ready(self):
        self._say(_SOURCES)
        while self._answer is None:
            ready = self._poll.poll()
            self._hear(ready)
            if self._has_ended(ready):
                raise OSError("node ended as it started")
        self._answer = None

    def unsupported(self, options):
        return "user_expressions" if options.expressions else None

    def begin(self, options):
        self._env = options.env if options is not None else ()
        # What came too late for the cell before.
        self._interrupts.take()

    def end(self):
        self._env = ()

    def run(self, source, options):
        self._number += 1
        self._answer = None
        self._traceback = ""
        env = [[part.decode("utf-8", "replace") for part in variable] for variable in self._env]
        self._say({"number": self._number, "code": source, "env": env})
        self._attend()
        if self._answer.get("interrupted"):
            return KeyboardInterrupt()
        if isinstance(error := self._answer.get("error"), dict):
            return self._make_error(error)
        if isinstance(bundle := self._answer.get("bundle"), dict):
            self._show(bundle)
        return None

    def traceback(self, error):
        return self._traceback

    def open_directory(self):
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/{self._node.pid}/cwd", flags)
        except (FileNotFoundError, ProcessLookupError):
            # It ended between two cells, if not with all of its threads yet.
            end_as(self._node.wait())

    def interrupt(self):
        self._interrupts.say()

    def close(self):
        self._node.kill()

    # What a cell came to. All of it may be made up.

    def _make_error(self, error):
        self._traceback = _text(error.get("traceback"))
        name = _text(error.get("name")).encode("utf-8", "replace").decode().replace("\0", "")
        return type(name[:_MAX_NAME] or "Error", (Exception,), {})(_text(error.get("value")))

    def _show(self, bundle):
        bundle = {mime_type: data for mime_type, data in bundle.items() if isinstance(data, str)}
        if bundle:
            self.output.display(bundle, True)

    # Node.

    def _say(self, message):
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            # It ended between two cells, or a cell has taken the channel away.
            self._node.kill()
            end_as(self._node.wait())

    def _attend(self):
        """The cell to its end: to _answer."""
        interrupted = False
        while self._answer is None:
            ready = self._poll.poll(_AGAIN_MS if interrupted else None)
            if any(fd == self._interrupts.fileno() for fd, _ in ready):
                self._interrupts.take()
                interrupted = True
                self._again = 0
                self._say({"interrupt": self._number})
            elif not ready:
                self._insist()
            self._hear(ready)
            if self._answer is None and self._has_ended(ready):
                end_as(self._node.wait())

    def _hear(self, ready):
        """What the driver tells of this cell, to _answer."""
        if not any(fd == self._channel.fileno() for fd, _ in ready):
            return
        try:
            data = self._channel.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            # It is about to end, or a cell has taken the channel away: then an interrupt is the end.
            self._poll.unregister(self._channel.fileno())
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self._told is not None:
                self._read(self._told + line)
            self._told = b""
        if self._told is not None:
            self._told = self._told + rest if len(self._told) + len(rest) <= _MAX_LINE else None

    def _read(self, line):
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and message.get("number") == self._number:
            self._answer = message

    def _has_ended(self, ready):
        return any(fd == self._pidfd for fd, _ in ready)

    # Interrupts.

    def _insist(self):
        """The cell still runs: the driver ends all but what waits in a system call, for a program in most cases."""
        self._again += 1
        if self._again % _DEAF_AGAIN == 0 and foreground.stat(str(self._node.pid))[1] == "S":
            if children := foreground.children_of(self._node.pid):
                foreground.end({children[-1]})


def _text(value):
    return value if isinstance(value, str) else ""

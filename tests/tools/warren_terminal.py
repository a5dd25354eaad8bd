"""The CLI on a terminal, for tests."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from warren_server import PREFIX, patience


class Terminal:
    """`warren ARGUMENTS` on a terminal of its own."""

    def __init__(self, server, *arguments, rows=24, columns=80):
        self.leader, follower = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.leader)
        self.process = subprocess.Popen([f"{PREFIX}/bin/warren", *arguments], stdin=follower, stdout=follower,
                                        stderr=follower, env=dict(server.environment, TERM="dumb"), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        # Kept: the terminal's mode is looked at when the process is gone.
        self.follower = follower
        self.shown = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.leader, keys)

    def wait_for(self, text, times=1):
        """Until this text is on the screen, so often."""
        deadline = time.monotonic() + patience()
        while self.shown.count(text) < times:
            if not select.select([self.leader], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come {times} times: {self.shown[-2000:]!r}")
            self.shown += os.read(self.leader, 4096)

    def is_raw(self):
        return not termios.tcgetattr(self.leader)[3] & termios.ICANON

    def end(self):
        code = self.process.wait(patience())
        while select.select([self.leader], [], [], 0)[0]:
            self.shown += os.read(self.leader, 4096)
        restored = termios.tcgetattr(self.leader) == self.before
        os.close(self.leader)
        os.close(self.follower)
        return code, restored

"""A warrend of a test's own, and the CLI that talks to it. WARREN_TEST_PREFIX names the runtime tree."""

import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from pace import eventually, patience  # noqa: E402

PREFIX = os.environ.get("WARREN_TEST_PREFIX", "")


def _limit_to(open_files):
    """What a process does first that may open no more files."""
    return open_files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files)))


class Server:
    """Lifecycle: Server(...) starts it and waits until it serves -> exec() and run() -> stop()."""

    def __init__(self, *flags, open_files=None, group="warren-cli-test"):
        """open_files: its hard limit; default: that of this process. group: of its cgroups; of two servers in one process each
        has its own."""
        self.directory = tempfile.mkdtemp(prefix="warren-cli-test-")
        os.chmod(self.directory, 0o711)
        self.socket = os.path.join(self.directory, "run", "warren.sock")
        # Keys of its own: neither those of this host count, nor does a key of the environment.
        self.keys = os.path.join(self.directory, "keys.db")
        self.environment = dict(os.environ, WARREN_ADDRESS=f"unix://{self.socket}", WARREN_KEYS=self.keys)
        self.environment.pop("WARREN_API_KEY", None)
        with open(os.path.join(self.directory, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [f"{PREFIX}/bin/warrend", "--listen", f"unix://{self.socket}", "--runtime-dir",
                 os.path.join(self.directory, "run"), "--keys", self.keys, "--cgroup-parent", f"{group}-{os.getpid()}", *flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_limit_to(open_files))
        eventually(lambda: self.accepts() or self.process.poll() is not None)
        if not self.accepts():
            raise AssertionError(f"warrend does not serve: {self.log()}")

    def accepts(self):
        """Whether it takes connections: its socket is there some time before that."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def log(self):
        with open(os.path.join(self.directory, "log"), errors="replace") as file:
            return file.read()[-3000:]

    def run(self, *arguments, **options):
        """Runs `warren ARGUMENTS` to its end."""
        options.setdefault("input", "")
        return subprocess.run([f"{PREFIX}/bin/warren", *arguments], capture_output=True, text=True, timeout=patience(120),
                              env=self.environment, **options)

    def exec(self, *arguments, **options):
        return self.run("exec", *arguments, **options)

    def events(self, *arguments):
        """The events of `warren exec --json`."""
        return [json.loads(line) for line in self.exec("--json", *arguments).stdout.splitlines()]

    def popen(self, *arguments, output=subprocess.PIPE):
        return subprocess.Popen([f"{PREFIX}/bin/warren", *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                env=self.environment)

    @staticmethod
    def first_line(process):
        """The first line of a popen()'s standard output, or the next one. No byte behind it is taken."""
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([process.stdout], [], [], patience())[0]:
                raise AssertionError(f"`{' '.join(process.args)}` printed no line within {patience():.0f} s, but {line!r}")
            byte = os.read(process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line

    def sandboxes(self):
        return json.loads(self.run("ps", "--json").stdout)["sandboxes"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience())
        shutil.rmtree(self.directory, ignore_errors=True)
        return code


class ServerTest(unittest.TestCase):
    """Tests that share one server, as self.server, started with these flags."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        if cls.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

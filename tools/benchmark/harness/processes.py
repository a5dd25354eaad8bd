"""The programs that a run starts, each in a folder and under names of the run's own, and ended with it."""

import json
import os
import re
import select
import signal
import subprocess
import time

from .errors import BenchError

# Until a server's zygote has imported everything and its pool is full.
START_SECONDS = 600
STOP_SECONDS = 300
# What a server's pools hold at most where a row fills it.
_IN_POOLS = 64


class Client:
    """Runs build/release/bin/warren-bench."""

    def __init__(self, program):
        self._program = program

    def run(self, *arguments):
        """Its JSON answer. Raises BenchError with its one line when it fails."""
        command = [self._program, *(str(argument) for argument in arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            raise BenchError(f"{arguments[0]}: {done.stderr.strip() or f'exit status {done.returncode}'}")
        return json.loads(done.stdout)

    def attack(self, *arguments):
        """A hostile cell at work on a server: a LineServer whose finish() answers what became of it."""
        return LineServer([self._program, "attack", *(str(argument) for argument in arguments)])

    def serve_reference(self, address):
        """A bare gRPC server; it ends when its standard input is closed."""
        return LineServer([self._program, "serve-reference", "--address", address])

    def serve_origin(self):
        """Servers on 127.0.0.1 for sandboxes with a network; its first line has the ports."""
        return LineServer([self._program, "serve-origin"])


class LineServer:
    """A child process that is ready when it prints a line, and ends when its standard input does.
    Lifecycle: LineServer() -> ask()... -> close()."""

    def __init__(self, command, **options):
        self._name = os.path.basename(command[0])
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        # What it said when it was ready.
        self.first_line = self.read_line(START_SECONDS)

    def read_line(self, seconds):
        readable, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            self.close()
            raise BenchError(f"{self._name} said nothing for {seconds} s or ended; its own message is above")
        return line

    def send(self, request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def ask(self, request, seconds=300):
        self.send(request)
        return json.loads(self.read_line(seconds))

    @property
    def pid(self):
        return self._process.pid

    def finish(self):
        """Ends its input; the JSON of the line that it says last. Raises BenchError when it fails."""
        self._process.stdin.close()
        readable, _, _ = select.select([self._process.stdout], [], [], STOP_SECONDS)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            raise BenchError(f"{self._name} ended without an answer; its own message is above")
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class ServerError(BenchError):
    """The server does not work at all: no row can be measured."""


class Warrend:
    """A private supervisor with the default policy, unless options say otherwise. Lifecycle: Warrend() -> start() -> stop()."""

    def __init__(self, program, folder, name, group, pool, options, origin=None, index=None, door=None):
        """group: tells its cgroups from those of the run's other builds, of which one may take another's for dead; pool:
        (template, ready sandboxes, as N or MIN:MAX, or None for a server that makes none itself); options: further flags of
        warrend's; origin: what its sandboxes may connect to; index: what they may install; door: where E2B's SDK finds it."""
        self.origin = origin
        self.index = index
        self.door = door
        # The one that has this one as a backend, where a row wants it.
        self.front = None
        self.template = pool[0]
        self.address = f"unix://{folder}/{name}.sock"
        self.cgroup_parent = f"warren-bench-{os.getpid()}-{group}"
        self.log = os.path.join(folder, f"{name}.log")
        self.keys = f"{folder}/{name}.keys.db"
        self._socket = f"{folder}/{name}.sock"
        self._command = [
            program,
            f"--listen={self.address}",
            f"--cgroup-parent={self.cgroup_parent}",
            f"--runtime-dir={folder}/{name}",
            f"--keys={self.keys}",
            *([] if pool[1] is None else [f"--pool={pool[0]}={pool[1]}"]),
            *options,
        ]
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    def start(self, client):
        """Returns when it has made a first sandbox, and its pool is full. Raises ServerError with the end of its log."""
        self._listen()
        try:
            where = ["--address", self.address, "--template", self.template]
            client.run("creates", *where, "--count", 1, "--warmup", 1, "--code", "1")
        except BenchError as error:
            raise ServerError(f"warrend makes no sandbox: {error}\n{self.log_tail()}") from None

    def restart(self, client):
        """After its death, if it has not died by itself: it finds what was left, and clears it away."""
        self._process.kill()
        self._process.wait()
        if os.path.exists(self._socket):
            os.unlink(self._socket)
        self.start(client)

    def _listen(self):
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        give_up = time.monotonic() + START_SECONDS
        while not os.path.exists(self._socket):
            if self._process.poll() is not None:
                raise ServerError(f"warrend ended with status {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > give_up:
                raise ServerError(f"warrend did not listen within {START_SECONDS} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def stop(self):
        """Ends it as an operator would, and checks that it cleared up after itself."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def max_sandboxes(self, wanted):
        """How many of those wanted it holds beside its pools: where its open files are not enough for more, its log says so."""
        with open(self.log, errors="replace") as log:
            few = re.search(r"event=few_open_files .*\bsandboxes=(\d+)", log.read())
        return min(wanted, int(few[1]) - _IN_POOLS) if few else wanted

    def log_tail(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-10:])

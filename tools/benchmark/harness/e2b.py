"""How the rows of E2B's door are measured: by E2B's own SDK for JavaScript, unchanged, from npm."""

import http.client
import json
import os
import resource
import socket
import subprocess
import sys

from . import cells
from .errors import BenchError
from .measured import Measured
from .processes import LineServer
from .stats import median, milliseconds, percentile, summary

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_PROBE = os.path.join(ROOT, "tools/benchmark/probes/e2b_sdk.mjs")
_SECONDS = 1800
# The server has no keys.
_KEY = "e2b_" + "0" * 40
# Before each create, until the pool is full again: the measuring client, which sees the pool, waits for that.
_SETTLE_MS = 50
_TEMPLATE = "code-interpreter-v1"


class Door:
    """A free port for a server to speak E2B's protocol on. Lifecycle: Door(template) -> flags, environment."""

    def __init__(self, template):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.flags = [f"--e2b-listen=127.0.0.1:{self.port}", f"--e2b-template={_TEMPLATE}={template}"]

    @property
    def environment(self):
        url = f"http://127.0.0.1:{self.port}"
        return os.environ | {"E2B_API_URL": url, "E2B_SANDBOX_URL": url, "E2B_API_KEY": _KEY}


def first_cells(run, door, sizes):
    """run: runs the client on the server, for the same over gRPC; sizes: of sizes.py."""
    options = {"count": sizes["create"], "warmup": sizes["warmup"], "settle_ms": _SETTLE_MS}
    code = ["--code", cells.ONE, "--expect", cells.ONE_EXPECT]
    # With the internet, as the SDK asks for it where its user says nothing.
    answer = run("creates", "--network", "internet", "--count", options["count"], "--warmup", options["warmup"], *code)
    beside = milliseconds(answer["first_cell"])
    told = _sdk(door, "creates", options)
    samples = milliseconds(told["first_cell"])
    added = percentile(samples, 50) - percentile(beside, 50)
    parts = {"Sandbox.create": median(milliseconds(told["create"])), "the same over gRPC": median(beside)}
    return Measured(summary(samples) | {"added_p50": added}, samples, {"parts": parts}, {"grpc-first-cell": median(beside)})


def commands(door, sizes):
    samples = milliseconds(_sdk(door, "commands", {"count": sizes["command"], "warmup": sizes["warmup"]})["command"])
    return Measured(summary(samples), samples)


def transfers(door, sizes):
    options = {"bytes": sizes["e2b_file_bytes"], "rounds": sizes["file_rounds"]}
    bare = LineServer(_command("serve"))
    try:
        url = json.loads(bare.first_line)["url"]
        before = _round_trips(_sdk(door, "bare", options | {"url": url}), options["bytes"])
        rates = _round_trips(_sdk(door, "files", options), options["bytes"])
        after = _round_trips(_sdk(door, "bare", options | {"url": url}), options["bytes"])
    finally:
        bare.close()
    return Measured({"value": median(rates), "samples": len(rates)}, rates, {}, {"http-mib-s": median(before + after)})


def burst(door, sizes):
    told = _sdk(door, "burst", {"clients": sizes["burst"]})
    samples = milliseconds(told["first_cell"])
    if not samples:
        raise BenchError(f"none of {sizes['burst']} sandboxes came to be: {told['first_error']}")
    figures = summary(samples) | {"last_max": max(samples), "failed": told["failed"], "clients": sizes["burst"]}
    return Measured(figures, samples, {"first_error": told["first_error"]})


def streams(door, server, sizes):
    """Connections that follow a process which says nothing, as the SDK's `commands.connect` does, each one a stream of Connect's
    protocol: what the supervisor's own memory grows by for each, without what the kernel has for their sockets."""
    count = sizes["streams"]
    _allow_descriptors(count + 1000)
    sandbox = _ask(door, "POST", "/sandboxes", {"templateID": _TEMPLATE, "secure": False})["sandboxID"]
    held = []
    try:
        follow = _stream(door, sandbox, "Start", {"process": {"cmd": "/bin/sleep", "args": ["86400"]}})
        held.append(follow)
        pid = _first_message(follow)["event"]["start"]["pid"]
        # What the first of them costs is no stream's.
        for _ in range(min(8, count)):
            held.append(_connected(door, sandbox, pid))
        before = _held_bytes(server.pid)
        base = len(held)
        while len(held) - base < count:
            held.append(_connected(door, sandbox, pid))
        grown = _held_bytes(server.pid) - before
    finally:
        for connection in held:
            connection.close()
    _ask(door, "DELETE", f"/sandboxes/{sandbox}")
    each = grown / 1024 / count
    return Measured({"value": each, "stream_kib_each": each, "streams": count})


def _allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BenchError(f"this process may have {hard} open files, {count} are wanted: ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def _connected(door, sandbox, pid):
    connection = _stream(door, sandbox, "Connect", {"process": {"pid": pid}})
    _first_message(connection)
    return connection


def _stream(door, sandbox, method, message):
    body = json.dumps(message).encode()
    frame = b"\0" + len(body).to_bytes(4, "big") + body
    connection = socket.create_connection(("127.0.0.1", door.port))
    head = (f"POST /process.Process/{method} HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: {sandbox}\r\nE2b-Sandbox-Port: 49983\r\n"
            f"Connect-Protocol-Version: 1\r\nContent-Type: application/connect+json\r\nContent-Length: {len(frame)}\r\n\r\n")
    connection.sendall(head.encode() + frame)
    return connection


def _first_message(connection):
    """The first one of a stream, which is small and comes in one chunk."""
    read = b""
    connection.settimeout(60)
    while True:
        data = connection.recv(65536)
        read += data
        head, _, rest = read.partition(b"\r\n\r\n")
        if not data or (rest and b" 200 " not in head.split(b"\r\n", 1)[0]):
            raise BenchError(f"a stream of the server's ended: {read[:300]!r}")
        _, _, chunk = rest.partition(b"\r\n")
        if len(chunk) > 5 and len(chunk) >= 5 + int.from_bytes(chunk[1:5], "big"):
            return json.loads(chunk[5 : 5 + int.from_bytes(chunk[1:5], "big")])


def _ask(door, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=60)
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"X-API-Key": _KEY, "Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status >= 300:
        raise BenchError(f"{method} {path}: {answer.status} {data[:300]!r}")
    return json.loads(data) if data else None


def _held_bytes(pid):
    """Anonymous memory of a process's."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["RssAnon"].split()[0]) * 1024


def _round_trips(told, size):
    """MiB/s there and back."""
    return [2 * size / 2**20 / ((write + read) / 1e9) for write, read in zip(told["write"], told["read"])]


def _sdk(door, command, options):
    ran = subprocess.run(_command(command, json.dumps(options)), env=door.environment, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=_SECONDS)
    if ran.returncode != 0:
        raise BenchError(f"{command} by E2B's SDK: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(ran.stdout)


def _command(*arguments):
    return ["node", _PROBE, _installed(), *arguments]


def _installed():
    """Where npm has installed the SDK that the suite drives."""
    program = os.path.join(ROOT, "tests/e2b/install_sdk.py")
    done = subprocess.run([sys.executable, "-B", program, "e2b-2.51.0"], capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode != 0:
        raise BenchError(f"E2B's SDK could not be installed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout.strip()

"""How the rows of E2B's door are measured: by E2B's own SDK for JavaScript, unchanged, from npm. The streams: e2b_streams.py."""

import contextlib
import json
import os
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
KEY = "e2b_" + "0" * 40
TEMPLATE = "code-interpreter-v1"
# Before each create, until the pool is full again: the measuring client, which sees the pool, waits for that.
_SETTLE_MS = 50


class Door:
    """A free port for a server to speak E2B's protocol on. Lifecycle: Door(template) -> flags, url."""

    def __init__(self, template):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.flags = [f"--e2b-listen=127.0.0.1:{self.port}", f"--e2b-template={TEMPLATE}={template}"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


def first_cells(run, door, sizes):
    """run: runs the client on the server, for the same over gRPC; sizes: of sizes.py.

    Of the p50 over the door, added_p50 is what is more than grpc-first-cell, and door_p50 what is more than grpc-first-cell and
    sdk-bare together: the door's share of what is added. sdk-bare has the SDK's own time, that of the loopback, and the little
    that a server of Node's takes for two requests; that the SDK's process sleeps while a cell runs, and wakes up slower than
    where it never waits, counts as the door's. All are differences of medians: where the machine's pace drifts meanwhile, that
    is in them, and they may come out negative.
    """
    options = {"count": sizes["create"], "warmup": sizes["warmup"], "settle_ms": _SETTLE_MS}
    code = ["--code", cells.ONE, "--expect", cells.ONE_EXPECT]
    with _bare_server("serve-answers") as bare:
        before = _sdk(bare, "creates", options)
        # With the internet, as the SDK asks for it where its user says nothing.
        answer = run("creates", "--network", "internet", "--count", options["count"], "--warmup", options["warmup"], *code)
        told = _sdk(door.url, "creates", options)
        after = _sdk(bare, "creates", options)
    samples = milliseconds(told["first_cell"])
    p50, grpc, sdk = (percentile(times, 50) for times in (
        samples, milliseconds(answer["first_cell"]), milliseconds(before["first_cell"] + after["first_cell"])))
    parts = {
        "Sandbox.create": median(milliseconds(told["create"])),
        "Sandbox.create of a bare server": median(milliseconds(before["create"] + after["create"])),
        "create and cell of a bare server": sdk,
        "create and cell over gRPC": grpc,
    }
    figures = summary(samples) | {"added_p50": p50 - grpc, "door_p50": p50 - grpc - sdk}
    return Measured(figures, samples, {"parts": parts}, {"grpc-first-cell": grpc, "sdk-bare": sdk})


def commands(door, sizes):
    samples = milliseconds(_sdk(door.url, "commands", {"count": sizes["command"], "warmup": sizes["warmup"]})["command"])
    return Measured(summary(samples), samples)


def transfers(door, sizes):
    options = {"bytes": sizes["e2b_file_bytes"], "rounds": sizes["file_rounds"]}
    with _bare_server("serve-file") as bare:
        before = _round_trips(_sdk(bare, "bare", options), options["bytes"])
        rates = _round_trips(_sdk(door.url, "files", options), options["bytes"])
        after = _round_trips(_sdk(bare, "bare", options), options["bytes"])
    return Measured({"value": median(rates), "samples": len(rates)}, rates, {}, {"http-mib-s": median(before + after)})


def burst(door, sizes):
    told = _sdk(door.url, "burst", {"clients": sizes["burst"]})
    samples = milliseconds(told["first_cell"])
    if not samples:
        raise BenchError(f"none of {sizes['burst']} sandboxes came to be: {told['first_error']}")
    figures = summary(samples) | {"last_max": max(samples), "failed": told["failed"], "clients": sizes["burst"]}
    return Measured(figures, samples, {"first_error": told["first_error"]})


def _round_trips(told, size):
    """MiB/s there and back."""
    return [2 * size / 2**20 / ((write + read) / 1e9) for write, read in zip(told["write"], told["read"])]


@contextlib.contextmanager
def _bare_server(command):
    """The URL of a server of Node's own, in a process of its own, that ends with the block."""
    server = LineServer(_command(command))
    try:
        yield json.loads(server.first_line)["url"]
    finally:
        server.close()


def _sdk(url, command, options):
    """url: where the SDK finds its server."""
    ran = subprocess.run(_command(command, json.dumps(options)), env=_environment(url), stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=_SECONDS)
    if ran.returncode != 0:
        raise BenchError(f"{command} by E2B's SDK: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(ran.stdout)


def _environment(url):
    return os.environ | {"E2B_API_URL": url, "E2B_SANDBOX_URL": url, "E2B_API_KEY": KEY}


def _command(*arguments):
    return ["node", _PROBE, _installed(), *arguments]


def _installed():
    """Where npm has installed the SDK that the suite drives."""
    program = os.path.join(ROOT, "tests/e2b/install_sdk.py")
    done = subprocess.run([sys.executable, "-B", program, "e2b-2.51.0"], capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode != 0:
        raise BenchError(f"E2B's SDK could not be installed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout.strip()

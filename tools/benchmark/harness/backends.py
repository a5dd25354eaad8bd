"""How the rows of backends are measured: a server in front of another one, against what that other one takes when it is asked
itself. How the two are set up: fronts.py."""

import os
import threading
import time

from . import cells, fronts
from .errors import BenchError
from .measured import Measured
from .stats import median, milliseconds, percentile, summary

_ONE = ("--code", cells.ONE, "--expect", cells.ONE_EXPECT)
_WAITING = ("--code", cells.WAITING, "--expect", cells.WAITING_EXPECT)
_LOOK_SECONDS = 0.002
# States of /proc/net/tcp: established, and closed by the other end alone.
_OPEN = ("01", "08")


def remote_cells(direct, through, sizes):
    """Cells of a live context, in turns by both ways. direct, through: run the client on the server, and on the one in front;
    sizes: of sizes.py."""
    arguments = ["--count", max(1, sizes["cell"] // sizes["turns"]), "--warmup", 20, *_ONE]
    straight, far = _in_turns(direct, through, sizes, "cells", arguments)
    samples, bare = milliseconds(_joined(far, "cell")), milliseconds(_joined(straight, "cell"))
    parts = {"cell through the server in front": median(samples), "the same asked of the other one": median(bare)}
    return Measured(summary(samples) | _added(samples, bare), samples, {"parts": parts}, {"cell-direct": median(bare)})


def next_calls(direct, through, sizes):
    """A create and its first cell, in turns by both ways, while the first backend of the list is dead."""
    arguments = ["--count", max(1, sizes["create"] // sizes["turns"]), "--warmup", sizes["warmup"], *_ONE]
    straight, far = _in_turns(direct, through, sizes, "creates", arguments)
    samples, bare = milliseconds(_joined(far, "first_cell")), milliseconds(_joined(straight, "first_cell"))
    figures = summary(samples) | _added(samples, bare)
    figures["hit_share"] = sum(answer["from_pool"] for answer in straight + far) / (len(samples) + len(bare))
    parts = {
        f"{name} {where}": median(milliseconds(_joined(answers, name)))
        for where, answers in (("with the list", far), ("directly", straight))
        for name in ("create", "cell", "destroy")
    }
    return Measured(figures, samples, {"parts": parts}, {"first-cell-direct": median(bare)})


def first_calls(through, server, start, sizes):
    """The server is killed and the one in front asked at once, so often. start: starts the server again."""
    samples, creates = [], []
    for _ in range(sizes["deaths"]):
        try:
            answer = through("after-death", "--backend", fronts.OTHER, "--victim", server.pid, *_ONE)
        finally:
            start()
        if answer["backend"] != fronts.HERE:
            raise BenchError(f"the call after its backend's death was answered by {answer['backend']!r}")
        samples.append(milliseconds(answer["first_cell"]))
        creates.append(milliseconds(answer["create"]))
    return Measured(summary(samples), samples, {"parts": {"create": median(creates)}})


def at_once(direct, through, server, sizes):
    """Cells in as many sandboxes at the same moment. Before that, as many as there are connections: the threads that the server
    in front has for these, it may have for all of them."""
    few, many = fronts.CELL_CONNECTIONS, sizes["at_once"]
    straight = direct("at-once", "--clients", many, *_WAITING)
    with _Watch(server.front.pid, server.door.sandbox_port) as before:
        through("at-once", "--clients", few, *_WAITING)
    with _Watch(server.front.pid, server.door.sandbox_port) as watch:
        answer = through("at-once", "--clients", many, *_WAITING)
    samples = milliseconds(answer["cell"])
    if not samples:
        raise BenchError(f"none of {many} cells ended: {answer['first_error']}")
    figures = summary(samples) | {
        "last_max": milliseconds(answer["last"]),
        "failed": answer["failed"],
        "clients": many,
        "connections": watch.connections,
        "connections_made": len(watch.made | before.made),
        "threads": watch.threads,
        "threads_grown": max(0, watch.threads - before.threads),
    }
    return Measured(figures, samples, {"first_error": answer["first_error"]}, {"at-once-direct": milliseconds(straight["last"])})


def _in_turns(direct, through, sizes, command, arguments):
    """The answers of each: what drifts on the host meets both."""
    straight, far = [], []
    for _ in range(sizes["turns"]):
        straight.append(direct(command, *arguments))
        far.append(through(command, *arguments))
    return straight, far


def _joined(answers, name):
    return [time for answer in answers for time in answer[name]]


def _added(samples, bare):
    return {"added_p50": percentile(samples, 50) - percentile(bare, 50)}


class _Watch:
    """The most threads that a process had, and the most connections that a port of 127.0.0.1 had, while the block ran."""

    def __init__(self, pid, port):
        self._pid = pid
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self.threads = 0
        self.connections = 0
        # Of all that there were, the other ends' ports.
        self.made = set()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _look_on(self):
        while not self._over.is_set():
            self._look()
            time.sleep(_LOOK_SECONDS)

    def _look(self):
        self.threads = max(self.threads, len(os.listdir(f"/proc/{self._pid}/task")))
        with open("/proc/net/tcp") as file:
            found = connections_of(self._port, file)
        self.connections = max(self.connections, sum(state in _OPEN for state in found.values()))
        self.made |= set(found)


def connections_of(port, lines):
    """The server's ends of connections to a port: the other end's port -> state. lines: of /proc/net/tcp."""
    found = {}
    for line in list(lines)[1:]:
        _, local, remote, state = line.split()[:4]
        if int(local.rsplit(":", 1)[1], 16) == port and int(remote.rsplit(":", 1)[1], 16) != 0:
            found[int(remote.rsplit(":", 1)[1], 16)] = state
    return found

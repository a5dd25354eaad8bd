"""How the row of idle streams is measured: E2B's protocol by hand, for thousands of connections of one process."""

import http.client
import json
import resource
import socket

from .e2b import KEY, TEMPLATE
from .errors import BenchError
from .measured import Measured

# Of the 64 clients that a process may have (supervisor/session/process.h), the one that started it is the first; of the 48
# processes that a sandbox may have beside its contexts, these.
_FOLLOWERS = 60
_PROCESSES = 40
# Longer than any run: unless told, the server would end a sandbox in the middle of it.
_LIFE_SECONDS = 7200
_ANSWER_SECONDS = 60
# What the first of them cost is no stream's.
_REHEARSAL = 8
# A frame of Connect's protocol: a byte of flags, four of length, the message. This flag is that of the last frame of a stream,
# in which an error is, if there is one.
_FRAME_HEAD = 5
_LAST_FRAME = 2


def streams(door, server, sizes):
    """Connections that follow a process which says nothing, as the SDK's `commands.connect` does, each one a stream of Connect's
    protocol: what the supervisor's own memory grows by for each, without what the kernel has for their sockets. The processes,
    as many as have room for so many clients, are there before."""
    count = sizes["streams"]
    held, sandboxes = [], []
    wanted = min(_REHEARSAL, count) + count
    processes = -(-wanted // _FOLLOWERS)
    _allow_descriptors(wanted + processes + 1000)
    try:
        followed = []
        for number in range(processes):
            if number % _PROCESSES == 0:
                sandboxes.append(_make_sandbox(door))
            followed.append((sandboxes[-1], _start_process(door, sandboxes[-1], held)))
        # Each process in as many places as it has followers.
        places = [place for place in followed for _ in range(_FOLLOWERS)]
        for place in places[: wanted - count]:
            _follow(door, *place, held)
        before = _held_bytes(server.pid)
        for place in places[wanted - count : wanted]:
            _follow(door, *place, held)
        grown = _held_bytes(server.pid) - before
    finally:
        for connection in held:
            connection.close()
    for sandbox in sandboxes:
        _ask(door, "DELETE", f"/sandboxes/{sandbox}")
    each = grown / 1024 / count
    return Measured({"value": each, "stream_kib_each": each, "streams": count})


def _allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BenchError(f"this process may have {hard} open files, {count} are wanted: ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def _make_sandbox(door):
    return _ask(door, "POST", "/sandboxes", {"templateID": TEMPLATE, "secure": False, "timeout": _LIFE_SECONDS})["sandboxID"]


def _start_process(door, sandbox, held):
    """Its pid; held gets the stream that started it."""
    return _open(door, sandbox, "Start", {"process": {"cmd": "/bin/sleep", "args": ["86400"]}}, held)


def _follow(door, sandbox, pid, held):
    _open(door, sandbox, "Connect", {"process": {"pid": pid}}, held)


def _open(door, sandbox, method, message, held):
    """A stream that follows a process, the pid of which it says first."""
    connection = _request(door, sandbox, method, message)
    held.append(connection)
    return _first_message(connection)["event"]["start"]["pid"]


def _request(door, sandbox, method, message):
    body = json.dumps(message).encode()
    frame = b"\0" + len(body).to_bytes(4, "big") + body
    connection = socket.create_connection(("127.0.0.1", door.port))
    head = (f"POST /process.Process/{method} HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: {sandbox}\r\nE2b-Sandbox-Port: 49983\r\n"
            f"Connect-Protocol-Version: 1\r\nContent-Type: application/connect+json\r\nContent-Length: {len(frame)}\r\n\r\n")
    connection.sendall(head.encode() + frame)
    return connection


def _first_message(connection):
    """The first one of a stream, which is small and comes in one chunk. Raises BenchError where it is the last too."""
    read = b""
    connection.settimeout(_ANSWER_SECONDS)
    while True:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            raise BenchError(f"a stream of the server's said nothing more for {_ANSWER_SECONDS} s: {read[:300]!r}") from None
        read += data
        head, _, rest = read.partition(b"\r\n\r\n")
        if not data or (rest and b" 200 " not in head.split(b"\r\n", 1)[0]):
            raise BenchError(f"a stream of the server's ended: {read[:300]!r}")
        _, _, chunk = rest.partition(b"\r\n")
        end = _FRAME_HEAD + int.from_bytes(chunk[1:_FRAME_HEAD], "big")
        if len(chunk) > _FRAME_HEAD and len(chunk) >= end:
            if chunk[0] & _LAST_FRAME:
                raise BenchError(f"a stream of the server's ended: {chunk[_FRAME_HEAD:end].decode()}")
            return json.loads(chunk[_FRAME_HEAD:end])


def _ask(door, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=_ANSWER_SECONDS)
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"X-API-Key": KEY, "Content-Type": "application/json"})
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

"""The row of idle streams: what goes over its connections, which of them count, and what is concluded."""

import json
import os
import socket
import threading
import unittest
from unittest import mock

from harness import e2b_streams, sizes
from harness.errors import BenchError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n\r\n"
STARTED = {"event": {"start": {"pid": 7}}}


def frame(message, flags=0):
    body = json.dumps(message).encode()
    return bytes([flags]) + len(body).to_bytes(4, "big") + body


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


class Door:
    port = 1


class Server:
    pid = 77


class Closing:
    """A connection that is only held."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


class PairTest(unittest.TestCase):
    def setUp(self):
        self.mine, self.servers = socket.socketpair()
        self.addCleanup(self.mine.close)
        self.addCleanup(self.servers.close)


class RequestTest(PairTest):
    def test_it_is_one_frame_of_connects_to_the_sandbox(self):
        with mock.patch("socket.create_connection", return_value=self.mine) as connect:
            e2b_streams._request(Door, "sbx", "Connect", {"process": {"pid": 7}})
        self.assertEqual(connect.call_args[0][0], ("127.0.0.1", Door.port))
        self.mine.shutdown(socket.SHUT_WR)
        head, _, body = self.servers.makefile("rb").read().partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[0], "POST /process.Process/Connect HTTP/1.1")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        self.assertEqual(headers["E2b-Sandbox-Id"], "sbx")
        self.assertEqual(headers["Content-Type"], "application/connect+json")
        self.assertEqual(int(headers["Content-Length"]), len(body))
        self.assertEqual(body[0], 0)
        self.assertEqual(int.from_bytes(body[1:5], "big"), len(body) - 5)
        self.assertEqual(json.loads(body[5:]), {"process": {"pid": 7}})


class FirstMessageTest(PairTest):
    def read_of(self, *pieces):
        """What comes in so many pieces, each only when the one before is read."""

        class Pieces:
            left = [*pieces, b""]

            def settimeout(self, seconds):
                pass

            def recv(self, size):
                return self.left.pop(0)

        return e2b_streams._first_message(Pieces())

    def test_it_is_the_message_of_the_first_frame(self):
        self.servers.sendall(HEAD + chunk(frame(STARTED)) + chunk(frame({"event": {"keepalive": {}}})))
        self.assertEqual(e2b_streams._first_message(self.mine), STARTED)

    def test_it_may_come_byte_by_byte(self):
        whole = HEAD + chunk(frame(STARTED))
        self.assertEqual(self.read_of(*(bytes([byte]) for byte in whole)), STARTED)

    def test_a_refusal_is_told_though_the_connection_stays(self):
        self.servers.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        with mock.patch.object(e2b_streams, "_ANSWER_SECONDS", 0.01), self.assertRaisesRegex(BenchError, "ended: .*404 Not Found"):
            e2b_streams._first_message(self.mine)

    def test_a_stream_that_ends_at_once_is_none(self):
        error = {"error": {"code": "resource_exhausted", "message": "64 clients connected"}}
        with self.assertRaisesRegex(BenchError, "64 clients connected"):
            self.read_of(HEAD + chunk(frame(error, flags=2)) + b"0\r\n\r\n")

    def test_a_connection_that_ends_before_is_told(self):
        whole = HEAD + chunk(frame(STARTED))
        with self.assertRaisesRegex(BenchError, "a stream of the server's ended"):
            self.read_of(whole[:-10])

    def test_one_that_says_nothing_is_told(self):
        with mock.patch.object(e2b_streams, "_ANSWER_SECONDS", 0.01), self.assertRaisesRegex(BenchError, "said nothing more"):
            e2b_streams._first_message(self.mine)


class StreamsTest(unittest.TestCase):
    """With a server that keeps the bounds of Warren's: so many clients of a process, so many processes of a sandbox."""

    KIB_EACH = 12
    CLIENTS = 64
    PROCESSES = 48

    def setUp(self):
        self.held = []
        self.sandboxes = {}
        self.life = []
        self.followers = 0

    def ask(self, door, method, path, body=None):
        if method == "POST":
            self.life.append(body["timeout"])
            self.sandboxes[f"s{len(self.life)}"] = {}
            return {"sandboxID": f"s{len(self.life)}"}
        del self.sandboxes[path.removeprefix("/sandboxes/")]

    def request(self, door, sandbox, method, message):
        clients = self.sandboxes[sandbox]
        if method == "Start":
            self.assertLess(len(clients), self.PROCESSES)
            pid = 100 + len(clients)
            clients[pid] = 0
        else:
            pid = message["process"]["pid"]
            self.followers += 1
        clients[pid] += 1
        self.assertLessEqual(clients[pid], self.CLIENTS)
        connection = Closing()
        connection.first = {"event": {"start": {"pid": pid}}}
        self.held.append(connection)
        return connection

    def held_bytes(self, pid):
        self.assertEqual(pid, Server.pid)
        # What starts a process is dearer than a stream that follows one.
        return (1 << 20) + 1024 * (self.KIB_EACH * self.followers + 300 * (len(self.held) - self.followers))

    def measured(self, count, **changes):
        parts = {"_ask": self.ask, "_request": self.request, "_first_message": lambda connection: connection.first,
                 "_held_bytes": self.held_bytes, "_allow_descriptors": lambda count: None} | changes
        with mock.patch.multiple(e2b_streams, **parts):
            return e2b_streams.streams(Door, Server, sizes.QUICK | {"streams": count})

    def test_what_a_stream_takes_is_without_processes_and_the_first_ones(self):
        for count in (1, 20, 5000):
            with self.subTest(count):
                self.setUp()
                made = self.measured(count)
                self.assertEqual(made.figures["stream_kib_each"], self.KIB_EACH)
                self.assertEqual(made.figures["streams"], count)
                self.assertGreater(self.followers, count)

    def test_there_is_room_for_all_of_them(self):
        # That request() counts clients and processes is the test.
        allowed = []
        self.measured(5000, _allow_descriptors=allowed.append)
        self.assertGreater(len(self.life), 1)
        self.assertGreaterEqual(allowed[0], len(self.held))

    def test_sandboxes_live_until_they_are_ended(self):
        self.measured(200)
        self.assertEqual(self.sandboxes, {})
        self.assertGreaterEqual(min(self.life), 3600)
        self.assertTrue(all(connection.closed for connection in self.held))

    def test_connections_are_closed_where_one_fails(self):
        def first(connection):
            if len(self.held) > 50:
                raise BenchError("refused")
            return connection.first

        with self.assertRaisesRegex(BenchError, "refused"):
            self.measured(200, _first_message=first)
        self.assertTrue(all(connection.closed for connection in self.held))


class DescriptorsTest(unittest.TestCase):
    def allowed(self, limits, count):
        with mock.patch("resource.getrlimit", return_value=limits), mock.patch("resource.setrlimit") as limit:
            e2b_streams._allow_descriptors(count)
        return limit.call_args[0][1]

    def test_as_many_as_are_wanted(self):
        self.assertEqual(self.allowed((1024, 10000), 6000), (6000, 10000))

    def test_never_fewer_than_there_were(self):
        self.assertEqual(self.allowed((8000, 10000), 6000), (8000, 10000))

    def test_a_host_that_refuses_them_is_told(self):
        with self.assertRaisesRegex(BenchError, "may have 4096 open files, 6000 are wanted"):
            self.allowed((1024, 4096), 6000)


class AskTest(unittest.TestCase):
    def asked(self, answer):
        """Of a server that says this once."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            door = mock.Mock(port=listener.getsockname()[1])

            def serve():
                connection, _ = listener.accept()
                with connection:
                    self.request = connection.recv(65536).decode()
                    connection.sendall(answer)

            server = threading.Thread(target=serve)
            server.start()
            try:
                return e2b_streams._ask(door, "DELETE", "/sandboxes/a")
            finally:
                server.join()

    def test_an_answer_without_a_body(self):
        self.assertIsNone(self.asked(b"HTTP/1.1 204 No Content\r\n\r\n"))
        self.assertTrue(self.request.startswith("DELETE /sandboxes/a HTTP/1.1\r\n"))
        self.assertIn("X-API-Key: e2b_0", self.request)

    def test_an_answer_with_one(self):
        self.assertEqual(self.asked(b'HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n{"a":1}'), {"a": 1})

    def test_a_refusal_is_told(self):
        with self.assertRaisesRegex(BenchError, "DELETE /sandboxes/a: 404 .*gone"):
            self.asked(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")


class HeldBytesTest(unittest.TestCase):
    def test_memory_that_is_touched_is_in_it(self):
        before = e2b_streams._held_bytes(os.getpid())
        size = 64 << 20
        kept = bytearray(b"\1") * size
        self.assertGreaterEqual(e2b_streams._held_bytes(os.getpid()) - before, size // 2)
        self.assertEqual(len(kept), size)


if __name__ == "__main__":
    unittest.main()

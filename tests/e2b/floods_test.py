"""Floods of connections, headers and paths, smuggled requests and pages of other sites at E2B's door of a real warrend. Its
tenants are in e2b_test. Needs root."""

import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from e2b_server import E2bServer  # noqa: E402
from pace import eventually, patience  # noqa: E402

# So few that a test can take them all: the server lets clients have some hundreds of them.
OPEN_FILES = 3000
MANY = 1000
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Floods(unittest.TestCase):
    """One server for all."""

    @classmethod
    def setUpClass(cls):
        cls.server = E2bServer(open_files=OPEN_FILES)

    @classmethod
    def tearDownClass(cls):
        if cls.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=patience(60))
        self.addCleanup(connection.close)
        return connection

    def answers_to(self, request):
        """All that comes until the server closes the connection. One for which there is no room yet is closed unheard: which of
        those before it are closed, the server looks ten times a second."""
        seen = []
        self.assertTrue(eventually(lambda: seen.append(self.attempt(request)) or seen[-1]))
        return seen[-1]

    def attempt(self, request):
        seen = b""
        connection = self.connect()
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            # It has heard enough.
            pass
        try:
            while data := connection.recv(65536):
                seen += data
        except ConnectionError:
            pass
        connection.close()
        return seen

    def waiting_connection(self):
        """One that was answered once; none where there is no room yet."""
        connection = self.connect()
        try:
            connection.sendall(GET)
            if b" 204 " in connection.recv(4096):
                return connection
        except ConnectionError:
            pass
        connection.close()
        return None

    def health_is_told(self):
        return eventually(lambda: b" 204 " in self.attempt(GET))

    def test_connections_that_wait_make_room(self):
        waiting = []
        for _ in range(MANY):
            self.assertTrue(eventually(lambda: waiting.append(self.waiting_connection()) or waiting[-1]))
        self.assertTrue(self.health_is_told())
        there = [connection for connection in waiting if connection]
        self.assertTrue(self.is_closed(there[0]), "who has waited longest is closed")
        self.assertFalse(self.is_closed(there[-1]))

    def test_connections_that_say_nothing_make_room(self):
        for _ in range(MANY):
            self.connect()
        self.assertTrue(self.health_is_told())

    @staticmethod
    def is_closed(connection):
        connection.setblocking(False)
        try:
            return connection.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def test_no_request_is_smuggled(self):
        for head in (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                     b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                     b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"):
            with self.subTest(head=head):
                answer = self.answers_to(b"POST /sandboxes HTTP/1.1\r\nHost: localhost\r\n" + head + SMUGGLED)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)

    def test_headers_and_paths_have_bounds(self):
        for request, status in ((b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (1 << 20), b"431"),
                                (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: x\r\n" * 2000 + b"\r\n", b"431"),
                                (b"GET /" + b"p/" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400")):
            with self.subTest(status=status, bytes=len(request)):
                self.assertTrue(self.answers_to(request).startswith(b"HTTP/1.1 " + status + b" "))
        self.assertTrue(self.health_is_told())

    def test_a_page_of_another_site_makes_nothing(self):
        body = b'{"templateID": "base"}'
        for header in (b"Origin: https://evil.test", b"Sec-Fetch-Site: cross-site"):
            with self.subTest(header=header):
                answer = self.answers_to(b"POST /sandboxes HTTP/1.1\r\nHost: localhost\r\n" + header +
                                         b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
        # Nor one whose name leads here.
        rebound = self.answers_to(b"GET /sandboxes HTTP/1.1\r\nHost: evil.test\r\n\r\n")
        self.assertTrue(rebound.startswith(b"HTTP/1.1 421 "), rebound)
        self.assertEqual(self.server.sandboxes(), [])


if __name__ == "__main__":
    unittest.main()

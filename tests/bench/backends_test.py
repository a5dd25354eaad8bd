"""The rows of backends: what they ask and conclude, and what stands in the files of backends."""

import os
import socket
import tempfile
import unittest
from unittest import mock

from harness import backends, fronts, sizes
from harness.errors import BenchError

MS = 1_000_000
# The server's end of a connection, the client's end of it, where the server listens, and somebody else's.
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0100007F:1F91 0100007F:C002 01 00000000:00000000 00:00000000 00000000     0        0 4
   4: 0100007F:1F90 0100007F:C003 06 00000000:00000000 00:00000000 00000000     0        0 5
"""


def telling(order, name, answer):
    """A client that notes that it was asked, and what."""

    def run(*arguments):
        order.append((name, *arguments))
        return answer

    return run


class TurnsTest(unittest.TestCase):
    def setUp(self):
        self.order = []
        self.sizes = {**sizes.QUICK, "turns": 2, "cell": 100, "create": 6}

    def asked(self, direct, through):
        return telling(self.order, "direct", direct), telling(self.order, "through", through)

    def test_a_cells_share_of_the_server_in_front_is_between_the_medians(self):
        made = backends.remote_cells(*self.asked({"cell": [2 * MS]}, {"cell": [3 * MS]}), self.sizes)
        self.assertEqual((made.figures["p50"], made.figures["added_p50"]), (3, 1))
        self.assertEqual(made.references, {"cell-direct": 2})
        self.assertEqual([call[:2] for call in self.order], [("direct", "cells"), ("through", "cells")] * 2)
        # Both are asked for the same, and together for as many as other rows.
        self.assertEqual(self.order[0][1:], self.order[1][1:])
        self.assertEqual(self.order[0][self.order[0].index("--count") + 1], 50)

    def test_a_calls_share_of_the_list_is_between_the_medians(self):
        def answer(first_cell, from_pool):
            return {"create": [MS], "cell": [MS], "destroy": [MS], "first_cell": [first_cell * MS] * 3, "from_pool": from_pool}

        made = backends.next_calls(*self.asked(answer(4, 3), answer(6, 3)), self.sizes)
        self.assertEqual((made.figures["added_p50"], made.figures["hit_share"]), (2, 1))
        self.assertEqual(made.references, {"first-cell-direct": 4})
        made = backends.next_calls(*self.asked(answer(4, 3), answer(6, 2)), self.sizes)
        self.assertLess(made.figures["hit_share"], 1)


class Front:
    pid = 5


class Server:
    pid = 77
    front = Front
    door = mock.Mock(sandbox_port=0x1F90)


class FirstCallsTest(unittest.TestCase):
    def test_each_sample_has_a_death_of_its_own(self):
        order = []
        through = telling(order, "through", {"create": 2 * MS, "first_cell": 9 * MS, "backend": fronts.HERE})
        made = backends.first_calls(through, Server, lambda: order.append("start"), {**sizes.QUICK, "deaths": 2})
        call = ("through", "after-death", "--backend", fronts.OTHER, "--victim", 77, *backends._ONE)
        self.assertEqual(order, [call, "start", call, "start"])
        self.assertEqual((made.figures["max"], made.figures["samples"]), (9, 2))

    def test_one_that_the_dead_has_answered_is_none(self):
        through = telling([], "through", {"create": MS, "first_cell": MS, "backend": fronts.OTHER})
        with self.assertRaisesRegex(BenchError, "answered by 'other'"):
            backends.first_calls(through, Server, lambda: None, sizes.QUICK)

    def test_the_server_is_started_again_where_the_call_fails(self):
        started = []
        with self.assertRaisesRegex(BenchError, "no way"):
            backends.first_calls(mock.Mock(side_effect=BenchError("no way")), Server, lambda: started.append(1), sizes.QUICK)
        self.assertEqual(started, [1])


class Watch:
    """In place of one that looks on: what it would have seen."""

    seen = []

    def __init__(self, pid, port):
        self.threads, self.connections, self.made = Watch.seen.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class AtOnceTest(unittest.TestCase):
    def measured(self, seen, answer):
        Watch.seen = list(seen)
        self.order = []
        direct = telling(self.order, "direct", {"last": 5 * MS})
        with mock.patch("harness.backends._Watch", Watch):
            return backends.at_once(direct, telling(self.order, "through", answer), Server, sizes.QUICK)

    def test_threads_are_compared_with_those_of_as_many_cells_as_connections(self):
        answer = {"cell": [2 * MS, 4 * MS], "last": 7 * MS, "failed": 1, "first_error": "429"}
        made = self.measured([(14, 10, {1, 2}), (17, 9, {2, 3})], answer)
        self.assertEqual(made.figures["threads_grown"], 3)
        self.assertEqual((made.figures["connections"], made.figures["connections_made"]), (9, 3))
        self.assertEqual((made.figures["last_max"], made.figures["failed"]), (7, 1))
        self.assertEqual((made.references, made.extra), ({"at-once-direct": 5}, {"first_error": "429"}))
        clients = [call[call.index("--clients") + 1] for call in self.order]
        self.assertEqual(clients, [sizes.QUICK["at_once"], fronts.CELL_CONNECTIONS, sizes.QUICK["at_once"]])

    def test_fewer_threads_than_before_are_no_gain(self):
        answer = {"cell": [MS], "last": MS, "failed": 0, "first_error": ""}
        self.assertEqual(self.measured([(17, 1, set()), (14, 1, set())], answer).figures["threads_grown"], 0)

    def test_none_that_ends_says_why(self):
        with self.assertRaisesRegex(BenchError, "none of .* cells ended: 503"):
            self.measured([(1, 1, set())] * 2, {"cell": [], "last": 0, "failed": 100, "first_error": "503"})


class ConnectionsTest(unittest.TestCase):
    def test_the_servers_ends_count_and_nothing_else(self):
        self.assertEqual(backends.connections_of(0x1F90, TCP.splitlines()), {0xC001: "01", 0xC003: "06"})

    def test_a_look_at_a_process_and_a_port_of_ours(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            watch = backends._Watch(os.getpid(), server.getsockname()[1])
            watch._look()
            self.assertEqual(watch.made, {client.getsockname()[1]})
        self.assertEqual(watch.connections, 1)
        self.assertGreaterEqual(watch.threads, 1)


class FilesTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="bench-fronts."))

    def test_a_list_has_the_other_server_first(self):
        text = fronts.before_local('backends { name: "other" }')
        self.assertIn('failover { backends: "other" backends: "here" }', text)
        self.assertIn('default_backend: "list"', text)

    def test_the_cloud_is_asked_for_cells_at_a_port_of_its_own(self):
        cloud = fronts.Cloud(self.folder, "one", "base")
        with mock.patch("os.chown"):
            text = cloud.backend()
        self.assertNotEqual(cloud.port, cloud.sandbox_port)
        for said in (f'api_url: "http://127.0.0.1:{cloud.port}"', f'sandbox_url: "http://127.0.0.1:{cloud.sandbox_port}"',
                     "cell_connections: 10", 'template_id: "base"'):
            self.assertIn(said, text)
        self.assertEqual([flag for flag in cloud.flags if "listen" in flag],
                         [f"--e2b-listen=127.0.0.1:{cloud.port}", f"--e2b-listen=127.0.0.1:{cloud.sandbox_port}"])

    def test_a_secret_is_the_servers_alone(self):
        path = os.path.join(self.folder, "key")
        with mock.patch("os.chown") as chown:
            fronts._write_secret(path, "secret")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(chown.call_args[0], (path, fronts._server_user(), -1))

    def test_a_program_that_fails_says_so_by_its_last_line(self):
        with self.assertRaisesRegex(BenchError, "^sh: no way$"):
            fronts._run("sh", "-c", "echo first >&2; echo no way >&2; exit 1")
        with self.assertRaisesRegex(BenchError, "/nothing: "):
            fronts._run("/nothing")


if __name__ == "__main__":
    unittest.main()

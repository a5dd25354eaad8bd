"""What the rows of the network conclude from what the client and the programs in sandboxes say."""

import json
import unittest
from unittest import mock

from harness import cells, networks, sizes
from harness.errors import BenchError

KIB = 1024


def point(available=0, used=0, cgroups=0, supervisor=0, launcher=0, relay=0):
    """A point of memory, in KiB."""
    return {
        "available_bytes": available * KIB,
        "used_bytes": used * KIB,
        "cgroup_bytes": {"usage": cgroups * KIB},
        "process_bytes": {"supervisor": supervisor * KIB, "launcher": launcher * KIB, "relay": relay * KIB},
        "slab_bytes": 0,
        "tcp_bytes": 0,
    }


class Origin:
    echo, stream = 1, 2


class Server:
    pid = 1
    origin = Origin

    def max_sandboxes(self, wanted):
        return min(wanted, 10)


class CreatesTest(unittest.TestCase):
    def measured(self, from_pool):
        with_one = {"create": [3_000_000, 5_000_000, 4_000_000], "destroy": [1], "from_pool": from_pool}
        without = {"create": [1_000_000, 1_500_000, 9_000_000], "destroy": [1], "from_pool": 3}
        asked = []

        def run(*arguments):
            asked.extend(arguments)
            return {"with": with_one, "without": without}

        made = networks.creates(run, sizes.QUICK)
        self.assertIn("internet", asked)
        return made

    def test_what_is_added_is_between_the_medians(self):
        made = self.measured(3)
        self.assertEqual(made.figures["p50"], 4)
        self.assertEqual(made.figures["added_p50"], 2.5)
        self.assertEqual(made.references, {"create-without": 1.5})

    def test_both_kinds_must_come_from_the_pool(self):
        self.assertEqual(self.measured(3).figures["hit_share"], 1)
        self.assertLess(self.measured(2).figures["hit_share"], 1)


class ManyTest(unittest.TestCase):
    def measured(self, with_one):
        answer = {"start": point(1000), "without": point(900, 100, 100), "with": with_one, "open": [2_000_000]}
        with mock.patch("harness.cpu.descendant", return_value=7):
            return networks.many(lambda *arguments: answer, Server(), sizes.QUICK)

    def test_the_account_that_says_more_is_judged(self):
        # Of ten: the host says 30 and 20 KiB, the cgroups and the two processes 50.
        made = self.measured(point(600, 300, 400, 150, 50, 5000))
        self.assertEqual(made.figures["network_kib_each"], 50)
        self.assertEqual(made.figures["host_kib_each"], 30)
        self.assertEqual(made.figures["networks"], 10)
        made = self.measured(point(100, 300, 400, 150, 50))
        self.assertEqual(made.figures["network_kib_each"], 80)

    def test_a_sandbox_without_a_network_stands_beside_it(self):
        self.assertEqual(self.measured(point()).references, {"sandbox-kib": 10})


class ProgramsTest(unittest.TestCase):
    def test_they_are_programs(self):
        for code in (cells.connects("a", 1, 2), cells.stream("a", 1, 2), cells.MEET, cells.meeting("a", 1)):
            compile(code, "cell", "exec")

    def test_what_fails_on_the_host_says_why(self):
        with self.assertRaisesRegex(BenchError, "on the host: ValueError: no way"):
            networks._on_host("raise ValueError('no way')")

    @mock.patch("harness.networks._on_host", return_value={"connect": [1_000_000, 2_000_000]})
    def test_what_a_connection_takes_more_than_on_the_host(self, on_host):
        told = {"connect": [3_000_000, 5_000_000], "lookup": [1_000_000]}
        made = networks.connects(lambda *arguments: {"printed": json.dumps(told)}, Origin, sizes.QUICK)
        self.assertEqual(made.figures["added_p50"], 2)
        self.assertEqual(made.references, {"loopback-connect": 1})
        self.assertIn("127.0.0.1", on_host.call_args[0][0])

    @mock.patch("harness.networks._on_host", return_value={"elapsed": 250_000_000})
    def test_rates_of_a_stream(self, on_host):
        quick = sizes.QUICK | {"stream_bytes": 1 << 20, "stream_rounds": 2}
        made = networks.streams(lambda *arguments: {"printed": '{"elapsed": 500000000}'}, Origin, quick)
        self.assertEqual(made.samples, [2, 2])
        self.assertEqual(made.references, {"loopback-mib-s": 4})
        self.assertEqual(on_host.call_count, 2)


if __name__ == "__main__":
    unittest.main()

import subprocess
import unittest
from unittest import mock

from harness import quiet

STILL = {"others": 0.01, "stolen": 0.0, "pressure": {"cpu": 0.9, "memory": 0.0, "io": 0.0}, "cores": 2, "drift": None}


class ReasonsTest(unittest.TestCase):
    def test_none_when_it_was_quiet(self):
        self.assertEqual(quiet.reasons(STILL), [])

    def test_each_is_named_with_its_size(self):
        for changed, text in (
            ({"others": 0.43}, "other processes used 43% of 2 cores"),
            ({"stolen": 0.04}, "the hypervisor took 4% of 2 cores"),
            ({"pressure": {"io": 0.5}}, "something waited for the disk 50% of the time"),
            ({"drift": quiet.drift("grpc-echo", 0.1, 0.2)}, "grpc-echo went from 0.1 to 0.2 ms"),
            ({"drift": quiet.drift("grpc-echo", 0.2, 0.1)}, "grpc-echo went from 0.2 to 0.1 ms"),
        ):
            with self.subTest(text):
                self.assertEqual(quiet.reasons(STILL | changed), [text])

    def test_a_little_drift_is_quiet(self):
        self.assertEqual(quiet.reasons(STILL | {"drift": quiet.drift("grpc-echo", 0.1, 0.11)}), [])

    def test_no_drift_without_both_ends(self):
        self.assertIsNone(quiet.drift("grpc-echo", None, 0.1))

    def test_waiting_for_the_cpu_and_for_memory_is_not_judged(self):
        # Our own clients and servers wait for the one, a sandbox at its limit for the other.
        self.assertEqual(quiet.reasons(STILL | {"pressure": {"cpu": 1.0, "memory": 1.0}}), [])


class WatchTest(unittest.TestCase):
    def watch(self, before, after, ours=(10,)):
        """The share of others between two lists of (pid, parent, seconds), over 10 s of 1 core."""
        with (
            mock.patch("harness.quiet.cpu.processes", side_effect=[before, after]),
            mock.patch("harness.quiet.cpu.descendants", return_value=list(ours)),
            mock.patch("harness.quiet.time.monotonic", side_effect=[0.0, 10.0]),
            mock.patch("harness.quiet.os.cpu_count", return_value=1),
        ):
            return quiet.Watch().finish()["others"]

    def test_ours_and_the_kernels_do_not_count(self):
        self.assertEqual(self.watch([(10, 1, 0), (7, 2, 0), (2, 0, 0)], [(10, 1, 9), (7, 2, 9), (2, 0, 9)]), 0)

    def test_others_count(self):
        self.assertEqual(self.watch([(20, 1, 3)], [(20, 1, 7)]), 0.4)

    def test_a_child_that_ended_counts_once(self):
        # 21 had used 2 s before, and 1 s more until it ended and 20 waited for it.
        self.assertEqual(self.watch([(20, 1, 3), (21, 20, 2)], [(20, 1, 6)]), 0.1)

    def test_never_negative(self):
        self.assertEqual(self.watch([(20, 1, 3)], []), 0)

    def test_on_this_host(self):
        watch = quiet.Watch()
        subprocess.run(["true"], check=True)
        account = watch.finish()
        self.assertGreaterEqual(account["others"], 0)
        self.assertGreaterEqual(account["stolen"], 0)
        self.assertIsInstance(quiet.reasons(account), list)

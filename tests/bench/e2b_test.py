"""What the rows of E2B's door ask of the SDK, and what they conclude from what it says. The streams: e2b_streams_test.py."""

import contextlib
import json
import os
import re
import subprocess
import sys
import unittest
from unittest import mock

from harness import e2b, sizes
from harness.errors import BenchError

BARE = "http://bare"
MS = 1_000_000
MIB = 1 << 20


def times(create, cell):
    """Of the SDK's creates; in milliseconds."""
    return {"create": [one * MS for one in create], "first_cell": [one * MS for one in cell]}


class Door:
    url = "http://door"


class Asked:
    """Stands in for the SDK and the bare server: answers in turn for each address, and keeps what was asked, in its order."""

    def __init__(self, answers):
        self.calls = []
        self.kinds = []
        self.open = 0
        self._answers = {url: list(each) for url, each in answers.items()}

    def sdk(self, url, command, options):
        self.calls.append((url, command, options))
        if url == BARE and not self.open:
            raise AssertionError("the bare server does not run")
        return self._answers[url].pop(0)

    @contextlib.contextmanager
    def bare_server(self, kind):
        self.kinds.append(kind)
        self.open += 1
        try:
            yield BARE
        finally:
            self.open -= 1

    def __enter__(self):
        self._patches = contextlib.ExitStack()
        self._patches.enter_context(mock.patch("harness.e2b._sdk", self.sdk))
        self._patches.enter_context(mock.patch("harness.e2b._bare_server", self.bare_server))
        return self

    def __exit__(self, *error):
        self._patches.close()


class DoorTest(unittest.TestCase):
    def test_its_flags_name_its_port_and_the_template(self):
        door = e2b.Door("base")
        self.assertIn(f"--e2b-listen=127.0.0.1:{door.port}", door.flags)
        self.assertIn("--e2b-template=code-interpreter-v1=base", door.flags)
        self.assertGreater(door.port, 0)

    def test_the_sdk_is_sent_there_for_all_it_does(self):
        door = e2b.Door("base")
        with mock.patch.dict(os.environ, {"E2B_API_URL": "http://elsewhere", "KEPT": "1"}):
            environment = e2b._environment(door.url)
        # The SDK uses them as they are: without a slash at the end.
        self.assertEqual(environment["E2B_API_URL"], f"http://127.0.0.1:{door.port}")
        self.assertEqual(environment["E2B_SANDBOX_URL"], environment["E2B_API_URL"])
        self.assertEqual(environment["KEPT"], "1")

    def test_the_key_has_the_form_that_sdks_ask_for(self):
        self.assertTrue(re.fullmatch("e2b_[0-9a-f]+", e2b._environment(BARE)["E2B_API_KEY"]))


class FirstCellsTest(unittest.TestCase):
    def setUp(self):
        self.order = []

    def run_client(self, *arguments):
        self.order.append(arguments)
        return {"first_cell": [3 * MS, 2 * MS, 40 * MS]}

    def measured(self, bare=(([1, 1, 1], [4, 4, 9]), ([2, 2, 2], [5, 6, 90]))):
        door = times([7, 8, 9], [11, 13, 12])
        with Asked({BARE: [times(*one) for one in bare], Door.url: [door]}) as self.asked:
            return e2b.first_cells(self.run_client, Door, sizes.QUICK)

    def test_what_is_added_is_between_the_medians(self):
        made = self.measured()
        self.assertEqual(made.figures["p50"], 12)
        self.assertEqual(made.references["grpc-first-cell"], 3)
        self.assertEqual(made.figures["added_p50"], 9)
        self.assertEqual(made.samples, [11, 13, 12])

    def test_the_doors_share_is_without_the_sdks_own_time(self):
        made = self.measured()
        # Of both times that the bare server was asked: 4, 4, 5, 6, 9 and 90.
        self.assertEqual(made.references["sdk-bare"], 5)
        self.assertEqual(made.figures["door_p50"], 12 - 3 - 5)

    def test_a_slower_sdk_is_not_the_doors_fault(self):
        slower = self.measured(bare=(([1], [8]), ([1], [8])))
        self.assertEqual(slower.figures["added_p50"], self.measured().figures["added_p50"])
        self.assertEqual(slower.figures["door_p50"], 1)

    def test_it_may_come_out_negative(self):
        self.assertEqual(self.measured(bare=(([1], [20]), ([1], [20]))).figures["door_p50"], -11)

    def test_the_bare_server_gets_the_same_calls_before_and_after(self):
        self.measured()
        urls, commands, options = zip(*self.asked.calls)
        self.assertEqual(urls, (BARE, Door.url, BARE))
        self.assertEqual(set(commands), {"creates"})
        self.assertEqual(options[0], options[1])
        self.assertEqual(options[2], options[1])
        self.assertEqual(options[0]["count"], sizes.QUICK["create"])
        self.assertGreater(options[0]["settle_ms"], 0)
        self.assertEqual(self.asked.kinds, ["serve-answers"])
        self.assertEqual(self.asked.open, 0)

    def test_over_grpc_it_is_as_many_of_the_same(self):
        self.measured()
        self.assertEqual(len(self.order), 1)
        asked = self.order[0]
        for name, value in (("--network", "internet"), ("--count", sizes.QUICK["create"]), ("--code", "1+1"), ("--expect", "2")):
            self.assertEqual(asked[asked.index(name) + 1], value)

    def test_parts_tell_the_create_from_the_cell(self):
        parts = self.measured().extra["parts"]
        self.assertEqual(parts["Sandbox.create"], 8)
        self.assertEqual(parts["Sandbox.create of a bare server"], 1)
        self.assertEqual(parts["create and cell of a bare server"], 5)
        self.assertEqual(parts["create and cell over gRPC"], 3)

    def test_the_bare_server_ends_where_the_row_fails(self):
        def fails(*arguments):
            raise BenchError("no way")

        with Asked({BARE: [times([1], [1])]}) as asked, self.assertRaisesRegex(BenchError, "no way"):
            e2b.first_cells(fails, Door, sizes.QUICK)
        self.assertEqual((asked.kinds, asked.open), (["serve-answers"], 0))


class CommandsTest(unittest.TestCase):
    def test_its_times_are_the_sdks(self):
        with Asked({Door.url: [{"command": [3 * MS, 1 * MS, 2 * MS]}]}) as asked:
            made = e2b.commands(Door, sizes.QUICK)
        self.assertEqual(made.figures["p50"], 2)
        self.assertEqual(asked.calls[0][2], {"count": sizes.QUICK["command"], "warmup": sizes.QUICK["warmup"]})


class TransfersTest(unittest.TestCase):
    def test_there_and_back_is_twice_the_size(self):
        second = 1000 * MS
        told = {"write": [second, second // 4], "read": [second, second // 4]}
        self.assertEqual(e2b._round_trips(told, 10 * MIB), [10, 40])

    def test_bare_http_is_measured_before_and_after(self):
        def told(seconds):
            return {"write": [seconds * 500 * MS] * 2, "read": [seconds * 500 * MS] * 2}

        size = sizes.QUICK["e2b_file_bytes"] / MIB
        with Asked({BARE: [told(1), told(4)], Door.url: [told(2)]}) as asked:
            made = e2b.transfers(Door, sizes.QUICK)
        self.assertEqual(made.figures["value"], 2 * size / 2)
        # Of four rates, the second by rank.
        self.assertEqual(made.references, {"http-mib-s": 2 * size / 4})
        self.assertEqual([call[:2] for call in asked.calls], [(BARE, "bare"), (Door.url, "files"), (BARE, "bare")])
        self.assertEqual((asked.kinds, asked.open), (["serve-file"], 0))


class BurstTest(unittest.TestCase):
    def measured(self, told):
        with Asked({Door.url: [told]}):
            return e2b.burst(Door, sizes.QUICK)

    def test_what_failed_is_counted_and_the_last_one_judged(self):
        made = self.measured({"first_cell": [4 * MS, 9 * MS, 5 * MS], "failed": 2, "first_error": "429"})
        self.assertEqual(made.figures["failed"], 2)
        self.assertEqual(made.figures["last_max"], 9)
        self.assertEqual(made.extra["first_error"], "429")

    def test_none_at_all_says_why(self):
        with self.assertRaisesRegex(BenchError, "none of 8 sandboxes came to be: 503"):
            self.measured({"first_cell": [], "failed": 8, "first_error": "503"})


class ProgramsTest(unittest.TestCase):
    """With Python in the place of node."""

    def python(self, code):
        patch = mock.patch("harness.e2b._command", lambda *arguments: [sys.executable, "-c", code, *arguments])
        patch.start()
        self.addCleanup(patch.stop)

    def test_the_sdk_gets_its_options_and_where_its_server_is(self):
        self.python("import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['E2B_API_URL']]))")
        arguments, url = e2b._sdk(BARE, "creates", {"count": 3})
        self.assertEqual((arguments[0], json.loads(arguments[1]), url), ("creates", {"count": 3}, BARE))

    def test_what_fails_says_so_by_its_last_line(self):
        self.python("raise ValueError('no way')")
        with self.assertRaisesRegex(BenchError, "^creates by E2B's SDK: ValueError: no way$"):
            e2b._sdk(BARE, "creates", {})

    def test_the_bare_server_is_a_process_that_ends_with_its_block(self):
        self.python("import json, os, sys; print(json.dumps({'url': str(os.getpid())}), flush=True); sys.stdin.read()")
        with e2b._bare_server("serve-file") as pid:
            self.assertNotEqual(int(pid), os.getpid())
            os.kill(int(pid), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(pid), 0)

    def test_an_sdk_that_cannot_be_installed_says_why(self):
        done = subprocess.CompletedProcess([], 1, "", "npm: first\nAssertionError: there is no npm\n")
        with mock.patch("subprocess.run", return_value=done), self.assertRaisesRegex(BenchError, "installed: .*there is no npm$"):
            e2b._installed()


if __name__ == "__main__":
    unittest.main()

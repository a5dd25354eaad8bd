import unittest

from results import results, row

from harness.compare import compare
from harness.errors import BenchError


class CompareTest(unittest.TestCase):
    def test_refuses_two_runs(self):
        with self.assertRaisesRegex(BenchError, "two runs .one .*two .*not compared"):
            compare(results(row(), run_id="one"), results(row(), run_id="two"))

    def test_refuses_two_hosts_and_names_them(self):
        other = results(row(), run_id="two")
        other["host"]["cores"] = 64
        with self.assertRaisesRegex(BenchError, "different hosts.*64"):
            compare(results(row(), run_id="one"), other)

    def test_one_run_side_by_side(self):
        lines = compare(results(row(p50=1.0)), results(row(p50=0.5)))
        self.assertEqual(lines, ["cell-live: 1 and 0.5 ms, 2.00 ×"])

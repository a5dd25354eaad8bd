import unittest

from results import results

from harness import cli, paired
from harness.criteria import AtMost, NoMore
from harness.rows import POOLED, Row


def pair(before, after, name="p50", **more):
    row = {"id": "cell-live", "what": "a cell", "unit": "ms", "values": {name: {"before": before, "after": after}}}
    made = {"rounds": len(before), "before_revision": "abc", "host": results()["host"]}
    return made | {"rows": [row | {"error": "", "noisy_rounds": 0} | more]}


class ShownTest(unittest.TestCase):
    row = Row("some", "", "ms", POOLED, (AtMost("p99", 2, "idle"), AtMost("p50", 1, "echo"), NoMore("failed", 0)), (), ("idle",))

    def test_what_is_judged_and_its_own_ratio(self):
        found = paired.shown(self.row, {"p99": 6.0, "p50": 1.0, "failed": 0, "min": 0.1}, {"idle": 2.0})
        self.assertEqual(found, {"p99": 6.0, "p99 ÷ idle": 3.0, "p50": 1.0})

    def test_what_was_not_measured_is_not_shown(self):
        self.assertEqual(paired.shown(self.row, {"p50": 1.0}, {}), {"p50": 1.0})


class TableTest(unittest.TestCase):
    def line(self, *arguments, **more):
        return paired.table(pair(*arguments, **more))[1]

    def test_medians_their_ratio_and_the_noise(self):
        self.assertEqual(
            self.line([1.0, 2.0, 4.0], [1.0, 1.0, 1.5]), ("cell-live", "p50", "2 ms", "1 ms", "0.50", "150%", "–")
        )

    def test_a_difference_is_seen_where_all_rounds_agree(self):
        self.assertEqual(self.line([1.0, 1.1], [1.2, 1.3])[-1], "more")
        self.assertEqual(self.line([1.0, 1.1], [0.8, 0.9])[-1], "less")
        self.assertEqual(self.line([1.0, 1.2], [1.1, 1.3])[-1], "–")

    def test_one_round_shows_no_difference(self):
        self.assertEqual(self.line([1.0], [9.0])[-1], "")

    def test_a_ratio_has_no_unit_of_time(self):
        self.assertIn("2 ×", self.line([2.0], [3.0], "p99 ÷ idle"))

    def test_a_row_that_failed_says_why(self):
        made = pair([], [], error="before: it broke | here")
        self.assertIn("before: it broke | here", paired.table(made)[1])
        self.assertIn("it broke \\| here", paired.markdown(made))

    def test_the_document_names_both_revisions_and_what_was_not_quiet(self):
        made = pair([1.0, 1.0], [2.0, 2.0], noisy_rounds=3)
        self.assertIn("before abc", paired.markdown(made))
        self.assertIn("cell-live (3); of 4 each", paired.markdown(made))
        self.assertIn("before abc", paired.terminal(made))


class CommandTest(unittest.TestCase):
    def test_nothing_is_paired_unless_asked(self):
        self.assertIsNone(cli.parse([]).against)
        self.assertEqual(cli.parse(["--against", "/other/bin"]).against, "/other/bin")

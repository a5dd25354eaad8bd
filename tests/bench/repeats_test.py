import unittest

from harness.criteria import AtMost, NoMore
from harness.repeats import quiet_in_words, repetition, together
from harness.rows import POOLED, Row

ROW = Row("some", "something", "ms", POOLED, (AtMost("p50", 4, "echo"), NoMore("failed", 0)))
STILL = {"others": 0.0, "stolen": 0.0, "pressure": {}, "drift": None, "cores": 2}


def one(p50, echo=1.0, quiet=STILL, **more):
    return repetition({"p50": p50, "p99": 2 * p50, "failed": 0, "samples": 5}, {"echo": echo}, quiet, **more)


class TogetherTest(unittest.TestCase):
    def test_one_repetition_is_itself(self):
        row = together(ROW, [one(3.0, distribution=[[50, 3.0]])])
        self.assertEqual((row["p50"], row["p99"], row["samples"], row["met"]), (3.0, 6.0, 5, True))
        self.assertEqual(row["ratios"], {"echo": 3.0})
        self.assertEqual(row["judged"]["p50 ≤ 4 × echo"], [3.0, 3.0, 3.0])
        self.assertEqual(row["distribution"], [[50, 3.0]])
        self.assertEqual(row["quiet"], "yes")

    def test_medians_and_spreads(self):
        row = together(ROW, [one(9.0), one(3.0), one(4.0, echo=2.0)])
        self.assertEqual(row["p50"], 4.0)
        self.assertEqual(row["spread"]["p50"], [3.0, 4.0, 9.0])
        self.assertEqual(row["judged"]["p50 ≤ 4 × echo"], [2.0, 3.0, 9.0])
        self.assertTrue(row["met"])
        self.assertEqual(len(row["repetitions"]), 3)

    def test_the_curve_is_of_the_middle_one(self):
        row = together(ROW, [one(9.0, distribution="slow"), one(3.0, distribution="quick"), one(4.0, distribution="middle")])
        self.assertEqual(row["distribution"], "middle")

    def test_one_that_could_not_be_measured_makes_the_row_fall_short(self):
        row = together(ROW, [one(3.0), repetition({}, {"echo": 1.0}, None, "broken")])
        self.assertFalse(row["met"])
        self.assertEqual(row["gap"], "could not be measured")
        self.assertNotIn("p50", row)


class QuietInWordsTest(unittest.TestCase):
    def test_says_why_not(self):
        self.assertEqual(quiet_in_words([one(1.0, quiet=STILL | {"others": 0.43})]), "NO: other processes used 43% of 2 cores")

    def test_says_in_how_many(self):
        noisy = one(1.0, quiet=STILL | {"others": 0.43})
        self.assertEqual(quiet_in_words([one(1.0), noisy, noisy]), "NO in 2 of 3: other processes used 43% of 2 cores")

    def test_not_measured_is_not_quiet(self):
        self.assertEqual(quiet_in_words([repetition({}, {}, None, "broken")]), "not known")

import unittest

from harness.criteria import AtLeast, AtMost, FasterThan, judge


class AtMostTest(unittest.TestCase):
    def test_a_number(self):
        limit = AtMost("p50", 1, unit="ms")
        self.assertTrue(limit.judge({"p50": 1.0}, {}).met)
        verdict = limit.judge({"p50": 1.5}, {})
        self.assertFalse(verdict.met)
        self.assertIn("1.50 ×", verdict.gap)

    def test_a_multiple_of_a_reference(self):
        limit = AtMost("p50", 4, "echo")
        self.assertTrue(limit.judge({"p50": 0.4}, {"echo": 0.1}).met)
        self.assertFalse(limit.judge({"p50": 0.41}, {"echo": 0.1}).met)

    def test_zero_allowed(self):
        self.assertTrue(AtMost("failed", 0).judge({"failed": 0}, {}).met)

    def test_without_the_reference_it_is_not_met(self):
        verdict = AtMost("p50", 4, "echo").judge({"p50": 0.4}, {})
        self.assertIsNone(verdict.met)
        self.assertIn("echo was not measured", verdict.gap)

    def test_without_the_figure_it_is_not_met(self):
        self.assertIsNone(AtMost("p50", 4).judge({}, {}).met)


class AtLeastTest(unittest.TestCase):
    def test_a_share_of_a_reference(self):
        limit = AtLeast("value", 0.6, "fork-exit-rate")
        self.assertTrue(limit.judge({"value": 60}, {"fork-exit-rate": 100}).met)
        verdict = limit.judge({"value": 30}, {"fork-exit-rate": 100})
        self.assertFalse(verdict.met)
        self.assertIn("50%", verdict.gap)


class FasterThanTest(unittest.TestCase):
    def test_a_factor(self):
        limit = FasterThan("p50", 20, "cold")
        self.assertTrue(limit.judge({"p50": 10}, {"cold": 200}).met)
        verdict = limit.judge({"p50": 10}, {"cold": 150})
        self.assertFalse(verdict.met)
        self.assertIn("15.0 × faster", verdict.gap)


class JudgeTest(unittest.TestCase):
    def test_met_only_when_all_are(self):
        criteria = (AtMost("p50", 1), AtMost("p99", 10))
        self.assertEqual(judge(criteria, {"p50": 1, "p99": 10}, {}), ("p50 ≤ 1; p99 ≤ 10", True, ""))
        _, met, gap = judge(criteria, {"p50": 1, "p99": 20}, {})
        self.assertFalse(met)
        self.assertIn("p99", gap)

    def test_what_was_not_measured_is_never_met(self):
        _, met, gap = judge((AtMost("p50", 1),), {}, {})
        self.assertIs(met, False)
        self.assertTrue(gap)

import unittest

from harness.criteria import AtLeast, AtMost, FasterThan, NoLess, NoMore, judge


def judge_one(criterion, *repetitions):
    return criterion.judge(repetitions)


class RatioTest(unittest.TestCase):
    def test_at_most_a_multiple(self):
        limit = AtMost("p50", 4, "echo")
        self.assertTrue(judge_one(limit, ({"p50": 0.4}, {"echo": 0.1})).met)
        verdict = judge_one(limit, ({"p50": 0.6}, {"echo": 0.1}))
        self.assertFalse(verdict.met)
        self.assertIn("6 × echo, 4 × asked", verdict.gap)

    def test_at_least_a_share(self):
        limit = AtLeast("value", 0.6, "rate")
        self.assertTrue(judge_one(limit, ({"value": 60}, {"rate": 100})).met)
        self.assertFalse(judge_one(limit, ({"value": 30}, {"rate": 100})).met)

    def test_faster_than(self):
        limit = FasterThan("p50", 20, "cold")
        self.assertTrue(judge_one(limit, ({"p50": 10}, {"cold": 200})).met)
        verdict = judge_one(limit, ({"p50": 10}, {"cold": 150}))
        self.assertFalse(verdict.met)
        self.assertIn("15 × faster", verdict.gap)

    def test_the_machine_does_not_matter(self):
        limit = AtMost("p50", 4, "echo")
        for pace in (0.1, 1, 50):
            with self.subTest(pace):
                self.assertTrue(judge_one(limit, ({"p50": 0.3 * pace}, {"echo": 0.1 * pace})).met)
                self.assertFalse(judge_one(limit, ({"p50": 0.5 * pace}, {"echo": 0.1 * pace})).met)

    def test_the_median_ratio_of_the_repetitions_decides(self):
        # The ratio of the medians would be another.
        repetitions = [({"p50": 10}, {"echo": 1}), ({"p50": 3}, {"echo": 1}), ({"p50": 6}, {"echo": 2})]
        verdict = judge_one(AtMost("p50", 3, "echo"), *repetitions)
        self.assertTrue(verdict.met)
        self.assertEqual(verdict.judged, (10, 3, 3))

    def test_what_lacks_a_reference_or_a_figure_is_not_met(self):
        verdict = judge_one(AtMost("p50", 4, "echo"), ({"p50": 1}, {"echo": 1}), ({"p50": 1}, {}))
        self.assertIsNone(verdict.met)
        self.assertIn("echo was not measured", verdict.gap)
        self.assertIsNone(judge_one(AtMost("p50", 4, "echo"), ({}, {"echo": 1})).met)

    def test_cannot_be_made_without_a_reference(self):
        for kind in (AtMost, AtLeast, FasterThan):
            with self.subTest(kind), self.assertRaisesRegex(ValueError, "not by a number"):
                kind("p50", 1, "")


class BoundTest(unittest.TestCase):
    def test_a_count_must_hold_in_every_repetition(self):
        self.assertTrue(judge_one(NoMore("failed", 0), ({"failed": 0}, {}), ({"failed": 0}, {})).met)
        self.assertFalse(judge_one(NoMore("failed", 0), *[({"failed": n}, {}) for n in (0, 0, 1)]).met)
        self.assertFalse(judge_one(NoLess("hit_share", 1), *[({"hit_share": n}, {}) for n in (1, 0.9, 1)]).met)

    def test_memory_is_judged_by_the_median(self):
        self.assertTrue(judge_one(NoMore("memory_mib_each", 6), *[({"memory_mib_each": n}, {}) for n in (5, 5.9, 7)]).met)

    def test_a_time_cannot_be_bound_by_a_number(self):
        for figure in ("p50", "p99", "value", "last_max"):
            with self.subTest(figure), self.assertRaisesRegex(ValueError, "only counts and memory"):
                NoMore(figure, 1)

    def test_not_measured(self):
        self.assertIsNone(judge_one(NoMore("failed", 0), ({}, {})).met)


class JudgeTest(unittest.TestCase):
    def test_met_only_when_all_are(self):
        criteria = (AtMost("p50", 1, "echo"), NoMore("failed", 0))
        verdicts, met, gap = judge(criteria, [({"p50": 1, "failed": 0}, {"echo": 1})])
        self.assertEqual([verdict.text for verdict in verdicts], ["p50 ≤ 1 × echo", "failed ≤ 0"])
        self.assertTrue(met)
        self.assertEqual(gap, "")
        _, met, gap = judge(criteria, [({"p50": 1, "failed": 2}, {"echo": 1})])
        self.assertFalse(met)
        self.assertIn("failed", gap)

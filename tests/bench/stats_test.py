import unittest

from harness import stats


class PercentileTest(unittest.TestCase):
    def test_is_one_of_the_samples(self):
        self.assertEqual(stats.percentile([4, 1, 3, 2], 50), 2)

    def test_nearest_rank_of_a_hundred(self):
        samples = list(range(1, 101))
        self.assertEqual(stats.percentile(samples, 99), 99)
        self.assertEqual(stats.percentile(samples, 100), 100)
        self.assertEqual(stats.percentile(samples, 1), 1)

    def test_p99_of_few_samples_is_the_worst(self):
        self.assertEqual(stats.percentile([1, 1, 1, 50], 99), 50)

    def test_does_not_reorder_the_samples(self):
        samples = [3, 1, 2]
        stats.percentile(samples, 50)
        self.assertEqual(samples, [3, 1, 2])

    def test_refuses_no_samples(self):
        with self.assertRaisesRegex(ValueError, "no samples"):
            stats.percentile([], 50)

    def test_refuses_percentages_out_of_range(self):
        for percent in (0, -1, 100.1):
            with self.subTest(percent), self.assertRaisesRegex(ValueError, "not in"):
                stats.percentile([1], percent)


class SummaryTest(unittest.TestCase):
    def test_names_what_a_row_shows(self):
        found = stats.summary([2.0, 1.0, 9.0])
        self.assertEqual(found, {"p50": 2.0, "p90": 9.0, "p99": 9.0, "min": 1.0, "max": 9.0, "samples": 3})

    def test_nanoseconds_become_milliseconds(self):
        self.assertEqual(stats.milliseconds([1_500_000]), [1.5])
        self.assertEqual(stats.milliseconds(2_000_000), 2.0)

    def test_distribution_never_falls(self):
        curve = stats.distribution([5, 3, 8, 1, 9, 2])
        values = [value for _, value in curve]
        self.assertEqual(values, sorted(values))
        self.assertEqual(curve[-1], [100, 9])

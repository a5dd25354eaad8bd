import unittest

from harness import rows

# The table of the requirement: no row may be dropped.
REQUIRED = {
    "create-pool-hit",
    "create-first-cell-pool-hit",
    "create-first-cell-pool-empty",
    "create-pandas-pool-hit",
    "create-sklearn-figure-pool-hit",
    "cell-live",
    "sustained-16",
    "burst-100",
    "sessions-1000",
    "destroy",
    "output-1gib",
    "idle-full-pool",
}


class RowsTest(unittest.TestCase):
    def test_every_required_row_is_there_once(self):
        self.assertEqual(sorted(rows.IDS), sorted(REQUIRED))

    def test_every_row_has_something_to_reach_and_something_beside_it(self):
        for row in rows.ROWS:
            with self.subTest(row.id):
                self.assertTrue(row.criteria)
                self.assertTrue(row.references)

    def test_choice_keeps_the_order_of_the_table(self):
        self.assertEqual([row.id for row in rows.chosen(["destroy", "cell-live"])], ["cell-live", "destroy"])

    def test_unknown_row_is_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(ValueError, "no row is called nonsense.*cell-live"):
            rows.chosen(["cell-live", "nonsense"])

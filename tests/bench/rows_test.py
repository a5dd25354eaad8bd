import unittest

from harness import cells, criteria, rows

# The table of the requirement: no row may be dropped.
REQUIRED = {
    "create-pool-hit",
    "create-first-cell-pool-hit",
    "create-first-cell-pool-empty",
    "create-pandas-pool-hit",
    "create-sklearn-figure-pool-hit",
    "cell-live",
    "context-further",
    "command-live",
    "command-first",
    "file-write-4kib",
    "file-read-4kib",
    "file-write-1gib",
    "file-read-1gib",
    "pause",
    "resume",
    "sustained-16",
    "burst-100",
    "sessions-1000",
    "destroy",
    "output-1gib",
    "idle-full-pool",
    "beside-attack",
    "beside-forks",
    "beside-closes",
    "beside-pages",
    "beside-files",
    "beside-memory",
    "beside-output",
    "beside-signals",
    "destroy-16-full",
    "create-network",
    "network-connect",
    "network-stream",
    "networks-1000",
    "install-cached",
    "install-fresh",
    "e2b-first-cell",
    "e2b-command",
    "e2b-file-100mib",
    "e2b-burst-100",
    "e2b-streams-5000",
    "remote-cell",
    "failover-first",
    "failover-next",
    "e2b-100-at-once",
}


class RowsTest(unittest.TestCase):
    def test_every_required_row_is_there_once(self):
        self.assertEqual(sorted(rows.IDS), sorted(REQUIRED))

    def test_every_row_has_something_to_reach_and_something_beside_it(self):
        for row in rows.ROWS:
            with self.subTest(row.id):
                self.assertTrue(row.criteria)
                self.assertTrue(row.references)

    def test_only_counts_and_memory_are_judged_without_a_reference(self):
        for row in rows.ROWS:
            for criterion in row.criteria:
                with self.subTest(row.id, criterion=criterion.text):
                    self.assertTrue(criterion.reference or criterion.figure in criteria.COUNTED)

    def test_what_a_count_is_has_no_unit_of_time(self):
        self.assertLessEqual(set(criteria.COUNTED.values()), {"", "MiB", "KiB"})

    def test_a_row_names_its_own_references_among_all(self):
        for row in rows.ROWS:
            self.assertLessEqual(set(row.own), set(row.references), row.id)

    def test_every_attack_has_a_row_and_code(self):
        self.assertEqual(set(cells.ATTACKS), set(rows.ATTACKS))
        for name, code in cells.ATTACKS.items():
            compile(code, name, "exec")
            self.assertIn(f"beside-{name}", rows.IDS)
        compile(cells.FULL, "FULL", "exec")

    def test_a_session_of_the_many_is_its_init_and_its_context(self):
        row = next(row for row in rows.ROWS if row.id == "sessions-1000")
        self.assertIn(("processes_each", 2), [(criterion.figure, criterion.limit) for criterion in row.criteria])

    def test_choice_keeps_the_order_of_the_table(self):
        self.assertEqual([row.id for row in rows.chosen(["destroy", "cell-live"])], ["cell-live", "destroy"])

    def test_unknown_row_is_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(ValueError, "no row is called nonsense.*cell-live"):
            rows.chosen(["cell-live", "nonsense"])

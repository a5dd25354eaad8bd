import json
import os
import tempfile
import unittest

from results import results, row

from harness import plots, report
from harness.errors import BenchError

SHORT = {"met": False, "gap": "p50 is 2.00 × the 1 allowed", "reason": "CPU: 99% busy"}


class TerminalTest(unittest.TestCase):
    def test_a_row_shows_figures_and_ratios(self):
        text = report.terminal(results(row()))
        self.assertIn("0.5 ms", text)
        self.assertIn("grpc-echo 0.25 (2 ×)", text)
        self.assertIn("ipykernel-cell 5 (10 × faster)", text)
        self.assertIn("1 of 1 rows reach", text)

    def test_a_row_that_falls_short_stays_with_gap_and_reason(self):
        text = report.terminal(results(row(**SHORT)))
        self.assertIn("NO", text)
        self.assertIn(SHORT["gap"], text)
        self.assertIn(SHORT["reason"], text)

    def test_a_row_that_could_not_be_measured_stays(self):
        lost = row(met=False, gap="could not be measured", ratios={})
        del lost["p50"], lost["p99"]
        self.assertIn("could not be measured", report.terminal(results(lost)))

    def test_a_row_says_what_was_judged(self):
        self.assertIn("judged: p50 ≤ 4 × grpc-echo: 2\n", report.terminal(results(row())))

    def test_several_repetitions_show_their_spread(self):
        many = row(spread={"p50": [0.4, 0.5, 0.8]}, judged={"p50 ≤ 4 × grpc-echo": [1.5, 2.0, 5.0]}, repetitions=[{}, {}, {}])
        for text in (report.terminal(results(many)), report.markdown(results(many))):
            self.assertIn("of 3: p50 0.4 … 0.5 … 0.8 ms", text)
            self.assertIn("p50 ≤ 4 × grpc-echo: 1.5 … 2 … 5", text)

    def test_a_row_of_a_busy_machine_is_marked(self):
        busy = row(quiet="NO: other processes used 43% of 2 cores")
        self.assertIn("NO: other processes used 43% of 2 cores", report.terminal(results(busy)))
        self.assertIn("not quiet for cell-live", report.terminal(results(busy)))
        self.assertIn("| NO: other processes used 43% of 2 cores |", report.markdown(results(busy)))
        self.assertNotIn("not quiet", report.terminal(results(row())))

    def test_faults_and_switches_are_columns(self):
        counted = {"minor_faults": 631, "major_faults": 0, "voluntary_switches": 9, "involuntary_switches": 2}
        self.assertIn("| 631 | 9 + 2 forced |", report.markdown(results(row(figures=counted))))
        self.assertIn("631 + 3 major", report.markdown(results(row(figures=counted | {"major_faults": 3}))))

    def test_what_a_row_takes_more_is_shown_and_may_be_less(self):
        added = row(figures={"added_p50": 5.25, "door_p50": -0.125})
        self.assertIn("of it: added_p50 5.25 ms, door_p50 -0.125 ms\n", report.terminal(results(added)))
        self.assertIn("  Of it: added_p50 5.25 ms, door_p50 -0.125 ms.\n", report.markdown(results(added)))
        for text in (report.terminal(results(row())), report.markdown(results(row()))):
            self.assertNotIn("f it:", text)

    def test_says_which_host(self):
        self.assertIn("Test CPU, 2 cores, 4 GiB, Linux 6.1", report.terminal(results(row())))


class MarkdownTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.path = os.path.join(self._folder.name, "page.md")

    def write(self, text):
        with open(self.path, "w") as file:
            file.write(text)

    def read(self):
        with open(self.path) as file:
            return file.read()

    def test_replaces_what_is_between_the_marks_only(self):
        self.write(f"before\n{report._BEGIN}\nformer table\n{report._END}\nafter\n")
        report.write_into(self.path, results(row()))
        once = self.read()
        self.assertTrue(once.startswith("before\n"))
        self.assertTrue(once.endswith("\nafter\n"))
        self.assertNotIn("former table", once)
        report.write_into(self.path, results(row()))
        self.assertEqual(self.read(), once)

    def test_refuses_a_page_without_marks(self):
        self.write("nothing")
        with self.assertRaises(BenchError):
            report.write_into(self.path, results(row()))

    def test_texts_of_others_cannot_break_the_table(self):
        self.assertIn("crun \\| &lt;refuses>", report.markdown(results(row())))


class JsonTest(unittest.TestCase):
    def test_keeps_the_values(self):
        made = results(row(p50=0.123456789))
        read = json.loads(report.as_json(made))
        self.assertEqual(read["rows"][0]["p50"], 0.123457)
        self.assertEqual(read["rows"][0]["distribution"], made["rows"][0]["distribution"])
        self.assertEqual(read["host"], made["host"])


class PlotsTest(unittest.TestCase):
    def test_draws_what_there_are_figures_for(self):
        memory = {"memory_by_sessions": [{"sessions": n, "host_mib": 5.0 * n, "cgroup_mib": 4.0 * n} for n in (0, 1, 2)]}
        with tempfile.TemporaryDirectory() as folder:
            made = results(row(), row("sessions-1000", series=memory))
            names = [os.path.basename(path) for path in plots.draw(made, folder)]
            self.assertEqual(names, ["latency.svg", "scaling-memory.svg"])
            self.assertEqual(sorted(os.listdir(folder)), sorted(names))

"""The whole harness once, quickly: every row and every reference comes out with figures that make sense. No times."""

import glob
import json
import os
import subprocess
import tempfile
import unittest

from harness import rows

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A host may refuse every OCI runtime.
MAY_LACK = {"oci-cold-nothing", "oci-cold-pandas"}
# The memory of a few sandboxes, on a host where others allocate and free.
MAY_DROWN = {"networks-1000"}


def left_behind():
    groups = glob.glob("/sys/fs/cgroup/warren-bench-*") + glob.glob("/sys/fs/cgroup/*/warren-bench-*")
    return set(groups) | set(glob.glob(os.path.join(tempfile.gettempdir(), "warren-bench.*")))


class SmokeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory(prefix="bench-smoke.")
        cls.addClassCleanup(cls._folder.cleanup)
        cls.before = left_behind()
        path = os.path.join(cls._folder.name, "results.json")
        cls.plots = os.path.join(cls._folder.name, "plots")
        command = [f"{ROOT}/tools/bench", "--quick", "--bin", os.environ["WARREN_BIN"], "--json", path, "--out", cls.plots]
        cls.done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if cls.done.returncode != 0:
            raise AssertionError(f"tools/bench ended with {cls.done.returncode}:\n{cls.done.stdout}\n{cls.done.stderr}")
        with open(path) as file:
            cls.results = json.load(file)
        cls.rows = cls.results["rows"]

    def test_every_row_is_there_and_was_measured(self):
        self.assertEqual([row["id"] for row in self.results["rows"]], list(rows.IDS))
        for row in self.rows:
            with self.subTest(row["id"]):
                self.assertNotEqual(row["gap"], "could not be measured", row["reason"])
                self.assertIsInstance(row["met"], bool)
                self.assertTrue(row["reach"])
                self.assertTrue(row["unit"])
                self.assertTrue("value" in row or ("p50" in row and "p99" in row), row)

    def test_figures_are_positive(self):
        for row in self.rows:
            for name in ("p50", "p99", "value"):
                if name in row and row["id"] not in MAY_DROWN:
                    with self.subTest(row=row["id"], figure=name):
                        self.assertGreaterEqual(row[name], 0)
                        if row["id"] != "idle-full-pool":
                            self.assertGreater(row[name], 0)

    def test_references_stand_beside_every_row(self):
        for row in rows.ROWS:
            found = next(result for result in self.results["rows"] if result["id"] == row.id)["references"]
            for name in set(row.references) - MAY_LACK:
                with self.subTest(row=row.id, reference=name):
                    self.assertIn(name, found, self.results["unavailable"].get(name))
                    self.assertGreaterEqual(found[name], 0)

    def test_a_row_that_falls_short_says_why(self):
        for row in self.rows:
            if not row["met"]:
                with self.subTest(row["id"]):
                    self.assertTrue(row["gap"])
                    self.assertTrue(row["reason"])

    def test_every_row_says_whether_the_machine_was_quiet(self):
        for row in self.rows:
            with self.subTest(row["id"]):
                self.assertTrue(row["quiet"] == "yes" or row["quiet"].startswith("NO: "), row["quiet"])

    def test_faults_and_switches_are_reported(self):
        for row_id in ("create-first-cell-pool-hit", "create-pandas-pool-hit", "create-first-cell-pool-empty", "cell-live"):
            figures = next(row for row in self.results["rows"] if row["id"] == row_id)["figures"]
            with self.subTest(row_id):
                self.assertGreater(figures["minor_faults"] if row_id != "cell-live" else 1, 0)
                # How many is host_view_test's to show: a cell that runs through, looked at before its worker waits, has none.
                self.assertIn("voluntary_switches", figures)
                self.assertIn("involuntary_switches", figures)

    def test_the_attack_was_at_work(self):
        row = next(row for row in self.results["rows"] if row["id"] == "beside-attack")
        self.assertGreater(row["figures"]["attack_rounds"], 0)

    def test_pool_rows_hit_the_pool_and_the_empty_one_does_not(self):
        shares = {row["id"]: row["figures"].get("hit_share") for row in self.results["rows"]}
        self.assertEqual(shares["create-pool-hit"], 1)
        self.assertEqual(shares["create-network"], 1)
        self.assertEqual(shares["install-cached"], 1)
        self.assertEqual(shares["create-first-cell-pool-empty"], 0)

    def test_the_sdks_own_time_is_taken_from_what_the_door_adds(self):
        row = next(row for row in self.results["rows"] if row["id"] == "e2b-first-cell")
        figures, references = row["figures"], row["references"]
        self.assertAlmostEqual(figures["added_p50"], row["p50"] - references["grpc-first-cell"], 1)
        self.assertAlmostEqual(figures["door_p50"], figures["added_p50"] - references["sdk-bare"], 1)

    def test_as_many_networks_as_were_asked_for_were_opened(self):
        figures = next(row for row in self.results["rows"] if row["id"] == "networks-1000")["figures"]
        self.assertEqual(figures["networks"], self.results["settings"]["sizes"]["networks"])
        self.assertGreater(figures["open_p50"], 0)
        for account in ("cgroups", "host", "relay", "supervisor", "launcher"):
            self.assertIn(f"{account}_kib_each", figures)

    def test_what_the_store_has_was_found_there_and_nothing_else(self):
        shares = {row["id"]: row["figures"].get("cached_share") for row in self.results["rows"]}
        self.assertEqual(shares["install-cached"], 1)
        self.assertEqual(shares["install-fresh"], 0)

    def test_nothing_was_handed_out_unready(self):
        burst = next(row for row in self.results["rows"] if row["id"] == "burst-100")
        self.assertGreater(burst["figures"]["readiness_checked"], 0)
        self.assertEqual(burst["figures"]["unready"], 0, burst["reason"])
        self.assertEqual(burst["figures"]["failed"], 0, burst["reason"])

    def test_sessions_that_ask_for_nothing_more_have_no_more_processes(self):
        row = next(row for row in self.results["rows"] if row["id"] == "sessions-1000")
        self.assertEqual(row["figures"]["processes_each"], 2)

    def test_breakdown_and_host_are_there(self):
        self.assertTrue(self.results["run_id"])
        self.assertGreater(self.results["host"]["cores"], 0)
        self.assertIn("first cell", self.results["breakdown"]["stages_ms"])
        self.assertGreater(len(self.results["breakdown"]["stages_ms"]), 1)
        self.assertGreater(self.results["breakdown"]["page_copies"]["memory"]["first"]["minor_faults"], 0)
        self.assertEqual(set(self.results["noise"]), {"start", "end"})

    def test_plots_are_drawn(self):
        self.assertEqual(sorted(os.listdir(self.plots)), ["latency.svg", "scaling-memory.svg", "scaling-rate.svg"])

    def test_table_shows_every_row(self):
        for row_id in rows.IDS:
            self.assertIn(row_id, self.done.stdout)

    def test_nothing_is_left_behind(self):
        self.assertEqual(left_behind() - self.before, set())


class PairedTest(unittest.TestCase):
    """A build beside itself: two servers in turns."""

    def test_each_round_has_both_builds_and_nothing_is_left_behind(self):
        before = left_behind()
        with tempfile.TemporaryDirectory(prefix="bench-smoke.") as folder:
            path = os.path.join(folder, "results.json")
            programs = os.environ["WARREN_BIN"]
            command = [f"{ROOT}/tools/bench", "--quick", "--bin", programs, "--against", programs, "--json", path]
            command += ["--only", "create-pool-hit,destroy", "--repeat", "2"]
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")
            with open(path) as file:
                results = json.load(file)
        self.assertEqual(results["rounds"], 2)
        self.assertEqual([row["id"] for row in results["rows"]], ["create-pool-hit", "destroy"])
        for row in results["rows"]:
            with self.subTest(row["id"]):
                self.assertEqual(row["error"], "")
                self.assertTrue(row["values"])
                for values in row["values"].values():
                    self.assertEqual({build: len(rounds) for build, rounds in values.items()}, {"before": 2, "after": 2})
        self.assertEqual(left_behind() - before, set())

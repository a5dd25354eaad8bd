"""A check that cannot fail proves nothing: every probe reports Broken where there is no sandbox, or says why it is not tried.

Where the kernel lacks what a probe attacks, it says "not on this host", which not_on_this_host.txt has to allow.
Needs root. Each probe runs in throwaway namespaces (throwaway.py); none of them changes anything of the host's.
"""

import contextlib
import glob
import io
import json
import os
import signal
import subprocess
import sys
import types
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "probes"), os.path.join(HERE, "..", "support")]

import attack  # noqa: E402
import missing  # noqa: E402
from pace import pace, patience  # noqa: E402


def environment():
    """With the factor stated, for what is started to wait as long as this process does."""
    return dict(os.environ, WARREN_PACE=str(pace()))


def all_probes():
    names = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "probes", "*.py")))
    return [found for name in names if name != "attack" for found in attack.probes_of(__import__(name))]


def report_of(found):
    """The report of one probe in throwaway namespaces."""
    command = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--ipc", "--uts", "--net", "--kill-child", "--",
               sys.executable, "-B", os.path.join(HERE, "throwaway.py"), found["group"], found["name"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=patience(180),
                              stdin=subprocess.DEVNULL, env=environment())
    except subprocess.TimeoutExpired as error:
        return {"verdict": "no report", "detail": str(error)}
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("WARREN-ATTACK "):
            return json.loads(line.removeprefix("WARREN-ATTACK "))
    return {"verdict": "no report", "detail": done.stderr[-500:]}


class Unconfined(unittest.TestCase):
    def test_every_claim_is_broken_without_a_sandbox(self):
        tried = [found for found in all_probes() if found["unconfined"] == "broken"]
        self.assertGreater(len(tried), 80)
        # Each has a host of its own; most of their time goes into making it.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found, report in zip(tried, pool.map(report_of, tried)):
                name = f"{found['group']}/{found['name']}"
                with self.subTest(probe=name):
                    if not missing.allowed(name, report):
                        self.assertEqual(report["verdict"], "broken", report["detail"])


class Suite(unittest.TestCase):
    def test_there_are_enough_probes(self):
        self.assertGreaterEqual(len(all_probes()), 80)

    def test_names_are_unique(self):
        names = [found["name"] for found in all_probes()]
        self.assertEqual(len(names), len(set(names)))

    def test_each_says_what_it_claims(self):
        for found in all_probes():
            # A sentence; it may begin with the kernel's own name of a thing.
            self.assertRegex(found["claim"], r"^[\w/].{10,}\.$", found["name"])
            self.assertTrue(all(found["layer"]), found["name"])
            self.assertTrue(found["unconfined"], found["name"])

    def test_what_root_is_granted_says_why(self):
        for found in all_probes():
            self.assertLessEqual(set(found["profiles"]), {"user", "root"}, found["name"])
            if found["granted_to_root"] is not None:
                self.assertRegex(found["granted_to_root"], r".{12,}", found["name"])
                self.assertEqual((found["profiles"], found["ends"]), ([], []), found["name"])

    def test_a_deadline_is_for_cells_that_may_run_into_it(self):
        for found in all_probes():
            self.assertEqual(found["deadline"] is not None, "TIMED_OUT" in found["ends"], found["name"])

    def test_the_list_of_what_may_be_missing_names_probes(self):
        names = {f"{found['group']}/{found['name']}" for found in all_probes()}
        self.assertEqual({name for name, _ in missing.entries()} - names, set())


class Gate(unittest.TestCase):
    """The decision of kernel/32_bit_calls, which no host shows in every way."""

    def test_only_the_filters_kill_proves_the_claim(self):
        kernel = __import__("kernel")
        kernel.answer_to_gate(signal.SIGSYS)
        for status, error in ((1 << 8, attack.Broken), (0, attack.Broken), (2 << 8, attack.NotOnThisHost),
                              (signal.SIGSEGV, attack.NotOnThisHost)):
            with self.assertRaises(error):
                kernel.answer_to_gate(status)


class KernelsOwnRefusal(unittest.TestCase):
    """A call that the kernel refuses as the filter would proves nothing without a sandbox."""

    def verdict(self, unconfined):
        module = types.ModuleType("probes")
        module.probe_unknown = lambda host: attack.refused(1000, 0)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            attack.run(module, "probe_unknown", {"pace": 1, "unconfined": unconfined, "profile": "user"})
        return json.loads(out.getvalue().split("WARREN-ATTACK ")[1])["verdict"]

    def test_is_not_on_this_host(self):
        self.assertEqual(self.verdict(unconfined=True), "not_on_this_host")
        self.assertEqual(self.verdict(unconfined=False), "held")


if __name__ == "__main__":
    unittest.main()

"""A check that cannot fail proves nothing: every probe reports Broken where there is no sandbox, or says why it is not tried.

Needs root. Each probe runs in throwaway namespaces (throwaway.py); none of them changes anything of the host's.
"""

import glob
import json
import os
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "probes"))

import attack  # noqa: E402


def all_probes():
    names = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "probes", "*.py")))
    return [found for name in names if name != "attack" for found in attack.probes_of(__import__(name))]


def report_of(found):
    """The report of one probe in throwaway namespaces."""
    command = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--ipc", "--uts", "--net", "--kill-child", "--",
               sys.executable, "-B", os.path.join(HERE, "throwaway.py"), found["group"], found["name"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, stdin=subprocess.DEVNULL)
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
                with self.subTest(probe=f"{found['group']}/{found['name']}"):
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


if __name__ == "__main__":
    unittest.main()

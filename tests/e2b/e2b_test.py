"""E2B's own SDKs, unchanged, against a real warrend: every case of tests/e2b/suite, by each SDK, comes out as
docs/E2B_COMPATIBILITY.md says, and none fails. WARREN_UPDATE_GOLDEN=1 writes that page. Needs root, Node.js with npm, and the
template data-science."""

import difflib
import fcntl
import os
import sys
import unittest

from e2b_server import HERE, ROOT, E2bServer, results_of
from install_sdk import installed_sdk
from table import COLUMNS, Table

PAGE = os.path.join(ROOT, "docs", "E2B_COMPATIBILITY.md")


class Suite(unittest.TestCase):
    """What the classes below have in common: a server without keys, and another with two tenants'."""

    maxDiff = None

    def run_cases(self, command, keys_command=None):
        """The results of a run without keys, and of one with them."""
        results = self.run_on_server(command)
        if keys_command:
            results += self.run_on_server(keys_command, "acme", "umbrella")
        return results

    def run_on_server(self, command, *tenants):
        server = E2bServer()
        try:
            keys = [server.make_key(tenant) for tenant in tenants]
            results = results_of(command, server.environment_for(*keys))["results"]
            left = server.sandboxes()
            log = server.log()
        finally:
            code = server.stop()
        self.assertEqual(left, [], "the cases leave sandboxes behind")
        self.assertEqual(code, 0, f"warrend did not stop cleanly: {log}")
        self.assertGreater(len(results), 0)
        return results

    def compare(self, column, results):
        failed = [f"{result['capability']}: {result['case']}: {result['reason']}" for result in results
                  if result["outcome"] == "failed"]
        with open(PAGE, "r+", encoding="utf-8") as file:
            # Others may write their columns.
            fcntl.flock(file, fcntl.LOCK_EX)
            text = file.read()
            table = Table(text)
            table.replace(column, results)
            made = table.render()
            if made != text and os.environ.get("WARREN_UPDATE_GOLDEN") == "1":
                file.seek(0)
                file.truncate()
                file.write(made)
                text = made
        self.assertEqual(failed, [], f"{len(failed)} of {len(results)} cases of {column} fail")
        difference = difflib.unified_diff(text.splitlines(), made.splitlines(), "the page", "what came", lineterm="", n=1)
        self.assertEqual(text, made, "\n".join(["the page does not say what came; WARREN_UPDATE_GOLDEN=1 writes it:", *difference]))

    def run_sdk(self, name, column):
        command = ["node", os.path.join(HERE, "suite", "run.mjs"), installed_sdk(name)]
        self.compare(column, self.run_cases(command, [*command, "--keys"]))


class Sdk2x51(Suite):
    def test_all_cases(self):
        self.run_sdk("e2b-2.51.0", COLUMNS[0])


class Sdk2x45(Suite):
    def test_all_cases(self):
        self.run_sdk("e2b-2.45.0", COLUMNS[1])


class PythonReplay(Suite):
    def test_all_cases(self):
        self.compare(COLUMNS[2], self.run_cases([sys.executable, "-B", os.path.join(HERE, "python_replay.py")]))


if __name__ == "__main__":
    unittest.main()

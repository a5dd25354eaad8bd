"""docs/examples/e2b and the examples of docs/guide/e2b.md, as they stand, with E2B's own SDK against a real warrend. Needs root,
Node.js with npm, and the template data-science."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from e2b_server import ROOT, E2bServer, patience  # noqa: E402
from install_sdk import installed_sdk  # noqa: E402
from pages import blocks  # noqa: E402

EXAMPLES = os.path.join(ROOT, "docs", "examples", "e2b")
GUIDE = os.path.join(ROOT, "docs", "guide", "e2b.md")


class Scripts(unittest.TestCase):
    """Scripts that import the newest SDK. One server for all."""

    @classmethod
    def setUpClass(cls):
        cls.modules = os.path.join(installed_sdk("e2b-2.51.0"), "node_modules")
        cls.server = E2bServer()

    @classmethod
    def tearDownClass(cls):
        if cls.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="warren-e2b-example-")
        self.addCleanup(shutil.rmtree, self.directory)
        # Where Node.js looks for what a script imports.
        os.symlink(self.modules, os.path.join(self.directory, "node_modules"))

    def tearDown(self):
        left = self.server.sandboxes()
        self.server.run("kill", "--all")
        self.assertEqual(left, [], "the example leaves sandboxes behind")

    def run_script(self, source, *arguments):
        script = os.path.join(self.directory, "script.mjs")
        with open(script, "w", encoding="utf-8") as file:
            file.write(source)
        return subprocess.run(["node", script, *arguments], cwd=self.directory, env=self.server.environment_for(),
                              capture_output=True, text=True, timeout=patience(120), stdin=subprocess.DEVNULL)

    def run_example(self, name, *changes):
        """The example with these (old, new) changes."""
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
            source = file.read()
        for old, new in changes:
            self.assertIn(old, source)
            source = source.replace(old, new)
        return self.run_script(source, self.directory)

    def read(self, name):
        with open(os.path.join(self.directory, name), "rb") as file:
            return file.read()


class Examples(Scripts):
    def test_agent(self):
        ran = self.run_example("agent.mjs")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout.splitlines()[-1],
                         "^agent: 1095 rows, 5 steps, 1 mistake mended; harbour .*, summit .*, valley ")
        self.assertTrue(self.read("temperatures.png").startswith(b"\x89PNG"))
        self.assertEqual(sorted(json.loads(self.read("report.json"))), ["harbour", "summit", "valley"])

    def test_agent_tells_what_is_not_as_it_should_be(self):
        ran = self.run_example("agent.mjs", ('plt.title("A year', 'plt.title("Another year'))
        self.assertNotEqual(ran.returncode, 0, ran.stdout)

    def test_workspace(self):
        ran = self.run_example("workspace.mjs")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout.splitlines()[-1], "^workspace: .* a link given$")

    def test_workspace_tells_what_is_not_as_it_should_be(self):
        ran = self.run_example("workspace.mjs", ("exit 3\\n", "exit 4\\n"))
        self.assertNotEqual(ran.returncode, 0, ran.stdout)

    def test_tour(self):
        # Without an index, which tools/demo --e2b gives it.
        ran = self.run_example("tour.mjs")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout.splitlines()[-1], "^tour: ")
        self.assertTrue(self.read("tour.png").startswith(b"\x89PNG"))

    def test_none_is_left_out(self):
        names = {os.path.basename(path)[:-4] for path in glob.glob(os.path.join(EXAMPLES, "*.mjs"))}
        self.assertEqual({name for name in names if f"test_{name}" not in dir(self)}, set())


class GuidePage(Scripts):
    def test_its_examples(self):
        ran = 0
        for block in blocks(GUIDE):
            self.assertEqual(block.language, "js", f"{GUIDE}:{block.line}: such a block is not run")
            said = re.findall(r"console\.log\(.*\); // (.*)$", block.text, re.MULTILINE)
            self.assertTrue(said, f"{GUIDE}:{block.line}: the example does not say what comes")
            done = self.run_script(block.text)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual([line.strip() for line in done.stdout.splitlines()], said, f"{GUIDE}:{block.line}")
            ran += 1
        self.assertGreater(ran, 0)


if __name__ == "__main__":
    unittest.main()

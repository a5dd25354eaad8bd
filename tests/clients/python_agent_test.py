"""docs/examples/agent.py, as it stands, against a real warrend: it prints what agent.txt says, whatever runs the code."""

import os
import subprocess
import sys
import tempfile
import unittest

from python_client import CLIENT, ROOT, patience
from warren_server import ServerTest

EXAMPLE = os.path.join(ROOT, "docs", "examples", "agent.py")


def run_example(environment, *changes):
    """The example with these (old, new) changes: its exit code, what it printed, and what it said of a failure."""
    with open(EXAMPLE, encoding="utf-8") as file:
        source = file.read()
    for old, new in changes:
        if old not in source:
            raise AssertionError(f"{EXAMPLE} has no {old!r}")
        source = source.replace(old, new)
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as script:
        script.write(source)
        script.flush()
        done = subprocess.run([sys.executable, "-B", script.name], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=patience(120), env={**environment, "PYTHONPATH": os.path.join(CLIENT, "lib")})
    return done.returncode, done.stdout, done.stderr


def expected_output():
    with open(EXAMPLE.replace(".py", ".txt"), encoding="utf-8") as file:
        return file.read()


class Agent(ServerTest):
    flags = ("--default-template", "base", "--max-sandboxes", "20")
    maxDiff = None

    def tearDown(self):
        self.assertEqual(self.server.sandboxes(), [])

    def test_it_prints_what_its_page_says_each_time(self):
        for _ in range(2):
            self.assertEqual(run_example(self.server.environment), (0, expected_output(), ""))

    def test_a_step_that_fails_ends_it_and_leaves_nothing(self):
        code, printed, said = run_example(self.server.environment, ('with open("in/sales.csv") as file:',
                                                                    'with open("in/none.csv") as file:'))
        self.assertEqual(code, 1)
        self.assertTrue(expected_output().startswith(printed))
        self.assertIn("FileNotFoundError", said)

    def test_without_a_server_it_says_which_one_it_looked_for(self):
        address = f"unix://{self.server.directory}/nobody"
        code, printed, said = run_example({**self.server.environment, "WARREN_ADDRESS": address})
        self.assertEqual((code, printed), (1, ""))
        self.assertIn(f"no server answers at {address}", said)


if __name__ == "__main__":
    unittest.main()

"""docs/examples/session.py, as it stands, against a real warrend; tools/demo --session shows it. Needs the data-science
template."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients"))

from python_client import CLIENT, ROOT, patience  # noqa: E402
from warren_server import ServerTest  # noqa: E402

EXAMPLE = os.path.join(ROOT, "docs", "examples", "session.py")


class Session(ServerTest):
    flags = ("--default-template", "data-science", "--max-sandboxes", "100")

    def run_example(self, *changes):
        """The example with these (old, new) changes: its exit code, what it said, and the bytes of its picture."""
        with open(EXAMPLE, encoding="utf-8") as file:
            source = file.read()
        for old, new in changes:
            self.assertIn(old, source)
            source = source.replace(old, new)
        with tempfile.TemporaryDirectory() as directory:
            script, picture = os.path.join(directory, "session.py"), os.path.join(directory, "picture")
            with open(script, "w", encoding="utf-8") as file:
                file.write(source)
            environment = self.server.environment | {"PYTHONPATH": os.path.join(CLIENT, "lib")}
            done = subprocess.run([sys.executable, "-B", script, picture], capture_output=True, text=True, env=environment,
                                  timeout=patience(120), stdin=subprocess.DEVNULL)
            png = b""
            if os.path.exists(picture):
                with open(picture, "rb") as file:
                    png = file.read()
        return done.returncode, done.stdout + done.stderr, png

    def tearDown(self):
        self.assertEqual(self.server.sandboxes(), [])

    def test_all_of_it(self):
        code, said, png = self.run_example()
        self.assertEqual(code, 0, said)
        self.assertRegex(said.splitlines()[-1], "^session: 1095 rows uploaded, .* after a pause$")
        self.assertTrue(png.startswith(b"\x89PNG"))

    def test_what_is_not_as_it_was_is_told(self):
        # Somebody changes a variable while nobody should.
        code, said, _ = self.run_example(("            sandbox.resume()\n",
                                          "            sandbox.resume()\n            sandbox.run_code('warmest = None')\n"))
        self.assertEqual(code, 1, said)
        self.assertIn("session: python: ", said)

    def test_a_picture_that_is_none_is_told(self):
        code, said, _ = self.run_example(('savefig("plot.png")', 'savefig("plot.png", format="svg")'))
        self.assertEqual(code, 1, said)
        self.assertIn("is not a whole PNG", said)


if __name__ == "__main__":
    unittest.main()

"""Every example of the Python client's README, run as it stands against a real warrend: what it prints is what its comments
say."""

import os
import re
import unittest
import unittest.mock

from python_client import ROOT, awaited, warren
from pages import blocks, printed_lines, run_python
from warren_server import ServerTest
from wheels import example_index

README = os.path.join(ROOT, "clients", "python", "README.md")


class Readme(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.flags = ("--default-template", "base", "--max-sandboxes", "100", *cls.enterClassContext(example_index()))
        super().setUpClass()

    def run_example(self, block):
        names = {"__name__": "example"}
        if re.search(r"\bsandbox\b", block.text) and not re.search(r"\bas sandbox\b", block.text):
            with warren.Sandbox.create() as sandbox:
                run_python(block, names | {"sandbox": sandbox})
        else:
            run_python(block, names)

    def test_examples(self):
        count = 0
        with unittest.mock.patch.dict(os.environ, {"WARREN_ADDRESS": self.server.environment["WARREN_ADDRESS"]}):
            for block in blocks(README):
                if block.language != "python":
                    continue
                with self.subTest(line=block.line, needs=block.needs):
                    self.assertTrue(printed_lines(block.text))
                    awaited(block.needs, lambda: self.run_example(block))
                    count += 1
        self.assertGreaterEqual(count, 15)
        self.assertEqual(self.server.sandboxes(), [])


if __name__ == "__main__":
    unittest.main()

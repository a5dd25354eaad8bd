"""A build's commands end with the build.

Needs root: they run in mount and pid namespaces of their own.
"""

import os
import pathlib
import sys
import unittest

from builder import process

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from pace import eventually  # noqa: E402


class Containment(unittest.TestCase):
    def test_a_stopped_command_leaves_no_process(self):
        child = process.start_contained(["sh", "-c", "sleep 1000000 & sleep 1000000"])
        children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children")
        self.assertTrue(eventually(lambda: children.read_text().split()), "the command does not begin")
        first = children.read_text().split()[0]
        process.stop(child)
        self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{first}")), "a process outlives the command")


if __name__ == "__main__":
    unittest.main()

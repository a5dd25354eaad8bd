"""A build's commands end with the build.

Needs root: they run in mount and pid namespaces of their own.
"""

import os
import pathlib
import time
import unittest

from builder import process


class Containment(unittest.TestCase):
    def test_a_stopped_command_leaves_no_process(self):
        child = process.start_contained(["sh", "-c", "sleep 1000 & sleep 1000"])
        children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children")
        deadline = time.monotonic() + 10
        while not children.read_text().split() and time.monotonic() < deadline:
            time.sleep(0.01)
        first = children.read_text().split()[0]
        process.stop(child)
        deadline = time.monotonic() + 10
        while os.path.exists(f"/proc/{first}") and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(os.path.exists(f"/proc/{first}"))


if __name__ == "__main__":
    unittest.main()

"""The zygote's heap: where Python knows immortal objects, looking at one does not write to it."""

import subprocess
import sys
import unittest

from driver import REPOSITORY

PROGRAM = """
import gc, sys
sys.path.insert(0, %r)
from warren_worker.zygote import settle
from warren_worker.immortal import make_everything_immortal

class Thing: pass
thing, text, number = Thing(), "a text " * 3, 12345678901
things = {"a": thing, text: number}
settle()
after = [Thing() for _ in range(3)]
before = [sys.getrefcount(o) for o in (thing, text, number, things, Thing, settle)]
more = [thing, text, number, things, Thing, settle] * 10
unchanged = before == [sys.getrefcount(o) for o in (thing, text, number, things, Thing, settle)]
# What comes later lives and dies as ever, and what is immortal still works.
del more, thing, things
gc.collect()
mortal = sys.getrefcount(after[0]) < 10
things = {text + "x": number + 1}
unfrozen = [o for o in gc.get_objects() if type(o) is Thing]
print(unchanged, mortal, gc.get_freeze_count() > 1000, len(unfrozen))
"""


class ImmortalTest(unittest.TestCase):
    def test_counts_of_the_warmed_heap_are_not_written(self):
        program = PROGRAM % (REPOSITORY + "/runtime/worker")
        done = subprocess.run(
            [sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, check=True, text=True
        )
        knows_immortals = (3, 12) <= sys.version_info < (3, 14)
        self.assertEqual(done.stdout.split(), [str(knows_immortals), "True", "True", "3"])


if __name__ == "__main__":
    unittest.main()

"""The zygote's heap: its arenas lie where huge pages can hold them, and its holes are taken, so that a context's first
objects lie side by side."""

import os
import subprocess
import sys
import unittest

from driver import REPOSITORY

LIBRARY = os.environ["WARREN_CONTEXT_LIBRARY"]

# A heap full of holes, and a child that writes what it allocates: how many KiB it has of its own.
HOLES = """
import ctypes, os, sys
sys.path.insert(0, %r)
from warren_worker.holes import fill_pool_holes
from warren_worker.native import ContextLibrary
library = ContextLibrary(%r)
fill = sys.argv[1] == "fill"
library.compact_arenas()

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = (ctypes.c_void_p,)
# One of a hundred blocks is free, in malloc's heap and in Python's.
small = [bytes(200 + n %% 2) for n in range(200_000)]
large = [libc.malloc(3000) for _ in range(20_000)]
for address in large[::100]:
    libc.free(address)
del small[::100]
if fill:
    assert fill_pool_holes() > 100 * 200
    assert library.fill_heap_holes() > 100 * 3000

def private():
    for line in open("/proc/self/smaps_rollup"):
        if line.startswith("Private_Dirty"):
            return int(line.split()[1])

if os.fork() == 0:
    before = private()
    objects = [bytes(200) for _ in range(1500)]
    for _ in range(150):
        libc.memset(ctypes.c_void_p(libc.malloc(3000)), 1, 3000)
    print(private() - before, flush=True)
    os._exit(0)
os.wait()
"""

ARENAS = """
import re, sys
sys.path.insert(0, %r)
from warren_worker.native import ContextLibrary
ContextLibrary(%r).compact_arenas()
objects = [bytes(100) for _ in range(300_000)]
megabytes = {id(item) >> 20 for item in objects[20_000:]}
# 40 arenas without a gap, of which the chunk begins where a huge page can.
first = min(megabytes)
chunk = next(int(line.split("-")[0], 16) for line in open("/proc/self/maps")
             if int(line.split("-")[0], 16) >> 20 <= first < int(line.split(" ")[0].split("-")[1], 16) >> 20)
print(max(megabytes) - first + 1 == len(megabytes), chunk %% (2 << 20), len(megabytes) > 30)
# What is freed is the kernel's again, and what comes later works.
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
full = resident()
del objects
print(full - resident() > 25_000)
print(len([bytes(100) for _ in range(300_000)]))
"""


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-I", "-c", program % (REPOSITORY + "/runtime/worker", LIBRARY), *arguments],
        stdout=subprocess.PIPE, check=True, text=True,
    )
    return done.stdout.split()


class HeapTest(unittest.TestCase):
    def test_a_child_copies_fewer_pages_where_the_holes_are_taken(self):
        scattered, packed = (int(run(HOLES, how)[0]) for how in ("leave", "fill"))
        # 1500 * 233 bytes and 150 * 3000 are 780 KiB when they lie side by side.
        self.assertLess(packed, 1200)
        self.assertGreater(scattered, 1.3 * packed)

    def test_arenas_lie_side_by_side_and_are_given_back(self):
        self.assertEqual(run(ARENAS), ["True", "0", "True", "True", "300000"])


if __name__ == "__main__":
    unittest.main()

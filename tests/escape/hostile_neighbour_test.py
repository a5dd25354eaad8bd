"""A hostile script beside others: forks, memory, disk, output, descriptors and signals at once, again and again.

Every neighbour's create and cell end as they would without it, nothing is lost or hangs, each attacker ends in its own sandbox
with an outcome of its own making, and nothing is left. How long that takes is the benchmark's to say. Needs root and
WARREN_TEST_PREFIX.
"""

import json
import os
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "tools"), os.path.join(HERE, "..", "support")]

from pace import eventually, patience  # noqa: E402
from warren_server import PREFIX, Server  # noqa: E402

ATTACKS = 6
NEIGHBOURS = 10
# Memory, output, and the deadline; where the bombs end the worker itself, that is a signal's or an exit's.
ENDS = {"out_of_memory", "output_limit", "timed_out", "killed", "exited", "exception"}

HOSTILE = """
import os, signal, time
def rage(kind):
    while True:
        try:
            if kind == 0:
                os.fork()
            elif kind == 1:
                with open(f"/tmp/{time.monotonic_ns()}", "wb") as file:
                    file.write(b"x" * 65536)
            elif kind == 2:
                os.open("/dev/null", os.O_RDONLY)
            elif kind == 3:
                os.write(1, b"y" * 65536)
            elif kind == 4:
                os.kill(os.getpid(), signal.SIGURG)
            else:
                hoard = [b"x" * 1048576 for _ in range(64)]
        except (OSError, MemoryError):
            pass
for number in range(12):
    try:
        if os.fork() == 0:
            rage(number % 6)
    except OSError:
        pass
rage(4)
"""


class HostileNeighbour(unittest.TestCase):
    def setUp(self):
        self.server = Server("--pool", "base=4", "--default-template", "base")

    def tearDown(self):
        self.assertEqual(self.server.stop(), 0)

    def attack(self):
        """Starts one that ends by its own excess, or at its deadline."""
        return subprocess.Popen([f"{PREFIX}/bin/warren", "exec", "--json", "--timeout", "10s", "--memory", "256M", "--disk", "128M",
                                 "--pids", "128", "-c", HOSTILE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, env=self.server.environment)

    def assert_served(self, number):
        """A sandbox is made, and its cell gives what it computes."""
        events = self.server.events("-c", f"print('neighbour', {number} + 1)")
        self.assertTrue(events, self.server.log())
        self.assertEqual(events[-1].get("outcome"), "exited", events[-1])
        self.assertIn(f"neighbour {number + 1}", json.dumps(events))

    def outcome_of(self, attacker):
        """How it ended; its flood of output goes nowhere meanwhile."""
        last = b""
        for line in attacker.stdout:
            if b'"outcome"' in line:
                last = line
        attacker.wait(patience())
        return json.loads(last)["outcome"] if last else f"exit code {attacker.returncode}, no outcome"

    def test_neighbours_are_served(self):
        for _ in range(ATTACKS):
            attacker = self.attack()
            try:
                with ThreadPoolExecutor(1) as pool:
                    outcome = pool.submit(self.outcome_of, attacker)
                    for number in range(NEIGHBOURS):
                        self.assert_served(number)
                    self.assertIn(outcome.result(patience(120)), ENDS)
            finally:
                attacker.kill()
                attacker.wait()
                attacker.stdout.close()
        self.assertTrue(eventually(lambda: not self.server.sandboxes()), self.server.sandboxes())


if __name__ == "__main__":
    unittest.main()

"""How tests in Python wait: until the thing is true, within a bound that only a hang reaches.

The factor by which bounds grow on a slow machine is WARREN_PACE, as tools/test and tools/uml-test measure it once a run;
without it, what the `warren` of WARREN_TEST_PREFIX measures; without both, 1.
"""

import functools
import os
import re
import subprocess
import time


@functools.lru_cache(maxsize=None)
def pace():
    """At least 1."""
    stated = os.environ.get("WARREN_PACE")
    prefix = os.environ.get("WARREN_TEST_PREFIX")
    if stated is None and prefix:
        line = subprocess.run([f"{prefix}/bin/warren", "doctor", "--pace"], capture_output=True, text=True, check=True).stdout
        stated = re.match(r"pace ([\d.]+):", line)[1]
    return max(1.0, float(stated or 1))


def patience(seconds=60):
    """Seconds that something may take before a test fails: what only a hang takes on a machine of pace 1, times pace()."""
    return seconds * pace()


def eventually(holds, seconds=60):
    """Waits until holds() is true; False when it is not within patience(seconds)."""
    deadline = time.monotonic() + patience(seconds)
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

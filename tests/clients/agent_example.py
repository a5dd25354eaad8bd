"""docs/examples/agent.py, run as it stands or changed, and what it prints."""

import os
import subprocess
import sys
import tempfile

from python_client import CLIENT, ROOT, patience

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

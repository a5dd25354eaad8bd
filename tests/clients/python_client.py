"""The client that is tested, as its wheel installed it, and what its tests share. WARREN_PYTHON_CLIENT is the folder that
build_python_client.py has made."""

import functools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
CLIENT = os.environ["WARREN_PYTHON_CLIENT"]

sys.path[:0] = [os.path.join(CLIENT, "lib"), os.path.join(HERE, "../tools"), os.path.join(HERE, "../support")]

import warren  # noqa: E402
from pace import eventually, patience  # noqa: E402

__all__ = ["AWAITED", "CLIENT", "HERE", "ROOT", "awaited", "eventually", "needs", "patience", "warren"]

assert warren.__file__.startswith(CLIENT), f"{warren.__file__} is not what was built in {CLIENT}"

# Parts of the contract that the server does not have yet. A test that needs one of them must fail until then; the first one
# that passes says so, and the part is to be taken out here.
AWAITED: frozenset[str] = frozenset()


def awaited(needs, run):
    """Runs a test, or an example, that needs these parts of the server."""
    missing = sorted(set(needs) & AWAITED)
    if not missing:
        return run()
    try:
        run()
    except Exception:
        return None
    raise AssertionError(f"the server has all of {sorted(needs)} now: take {missing} out of AWAITED in {__file__}")


def needs(*parts):
    """For a test that needs these parts of the server."""
    def decorate(test):
        @functools.wraps(test)
        def wrapped(self):
            awaited(parts, lambda: test(self))
        return wrapped
    return decorate

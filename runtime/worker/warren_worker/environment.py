"""Environment variables of this process, as bytes: those that a context is made with, and those of
one cell."""

import builtins
import os
import time

__builtins__ = dict(vars(builtins))  # See wire.py.

_ZONE = b"TZ"


def update(variables):
    """variables: [(name, value)]. Raises OSError or ValueError for what is no variable."""
    for name, value in variables:
        os.environb[name] = value
    _read_zone(variables)


class Override:
    """Variables until undo(), which sets back what they were, whatever became of them meanwhile."""

    def __init__(self, variables):
        self._before = {name: os.environb.get(name) for name, _ in variables}
        update(variables)

    def undo(self):
        for name, value in self._before.items():
            if value is None:
                os.environb.pop(name, None)
            else:
                os.environb[name] = value
        _read_zone(self._before.items())


def _read_zone(variables):
    if any(name == _ZONE for name, _ in variables):
        time.tzset()

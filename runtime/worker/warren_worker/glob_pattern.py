"""Glob patterns: which names of a directory they match, and which directories are to be looked into.
No system calls."""

import builtins
import re
from fnmatch import translate

__builtins__ = dict(vars(builtins))  # See wire.py.

_MAGIC = re.compile("[*?[]")
_DEEP = "**"


class GlobPattern:
    """One pattern. What is left of it in a directory is a state: a set of places in it, for `**` may
    have matched more or fewer directories. So each directory is listed once, however many `**` there
    are.

    Immutable.
    """

    def __init__(self, text):
        """text: bytes, UTF-8."""
        text = text.decode()
        self.absolute = text.startswith("/")
        names = []
        for name in text.split("/"):
            # Any number of directories, twice, is the same.
            if name not in ("", ".") and not (name == _DEEP and names[-1:] == [_DEEP]):
                names.append(name)
        if names and names[-1] == _DEEP:
            # Any file below.
            names.append("*")
        self._names = names
        self._matches = [
            re.compile(translate(name)).match if _MAGIC.search(name) else None for name in names
        ]
        self.root = b"/" if self.absolute else b""
        # A pattern of no name at all matches nothing.
        self.start = self._closed({0}) if names else frozenset()

    def only_name(self, state):
        """The one name that it can go on with, or None."""
        if len(state) != 1:
            return None
        (place,) = state
        return None if self._matches[place] else self._names[place].encode()

    def is_last(self, state):
        return len(self._names) - 1 in state

    def after(self, state):
        """Of a state with only_name()."""
        return self._closed({place + 1 for place in state})

    def step(self, state, name):
        """(whether the name matches the whole, the state below it where it is a directory, and the state
        below it where it is a symbolic link to one); a state may be empty."""
        matches, linked, below = False, set(), set()
        for place in state:
            if self._names[place] == _DEEP:
                if not name.startswith("."):
                    below.add(place)
            elif self._fits(place, name):
                if place == len(self._names) - 1:
                    matches = True
                else:
                    linked.add(place + 1)
        return matches, self._closed(below | linked), self._closed(linked)

    def _fits(self, place, name):
        match, text = self._matches[place], self._names[place]
        if match is None:
            return name == text
        if name.startswith(".") and not text.startswith("."):
            return False
        return match(name) is not None

    def _closed(self, places):
        """`**` matches no directory as well. It is never the last."""
        for place in sorted(places):
            while self._names[place] == _DEEP:
                place += 1
                places.add(place)
        return frozenset(places)

"""The template store on disk: STORE/NAME/{rootfs/,manifest.textproto,recipe.textproto}.

Beside them, with names that no template can have: .NAME.lock (held during a build), .NAME.building
(a build in progress, or one that was killed), .NAME.previous (the tree that the last build replaced:
sandboxes that run on it keep their files until the next build).
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import shutil

from .errors import BuildError

DEFAULT = "/var/lib/warren/templates"

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_libc = ctypes.CDLL(None, use_errno=True)


class Store:
    """One directory of templates. Methods but `locked` are called with the template's lock held."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def template(self, name):
        return self.directory / name

    def building(self, name):
        return self.directory / f".{name}.building"

    def previous(self, name):
        return self.directory / f".{name}.previous"

    @contextlib.contextmanager
    def locked(self, name, report):
        """Holds the template's lock, waiting for another build of the same one to end."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = open(self.directory / f".{name}.lock", "w")
        except OSError as error:
            raise BuildError(f"open the store {self.directory}: {error.strerror}: "
                             "choose another with --store") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report(f"another build of {name} is running; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def clear(self, name):
        """Removes what a killed build may have left, and the tree before the last one."""
        for path in (self.building(name), self.previous(name)):
            if path.exists():
                shutil.rmtree(path)

    def publish(self, name):
        """Puts the finished build in the template's place in one step."""
        os.sync()
        new, place = self.building(name), self.template(name)
        if not place.exists():
            new.rename(place)
            return
        paths = (_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(place))
        if _libc.renameat2(*paths, _RENAME_EXCHANGE) != 0:
            number = ctypes.get_errno()
            if number not in (errno.EINVAL, errno.ENOSYS):
                raise BuildError(f"exchange {new} and {place}: {os.strerror(number)}")
            # A file system without RENAME_EXCHANGE: for an instant there is no template of this
            # name.
            place.rename(self.previous(name))
            new.rename(place)
            return
        new.rename(self.previous(name))

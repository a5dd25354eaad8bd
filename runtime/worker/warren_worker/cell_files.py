"""Files of one cell: those that are written before its code runs, and those that are found behind it.

Both work as the context's user and from the working directory that its language has. Other processes
of the sandbox may change everything meanwhile: then what is told is wrong, and nothing else is.
Paths are bytes, and relative ones are taken from a directory's descriptor (`base`).
"""

import builtins
import errno
from contextlib import contextmanager, suppress
from hashlib import sha256
from os import (
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_WRONLY,
    W_OK,
    access,
    close,
    fchmod,
    fsencode,
    fstat,
    mkdir,
    open,
    read,
    readlink,
    rename,
    scandir,
    stat,
    strerror,
    unlink,
    urandom,
    write,
)
from posixpath import dirname, join
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISREG, S_ISSOCK

from . import wire
from .glob_pattern import GlobPattern

__builtins__ = dict(vars(builtins))  # See wire.py.

MAX_LINKS = 40
MAX_DIRECTORIES = 10_000
_READ_BYTES = 256 * 1024
_DEFAULT_MODE = 0o644
_PARENT_MODE = 0o755
_PERMISSIONS = 0o7777

_NO_REGULAR_FILE = (
    (S_ISDIR, "is a directory"),
    (S_ISFIFO, "is a FIFO"),
    (S_ISSOCK, "is a socket"),
    (S_ISCHR, "is a device"),
    (S_ISBLK, "is a device"),
)
_SPACE = "remove something, or create a sandbox with a higher disk limit"
_RIGHTS = "write to a directory that the context's user may write to, such as /home/user"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
}


class InputFileError(Exception):
    """One of the input files could not be written."""


class _NotRegular(OSError):
    """Its strerror says what it is instead."""


def _check_regular(mode):
    if not S_ISREG(mode):
        kind = next((text for test, text in _NO_REGULAR_FILE if test(mode)), "is no regular file")
        raise _NotRegular(errno.EINVAL, kind)


@contextmanager
def _descriptor(*arguments, **options):
    fd = open(*arguments, **options)
    try:
        yield fd
    finally:
        close(fd)


# Before the cell.


def write_inputs(open_directory, files):
    """files: [(path, data)], written in this order. open_directory: makes a descriptor of the working
    directory. Raises InputFileError."""
    base = None
    try:
        for index, (path, data) in enumerate(files):
            try:
                if base is None and not path.startswith(b"/"):
                    base = open_directory()
                _write(base, path, data)
            except OSError as error:
                raise InputFileError(_describe_failure(index, path, error)) from None
    finally:
        if base is not None:
            close(base)


def _describe_failure(index, path, error):
    told = path.decode("utf-8", "backslashreplace")
    text = f'input_files[{index}].path "{told}": {error.strerror or error}'
    remedy = _REMEDIES.get(error.errno)
    return f"{text}; {remedy}" if remedy else text


def _write(base, path, data):
    path = _follow(base, path)
    folder = dirname(path) or b"."
    with _descriptor(folder, O_PATH | O_DIRECTORY | O_CLOEXEC, dir_fd=base) as fd:
        _replace(fd, path[len(dirname(path)) :].lstrip(b"/") or b".", data)


def _replace(folder, name, data):
    """Beside its place first, so that half of it never takes the place of what was there."""
    mode = _mode_of_replaced(folder, name)
    # As the agent names them: watches do not tell of it.
    temporary = b".warren-%s.tmp" % urandom(8).hex().encode()
    flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    with _descriptor(temporary, flags, 0o600, dir_fd=folder) as fd:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[write(fd, rest) :]
            fchmod(fd, mode)
            rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                unlink(temporary, dir_fd=folder)
            raise


def _follow(base, path):
    """Where the symbolic links at `path` lead to, in a directory that there is."""
    for _ in range(MAX_LINKS):
        _make_directories(base, dirname(path))
        try:
            target = readlink(path, dir_fd=base)
        except OSError as error:
            # It is no link, or not there.
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return path
            raise
        path = join(dirname(path), target)
    raise OSError(errno.ELOOP, strerror(errno.ELOOP))


def _make_directories(base, path):
    if not path:
        return
    try:
        stat(path, dir_fd=base)
        return
    except FileNotFoundError:
        pass
    end = 0
    while end >= 0:
        end = path.find(b"/", end + 1)
        part = path if end < 0 else path[:end]
        try:
            mkdir(part, _PARENT_MODE, dir_fd=base)
        except FileExistsError:
            pass


def _mode_of_replaced(folder, name):
    try:
        mode = stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return _DEFAULT_MODE
    _check_regular(mode)
    # Who may not write to a file may not replace it either.
    if not access(name, W_OK, dir_fd=folder):
        raise OSError(errno.EACCES, strerror(errno.EACCES))
    return mode & _PERMISSIONS


# Behind the cell.


class OutputFiles:
    """What matches the patterns of one cell. Lifecycle: constructor -> found(), to its end or until an
    exception -> incomplete."""

    def __init__(self, open_directory, patterns):
        """patterns: bytes, UTF-8."""
        self._open_directory = open_directory
        self._patterns = patterns
        self._directories = 0
        self._seen = set()
        # Why not all was found; empty where all was. The first reason is kept.
        self.incomplete = ""

    def found(self):
        """(absolute path, bytes read, digest, error) of each file: one of the last two is empty."""
        base = absolute = None
        try:
            for pattern in map(GlobPattern, self._patterns):
                if base is None and not pattern.absolute:
                    base = self._open_directory()
                    absolute = readlink(b"/proc/self/fd/%d" % base)
                for path in self._matches(base, pattern):
                    told = path if path.startswith(b"/") else join(absolute, path)
                    if told in self._seen or _is_nothing(base, path):
                        continue
                    if len(self._seen) == wire.MAX_OUTPUT_FILES:
                        self._miss(f"more than {wire.MAX_OUTPUT_FILES:,} files match")
                        return
                    if len(told) > wire.MAX_PATH:
                        self._miss(f"the path of a file is longer than {wire.MAX_PATH} bytes")
                        continue
                    self._seen.add(told)
                    yield told, *_look_at(base, path)
        finally:
            if base is not None:
                close(base)

    def _miss(self, why):
        self.incomplete = self.incomplete or why

    def _matches(self, base, pattern):
        """Paths of what matches, of whatever kind."""
        pending = [(pattern.root, pattern.start)] if pattern.start else []
        while pending:
            folder, state = pending.pop()
            if (name := pattern.only_name(state)) is not None:
                path = _join(folder, name)
                if pattern.is_last(state):
                    yield path
                else:
                    pending.append((path, pattern.after(state)))
                continue
            files, folders = self._list(base, folder, pattern, state)
            for name in sorted(files):
                yield _join(folder, name)
            names = sorted(folders)
            room = MAX_DIRECTORIES - self._directories
            if len(names) > room:
                self._miss(f"more than {MAX_DIRECTORIES:,} directories: name them more closely")
            self._directories += len(names[:room])
            pending.extend((_join(folder, name), folders[name]) for name in reversed(names[:room]))

    def _list(self, base, folder, pattern, state):
        """(names of files that match, name -> state of the directories that are to be listed)."""
        files, folders = [], {}
        flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC
        try:
            with _descriptor(folder or b".", flags, dir_fd=base) as fd, scandir(fd) as entries:
                for entry in entries:
                    matches, below, through_links = pattern.step(state, entry.name)
                    name = fsencode(entry.name)
                    # One more than may be told is enough to see that there are too many.
                    room = len(files) <= wire.MAX_OUTPUT_FILES
                    if matches and room and not _leads_to_directory(entry):
                        files.append(name)
                    if below and entry.is_dir(follow_symlinks=False):
                        folders[name] = below
                    elif through_links and _leads_to_directory(entry):
                        folders[name] = through_links
        except (FileNotFoundError, NotADirectoryError):
            # It went meanwhile, or was never there.
            pass
        except OSError as error:
            told = folder.decode("utf-8", "backslashreplace") or "."
            self._miss(f'directory "{told[:512]}" cannot be listed: {error.strerror}')
        return files, folders


def _is_nothing(base, path):
    """A directory, or what is not there any more. A symbolic link that leads nowhere is something."""
    try:
        return S_ISDIR(stat(path, dir_fd=base).st_mode)
    except OSError:
        pass
    try:
        stat(path, dir_fd=base, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _look_at(base, path):
    """(size, digest, error) of a file."""
    try:
        # Before it is opened, and once more behind that.
        _check_regular(stat(path, dir_fd=base).st_mode)
        return (*_digest(base, path), b"")
    except OSError as error:
        text = error.strerror or str(error)
        return 0, b"", text.encode()[: wire.MAX_OUTPUT_FILE_ERROR]


def _join(folder, name):
    return join(folder, name) if folder else name


def _leads_to_directory(entry):
    try:
        return entry.is_dir()
    except OSError:
        # A loop of links.
        return False


def _digest(base, path):
    """(size, digest). Not interrupted but between two pieces."""
    # A lease of another process on the file would make the opening wait, and so would a FIFO that has
    # taken its place.
    flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    with _descriptor(path, flags, dir_fd=base) as fd:
        _check_regular(fstat(fd).st_mode)
        digest, size = sha256(), 0
        while piece := read(fd, _READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return size, digest.digest()

"""What a finished tree holds: one digest over names, kinds, modes and contents."""

import hashlib
import os
import stat

from .errors import BuildError


def walk(root):
    """Yields (relative path, os.stat_result) of everything under `root`, sorted by path.

    Paths are bytes. Follows no link.
    """
    pending = [b""]
    found = []
    while pending:
        parent = pending.pop()
        with os.scandir(os.path.join(os.fsencode(root), parent)) as entries:
            for entry in entries:
                path = os.path.join(parent, entry.name)
                found.append((path, entry.stat(follow_symlinks=False)))
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
    yield from sorted(found)


def measure(root):
    """Returns ("sha256:<hex>", bytes in regular files, number of entries).

    The digest is over "path NUL kind NUL octal mode NUL value NUL" of each entry in the order of its
    path, where value is the target of a link and the sha256 of a file. Owners and times are not part
    of it: a sandbox sees neither as they are on the host.
    """
    digest = hashlib.sha256()
    total = count = 0
    for path, status in walk(root):
        full = os.path.join(os.fsencode(root), path)
        if stat.S_ISREG(status.st_mode):
            with open(full, "rb", buffering=0) as file:
                kind, value = b"f", hashlib.file_digest(file, "sha256").hexdigest().encode()
            total += status.st_size
        elif stat.S_ISLNK(status.st_mode):
            kind, value = b"l", os.readlink(full)
        elif stat.S_ISDIR(status.st_mode):
            kind, value = b"d", b""
        else:
            raise BuildError(f"{os.fsdecode(full)} is neither file, directory nor link: "
                             "the tree is not a clean template")
        mode = b"%o" % stat.S_IMODE(status.st_mode)
        digest.update(b"\0".join((path, kind, mode, value, b"")))
        count += 1
    return f"sha256:{digest.hexdigest()}", total, count

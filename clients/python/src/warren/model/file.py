"""Files of a sandbox."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Mapping, Optional, Union

# A path in a sandbox: absolute, or relative to /home/user; "~" is /home/user. Bytes for names that are no UTF-8.
RemotePath = Union[str, bytes, PurePosixPath]
# A path on this machine.
LocalPath = Union[str, os.PathLike[str]]


class FileType(enum.Enum):
    """What a path names."""

    REGULAR = "regular"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    # A FIFO, a socket, a device.
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FileEntry:
    """A file, directory or link. Paths are absolute; bytes of a name that are no UTF-8 are surrogates, as os.fsdecode makes
    them, and are sent back as they were."""

    path: str
    type: FileType
    size_bytes: int
    # Permission bits, e.g. 0o644.
    mode: int
    uid: int
    gid: int
    # Names in the sandbox; the number where there is none.
    owner: str
    group: str
    modified_at: Optional[datetime]
    # Where a link points to; empty otherwise.
    symlink_target: str
    # Extended attributes "user....", where the file system has them.
    attributes: Mapping[str, bytes]
    # There are more than these: at most 64 are told, of 16 KiB together.
    attributes_cut: bool = False
    # Of a list: a directory within its depth that the user may not read.
    not_listed: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name


class FileEventKind(enum.Enum):
    """What happened."""

    CREATED = "created"
    WRITTEN = "written"
    REMOVED = "removed"
    # From `path` to `destination`.
    RENAMED = "renamed"
    ATTRIBUTES = "attributes"
    # Some events were lost: look again.
    OVERFLOW = "overflow"
    # The watch is there; told before all others.
    WATCHING = "watching"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FileEvent:
    """Something happened below a directory that is watched."""

    kind: FileEventKind
    path: str
    # For RENAMED.
    destination: str = ""

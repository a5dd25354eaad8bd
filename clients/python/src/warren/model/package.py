"""Packages that are installed in sandboxes, and the server's store of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Mapping, Optional


class InstallPhase(enum.Enum):
    """What an installation is at."""

    # Waiting for a place among the builders.
    WAITING = "waiting"
    # pip finds out what it takes.
    RESOLVING = "resolving"
    # A package is fetched, verified and unpacked.
    FETCHING = "fetching"
    # The set is put together and mounted.
    MOUNTING = "mounting"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class InstallProgress:
    """What goes on, for people."""

    phase: InstallPhase
    # One line; may be empty.
    text: str
    # Of FETCHING: packages that are there, and all of them.
    done: int
    total: int


@dataclass(frozen=True)
class InstalledPackages:
    """What an installation came to."""

    # Name -> version of what it added to the template's own packages, dependencies too, sorted by name.
    packages: Mapping[str, str]
    # Nothing had to be resolved or fetched.
    cached: bool
    # 64 hex digits: names the set that the sandbox has from now on; empty where the template has all of it.
    set_digest: str
    # Paths that several packages have with different content: one of them is there. At most 16.
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class StoredPackage:
    """A package in the store."""

    name: str
    version: str
    size_bytes: int
    files: int


@dataclass(frozen=True)
class PackageSet:
    """Packages that a sandbox has mounted, or had."""

    # 64 hex digits.
    digest: str
    # Name -> version.
    packages: Mapping[str, str]
    used_at: Optional[datetime]
    # Sandboxes that have it mounted.
    uses: int


@dataclass(frozen=True)
class PackageStore:
    """What the server's store holds."""

    # Sorted by name; what one has for several interpreters is there as often. At most 4096 of each.
    packages: tuple[StoredPackage, ...]
    sets: tuple[PackageSet, ...]
    size_bytes: int
    max_bytes: int


@dataclass(frozen=True)
class PrunedPackages:
    """What was removed from the store."""

    size_bytes: int
    packages: int
    sets: int


@dataclass(frozen=True)
class VerifiedPackages:
    """What reading all of the store came to."""

    # How many were read.
    packages: int
    # "name version" of those that were not what they were any more, and are gone.
    removed: tuple[str, ...]

"""Packages, their installation and their store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, Optional

from ..model.file import LocalPath
from ..model.package import (
    InstalledPackages,
    InstallPhase,
    InstallProgress,
    PackageSet,
    PackageStore,
    PrunedPackages,
    StoredPackage,
    VerifiedPackages,
)
from ..v1 import package_pb2 as pb
from .values import member_of, moment

# The contract's bound on a requirements or constraints file.
_MAX_FILE_BYTES = 256 << 10


def requirements_message(requirements: Iterable[str], requirements_file: Optional[LocalPath],
                         constraints_file: Optional[LocalPath], refresh: bool) -> pb.PackageRequirements:
    """Reads the files. ValueError: one is too large, or no text."""
    wanted = tuple(requirements)
    for requirement in wanted:
        if not isinstance(requirement, str):
            raise TypeError(f"{requirement!r} is no requirement: want each as a string of its own")
    return pb.PackageRequirements(requirements=wanted, requirements_file=_text_of(requirements_file),
                                  constraints_file=_text_of(constraints_file), refresh=refresh)


def _text_of(path: Optional[LocalPath]) -> Optional[str]:
    if path is None:
        return None
    with Path(path).open("rb") as file:
        data = file.read(_MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise ValueError(f"{os.fspath(path)} is too large: at most {_MAX_FILE_BYTES} bytes are allowed")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{os.fspath(path)} is no text in UTF-8: {error}") from None


def progress_of(message: pb.InstallPackageEvent.Progress) -> InstallProgress:
    return InstallProgress(
        phase=member_of(InstallPhase, pb.InstallPackageEvent.Progress.Phase, message.phase),
        text=message.text,
        done=message.done,
        total=message.total,
    )


def installed_of(message: pb.InstallPackageEvent.Done) -> InstalledPackages:
    return InstalledPackages(
        packages=_versions_of(message.packages),
        cached=message.cached,
        set_digest=message.set_digest,
        conflicts=tuple(message.conflicts),
    )


def store_of(message: pb.ListStoredPackagesResponse) -> PackageStore:
    return PackageStore(
        packages=tuple(StoredPackage(stored.package.name, stored.package.version, stored.size_bytes, stored.files)
                       for stored in message.packages),
        sets=tuple(PackageSet(digest=each.digest, packages=_versions_of(each.packages), used_at=moment(each, "used_at"),
                              uses=each.uses) for each in message.sets),
        size_bytes=message.size_bytes,
        max_bytes=message.max_bytes,
    )


def pruned_of(message: pb.PruneStoredPackagesResponse) -> PrunedPackages:
    return PrunedPackages(message.size_bytes, message.packages, message.sets)


def verified_of(message: pb.VerifyStoredPackagesResponse) -> VerifiedPackages:
    return VerifiedPackages(message.packages, tuple(message.removed))


def _versions_of(packages: Iterable[pb.Environment.Package]) -> dict[str, str]:
    return {package.name: package.version for package in packages}

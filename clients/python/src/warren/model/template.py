"""Templates, and what they and their sandboxes offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional

from .common import Limits
from .network import NetworkPolicy
from .sandbox import SandboxMetrics


@dataclass(frozen=True)
class TemplateInfo:
    """What sandboxes are made from."""

    id: str
    description: str
    # "3.13.5"; empty where it is not known.
    python_version: str
    # Modules that are imported before a sandbox is there.
    preload: tuple[str, ...]
    # "sha256:<hex>" of its manifest.
    digest: str
    # Why it cannot be used now; empty when it can.
    unavailable: str
    # Whether a sandbox is made from it where nobody names one.
    is_default: bool


@dataclass(frozen=True)
class Mount:
    """A file system of a sandbox."""

    path: str
    file_system: str
    read_only: bool


@dataclass(frozen=True)
class Feature:
    """Something that a server can do or cannot."""

    # "pause", "files", "terminals", "languages.bash", ...
    name: str
    available: bool
    # Why not; empty where it is.
    reason: str


@dataclass(frozen=True)
class Environment:
    """What a template or a sandbox offers. What is the sandbox's own (python_packages, limits, use, mounts, profile, features,
    network) is empty for a template."""

    template: str
    python_version: str
    # Absolute path of the Python inside.
    interpreter: str
    # Name -> version; Python's with names as PEP 503 normalizes them.
    system_packages: Mapping[str, str]
    python_packages: Mapping[str, str]
    # Why python_packages is not all of it; empty where it is.
    python_packages_incomplete: str
    preload: tuple[str, ...]
    # "amd64"
    architecture: str
    # Of contexts.
    languages: tuple[str, ...]
    limits: Optional[Limits]
    use: Optional[SandboxMetrics]
    mounts: tuple[Mount, ...]
    profile: str
    features: tuple[Feature, ...]
    # In force now: what was asked for, with its preset's rules behind its own.
    network: Optional[NetworkPolicy]

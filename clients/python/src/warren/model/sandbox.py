"""Sandboxes as the server tells them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Iterable, List, Mapping, Optional, Tuple

from .common import Limits
from .network import NetworkPolicy


class SandboxState(enum.Enum):
    """What a sandbox does now."""

    RUNNING = "running"
    PAUSED = "paused"
    # Its processes are gone (out of memory, killed from inside): `SandboxInfo.reason`.
    DEAD = "dead"
    UNKNOWN = "unknown"


class LifetimeFrom(enum.Enum):
    """What a lifetime is counted from."""

    # The end of the last call that used a process or file of the sandbox; it does not end while one goes on.
    LAST_USE = "last_use"
    # The call that set it: it ends then, whatever goes on.
    CREATION = "creation"
    UNKNOWN = "unknown"


class OnBackendLoss(enum.Enum):
    """What happens to a sandbox whose backend, what runs it, cannot be reached any more. Where the server has one backend,
    nothing does."""

    # Calls are Unavailable, until its backend is back, and with it the sandbox as it was.
    END = "end"
    # The next call makes it anew on the next backend, under the same id and empty: SandboxInfo.recreations counts that.
    RECREATE = "recreate"


class OnExpiry(enum.Enum):
    """What happens at the end of a lifetime."""

    KILL = "kill"
    PAUSE = "pause"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SandboxInfo:
    """A sandbox as it was when the server told it."""

    # "sb" and 20 characters, unguessable.
    id: str
    template: str
    state: SandboxState
    created_at: Optional[datetime]
    # When its lifetime ends, as things were; of one that is paused, when it is removed.
    expires_at: Optional[datetime]
    metadata: Mapping[str, str]
    limits: Limits
    default_context_id: str
    # Bytes of everything in it; 0 where this call does not tell it (only getting and listing do).
    memory_bytes: int
    # Why it is DEAD; empty otherwise.
    reason: str
    # Whether it came from the warm pool.
    from_pool: bool
    # Where the time of its making went, in order; empty where it came from the pool.
    stages: Mapping[str, timedelta]
    lifetime: Optional[timedelta]
    lifetime_from: LifetimeFrom
    on_expiry: OnExpiry
    # "user" or "root": what its contexts run as.
    profile: str
    # As it was asked for last; None where it never was (nothing is let out), and where this call does not tell it (only getting
    # and setting the network do). What it comes to, `environment()` tells.
    network: Optional[NetworkPolicy]
    # The backend that it lives on, by the name that the server's configuration gives it.
    backend: str = ""
    # How often it was made anew, empty each time, because its backend was lost (OnBackendLoss.RECREATE).
    recreations: int = 0


class SandboxList(List[SandboxInfo]):
    """Sandboxes, and what is not known of others."""

    # Names of backends that did not answer: what lives there is not in the list.
    missing_backends: Tuple[str, ...] = ()

    def add_missing(self, backends: Iterable[str]) -> None:
        """Each is there once. For this package's own use."""
        self.missing_backends = tuple(dict.fromkeys((*self.missing_backends, *backends)))


@dataclass(frozen=True)
class SandboxMetrics:
    """What a sandbox uses now."""

    read_at: Optional[datetime]
    # CPU time since it was made.
    cpu_user: timedelta
    cpu_system: timedelta
    # Bytes in use, files included; high-water mark; the limit.
    memory_bytes: int
    peak_memory_bytes: int
    memory_limit_bytes: int
    # Processes and threads; the limit.
    pids: int
    pids_limit: int
    # Bytes of the files written; None where they are not known yet.
    disk_bytes: Optional[int]
    disk_limit_bytes: int
    # Thousandths of a core that it may use.
    cpu_millis: int
    # Bytes of output of all its executions and processes.
    output_bytes: int


@dataclass(frozen=True)
class PoolStatus:
    """The warm pool of one template."""

    template: str
    # Sandboxes ready to be handed out; in the making; aimed at.
    ready: int
    starting: int
    target: int
    zygote_generation: int
    zygote_forks: int
    # Creates served from the pool, and made on demand, since the server started.
    hits: int
    misses: int

"""What runs the code of sandboxes: this machine, another Warren, E2B's cloud, or a list of those."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Optional


class BackendKind(enum.Enum):
    """What a backend is."""

    # The server's machine.
    LOCAL = "local"
    # Another Warren.
    REMOTE = "remote"
    # E2B's cloud, or what speaks its protocol.
    E2B = "e2b"
    # A list of others.
    FAILOVER = "failover"
    UNKNOWN = "unknown"


class Circuit(enum.Enum):
    """Whether a backend gets new sandboxes."""

    # It does.
    CLOSED = "closed"
    # It failed, and gets none until it is tried again.
    OPEN = "open"
    # It is being tried again.
    HALF_OPEN = "half_open"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BackendStatus:
    """One backend of the server's configuration, and how it does."""

    name: str
    kind: BackendKind
    circuit: Circuit
    # Why it cannot serve, and what to do about it; empty where it can.
    problem: str
    # Of the last probe that was answered; None where none was.
    latency: Optional[timedelta]
    # Since the server started: sandboxes that it made, that it failed to make, and that were passed on to the next one.
    creates: int
    failures: int
    passed_on: int
    # That are known to live on it.
    sandboxes: int
    # This month's sandbox time, and its bound; None where it has no budget.
    budget_used: Optional[timedelta]
    budget: Optional[timedelta]
    # Of FAILOVER: its backends, in their order.
    members: tuple[str, ...]
    # The configuration has it no more: it gets no new sandboxes, and goes with its last one.
    retired: bool

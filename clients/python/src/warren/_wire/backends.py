"""Backends."""

from __future__ import annotations

from ..model.backend import BackendKind, BackendStatus, Circuit
from ..v1 import backend_pb2 as pb
from .values import length_or_none, member_of


def backend_of(message: pb.BackendStatus) -> BackendStatus:
    return BackendStatus(
        name=message.name,
        kind=member_of(BackendKind, pb.BackendStatus.Kind, message.kind),
        circuit=member_of(Circuit, pb.BackendStatus.Circuit, message.circuit),
        problem=message.problem,
        latency=length_or_none(message, "latency"),
        creates=message.creates,
        failures=message.failures,
        passed_on=message.passed_on,
        sandboxes=message.sandboxes,
        budget_used=length_or_none(message, "budget_used"),
        budget=length_or_none(message, "budget"),
        members=tuple(message.members),
        retired=message.retired,
    )

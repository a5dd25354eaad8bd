"""Network policies and what they let through."""

from __future__ import annotations

from typing import Sequence, Union

from ..model.network import NetworkEvent, NetworkPolicy, NetworkRule, NetworkVerdict, Ports
from ..v1 import network_pb2 as pb
from .values import member_of, moment


def policy_message(network: Union[str, NetworkPolicy]) -> pb.NetworkPolicy:
    """Of a policy, or of the name of a preset."""
    policy = NetworkPolicy(network) if isinstance(network, str) else network
    return pb.NetworkPolicy(
        preset=policy.preset,
        allow=_rule_messages(policy.allow),
        deny=_rule_messages(policy.deny),
        bytes_per_second=policy.bytes_per_second,
        max_connections=policy.max_connections,
    )


def policy_of(message: pb.NetworkPolicy) -> NetworkPolicy:
    return NetworkPolicy(
        message.preset,
        allow=[_rule_of(rule) for rule in message.allow],
        deny=[_rule_of(rule) for rule in message.deny],
        bytes_per_second=message.bytes_per_second,
        max_connections=message.max_connections,
    )


def network_event_of(message: pb.NetworkEvent) -> NetworkEvent:
    return NetworkEvent(
        at=moment(message, "at"),
        verdict=member_of(NetworkVerdict, pb.NetworkEvent.Verdict, message.verdict),
        name=message.name,
        address=message.address,
        port=message.port,
        reason=message.reason,
        bytes_sent=message.bytes_sent,
        bytes_received=message.bytes_received,
        lost=message.lost,
    )


def _rule_messages(rules: Sequence[NetworkRule]) -> list[pb.NetworkRule]:
    return [pb.NetworkRule(host=rule.host, ports=[_range_message(ports) for ports in rule.ports]) for rule in rules]


def _range_message(ports: Ports) -> pb.PortRange:
    return pb.PortRange(first=ports) if isinstance(ports, int) else pb.PortRange(first=ports[0], last=ports[1])


def _rule_of(message: pb.NetworkRule) -> NetworkRule:
    return NetworkRule(message.host, tuple(_ports_of(ports) for ports in message.ports))


def _ports_of(message: pb.PortRange) -> Ports:
    return (message.first, message.last) if message.last > message.first else message.first

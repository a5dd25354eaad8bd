"""What sandboxes may reach outside, and what they did reach."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Optional, Sequence, Union

_WANTED = "want HOST or HOST:PORTS, e.g. pip.test:443, *.example.com or 203.0.113.0/24:80,8000-8010"
_LAST_PORT = 65535

# A port, or the first and last of a range.
Ports = Union[int, tuple[int, int]]


@dataclass(frozen=True)
class NetworkRule:
    """A host and ports; a connection fits it when both do. str() is it as text, parse() makes one of that. ValueError where
    it can be none."""

    # "pip.test"; "*.example.com" for every name below that one, "*" for every name; "203.0.113.7" or "203.0.113.0/24" for
    # connections to addresses that no name was asked for. Names are ASCII, xn-- for others.
    host: str
    # 443, or (8000, 8010) for a range. Empty for every port; at most 64.
    ports: tuple[Ports, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[!-~]+", self.host):
            raise ValueError(f"{self.host!r} is no host: want a name in ASCII (xn-- for others), or an address")
        object.__setattr__(self, "ports", tuple(self.ports))
        for ports in self.ports:
            first, last = (ports, ports) if isinstance(ports, int) else ports
            if not 1 <= first <= last <= _LAST_PORT:
                raise ValueError(f"{ports!r} is no port from 1 to {_LAST_PORT}, and no range of them")

    @classmethod
    def parse(cls, text: str) -> NetworkRule:
        """The rule in a text: "pip.test:443", "*.example.com", "203.0.113.0/24:80,443,8000-8010". An IPv6 address with ports is
        in brackets, "[2001:db8::1]:443"."""
        found = re.fullmatch(r"\[(?P<in>[^\]]*)\](?::(?P<in_ports>.*))?"
                             r"|(?P<address>[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:./]*)"
                             r"|(?P<host>[^:\[\]]*)(?::(?P<ports>[^:]*))?", text)
        if found is None:
            raise ValueError(f"{text!r} is no rule: {_WANTED}")
        host = found["in"] or found["address"] or found["host"] or ""
        ports = found["in_ports"] if found["in_ports"] is not None else found["ports"]
        try:
            return cls(host, () if ports is None else tuple(_ports_of(part) for part in ports.split(",")))
        except ValueError as error:
            raise ValueError(f"{text!r} is no rule: {error}; {_WANTED}") from None

    def __str__(self) -> str:
        if not self.ports:
            return self.host
        ports = ",".join(str(ports) if isinstance(ports, int) else f"{ports[0]}-{ports[1]}" for ports in self.ports)
        return f"[{self.host}]:{ports}" if ":" in self.host else f"{self.host}:{ports}"


def _ports_of(text: str) -> Ports:
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if found is None:
        raise ValueError(f"{text!r} is no port from 1 to {_LAST_PORT}, and no range of them")
    return (int(found[1]), int(found[2])) if found[2] else int(found[1])


@dataclass(frozen=True, init=False)
class NetworkPolicy:
    """What a sandbox may connect to: what an allow rule has and no deny rule. TCP only. Names are resolved outside of the
    sandbox, and a name's address counts only as that name.

    Private, loopback, link-local and other special addresses are denied in any case, by name too, unless the server's operator
    opens one.
    """

    # Whose rules these are added to: "none", "internet", or another that the server has.
    preset: str
    # At most 256 together.
    allow: tuple[NetworkRule, ...]
    deny: tuple[NetworkRule, ...]
    # Of all connections together, in each direction, at least 1024; 0 for the preset's, which may be none.
    bytes_per_second: int
    # At a time, at most 2500; 0 for the preset's, or that.
    max_connections: int

    def __init__(self, preset: str = "none", *, allow: Sequence[Union[str, NetworkRule]] = (),
                 deny: Sequence[Union[str, NetworkRule]] = (), bytes_per_second: int = 0, max_connections: int = 0) -> None:
        """Rules are NetworkRules, or texts as NetworkRule.parse() takes them: ValueError where one is none."""
        for name, value in (("preset", preset), ("allow", _rules("allow", allow)), ("deny", _rules("deny", deny)),
                            ("bytes_per_second", bytes_per_second), ("max_connections", max_connections)):
            object.__setattr__(self, name, value)


def _rules(field: str, rules: Sequence[Union[str, NetworkRule]]) -> tuple[NetworkRule, ...]:
    if isinstance(rules, str):
        raise TypeError(f"{field} is {rules!r}: want a list of rules, [{rules!r}]")
    return tuple(rule if isinstance(rule, NetworkRule) else NetworkRule.parse(rule) for rule in rules)


class NetworkVerdict(enum.Enum):
    """What became of a connection, or of the network."""

    # It was let through, and has ended.
    ALLOWED = "allowed"
    # By the policy, or because what it says of itself (TLS server name, HTTP Host) is not the name that it was made to.
    DENIED = "denied"
    # It was allowed, but the name has no address, or nobody answers there.
    FAILED = "failed"
    # Every connection is cut; the network is back within a second.
    NETWORK_LOST = "network_lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class NetworkEvent:
    """A connection of a sandbox, when it ends; one that was denied, at once. The strings are what the sandbox's programs or the
    network say: nothing to be trusted."""

    at: Optional[datetime]
    verdict: NetworkVerdict
    # That was asked for; empty where the program used an address.
    name: str
    # Where it went to; empty where no address was found or looked for.
    address: str
    port: int
    # What was wrong, and which rule would allow it; empty for ALLOWED.
    reason: str
    # From the sandbox, and to it.
    bytes_sent: int
    bytes_received: int
    # Events before this one that there was no room for: this client reads too slowly.
    lost: int

"""Values that all messages share: times, enumerations, paths, limits, terminations."""

from __future__ import annotations

import enum
import json
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Optional, TypeVar, Union

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ..model.common import Limits, Missed, Seconds, Termination, TerminationKind, Usage
from ..model.file import RemotePath
from ..v1 import common_pb2 as pb

E = TypeVar("E", bound=enum.Enum)
V = TypeVar("V")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def duration(value: Optional[Seconds]) -> Optional[Duration]:
    """Unset for None."""
    if value is None:
        return None
    message = Duration()
    message.FromTimedelta(value if isinstance(value, timedelta) else timedelta(seconds=value))
    return message


def seconds(value: Seconds) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def length(message: Duration) -> timedelta:
    return timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def length_or_none(parent: Any, field: str) -> Optional[timedelta]:
    """The length of time in this field; None where it is unset."""
    return length(getattr(parent, field)) if parent.HasField(field) else None


def timestamp(value: Optional[datetime]) -> Optional[Timestamp]:
    """Unset for None. A time without a zone is local time, as everywhere in Python."""
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value.astimezone(timezone.utc).replace(tzinfo=None))
    return message


def moment(parent: Any, field: str) -> Optional[datetime]:
    """The time in this field, in UTC; None where it is unset."""
    if not parent.HasField(field):
        return None
    message = getattr(parent, field)
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def name_of(member: Optional[enum.Enum], prefix: str = "") -> Optional[str]:
    """The contract's name of a member of one of our enumerations; unset for None."""
    return None if member is None else prefix + member.name


def member_of(enumeration: type[E], wrapper: Any, number: int, prefix: str = "") -> E:
    """Our member for a number of the contract's; UNKNOWN for what is unset, or newer than this client."""
    try:
        return enumeration[wrapper.Name(number).removeprefix(prefix)]
    except (KeyError, ValueError):
        return enumeration["UNKNOWN"]


def path_bytes(path: RemotePath) -> bytes:
    return path if isinstance(path, bytes) else str(path).encode("utf-8", "surrogateescape")


def path_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def utf8(text: Union[str, bytes]) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def strings(values: Optional[Mapping[str, str]], field: str) -> dict[str, str]:
    """A map of strings, or the error that names what is none: protobuf's own does not say which."""
    result = dict(values or {})
    for key, value in result.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"{field}[{key!r}] is {value!r}: names and values are strings")
    return result


def ordered(values: Mapping[str, V]) -> dict[str, V]:
    """A map of a message as one of ours: protobuf's has another order in each program."""
    return {key: values[key] for key in sorted(values)}


def json_object(data: bytes) -> Mapping[str, Any]:
    """The JSON object in it; empty where there is none that can be read."""
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_LIMITS = tuple(Limits.__dataclass_fields__)


def limits_message(limits: Optional[Limits]) -> Optional[pb.Limits]:
    return None if limits is None else pb.Limits(**{name: getattr(limits, name) for name in _LIMITS})


def limits_of(message: pb.Limits) -> Limits:
    return Limits(**{name: getattr(message, name) for name in _LIMITS})


def usage_of(message: pb.Usage) -> Usage:
    return Usage(
        wall=length(message.wall),
        cpu_user=length(message.cpu_user),
        cpu_system=length(message.cpu_system),
        peak_memory_bytes=message.peak_memory_bytes,
        peak_pids=message.peak_pids,
        output_bytes=message.output_bytes,
        backend=message.backend,
        sandbox_time=length_or_none(message, "sandbox_time"),
    )


def termination_of(message: pb.Termination) -> Termination:
    return Termination(
        kind=member_of(TerminationKind, pb.Termination.Kind, message.kind),
        exit_code=message.exit_code,
        signal=message.signal,
        message=message.message,
        context_alive=message.context_alive,
    )


def missed_of(message: pb.Missed, sequence: int = 0, time_ns: int = 0) -> Missed:
    return Missed(sequence=sequence, time_ns=time_ns, events=message.events, bytes=message.bytes)

"""Processes."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, Union

from ..model.common import OnDisconnect, OnExit, Output, Seconds, Stream
from ..model.process import ProcessInfo
from ..v1 import process_pb2 as pb
from .executions import Texts
from .values import duration, member_of, moment, name_of, strings, termination_of

# What one call writes at most.
INPUT_BYTES = 1 << 20


def command(arguments: Union[str, Sequence[str]]) -> tuple[str, ...]:
    """A string is a line for bash."""
    return ("/bin/bash", "-c", arguments) if isinstance(arguments, str) else tuple(arguments)


def start_request(sandbox_id: str, arguments: Sequence[str], *, env: Optional[Mapping[str, str]], cwd: Optional[str],
                  timeout: Optional[Seconds], terminal: Optional[tuple[int, int]], user: Optional[str], max_output_bytes: int,
                  on_disconnect: Optional[OnDisconnect], on_exit: Optional[OnExit], no_input: bool,
                  request_id: str) -> pb.StartProcessRequest:
    return pb.StartProcessRequest(
        sandbox_id=sandbox_id,
        arguments=arguments,
        env=strings(env, "env"),
        working_directory=cwd,
        timeout=duration(timeout),
        terminal=None if terminal is None else pb.Terminal(rows=terminal[0], columns=terminal[1]),
        user=user,
        max_output_bytes=max_output_bytes,
        on_disconnect=name_of(on_disconnect, "ON_DISCONNECT_"),
        on_exit=name_of(on_exit, "ON_EXIT_"),
        request_id=request_id,
        no_input=no_input,
    )


def process_of(message: pb.Process) -> ProcessInfo:
    return ProcessInfo(
        id=message.process_id,
        pid=message.pid,
        arguments=tuple(message.arguments),
        working_directory=message.working_directory,
        user=message.user,
        has_terminal=message.has_terminal,
        started_at=moment(message, "started_at"),
        termination=termination_of(message.termination) if message.HasField("termination") else None,
        clients=message.clients,
        arguments_cut=message.arguments_cut,
        env=dict(message.env),
    )


def output_of(message: pb.ProcessEvent, texts: Texts) -> Output:
    stream = member_of(Stream, pb.ProcessEvent.Output.Stream, message.output.stream)
    data = message.output.data
    return Output(time_ns=message.time_unix_nanos, stream=stream, data=data, text=texts.text(stream, data))

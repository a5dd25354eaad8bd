"""Contexts, and code: requests, events, and all events of one execution together."""

from __future__ import annotations

import codecs
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Mapping, Optional, Sequence, Union

from ..errors import Internal
from ..model.common import DisplayStyle, Event, Missed, OnDisconnect, Output, Seconds, Stream
from ..model.execution import (ClearOutput, CodeError, Comm, ContextInfo, Execution, ExecutionEvent, Finished, InputRequest,
                               OutputFile, Result, Started)
from ..v1 import execution_pb2 as pb
from .values import (duration, json_object, member_of, missed_of, moment, name_of, ordered, strings,
                     termination_of, usage_of, utf8)


def context_of(message: pb.Context) -> ContextInfo:
    return ContextInfo(
        id=message.context_id,
        sandbox_id=message.sandbox_id,
        language=message.language,
        alive=message.alive,
        execution_count=message.execution_count,
        working_directory=message.working_directory,
        reason=message.reason,
        created_at=moment(message, "created_at"),
    )


def execute_request(sandbox_id: str, context_id: str, code: Union[str, bytes], *, timeout: Optional[Seconds],
                    env: Optional[Mapping[str, str]], max_output_bytes: int, silent: bool, store_history: Optional[bool],
                    user_expressions: Optional[Mapping[str, str]], colors: bool, display_style: Optional[DisplayStyle],
                    input_files: Optional[Mapping[str, Union[str, bytes]]], output_files: Optional[Sequence[str]],
                    on_disconnect: Optional[OnDisconnect], request_id: str) -> pb.ExecuteCodeRequest:
    request = pb.ExecuteCodeRequest(
        sandbox_id=sandbox_id,
        context_id=context_id,
        code=utf8(code),
        timeout=duration(timeout),
        max_output_bytes=max_output_bytes,
        env=strings(env, "env"),
        silent=silent,
        user_expressions=strings(user_expressions, "user_expressions"),
        colors=colors,
        display_style=name_of(display_style, "DISPLAY_STYLE_"),
        input_files=[pb.InputFile(path=path, data=utf8(data)) for path, data in (input_files or {}).items()],
        output_files=output_files,
        on_disconnect=name_of(on_disconnect, "ON_DISCONNECT_"),
        request_id=request_id,
    )
    if store_history is not None:
        request.store_history = store_history
    return request


def script_request(sandbox_id: str, path: Optional[Union[str, PurePosixPath]], *, source: Optional[Union[str, bytes]],
                   arguments: Sequence[str], language: Optional[str], standard_input: Union[str, bytes],
                   timeout: Optional[Seconds], env: Optional[Mapping[str, str]], cwd: Optional[str], user: Optional[str],
                   max_output_bytes: int, on_disconnect: Optional[OnDisconnect], request_id: str) -> pb.RunScriptRequest:
    if (path is None) == (source is None):
        raise ValueError("a script is either the path of a file of the sandbox or a `source`: give one of them")
    return pb.RunScriptRequest(
        sandbox_id=sandbox_id,
        path=None if path is None else str(path),
        source=None if source is None else utf8(source),
        arguments=arguments,
        language=language,
        standard_input=utf8(standard_input),
        timeout=duration(timeout),
        env=strings(env, "env"),
        working_directory=cwd,
        user=user,
        max_output_bytes=max_output_bytes,
        on_disconnect=name_of(on_disconnect, "ON_DISCONNECT_"),
        request_id=request_id,
    )


def result_of(message: pb.ExecutionEvent.Display, sequence: int = 0, time_ns: int = 0) -> Result:
    return Result(
        sequence=sequence,
        time_ns=time_ns,
        data=ordered(message.data),
        is_result=message.is_result,
        metadata=json_object(message.metadata_json),
        display_id=message.display_id,
        update=message.update,
    )


def code_error_of(message: pb.ExecutionEvent.Error, sequence: int = 0, time_ns: int = 0) -> CodeError:
    return CodeError(sequence=sequence, time_ns=time_ns, name=message.name, value=message.value, traceback=message.traceback,
                     hint=message.hint)


def _expression_of(message: pb.ExecutionEvent.ExpressionValue) -> Union[Result, CodeError]:
    if message.WhichOneof("value") == "error":
        return code_error_of(message.error)
    return result_of(message.display)


class Texts:
    """Bytes of streams to text, piece by piece: what a piece has of a character only counts with the next one."""

    def __init__(self) -> None:
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {}

    def text(self, stream: Stream, data: bytes) -> str:
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = self._decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
        return decoder.decode(data)


class Collector:
    """One execution: makes events of its messages, leaves out those that came before, and keeps what they say together.

    A client that lost its connection sends its request again and may hear events twice; their sequence tells.
    """

    def __init__(self, after_sequence: int = 0, execution_id: str = "") -> None:
        self.last_sequence = after_sequence
        self.execution_id = execution_id
        self._texts = Texts()
        self._results: list[Result] = []
        self._output: dict[Stream, bytearray] = {Stream.STDOUT: bytearray(), Stream.STDERR: bytearray()}
        self._error: Optional[CodeError] = None
        self._files: list[OutputFile] = []
        self._missed: Optional[Missed] = None
        self._clear_with_next = False
        self._finished: Optional[Finished] = None

    @property
    def finished(self) -> bool:
        return self._finished is not None

    def feed(self, message: pb.ExecutionEvent) -> Optional[ExecutionEvent]:
        """The event; None where it was seen before."""
        seen = self.last_sequence
        if message.sequence:
            if message.sequence <= seen:
                return None
            self.last_sequence = message.sequence
        event = self._event_of(message)
        if event is None:
            return None
        if isinstance(event, Missed):
            # Of a replay from the start: some of it was seen.
            event = replace(event, events=min(event.events, message.sequence - seen)) if message.sequence else event
        self._keep(event)
        return event

    def execution(self) -> Execution:
        if self._finished is None:
            raise Internal("the execution's events ended without its result; this is a defect of the server")
        last = self._finished
        return Execution(
            id=self.execution_id,
            results=tuple(self._results),
            stdout_bytes=bytes(self._output[Stream.STDOUT]),
            stderr_bytes=bytes(self._output[Stream.STDERR]),
            error=self._error,
            termination=last.termination,
            usage=last.usage,
            execution_count=last.execution_count,
            user_expressions=last.user_expressions,
            output_files=tuple(self._files),
            missed=self._missed,
            output_files_incomplete=last.output_files_incomplete,
        )

    def _event_of(self, message: pb.ExecutionEvent) -> Optional[ExecutionEvent]:
        kind = message.WhichOneof("event")
        place = {"sequence": message.sequence, "time_ns": message.time_unix_nanos}
        if kind == "output":
            stream = member_of(Stream, pb.ExecutionEvent.Output.Stream, message.output.stream)
            data = message.output.data
            return Output(**place, stream=stream, data=data, text=self._texts.text(stream, data))
        if kind == "display":
            return result_of(message.display, **place)
        if kind == "started":
            return Started(**place, execution_id=message.started.execution_id, process_id=message.started.process_id)
        if kind == "error":
            return code_error_of(message.error, **place)
        if kind == "finished":
            values = ordered(message.finished.user_expressions)
            return Finished(**place, termination=termination_of(message.finished.termination),
                            usage=usage_of(message.finished.usage), execution_count=message.finished.execution_count,
                            user_expressions={name: _expression_of(value) for name, value in values.items()},
                            output_files_incomplete=message.finished.output_files_incomplete)
        if kind == "clear_output":
            return ClearOutput(**place, wait=message.clear_output.wait)
        if kind == "missed":
            return missed_of(message.missed, **place)
        if kind == "output_file":
            file = message.output_file
            return OutputFile(**place, path=file.path, size_bytes=file.size_bytes, sha256=file.sha256, error=file.error)
        if kind == "input_request":
            return InputRequest(**place, prompt=message.input_request.prompt, password=message.input_request.password)
        if kind == "comm":
            return self._comm_of(message.comm, place)
        return None  # Of a newer server.

    @staticmethod
    def _comm_of(comm: pb.ExecutionEvent.Comm, place: Mapping[str, int]) -> Comm:
        kinds = {pb.ExecutionEvent.Comm.OPEN: "open", pb.ExecutionEvent.Comm.MESSAGE: "message",
                 pb.ExecutionEvent.Comm.CLOSE: "close"}
        return Comm(**place, kind=kinds.get(comm.kind, "unknown"), comm_id=comm.comm_id, target_name=comm.target_name,
                    data=json_object(comm.data_json), metadata=json_object(comm.metadata_json), buffers=tuple(comm.buffers))

    def _keep(self, event: Event) -> None:
        if isinstance(event, (Output, Result)) and self._clear_with_next:
            self._clear()
        if isinstance(event, Output):
            self._output.setdefault(event.stream, bytearray()).extend(event.data)
        elif isinstance(event, Result):
            self._show(event)
        elif isinstance(event, Started):
            self.execution_id = event.execution_id
        elif isinstance(event, CodeError):
            self._error = event
        elif isinstance(event, Finished):
            self._finished = event
        elif isinstance(event, OutputFile):
            self._files.append(event)
        elif isinstance(event, Missed):
            before = self._missed or Missed()
            self._missed = replace(event, events=before.events + event.events, bytes=before.bytes + event.bytes)
        elif isinstance(event, ClearOutput):
            if event.wait:
                self._clear_with_next = True
            else:
                self._clear()

    def _show(self, result: Result) -> None:
        if not result.update:
            self._results.append(result)
            return
        # Displays of earlier cells may have this id too: they are not ours to change.
        self._results = [replace(shown, data=result.data, metadata=result.metadata) if shown.display_id == result.display_id
                         else shown for shown in self._results]

    def _clear(self) -> None:
        self._clear_with_next = False
        self._results.clear()
        for output in self._output.values():
            output.clear()

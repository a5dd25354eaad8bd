"""Commands and terminals of a sandbox."""

from __future__ import annotations

from types import TracebackType
from typing import List, Mapping, Optional, Sequence, Union

from .._wire import methods
from .._wire.executions import Texts
from .._wire.methods import ServerStream
from .._wire.processes import INPUT_BYTES, command, output_of, process_of, start_request
from .._wire.values import name_of, termination_of, usage_of, utf8
from ..errors import DataLoss, FailedPrecondition, Internal, NotFound
from ..model.common import OnDisconnect, OnExit, Output, Seconds, Stream, Termination, Usage
from ..model.process import CompletedProcess, ProcessInfo, return_code
from ..v1 import process_pb2 as pb
from .client import AsyncClient, new_request_id
from .transport import AsyncBackground, AsyncMessages


class AsyncProcess:
    """A process of a sandbox. Iterate over it for its output as it comes; afterwards `termination` says how it ended.

    A process that writes waits while nobody reads. close(), or leaving a `with` block, lets go of it: it goes on and can be
    connected to by its id, or is killed where it was started with OnDisconnect.CANCEL. Where the connection breaks, reading
    raises Unavailable: processes.connect(id, after=process.output_bytes) goes on behind what was read.
    """

    def __init__(self, client: AsyncClient, sandbox_id: str, arguments: tuple[str, ...], messages: AsyncMessages[pb.ProcessEvent],
                 first: pb.ProcessEvent) -> None:
        self._client = client
        self._sandbox_id = sandbox_id
        self._messages: Optional[AsyncMessages[pb.ProcessEvent]] = messages
        self._texts = Texts()
        # Names it in its sandbox, for good.
        self.id = first.started.process_id
        # In the sandbox's pid namespace.
        self.pid = first.started.pid
        # Empty where this client has only connected to it.
        self.arguments = arguments
        # How it ended and what it cost; None until its output is read to the end.
        self.termination: Optional[Termination] = None
        self.usage: Optional[Usage] = None
        # So much of its output before what was read last is lost: it came while no client was connected, and was too much to
        # keep.
        self.missed_bytes = 0
        # So much of its output was read, or missed: what connect() takes as `after`.
        self.output_bytes = first.output_bytes

    @property
    def returncode(self) -> Optional[int]:
        """The exit code, or minus the number of the signal that ended it; None until its output is read to the end."""
        return None if self.termination is None else return_code(self.termination)

    def __aiter__(self) -> AsyncProcess:
        return self

    async def __anext__(self) -> Output:
        while self._messages is not None:
            try:
                message = await self._messages.read()
            except BaseException:
                await self.close()
                raise
            if message is None:
                await self.close()
                raise Internal(f"the events of process {self.id} ended before it did; this is a defect of the server")
            kind = message.WhichOneof("event")
            self.output_bytes = message.output_bytes
            if kind == "output":
                return output_of(message, self._texts)
            if kind == "missed":
                self.missed_bytes += message.missed.bytes
            if kind == "exited":
                self.termination = termination_of(message.exited.termination)
                self.usage = usage_of(message.exited.usage)
                await self.close()
        raise StopAsyncIteration

    async def wait(self) -> Termination:
        """Reads its output to the end, and drops it. How the process ended."""
        async for _ in self:
            pass
        if self.termination is None:
            raise FailedPrecondition(f"this client has let go of process {self.id}: processes.connect() goes on")
        return self.termination

    async def collect(self, input: Optional[Union[str, bytes]] = None) -> CompletedProcess:
        """Writes the input, if any, and reads all output at the same time; of a terminal it is in stdout_bytes.

        Errors: DataLoss where some of the output is gone, since nobody was connected when it came.
        """
        data = None if input is None else utf8(input)
        feeder = None if data is None else AsyncBackground(lambda: self._feed(data))
        output = {Stream.STDOUT: bytearray(), Stream.STDERR: bytearray()}
        try:
            async for piece in self:
                output[Stream.STDERR if piece.stream is Stream.STDERR else Stream.STDOUT] += piece.data
            if feeder is not None:
                await feeder.join()
        except BaseException:
            if feeder is not None:
                feeder.abandon()
            raise
        if self.missed_bytes:
            raise DataLoss(f"{self.missed_bytes} bytes of the output of process {self.id} are lost: no client was connected when "
                           "they came")
        termination = await self.wait()
        assert self.usage is not None
        return CompletedProcess(self.id, self.arguments, bytes(output[Stream.STDOUT]), bytes(output[Stream.STDERR]), termination,
                                self.usage)

    async def write(self, data: Union[str, bytes]) -> None:
        """To its standard input, or its terminal; returns when the process, or the pipe to it, has taken all.

        Errors: FailedPrecondition (its input is closed, or it has ended), NotFound, ResourceExhausted (a mebibyte waits
        already).
        """
        view = memoryview(utf8(data))
        for start in range(0, len(view), INPUT_BYTES):
            await self._write(bytes(view[start : start + INPUT_BYTES]))

    async def close_input(self) -> None:
        """The end of its standard input; of a terminal, its end-of-file character. Errors: those of write()."""
        await self._write(b"", close=True)

    async def signal(self, number: int) -> None:
        """Sends a signal (of the module signal, or a number as Linux has them) to the process itself; SIGKILL, alone, ends
        what it has started too. Errors: NotFound, FailedPrecondition (it has ended), InvalidArgument."""
        request = pb.SignalProcessRequest(sandbox_id=self._sandbox_id, process_id=self.id, signal=int(number))
        await self._client.call(methods.SIGNAL_PROCESS, request)

    async def kill(self) -> None:
        """Ends it with all that it started. Errors: those of signal()."""
        await self.signal(9)

    async def resize(self, rows: int, columns: int) -> None:
        """Its terminal. Errors: FailedPrecondition (it has none, or has ended), InvalidArgument."""
        request = pb.ResizeTerminalRequest(sandbox_id=self._sandbox_id, process_id=self.id,
                                           size=pb.Terminal(rows=rows, columns=columns))
        await self._client.call(methods.RESIZE_TERMINAL, request)

    async def close(self) -> None:
        """Lets go of it: see above. Closing it again does nothing."""
        messages, self._messages = self._messages, None
        if messages is not None:
            messages.cancel()

    async def _write(self, data: bytes, close: bool = False) -> None:
        request = pb.WriteProcessInputRequest(sandbox_id=self._sandbox_id, process_id=self.id, data=data, close=close)
        await self._client.call_without_timeout(methods.WRITE_PROCESS_INPUT, request)

    async def _feed(self, data: Optional[bytes]) -> None:
        try:
            await self.write(data or b"")
            await self.close_input()
        except (FailedPrecondition, NotFound):
            pass  # It ended, or wants no more: how it ended says the rest.

    async def __aenter__(self) -> AsyncProcess:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()


class AsyncProcesses:
    """The processes of one sandbox beside its contexts: `sandbox.processes`."""

    def __init__(self, client: AsyncClient, sandbox_id: str) -> None:
        self._client = client
        self._sandbox_id = sandbox_id

    async def start(self, arguments: Union[str, Sequence[str]], *, env: Optional[Mapping[str, str]] = None,
                    cwd: Optional[str] = None, timeout: Optional[Seconds] = None, user: Optional[str] = None,
                    terminal: Optional[tuple[int, int]] = None, max_output_bytes: int = 0, no_input: bool = False,
                    on_disconnect: Optional[OnDisconnect] = None, on_exit: Optional[OnExit] = None,
                    request_id: Optional[str] = None) -> AsyncProcess:
        """Starts a program.

        Args:
            arguments: the program, looked up in PATH, and its arguments; or one string, a line for bash.
            env: over the environment of the sandbox.
            cwd: absolute, or relative to /home/user, which is the default.
            timeout: after which it is killed: 1 ms to 24 h. Default: none but the sandbox's life.
            user: "user" or "root", where the template grants that. Default: the sandbox's profile.
            terminal: (rows, columns) of a terminal that is its input, output and error. Default: three pipes.
            max_output_bytes: after which it is killed; 0 for no bound.
            no_input: its standard input is empty from the start.
            on_disconnect: what this client's going does. Default: CONTINUE.
            on_exit: what becomes of what it has started and left behind. Default: END.
            request_id: as of Sandbox.create.
        Errors: NotFound (the program, the directory), PermissionDenied, InvalidArgument, FailedPrecondition (the sandbox is
        paused or dead), ResourceExhausted (48 processes).
        """
        words = command(arguments)
        request = start_request(
            self._sandbox_id, words, env=env, cwd=cwd, timeout=timeout, terminal=terminal, user=user,
            max_output_bytes=max_output_bytes, on_disconnect=on_disconnect, on_exit=on_exit, no_input=no_input,
            request_id=request_id or new_request_id())
        return await self._open(methods.START_PROCESS, request, words)

    async def run(self, arguments: Union[str, Sequence[str]], *, input: Optional[Union[str, bytes]] = None,
                  env: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None, timeout: Optional[Seconds] = None,
                  user: Optional[str] = None, max_output_bytes: int = 64 << 20) -> CompletedProcess:
        """Starts a program, writes its input, and waits for its end; it is killed when this client goes.

        That it failed is no exception: see CompletedProcess.check(). Without `input` its standard input is empty. The
        arguments and errors are those of start(), but output is kept here, so that it has a bound.
        """
        async with await self.start(
                arguments, env=env, cwd=cwd, timeout=timeout, user=user, max_output_bytes=max_output_bytes,
                no_input=input is None, on_disconnect=OnDisconnect.CANCEL) as process:
            return await process.collect(input)

    async def connect(self, process_id: str, *, on_disconnect: Optional[OnDisconnect] = None,
                      after: Optional[int] = None, new_output_only: bool = False) -> AsyncProcess:
        """A process that was started before: what was kept of its output, and then what comes; of one that has ended, what was
        kept and how it ended, for five minutes. The newest mebibyte is kept.

        Args:
            process_id: its id.
            on_disconnect: what this client's going does. Default: as before.
            after: go on behind so much of its output (Process.output_bytes); 0 for all that is kept. Default: behind what came
                before its last client went.
            new_output_only: only what it says from now on; without `after`.
        Errors: NotFound, OutOfRange (it has not said so much), FailedPrecondition (its sandbox is paused or dead, and it has
        not ended).
        """
        request = pb.ConnectProcessRequest(sandbox_id=self._sandbox_id, process_id=process_id,
                                           on_disconnect=name_of(on_disconnect, "ON_DISCONNECT_"), after_output_bytes=after,
                                           new_output_only=new_output_only)
        return await self._open(methods.CONNECT_PROCESS, request, ())

    async def list(self) -> List[ProcessInfo]:
        """Those that run, and those that have ended and are still kept, in the order in which they were started."""
        response = await self._client.call(methods.LIST_PROCESSES, pb.ListProcessesRequest(sandbox_id=self._sandbox_id))
        return [process_of(process) for process in response.processes]

    async def _open(self, method: ServerStream[methods.Request, pb.ProcessEvent], request: methods.Request,
                    arguments: tuple[str, ...]) -> AsyncProcess:
        messages, first = await self._client.open(method, request)
        if first is None or first.WhichOneof("event") != "started":
            messages.cancel()
            raise Internal("the events of a process did not begin with its start; this is a defect of the server")
        return AsyncProcess(self._client, self._sandbox_id, arguments, messages, first)

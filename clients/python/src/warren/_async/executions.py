"""The events of code that runs."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional

from .._wire import methods
from .._wire.executions import Collector
from .._wire.methods import ServerStream
from ..errors import FailedPrecondition, NotFound, Unavailable, Unimplemented, WarrenError
from ..model.execution import Execution, ExecutionEvent
from ..retry import Attempts
from ..v1 import execution_pb2 as pb
from .client import AsyncClient
from .transport import AsyncMessages


class AsyncExecutionStream:
    """The events of a cell or a script as they come, the last being Finished: iterate over it. Then, or instead, execution()
    has all of it together.

    Whoever does not read to the end should close it, or use it in a `with` block: the code is then cancelled, or goes on where
    it was started with OnDisconnect.CONTINUE. Where the connection breaks it is made again, the code does not run again, and no
    event comes twice; but what was not to CONTINUE is cancelled by it, unless this is back before the server has noticed.
    """

    def __init__(self, client: AsyncClient, method: ServerStream[Any, pb.ExecutionEvent], request: Any,
                 after_sequence: int = 0, execution_id: str = "") -> None:
        self._client = client
        self._method = method
        self._request = request
        self._collector = Collector(after_sequence, execution_id)
        self._attempts = Attempts(client.retry)
        self._messages: Optional[AsyncMessages[pb.ExecutionEvent]] = None
        self._closed = False

    @property
    def execution_id(self) -> str:
        """By which connect_execution() finds it again; empty before the event Started."""
        return self._collector.execution_id

    @property
    def last_sequence(self) -> int:
        """Of the last event read: from where connect_execution() goes on."""
        return self._collector.last_sequence

    async def execution(self) -> Execution:
        """Reads to the end; all of it together, what was read before included."""
        async for _ in self:
            pass
        return self._collector.execution()

    async def close(self) -> None:
        """Lets go of it: see above. Closing it again does nothing."""
        self._closed = True
        messages, self._messages = self._messages, None
        if messages is not None:
            messages.cancel()

    def __aiter__(self) -> AsyncExecutionStream:
        return self

    async def __anext__(self) -> ExecutionEvent:
        while not self._collector.finished and not self._closed:
            try:
                message = await self._read()
            except BaseException:
                await self.close()
                raise
            if message is None:
                break
            event = self._collector.feed(message)
            if event is not None:
                self._attempts.reset()
                return event
        await self.close()
        raise StopAsyncIteration

    async def _read(self) -> Optional[pb.ExecutionEvent]:
        lost: Optional[Unavailable] = None
        while True:
            try:
                if self._messages is None:
                    self._messages = self._client.transport.stream(self._method, self._request)
                return await self._messages.read()
            except Unavailable as error:
                lost = error
                delay = self._attempts.delay_after(error)
            except FailedPrecondition as error:
                # The server may not have noticed yet that our connection is gone.
                if lost is None:
                    raise
                delay = self._attempts.delay_after(error)
            except (NotFound, Unimplemented) as error:
                raise self._no_way_back(error, lost) from None
            self._messages = None
            await self._client.transport.sleep(delay)
            self._go_on()

    def _no_way_back(self, error: WarrenError, lost: Optional[Unavailable]) -> WarrenError:
        """The refusal itself; where it is of an execution that was lost, with what it was lost by."""
        if lost is None or not self._collector.execution_id:
            return error
        if isinstance(error, NotFound):
            return NotFound(f"{error.message}; before that, the connection broke: {lost.message}")
        # Not every backend has a way back to an execution, and that is not what went wrong.
        return Unavailable(f"{lost.message}; the code was running, and what became of it is not known, for it cannot be found "
                           f"again: {error.message}")

    def _go_on(self) -> None:
        """From where we are, once it has an id; until then the same request asks for the same execution."""
        if not self._collector.execution_id:
            return
        if not isinstance(self._request, pb.ConnectExecutionRequest):
            self._method = methods.CONNECT_EXECUTION
            self._request = pb.ConnectExecutionRequest(
                sandbox_id=self._request.sandbox_id, execution_id=self._collector.execution_id)
        self._request.after_sequence = self._collector.last_sequence

    async def __aenter__(self) -> AsyncExecutionStream:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()

"""gRPC's asyncio side, with this package's errors. Its twin is warren._sync.transport."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterable, Callable, Coroutine, Generic, Optional, TypeVar

import grpc
import grpc.aio

from .._wire.address import CHANNEL_OPTIONS, Metadata, tls_target
from .._wire.methods import ClientStream, Method, Request, Response, ServerStream, Unary
from ..errors import Cancelled, FailedPrecondition, WarrenError, error_of

T = TypeVar("T")


def _open_channel(address: str) -> Any:
    target = tls_target(address)
    if target is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=CHANNEL_OPTIONS)


class AsyncTransport:
    """One connection to one server. Lifecycle: the first call opens it; close() ends what goes on and frees it."""

    def __init__(self, address: str, metadata: Metadata) -> None:
        self.address = address
        self._metadata = metadata
        self._channel: Optional[Any] = None
        self._calls: dict[str, Any] = {}
        self._closed = False

    async def unary(self, method: Unary[Request, Response], request: Request, timeout: Optional[float]) -> Response:
        response: Response = await self._answer(self._callable(method, "unary_unary")(request, timeout=timeout, metadata=self._metadata))
        return response

    def stream(self, method: ServerStream[Request, Response], request: Request) -> AsyncMessages[Response]:
        return AsyncMessages(self, self._callable(method, "unary_stream")(request, metadata=self._metadata))

    async def send(self, method: ClientStream[Request, Response], requests: AsyncIterable[Request]) -> Response:
        """Sends them all; what they raise is raised here, and the server then sees a client that went."""
        call = self._callable(method, "stream_unary")(metadata=self._metadata)
        try:
            async for request in requests:
                if call.done():
                    break
                await call.write(request)
            if not call.done():
                await call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):
            pass  # It has ended: the answer says why.
        except BaseException:
            call.cancel()
            raise
        response: Response = await self._answer(call)
        return response

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def blocking(self, function: Callable[..., T], *arguments: Any) -> T:
        """What may wait for a disk, out of the loop's way."""
        return await asyncio.to_thread(function, *arguments)

    async def close(self) -> None:
        self._closed = True
        channel, self._channel = self._channel, None
        self._calls.clear()
        if channel is not None:
            await channel.close()

    def _callable(self, method: Method[Any, Any], shape: str) -> Any:
        if self._closed:
            raise FailedPrecondition("this client is closed: make another one")
        # Not before: it belongs to the loop that runs then.
        if self._channel is None:
            self._channel = _open_channel(self.address)
        call = self._calls.get(method.path)
        if call is None:
            call = self._calls[method.path] = getattr(self._channel, shape)(
                method.path, request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString)
        return call

    async def _answer(self, call: Any) -> Any:
        try:
            return await call
        except grpc.RpcError as error:
            raise self._error(error) from None

    def _error(self, error: Any) -> WarrenError:
        return error_of(error.code().name, error.details() or "", self.address, error.trailing_metadata() or ())


class AsyncMessages(Generic[Response]):
    """The responses of one call."""

    def __init__(self, transport: AsyncTransport, call: Any) -> None:
        self._transport = transport
        self._call = call
        self._cancelled = False

    async def read(self) -> Optional[Response]:
        """The next one; None at the end."""
        try:
            message = await self._call.read()
        except grpc.RpcError as error:
            raise self._transport._error(error) from None
        except asyncio.CancelledError:
            if self._cancelled:
                raise Cancelled("this stream was closed") from None
            raise
        return None if message is grpc.aio.EOF else message

    async def begun(self) -> None:
        """Waits for the server's headers, or its end."""
        await self._call.initial_metadata()

    def cancel(self) -> None:
        self._cancelled = True
        self._call.cancel()


def at_once(begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """What a constructor has to wait for: not here, where it cannot wait; entering the object does it."""


class AsyncBackground:
    """A coroutine that goes on beside its caller."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._task = asyncio.ensure_future(work())

    async def join(self) -> None:
        """Waits for its end; what it raised is raised here."""
        await self._task

    def abandon(self) -> None:
        """Nobody will join it."""
        self._task.cancel()


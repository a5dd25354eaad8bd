"""The connection to a server, and what is the server's and no sandbox's."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Optional

from .._wire import methods
from .._wire.address import address_or_default
from .._wire.methods import Again, Request, Response, ServerStream, Unary
from .._wire.sandboxes import environment_of, pool_of, templates_of
from .._wire.values import seconds
from ..errors import Unavailable
from ..model.common import Seconds
from ..model.sandbox import PoolStatus
from ..model.template import Environment, TemplateInfo
from ..retry import NO_RETRIES, Attempts, RetryPolicy
from ..v1 import package_pb2, sandbox_pb2, template_pb2
from .transport import AsyncMessages, AsyncTransport


class AsyncClient:
    """A connection to one server, which any number of sandboxes may share.

    Args:
        address: `unix:///PATH` or HOST:PORT. Default: WARREN_ADDRESS, else unix:///run/warren/warren.sock.
        timeout: how long a single answer may take (DeadlineExceeded); not for streams, as running code is one, nor for
            writing to processes: those last as long as they last. Default: 60 seconds.
        retry: how often a call is sent again when the connection breaks.

    It connects with the first call. Close it, or use it in a `with` block: what still goes on over it then ends.
    """

    def __init__(self, address: Optional[str] = None, *, timeout: Seconds = 60, retry: RetryPolicy = RetryPolicy()) -> None:
        self.transport = AsyncTransport(address_or_default(address))
        self.retry = retry
        self._timeout = seconds(timeout)

    @property
    def address(self) -> str:
        return self.transport.address

    async def templates(self) -> list[TemplateInfo]:
        """What sandboxes can be made from."""
        return templates_of(await self.call(methods.LIST_TEMPLATES, template_pb2.ListTemplatesRequest()))

    async def environment(self, template: str) -> Environment:
        """What a template offers. Errors: NotFound."""
        request = package_pb2.GetEnvironmentRequest(template_id=template)
        return environment_of(await self.call(methods.GET_ENVIRONMENT, request))

    async def pools(self) -> list[PoolStatus]:
        """The warm pools."""
        response = await self.call(methods.LIST_SANDBOXES, sandbox_pb2.ListSandboxesRequest(page_size=1))
        return [pool_of(pool) for pool in response.pools]

    async def call(self, method: Unary[Request, Response], request: Request) -> Response:
        """One call of the contract, sent again where that is safe. For this package's own use."""
        attempts = Attempts(self.retry if method.again is Again.SAFE else NO_RETRIES)
        while True:
            try:
                return await self.transport.unary(method, request, self._timeout)
            except Unavailable as error:
                delay = attempts.delay_after(error)
            await self.transport.sleep(delay)

    async def call_without_timeout(self, method: Unary[Request, Response], request: Request) -> Response:
        """One call that lasts as long as it lasts. For this package's own use."""
        return await self.transport.unary(method, request, None)

    async def open(self, method: ServerStream[Request, Response],
                   request: Request) -> tuple[AsyncMessages[Response], Optional[Response]]:
        """A stream, and its first message; None for one that has none. For this package's own use."""
        attempts = Attempts(self.retry if method.again is Again.SAFE else NO_RETRIES)
        while True:
            messages = self.transport.stream(method, request)
            try:
                return messages, await messages.read()
            except Unavailable as error:
                delay = attempts.delay_after(error)
            except BaseException:
                messages.cancel()
                raise
            await self.transport.sleep(delay)

    async def begin(self, method: ServerStream[Request, Response], request: Request) -> AsyncMessages[Response]:
        """A stream that the server has begun with, though nothing may have come yet; where it fails, its first message raises
        that. For this package's own use."""
        messages = self.transport.stream(method, request)
        try:
            await messages.begun()
        except BaseException:
            messages.cancel()
            raise
        return messages

    async def close(self) -> None:
        """Ends what goes on over this connection, and frees it. Closing it again does nothing."""
        await self.transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()


def new_request_id() -> str:
    """By which the server knows a request that is sent again."""
    return uuid.uuid4().hex

"""The connection to a server, and what is the server's and no sandbox's."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Callable, List, Optional

from .._wire import methods
from .._wire.address import address_or_default, metadata_with_key
from .._wire.backends import backend_of
from .._wire.methods import Again, Request, Response, ServerStream, Unary
from .._wire.packages import installed_of, progress_of, pruned_of, requirements_message, store_of, verified_of
from .._wire.sandboxes import environment_of, pool_of, templates_of
from .._wire.values import duration, seconds
from ..errors import Internal, Unavailable
from ..model.backend import BackendStatus
from ..model.common import Seconds
from ..model.file import LocalPath
from ..model.package import InstalledPackages, InstallProgress, PackageStore, PrunedPackages, VerifiedPackages
from ..model.sandbox import PoolStatus
from ..model.template import Environment, TemplateInfo
from ..retry import NO_RETRIES, Attempts, RetryPolicy
from ..v1 import backend_pb2, package_pb2, sandbox_pb2, template_pb2
from .transport import AsyncMessages, AsyncTransport


class AsyncClient:
    """A connection to one server, which any number of sandboxes may share.

    Args:
        address: `unix:///PATH`, HOST:PORT, or tls://HOST:PORT where the server listens with TLS; the file that
            GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names has the authorities then, where it is set. Default: WARREN_ADDRESS, else
            unix:///run/warren/warren.sock.
        api_key: for a server that demands one (Unauthenticated). Default: WARREN_API_KEY, else none.
        timeout: how long a single answer may take (DeadlineExceeded); not for streams, as running code is one, nor for
            writing to processes: those last as long as they last. Default: 60 seconds.
        retry: how often a call is sent again when the connection breaks.

    It connects with the first call. Close it, or use it in a `with` block: what still goes on over it then ends.
    """

    def __init__(self, address: Optional[str] = None, *, api_key: Optional[str] = None, timeout: Seconds = 60,
                 retry: RetryPolicy = RetryPolicy()) -> None:
        self.transport = AsyncTransport(address_or_default(address), metadata_with_key(api_key))
        self.retry = retry
        self._timeout = seconds(timeout)

    @property
    def address(self) -> str:
        return self.transport.address

    async def templates(self) -> List[TemplateInfo]:
        """What sandboxes can be made from."""
        return templates_of(await self.call(methods.LIST_TEMPLATES, template_pb2.ListTemplatesRequest()))

    async def environment(self, template: str) -> Environment:
        """What a template offers. Errors: NotFound."""
        request = package_pb2.GetEnvironmentRequest(template_id=template)
        return environment_of(await self.call(methods.GET_ENVIRONMENT, request))

    async def pools(self) -> List[PoolStatus]:
        """The warm pools."""
        response = await self.call(methods.LIST_SANDBOXES, sandbox_pb2.ListSandboxesRequest(page_size=1))
        return [pool_of(pool) for pool in response.pools]

    async def backends(self, probe: bool = False) -> List[BackendStatus]:
        """What runs the code of sandboxes, in the order of the server's configuration, and how each does; with `probe` each is
        asked now, for five seconds at most. Errors: PermissionDenied (this is the operator's, and a key stands for a
        tenant)."""
        response = await self.call(methods.LIST_BACKENDS, backend_pb2.ListBackendsRequest(probe=probe))
        return [backend_of(backend) for backend in response.backends]

    async def prefetch_packages(self, *requirements: str, template: Optional[str] = None,
                                requirements_file: Optional[LocalPath] = None,
                                constraints_file: Optional[LocalPath] = None, refresh: bool = False,
                                on_progress: Optional[Callable[[InstallProgress], object]] = None) -> InstalledPackages:
        """Fetches packages into the server's store, for sandboxes of this template (default: the server's) that are still to
        come. The rest is as Sandbox.install_package() has it."""
        what = await self.transport.blocking(requirements_message, requirements, requirements_file, constraints_file, refresh)
        request = package_pb2.PrefetchPackagesRequest(template_id=template, what=what)
        return await self.install(methods.PREFETCH_PACKAGES, request, on_progress)

    async def list_packages(self) -> PackageStore:
        """What the server's store of packages holds."""
        return store_of(await self.call(methods.LIST_STORED_PACKAGES, package_pb2.ListStoredPackagesRequest()))

    async def prune_packages(self, unused_for: Seconds = 0) -> PrunedPackages:
        """Removes from the store what no sandbox uses, and none has for that long; at most 366 days. Errors:
        InvalidArgument."""
        request = package_pb2.PruneStoredPackagesRequest(unused_for=duration(unused_for))
        return pruned_of(await self.call_without_timeout(methods.PRUNE_STORED_PACKAGES, request))

    async def verify_packages(self) -> VerifiedPackages:
        """Reads all of the store, and removes what is not what it was."""
        request = package_pb2.VerifyStoredPackagesRequest()
        return verified_of(await self.call_without_timeout(methods.VERIFY_STORED_PACKAGES, request))

    async def install(self, method: ServerStream[Request, package_pb2.InstallPackageEvent], request: Request,
                      on_progress: Optional[Callable[[InstallProgress], object]]) -> InstalledPackages:
        """One installation, to its end. For this package's own use."""
        installed: Optional[InstalledPackages] = None
        messages, message = await self.open(method, request)
        try:
            while message is not None:
                if message.HasField("done"):
                    installed = installed_of(message.done)
                elif on_progress is not None:
                    on_progress(progress_of(message.progress))
                message = await messages.read()
        except BaseException:
            messages.cancel()
            raise
        if installed is None:
            raise Internal("the installation ended without saying what it installed")
        return installed

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

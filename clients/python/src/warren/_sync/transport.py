"""gRPC's blocking side, with this package's errors. Its twin is warren._async.transport."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any, Callable, Generic, Iterable, Iterator, Optional, TypeVar

import grpc

from .._wire.address import CHANNEL_OPTIONS, Metadata, tls_target
from .._wire.methods import ClientStream, Method, Request, Response, ServerStream, Unary
from ..errors import Cancelled, FailedPrecondition, WarrenError, error_of

T = TypeVar("T")


def _open_channel(address: str) -> Any:
    target = tls_target(address)
    if target is None:
        return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=CHANNEL_OPTIONS)


class Transport:
    """One connection to one server, for any number of threads. Lifecycle: the first call opens it; close() ends what goes on
    and frees it."""

    def __init__(self, address: str, metadata: Metadata) -> None:
        self.address = address
        self._metadata = metadata
        self._lock = threading.Lock()
        self._channel: Optional[Any] = None
        self._calls: dict[str, Any] = {}
        self._closed = False

    def unary(self, method: Unary[Request, Response], request: Request, timeout: Optional[float]) -> Response:
        # Not the blocking form of a call: that leaves it behind where Ctrl-C comes.
        with self._undisturbed():
            call = self._callable(method, "unary_unary").future(request, timeout=timeout, metadata=self._metadata)
        response: Response = self._answer(call)
        return response

    def stream(self, method: ServerStream[Request, Response], request: Request) -> Messages[Response]:
        with self._undisturbed():
            return Messages(self, self._callable(method, "unary_stream")(request, metadata=self._metadata))

    def send(self, method: ClientStream[Request, Response], requests: Iterable[Request]) -> Response:
        """Sends them all; what they raise is raised here, and the server then sees a client that went.

        gRPC takes them from a thread of its own.
        """
        call: Any = None
        called = threading.Event()
        raised: list[Exception] = []

        def all_of_them() -> Iterator[Request]:
            called.wait()
            try:
                yield from requests
            except Exception as error:
                raised.append(error)
                # Ending without this would be the end of what is sent.
                call.cancel()

        with self._undisturbed():
            call = self._callable(method, "stream_unary").future(all_of_them(), metadata=self._metadata)
        called.set()
        try:
            response: Response = self._answer(call)
            return response
        except WarrenError:
            if raised:
                raise raised[0] from None
            raise

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def blocking(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        channel = self._let_go()
        if channel is not None:
            channel.close()

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Around everything of gRPC's. What comes from a signal's handler, as Ctrl-C does, can leave one of its locks taken for
        good (Python's issue 74174), and its connection says nothing any more: the next call opens another one."""
        try:
            yield
        except (grpc.RpcError, grpc.FutureCancelledError):
            raise
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> Optional[Any]:
        with self._lock:
            channel, self._channel = self._channel, None
            self._calls.clear()
        return channel

    def _callable(self, method: Method[Any, Any], shape: str) -> Any:
        with self._lock:
            if self._closed:
                raise FailedPrecondition("this client is closed: make another one")
            if self._channel is None:
                self._channel = _open_channel(self.address)
            call = self._calls.get(method.path)
            if call is None:
                call = self._calls[method.path] = getattr(self._channel, shape)(
                    method.path, request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString)
            return call

    def _answer(self, call: Any) -> Any:
        try:
            with self._undisturbed():
                return call.result()
        except grpc.RpcError as error:
            raise self._error(error) from None
        except grpc.FutureCancelledError:
            raise Cancelled("the call was cancelled on this side") from None
        except BaseException:
            call.cancel()
            raise

    def _error(self, error: Any) -> WarrenError:
        return error_of(error.code().name, error.details() or "", self.address, error.trailing_metadata() or ())


class Messages(Generic[Response]):
    """The responses of one call."""

    def __init__(self, transport: Transport, call: Any) -> None:
        self._transport = transport
        self._call = call

    def read(self) -> Optional[Response]:
        """The next one; None at the end."""
        try:
            with self._transport._undisturbed():
                message: Optional[Response] = next(self._call, None)
            return message
        except grpc.RpcError as error:
            raise self._transport._error(error) from None

    def begun(self) -> None:
        """Waits for the server's headers, or its end."""
        with self._transport._undisturbed():
            self._call.initial_metadata()

    def cancel(self) -> None:
        with self._transport._undisturbed():
            self._call.cancel()


def at_once(begin: Callable[[], None]) -> None:
    """What a constructor has to wait for."""
    begin()


class Background:
    """A function that goes on beside its caller, in a thread that does not keep the program from ending."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._raised: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._raised = error

    def join(self) -> None:
        """Waits for its end; what it raised is raised here."""
        self._thread.join()
        if self._raised is not None:
            raise self._raised

    def abandon(self) -> None:
        """Nobody will join it: its call ends with the process that it writes to, or with the client."""

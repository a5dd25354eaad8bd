"""What can go wrong between a program and Warren, as exceptions.

Code that fails inside a sandbox is no exception but a result: `Execution.error`, `Execution.termination`. Whoever wants one
calls `Execution.raise_for_error()` or `CompletedProcess.check()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ._wire.address import tls_target

if TYPE_CHECKING:
    from .model.execution import Execution
    from .model.process import CompletedProcess


class WarrenError(Exception):
    """Base of all that this package raises about a call. `message` is the server's own sentence: what failed, on what, and
    what to do; `code` is gRPC's name of the status, e.g. "NOT_FOUND"."""

    code = "UNKNOWN"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(WarrenError):
    """There is no such sandbox, context, execution, process, template or file."""

    code = "NOT_FOUND"


class AlreadyExists(WarrenError):
    """What was to be made is there already."""

    code = "ALREADY_EXISTS"


class InvalidArgument(WarrenError):
    """A value is out of its bounds; the message names the field."""

    code = "INVALID_ARGUMENT"


class OutOfRange(WarrenError):
    """A read from beyond the end of a file."""

    code = "OUT_OF_RANGE"


class FailedPrecondition(WarrenError):
    """Not in this state: the sandbox is paused or dead, the context is gone, the directory is not empty; or packages that
    cannot be had, or not together."""

    code = "FAILED_PRECONDITION"


class PermissionDenied(WarrenError):
    """The kernel refuses it to this user, or the template does; or the server's policy does not allow the package."""

    code = "PERMISSION_DENIED"


class Unauthenticated(WarrenError):
    """The server does not know who calls."""

    code = "UNAUTHENTICATED"


class ResourceExhausted(WarrenError):
    """No slot, memory, disk or place in a queue is left: try again later, or free something."""

    code = "RESOURCE_EXHAUSTED"


class Aborted(WarrenError):
    """Something changed while it was used: a file became shorter while it was read."""

    code = "ABORTED"


class DataLoss(WarrenError):
    """What arrived is not what was sent: the digests differ."""

    code = "DATA_LOSS"


class Unimplemented(WarrenError):
    """This server does not have this part of the contract, or what runs this sandbox does not."""

    code = "UNIMPLEMENTED"


class Unavailable(WarrenError):
    """No server answers at this address, it is shutting down, or the connection broke and did not come back; or it cannot
    reach its package index, or what runs the sandbox. What may be sent again has been, as often as the client's RetryPolicy
    says; of code that was running the message says what is known."""

    code = "UNAVAILABLE"


class DeadlineExceeded(WarrenError):
    """The server did not answer within the client's `timeout`."""

    code = "DEADLINE_EXCEEDED"


class Cancelled(WarrenError):
    """The call was cancelled: its stream was closed, or another client took its place."""

    code = "CANCELLED"


class Internal(WarrenError):
    """Warren itself failed; the message says at which step."""

    code = "INTERNAL"


class ExecutionFailed(WarrenError):
    """What `Execution.raise_for_error()` raises: `execution` has the rest."""

    code = "EXECUTION_FAILED"

    def __init__(self, message: str, execution: Execution) -> None:
        super().__init__(message)
        self.execution = execution


class ProcessFailed(WarrenError):
    """What `CompletedProcess.check()` raises: `process` has the rest."""

    code = "PROCESS_FAILED"

    def __init__(self, message: str, process: CompletedProcess) -> None:
        super().__init__(message)
        self.process = process


_BY_CODE: dict[str, type[WarrenError]] = {
    error.code: error
    for error in (NotFound, AlreadyExists, InvalidArgument, OutOfRange, FailedPrecondition, PermissionDenied, Unauthenticated,
                  ResourceExhausted, Aborted, DataLoss, Unimplemented, Unavailable, DeadlineExceeded, Cancelled, Internal)
}

# How gRPC says that there was nobody to speak to, in the words of its versions.
_NOBODY = ("failed to connect", "connection refused", "no such file", "name resolution", "empty address list")


# Trailing metadata of every status that the server itself has given.
_MARK = "warren-status"


def _is_of_server(trailing: Iterable[tuple[str, object]]) -> bool:
    return any(key == _MARK for key, _ in trailing)


def _what_to_start(address: str) -> str:
    target = tls_target(address)
    if target is None:
        return f"start one (warrend --listen {address})"
    return (f"start one (warrend --tls-listen {target}) with a certificate of that name and of an authority that is known here "
            "(GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names a file of them)")


def error_of(code: str, details: str, address: str, trailing: Iterable[tuple[str, object]] = ()) -> WarrenError:
    """The exception for a status of gRPC, with the call's trailing metadata."""
    kind = _BY_CODE.get(code, WarrenError)
    message = details or f"the call failed with {code} and no message"
    if kind is Unavailable and any(words in details.lower() for words in _NOBODY) and not _is_of_server(trailing):
        message = (f"no server answers at {address}: {_what_to_start(address)}, or name another by the argument `address` or by "
                   f"WARREN_ADDRESS ({details})")
    return kind(message)

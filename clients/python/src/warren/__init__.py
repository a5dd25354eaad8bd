"""Warren's client: sandboxes that run code you do not trust, on your own machine.

    from warren import Sandbox

    with Sandbox() as sandbox:
        print(sandbox.run_code("6 * 7").text)

Client and Sandbox are for ordinary programs, AsyncClient and AsyncSandbox, with the same methods, for asyncio. All that calls
answer is frozen dataclasses; all that goes wrong is a WarrenError. warren.v1 are the messages of the contract themselves, for
programs that call its services on their own.
"""

from importlib.metadata import version as _version

from ._async.client import AsyncClient
from ._async.contexts import AsyncContext, AsyncContexts
from ._async.executions import AsyncExecutionStream
from ._async.files import AsyncFiles
from ._async.processes import AsyncProcess, AsyncProcesses
from ._async.sandbox import AsyncSandbox
from ._async.watches import AsyncFileWatch, AsyncNetworkWatch
from ._sync.client import Client
from ._sync.contexts import Context, Contexts
from ._sync.executions import ExecutionStream
from ._sync.files import Files
from ._sync.processes import Process, Processes
from ._sync.sandbox import Sandbox
from ._sync.watches import FileWatch, NetworkWatch
from .errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    ExecutionFailed,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ProcessFailed,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    WarrenError,
)
from .model.backend import BackendKind, BackendStatus, Circuit
from .model.common import (DisplayStyle, Event, Limits, Missed, OnDisconnect, OnExit, Output, Seconds, Stream, Termination,
                           TerminationKind, Usage)
from .model.execution import (
    ClearOutput,
    CodeError,
    Comm,
    ContextInfo,
    Execution,
    ExecutionEvent,
    Finished,
    InputRequest,
    OutputFile,
    Result,
    Started,
)
from .model.file import FileEntry, FileEvent, FileEventKind, FileType, RemotePath
from .model.network import NetworkEvent, NetworkPolicy, NetworkRule, NetworkVerdict
from .model.package import (
    InstalledPackages,
    InstallPhase,
    InstallProgress,
    PackageSet,
    PackageStore,
    PrunedPackages,
    StoredPackage,
    VerifiedPackages,
)
from .model.process import CompletedProcess, ProcessInfo
from .model.sandbox import (LifetimeFrom, OnBackendLoss, OnExpiry, PoolStatus, SandboxInfo, SandboxList, SandboxMetrics,
                            SandboxState)
from .model.template import Environment, Feature, Mount, TemplateInfo
from .retry import RetryPolicy

__version__ = _version("warren-client")

__all__ = [
    "Aborted", "AlreadyExists", "AsyncClient", "AsyncContext", "AsyncContexts", "AsyncExecutionStream",
    "AsyncFileWatch", "AsyncFiles", "AsyncNetworkWatch", "AsyncProcess", "AsyncProcesses", "AsyncSandbox",
    "BackendKind", "BackendStatus", "Cancelled", "Circuit", "ClearOutput", "Client", "CodeError", "Comm",
    "CompletedProcess", "Context", "ContextInfo", "Contexts", "DataLoss", "DeadlineExceeded", "DisplayStyle",
    "Environment", "Event", "Execution", "ExecutionEvent", "ExecutionFailed", "ExecutionStream", "FailedPrecondition",
    "Feature", "FileEntry", "FileEvent", "FileEventKind", "FileType", "FileWatch", "Files", "Finished",
    "InputRequest", "InstallPhase", "InstallProgress", "InstalledPackages", "Internal", "InvalidArgument",
    "LifetimeFrom", "Limits", "Missed", "Mount", "NetworkEvent", "NetworkPolicy", "NetworkRule", "NetworkVerdict",
    "NetworkWatch", "NotFound", "OnBackendLoss", "OnDisconnect", "OnExit", "OnExpiry", "OutOfRange", "Output",
    "OutputFile", "PackageSet", "PackageStore", "PermissionDenied", "PoolStatus", "Process", "ProcessFailed",
    "ProcessInfo", "Processes", "PrunedPackages", "RemotePath", "ResourceExhausted", "Result", "RetryPolicy",
    "Sandbox", "SandboxInfo", "SandboxList", "SandboxMetrics", "SandboxState", "Seconds", "Started", "StoredPackage",
    "Stream", "TemplateInfo", "Termination", "TerminationKind", "Unauthenticated", "Unavailable", "Unimplemented",
    "Usage", "VerifiedPackages", "WarrenError",
]

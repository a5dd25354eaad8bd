"""The calls of the contract. Plain data: tests compare it with the services' descriptors, so nothing is missing or
mistyped."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..v1 import backend_pb2, execution_pb2, file_pb2, network_pb2, package_pb2, process_pb2, sandbox_pb2, template_pb2

Request = TypeVar("Request")
Response = TypeVar("Response")


class Again(enum.Enum):
    """What sending a request once more may do, where it is not known whether the first one arrived."""

    # The same: it looks only, sets what is set already, or has a request id by which the server knows it.
    SAFE = "safe"
    # Something twice.
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Method(Generic[Request, Response]):
    service: str
    name: str
    request: Any
    response: Any
    again: Again = Again.UNSAFE

    @property
    def path(self) -> str:
        return f"/warren.v1.{self.service}/{self.name}"


class Unary(Method[Request, Response]):
    """One request, one response."""


class ServerStream(Method[Request, Response]):
    """One request, many responses."""


class ClientStream(Method[Request, Response]):
    """Many requests, one response."""


S = sandbox_pb2
CREATE_SANDBOX: Unary[S.CreateSandboxRequest, S.Sandbox] = Unary(
    "SandboxService", "CreateSandbox", S.CreateSandboxRequest, S.Sandbox, Again.SAFE)
GET_SANDBOX: Unary[S.GetSandboxRequest, S.Sandbox] = Unary(
    "SandboxService", "GetSandbox", S.GetSandboxRequest, S.Sandbox, Again.SAFE)
LIST_SANDBOXES: Unary[S.ListSandboxesRequest, S.ListSandboxesResponse] = Unary(
    "SandboxService", "ListSandboxes", S.ListSandboxesRequest, S.ListSandboxesResponse, Again.SAFE)
DESTROY_SANDBOX: Unary[S.DestroySandboxRequest, S.DestroySandboxResponse] = Unary(
    "SandboxService", "DestroySandbox", S.DestroySandboxRequest, S.DestroySandboxResponse)
SET_SANDBOX_LIFETIME: Unary[S.SetSandboxLifetimeRequest, S.Sandbox] = Unary(
    "SandboxService", "SetSandboxLifetime", S.SetSandboxLifetimeRequest, S.Sandbox, Again.SAFE)
PAUSE_SANDBOX: Unary[S.PauseSandboxRequest, S.Sandbox] = Unary(
    "SandboxService", "PauseSandbox", S.PauseSandboxRequest, S.Sandbox, Again.SAFE)
RESUME_SANDBOX: Unary[S.ResumeSandboxRequest, S.Sandbox] = Unary(
    "SandboxService", "ResumeSandbox", S.ResumeSandboxRequest, S.Sandbox, Again.SAFE)
CHANGE_SANDBOX_LIMITS: Unary[S.ChangeSandboxLimitsRequest, S.Sandbox] = Unary(
    "SandboxService", "ChangeSandboxLimits", S.ChangeSandboxLimitsRequest, S.Sandbox, Again.SAFE)
GET_SANDBOX_METRICS: Unary[S.GetSandboxMetricsRequest, S.SandboxMetrics] = Unary(
    "SandboxService", "GetSandboxMetrics", S.GetSandboxMetricsRequest, S.SandboxMetrics, Again.SAFE)
SET_SANDBOX_NETWORK: Unary[S.SetSandboxNetworkRequest, S.Sandbox] = Unary(
    "SandboxService", "SetSandboxNetwork", S.SetSandboxNetworkRequest, S.Sandbox, Again.SAFE)
WATCH_SANDBOX_NETWORK: ServerStream[S.WatchSandboxNetworkRequest, network_pb2.NetworkEvent] = ServerStream(
    "SandboxService", "WatchSandboxNetwork", S.WatchSandboxNetworkRequest, network_pb2.NetworkEvent)

X = execution_pb2
CREATE_CONTEXT: Unary[X.CreateContextRequest, X.Context] = Unary(
    "ContextService", "CreateContext", X.CreateContextRequest, X.Context, Again.SAFE)
LIST_CONTEXTS: Unary[X.ListContextsRequest, X.ListContextsResponse] = Unary(
    "ContextService", "ListContexts", X.ListContextsRequest, X.ListContextsResponse, Again.SAFE)
DELETE_CONTEXT: Unary[X.DeleteContextRequest, X.DeleteContextResponse] = Unary(
    "ContextService", "DeleteContext", X.DeleteContextRequest, X.DeleteContextResponse)
RESTART_CONTEXT: Unary[X.RestartContextRequest, X.Context] = Unary(
    "ContextService", "RestartContext", X.RestartContextRequest, X.Context)
EXECUTE_CODE: ServerStream[X.ExecuteCodeRequest, X.ExecutionEvent] = ServerStream(
    "ExecutionService", "ExecuteCode", X.ExecuteCodeRequest, X.ExecutionEvent, Again.SAFE)
CONNECT_EXECUTION: ServerStream[X.ConnectExecutionRequest, X.ExecutionEvent] = ServerStream(
    "ExecutionService", "ConnectExecution", X.ConnectExecutionRequest, X.ExecutionEvent, Again.SAFE)
INTERRUPT_EXECUTION: Unary[X.InterruptExecutionRequest, X.InterruptExecutionResponse] = Unary(
    "ExecutionService", "InterruptExecution", X.InterruptExecutionRequest, X.InterruptExecutionResponse)
RUN_SCRIPT: ServerStream[X.RunScriptRequest, X.ExecutionEvent] = ServerStream(
    "ExecutionService", "RunScript", X.RunScriptRequest, X.ExecutionEvent, Again.SAFE)

P = process_pb2
START_PROCESS: ServerStream[P.StartProcessRequest, P.ProcessEvent] = ServerStream(
    "ProcessService", "StartProcess", P.StartProcessRequest, P.ProcessEvent, Again.SAFE)
CONNECT_PROCESS: ServerStream[P.ConnectProcessRequest, P.ProcessEvent] = ServerStream(
    "ProcessService", "ConnectProcess", P.ConnectProcessRequest, P.ProcessEvent, Again.SAFE)
LIST_PROCESSES: Unary[P.ListProcessesRequest, P.ListProcessesResponse] = Unary(
    "ProcessService", "ListProcesses", P.ListProcessesRequest, P.ListProcessesResponse, Again.SAFE)
WRITE_PROCESS_INPUT: Unary[P.WriteProcessInputRequest, P.WriteProcessInputResponse] = Unary(
    "ProcessService", "WriteProcessInput", P.WriteProcessInputRequest, P.WriteProcessInputResponse)
RESIZE_TERMINAL: Unary[P.ResizeTerminalRequest, P.ResizeTerminalResponse] = Unary(
    "ProcessService", "ResizeTerminal", P.ResizeTerminalRequest, P.ResizeTerminalResponse, Again.SAFE)
SIGNAL_PROCESS: Unary[P.SignalProcessRequest, P.SignalProcessResponse] = Unary(
    "ProcessService", "SignalProcess", P.SignalProcessRequest, P.SignalProcessResponse)

F = file_pb2
READ_FILE: ServerStream[F.ReadFileRequest, F.ReadFileResponse] = ServerStream(
    "FileService", "ReadFile", F.ReadFileRequest, F.ReadFileResponse, Again.SAFE)
WRITE_FILE: ClientStream[F.WriteFileRequest, F.WriteFileResponse] = ClientStream(
    "FileService", "WriteFile", F.WriteFileRequest, F.WriteFileResponse)
STAT_FILE: Unary[F.StatFileRequest, F.FileEntry] = Unary(
    "FileService", "StatFile", F.StatFileRequest, F.FileEntry, Again.SAFE)
LIST_DIRECTORY: ServerStream[F.ListDirectoryRequest, F.FileEntry] = ServerStream(
    "FileService", "ListDirectory", F.ListDirectoryRequest, F.FileEntry, Again.SAFE)
MAKE_DIRECTORY: Unary[F.MakeDirectoryRequest, F.FileEntry] = Unary(
    "FileService", "MakeDirectory", F.MakeDirectoryRequest, F.FileEntry)
MOVE_FILE: Unary[F.MoveFileRequest, F.FileEntry] = Unary(
    "FileService", "MoveFile", F.MoveFileRequest, F.FileEntry)
REMOVE_FILE: Unary[F.RemoveFileRequest, F.RemoveFileResponse] = Unary(
    "FileService", "RemoveFile", F.RemoveFileRequest, F.RemoveFileResponse)
WATCH_DIRECTORY: ServerStream[F.WatchDirectoryRequest, F.FileEvent] = ServerStream(
    "FileService", "WatchDirectory", F.WatchDirectoryRequest, F.FileEvent)

LIST_TEMPLATES: Unary[template_pb2.ListTemplatesRequest, template_pb2.ListTemplatesResponse] = Unary(
    "TemplateService", "ListTemplates", template_pb2.ListTemplatesRequest, template_pb2.ListTemplatesResponse, Again.SAFE)
GET_ENVIRONMENT: Unary[package_pb2.GetEnvironmentRequest, package_pb2.Environment] = Unary(
    "EnvironmentService", "GetEnvironment", package_pb2.GetEnvironmentRequest, package_pb2.Environment, Again.SAFE)

LIST_BACKENDS: Unary[backend_pb2.ListBackendsRequest, backend_pb2.ListBackendsResponse] = Unary(
    "BackendService", "ListBackends", backend_pb2.ListBackendsRequest, backend_pb2.ListBackendsResponse, Again.SAFE)

K = package_pb2
INSTALL_PACKAGE: ServerStream[K.InstallPackageRequest, K.InstallPackageEvent] = ServerStream(
    "PackageService", "InstallPackage", K.InstallPackageRequest, K.InstallPackageEvent)
PREFETCH_PACKAGES: ServerStream[K.PrefetchPackagesRequest, K.InstallPackageEvent] = ServerStream(
    "PackageService", "PrefetchPackages", K.PrefetchPackagesRequest, K.InstallPackageEvent)
LIST_STORED_PACKAGES: Unary[K.ListStoredPackagesRequest, K.ListStoredPackagesResponse] = Unary(
    "PackageService", "ListStoredPackages", K.ListStoredPackagesRequest, K.ListStoredPackagesResponse, Again.SAFE)
PRUNE_STORED_PACKAGES: Unary[K.PruneStoredPackagesRequest, K.PruneStoredPackagesResponse] = Unary(
    "PackageService", "PruneStoredPackages", K.PruneStoredPackagesRequest, K.PruneStoredPackagesResponse)
VERIFY_STORED_PACKAGES: Unary[K.VerifyStoredPackagesRequest, K.VerifyStoredPackagesResponse] = Unary(
    "PackageService", "VerifyStoredPackages", K.VerifyStoredPackagesRequest, K.VerifyStoredPackagesResponse)

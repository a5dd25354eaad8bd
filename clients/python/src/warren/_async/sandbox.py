"""A sandbox, and all that can be done with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from .._wire import methods
from .._wire.executions import execute_request, script_request
from .._wire.methods import Request, Unary
from .._wire.networks import network_event_of, policy_message
from .._wire.packages import requirements_message
from .._wire.sandboxes import create_request, environment_of, lifetime_request, list_request, metrics_of, sandbox_of
from .._wire.values import duration, limits_message, name_of, usage_of
from ..errors import FailedPrecondition, NotFound, WarrenError
from ..model.common import DisplayStyle, Limits, OnDisconnect, Seconds, Usage
from ..model.execution import Execution
from ..model.file import LocalPath
from ..model.network import NetworkPolicy
from ..model.package import InstalledPackages, InstallProgress
from ..model.sandbox import LifetimeFrom, OnBackendLoss, OnExpiry, SandboxInfo, SandboxList, SandboxMetrics, SandboxState
from ..model.template import Environment
from ..v1 import execution_pb2, package_pb2, sandbox_pb2
from .client import AsyncClient, new_request_id
from .contexts import AsyncContext, AsyncContexts
from .executions import AsyncExecutionStream
from .files import AsyncFiles
from .processes import AsyncProcess, AsyncProcesses
from .transport import at_once
from .watches import AsyncNetworkWatch


class AsyncSandbox:
    """A sandbox: made by the constructor or by create(), or found by connect().

    Leaving a `with` block kills a sandbox that was made here, and only lets go of one that connect() has found; close() lets go
    of either, and it lives until its lifetime ends. Where no `client` is given it has a connection of its own, closed with it.
    """

    def __init__(self, template: Optional[str] = None, *, limits: Optional[Limits] = None, lifetime: Optional[Seconds] = None,
                 lifetime_from: Optional[LifetimeFrom] = None, on_expiry: Optional[OnExpiry] = None,
                 on_backend_loss: Optional[OnBackendLoss] = None, metadata: Optional[Mapping[str, str]] = None,
                 env: Optional[Mapping[str, str]] = None, network: Union[str, NetworkPolicy, None] = None,
                 request_id: Optional[str] = None, client: Optional[AsyncClient] = None) -> None:
        """Makes a sandbox, with one Python context, ready for code: Sandbox() at once, AsyncSandbox() when its `async with`
        block is entered.

        Args:
            template: default: the server's (Client.templates() tells which).
            limits: where they are 0, the template's, else the host's.
            lifetime: seconds or a timedelta, 1 s to 24 h. Default: 1 h.
            lifetime_from: default: LAST_USE.
            on_expiry: at the end of its lifetime. Default: KILL.
            on_backend_loss: when what runs it cannot be reached any more. Default: END.
            metadata: at most 64 entries, keys to 128 bytes, values to 1024: for list() to find it by.
            env: environment of all its processes; at most 128 entries and 64 KiB.
            network: what it may reach outside: a NetworkPolicy, or the name of a preset ("internet"). Default: nothing.
            request_id: at most 128 bytes: a create that is sent again with it gets the sandbox of the first. Default: one of
                its own, so that a connection that breaks meanwhile makes no second sandbox.
            client: a connection to share. Default: one of its own, to WARREN_ADDRESS.
        Errors: NotFound (template), InvalidArgument, FailedPrecondition (a template that cannot be used now, or
        a network where the server gives none), ResourceExhausted (no slot, no memory), Unavailable, Internal.
        """
        request = create_request(
            template=template, limits=limits, lifetime=lifetime, lifetime_from=lifetime_from, on_expiry=on_expiry,
            on_backend_loss=on_backend_loss, metadata=metadata, env=env, network=network,
            request_id=request_id or new_request_id())
        self._set_up(methods.CREATE_SANDBOX, request, client)
        at_once(self._begin)

    def _set_up(self, method: Unary[Request, sandbox_pb2.Sandbox], request: Request, client: Optional[AsyncClient]) -> None:
        self._method: Unary[Any, sandbox_pb2.Sandbox] = method
        self._request = request
        self._client = client or AsyncClient()
        self._owns_client = client is None
        self._kill_on_exit = method is methods.CREATE_SANDBOX
        self._info: Optional[SandboxInfo] = None

    async def _begin(self) -> None:
        """Has the server make it, or tell it. Again, nothing."""
        if self._info is not None:
            return
        try:
            self._told(await self._client.call(self._method, self._request))
        except BaseException:
            if self._owns_client:
                await self._client.close()
            raise

    @classmethod
    async def create(cls, template: Optional[str] = None, *, limits: Optional[Limits] = None, lifetime: Optional[Seconds] = None,
                     lifetime_from: Optional[LifetimeFrom] = None, on_expiry: Optional[OnExpiry] = None,
                     on_backend_loss: Optional[OnBackendLoss] = None, metadata: Optional[Mapping[str, str]] = None,
                     env: Optional[Mapping[str, str]] = None, network: Union[str, NetworkPolicy, None] = None,
                     request_id: Optional[str] = None, client: Optional[AsyncClient] = None) -> AsyncSandbox:
        """Makes a sandbox, as the constructor does, whose arguments and errors these are; it is there when this returns."""
        sandbox = cls(template, limits=limits, lifetime=lifetime, lifetime_from=lifetime_from, on_expiry=on_expiry,
                      on_backend_loss=on_backend_loss, metadata=metadata, env=env, network=network, request_id=request_id,
                      client=client)
        await sandbox._begin()
        return sandbox

    @classmethod
    async def connect(cls, sandbox_id: str, *, client: Optional[AsyncClient] = None) -> AsyncSandbox:
        """The sandbox with this id, whoever made it. Errors: NotFound."""
        sandbox = cls.__new__(cls)
        sandbox._set_up(methods.GET_SANDBOX, sandbox_pb2.GetSandboxRequest(sandbox_id=sandbox_id), client)
        await sandbox._begin()
        return sandbox

    @property
    def info(self) -> SandboxInfo:
        """As the server told it last to this object: get_info() asks again."""
        if self._info is None:
            raise FailedPrecondition("this sandbox is not made yet: enter it, `async with AsyncSandbox() as sandbox`, or have it "
                                     "from `await AsyncSandbox.create()`")
        return self._info

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def client(self) -> AsyncClient:
        """The connection that it uses."""
        return self._client

    @property
    def contexts(self) -> AsyncContexts:
        """Its interpreters."""
        return AsyncContexts(self._client, self.id)

    @property
    def files(self) -> AsyncFiles:
        """Its files."""
        return AsyncFiles(self._client, self.id)

    @property
    def processes(self) -> AsyncProcesses:
        """Its commands and terminals."""
        return AsyncProcesses(self._client, self.id)

    @classmethod
    async def list(cls, *, metadata: Optional[Mapping[str, str]] = None, states: Optional[Sequence[SandboxState]] = None,
                   template: Optional[str] = None, created_after: Optional[datetime] = None, newest_first: bool = False,
                   client: Optional[AsyncClient] = None) -> SandboxList:
        """Live sandboxes, oldest first: those that have all of this metadata, one of these states, this template. They come
        from the server in pages: those that come or go meanwhile may be there or not, and none is there twice. What lives on
        a backend that does not answer is not there: the list's `missing_backends` names those."""
        request = list_request(metadata=metadata, states=states, template=template, created_after=created_after,
                               newest_first=newest_first)
        mine = client or AsyncClient()
        found = SandboxList()
        try:
            while True:
                response = await mine.call(methods.LIST_SANDBOXES, request)
                found.extend(sandbox_of(sandbox) for sandbox in response.sandboxes)
                found.add_missing(response.missing_backends)
                if not response.next_page_token:
                    return found
                request.page_token = response.next_page_token
        finally:
            if client is None:
                await mine.close()

    # Code.

    async def run_code(self, code: Union[str, bytes], *, context: Union[AsyncContext, str, None] = None,
                       timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None, max_output_bytes: int = 0,
                       silent: bool = False, store_history: Optional[bool] = None,
                       user_expressions: Optional[Mapping[str, str]] = None, colors: bool = False,
                       display_style: Optional[DisplayStyle] = None,
                       input_files: Optional[Mapping[str, Union[str, bytes]]] = None,
                       output_files: Optional[Sequence[str]] = None,
                       on_disconnect: Optional[OnDisconnect] = None, request_id: Optional[str] = None) -> Execution:
        """Runs a cell and waits for its end. State stays from cell to cell of a context.

        That the code failed, ran out of time or memory is told by the answer, by no exception: see
        Execution.raise_for_error().

        Args:
            code: as IPython takes it (top-level await, magics), at most 1 MiB.
            context: a context or its id. Default: the one that the sandbox was made with.
            timeout: wall-clock bound, 1 ms to 24 h, after which the code is interrupted, then killed. Default: 60 s.
            env: environment for this cell only.
            max_output_bytes: after which it is interrupted, then killed. 0: that of the sandbox (Limits.output_bytes).
            silent: runs without counting, history or a displayed result.
            store_history: default: unless silent.
            user_expressions: name -> expression, evaluated after code that raised nothing, at most 64.
            colors: tracebacks have IPython's terminal colours.
            display_style: which representations of results come. Default: JUPYTER.
            input_files: path -> content, written before the code runs: at most 64, and 2 MiB together; more by `files`.
            output_files: glob patterns: what matches after the code has run is in Execution.output_files. At most 16.
            on_disconnect: what this client's going does. Default: CANCEL.
            request_id: at most 128 bytes: what is sent again with it goes on with the execution of the first. Default: one of
                its own, so that a connection that breaks meanwhile runs nothing twice.
        Errors: NotFound (sandbox, context), InvalidArgument, FailedPrecondition (the context is gone, the sandbox is paused or
        dead), ResourceExhausted (too many cells wait), Unavailable.
        """
        async with self.stream_code(
                code, context=context, timeout=timeout, env=env, max_output_bytes=max_output_bytes, silent=silent,
                store_history=store_history, user_expressions=user_expressions, colors=colors, display_style=display_style,
                input_files=input_files, output_files=output_files, on_disconnect=on_disconnect, request_id=request_id) as stream:
            return await stream.execution()

    def stream_code(self, code: Union[str, bytes], *, context: Union[AsyncContext, str, None] = None,
                    timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None, max_output_bytes: int = 0,
                    silent: bool = False, store_history: Optional[bool] = None,
                    user_expressions: Optional[Mapping[str, str]] = None, colors: bool = False,
                    display_style: Optional[DisplayStyle] = None,
                    input_files: Optional[Mapping[str, Union[str, bytes]]] = None, output_files: Optional[Sequence[str]] = None,
                    on_disconnect: Optional[OnDisconnect] = None, request_id: Optional[str] = None) -> AsyncExecutionStream:
        """Runs a cell; its events as they come. Arguments and errors are those of run_code; it starts with the first event
        that is read."""
        context_id = context.id if isinstance(context, AsyncContext) else context or ""
        request = execute_request(
            self.id, context_id, code, timeout=timeout, env=env, max_output_bytes=max_output_bytes, silent=silent,
            store_history=store_history, user_expressions=user_expressions, colors=colors, display_style=display_style,
            input_files=input_files, output_files=output_files, on_disconnect=on_disconnect, request_id=request_id or new_request_id())
        return AsyncExecutionStream(self._client, methods.EXECUTE_CODE, request)

    async def run_script(self, path: Union[str, PurePosixPath, None] = None, *, source: Union[str, bytes, None] = None,
                         arguments: Sequence[str] = (), language: Optional[str] = None, standard_input: Union[str, bytes] = b"",
                         timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None,
                         user: Optional[str] = None, max_output_bytes: int = 0, on_disconnect: Optional[OnDisconnect] = None,
                         request_id: Optional[str] = None) -> Execution:
        """Runs a script in a process of its own, and waits for its end.

        Args:
            path: a file of the sandbox, absolute or relative to `cwd`; or
            source: the script itself, at most 1 MiB.
            arguments: at most 1024 and 128 KiB together.
            language: "python", "bash", "javascript". Default: by the end of the path, else Python.
            standard_input: all of it, at most 1 MiB.
            timeout: 1 ms to 24 h; then SIGTERM, and 2 s later the kill of all it started. Default: 60 s.
            cwd: default: /home/user.
            user: "user" or "root", where the template grants that.
            env, max_output_bytes, on_disconnect, request_id: as of run_code.
        Errors: those of run_code; NotFound also where there is no such file.
        """
        async with self.stream_script(
                path, source=source, arguments=arguments, language=language, standard_input=standard_input, timeout=timeout,
                env=env, cwd=cwd, user=user, max_output_bytes=max_output_bytes, on_disconnect=on_disconnect,
                request_id=request_id) as stream:
            return await stream.execution()

    def stream_script(self, path: Union[str, PurePosixPath, None] = None, *, source: Union[str, bytes, None] = None,
                      arguments: Sequence[str] = (), language: Optional[str] = None, standard_input: Union[str, bytes] = b"",
                      timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None,
                      user: Optional[str] = None, max_output_bytes: int = 0, on_disconnect: Optional[OnDisconnect] = None,
                      request_id: Optional[str] = None) -> AsyncExecutionStream:
        """Runs a script; its events as they come. Arguments and errors are those of run_script."""
        request = script_request(
            self.id, path, source=source, arguments=arguments, language=language, standard_input=standard_input, timeout=timeout,
            env=env, cwd=cwd, user=user, max_output_bytes=max_output_bytes, on_disconnect=on_disconnect,
            request_id=request_id or new_request_id())
        return AsyncExecutionStream(self._client, methods.RUN_SCRIPT, request)

    def connect_execution(self, execution_id: str, *, after_sequence: int = 0,
                          on_disconnect: Optional[OnDisconnect] = None) -> AsyncExecutionStream:
        """Goes on with an execution whose client has gone: its events after that one, and then what comes. Of one that may be
        left (on_disconnect CONTINUE, or a request id) it takes the place of the client before. Those that have ended are kept
        for five minutes. Errors, with the first event: NotFound, FailedPrecondition (it has its client, and may not be left),
        InvalidArgument."""
        request = execution_pb2.ConnectExecutionRequest(
            sandbox_id=self.id, execution_id=execution_id, after_sequence=after_sequence,
            on_disconnect=name_of(on_disconnect, "ON_DISCONNECT_"))
        return AsyncExecutionStream(self._client, methods.CONNECT_EXECUTION, request, after_sequence, execution_id)

    async def interrupt(self) -> None:
        """Interrupts what runs in the context that the sandbox was made with, as Ctrl-C does; that of another context:
        Context.interrupt(). Errors: FailedPrecondition (nothing runs)."""
        await self._client.call(methods.INTERRUPT_EXECUTION, execution_pb2.InterruptExecutionRequest(sandbox_id=self.id))

    async def terminal(self, arguments: Union[str, Sequence[str]] = ("/bin/bash", "-i", "-l"), *, rows: int = 24,
                       columns: int = 80, env: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None,
                       timeout: Optional[Seconds] = None, user: Optional[str] = None,
                       on_disconnect: Optional[OnDisconnect] = None) -> AsyncProcess:
        """A process, by default a shell, in a terminal of this size. TERM is xterm-256color where env says nothing else.
        Arguments and errors are those of processes.start()."""
        return await self.processes.start(
            arguments, terminal=(rows, columns), env={"TERM": "xterm-256color", **(env or {})}, cwd=cwd, timeout=timeout,
            user=user, on_disconnect=on_disconnect)

    # The sandbox itself.

    async def get_info(self) -> SandboxInfo:
        """As it is now. Errors: NotFound (it is gone)."""
        return self._told(await self._client.call(methods.GET_SANDBOX, sandbox_pb2.GetSandboxRequest(sandbox_id=self.id)))

    async def set_lifetime(self, lifetime: Seconds, *, lifetime_from: Optional[LifetimeFrom] = None,
                           on_expiry: Optional[OnExpiry] = None) -> SandboxInfo:
        """How long it lives, 1 s to 24 h, from now or from its last use. Default of the others: as before. Errors: NotFound,
        InvalidArgument."""
        request = lifetime_request(self.id, lifetime, lifetime_from, on_expiry)
        return self._told(await self._client.call(methods.SET_SANDBOX_LIFETIME, request))

    async def pause(self) -> SandboxInfo:
        """Stops all its processes where they are, until resume(): deadlines and the lifetime stand still, memory stays held.
        One that is paused for 24 hours is removed. Errors: NotFound, FailedPrecondition (it is dead), Unavailable."""
        return self._told(await self._client.call(methods.PAUSE_SANDBOX, sandbox_pb2.PauseSandboxRequest(sandbox_id=self.id)))

    async def resume(self, lifetime: Optional[Seconds] = None) -> SandboxInfo:
        """The same processes go on. Lifetime from now on: default: what was left of it. Errors: NotFound, FailedPrecondition,
        InvalidArgument."""
        request = sandbox_pb2.ResumeSandboxRequest(sandbox_id=self.id, lifetime=duration(lifetime))
        return self._told(await self._client.call(methods.RESUME_SANDBOX, request))

    async def set_limits(self, limits: Limits) -> SandboxInfo:
        """Changes memory_bytes, cpu_millis, pids and output_bytes; 0 leaves one as it is. Errors: NotFound, FailedPrecondition
        (it uses more memory than it would be left), InvalidArgument (beyond the policy, or another limit)."""
        request = sandbox_pb2.ChangeSandboxLimitsRequest(sandbox_id=self.id, limits=limits_message(limits))
        return self._told(await self._client.call(methods.CHANGE_SANDBOX_LIMITS, request))

    async def set_network(self, network: Union[str, NetworkPolicy]) -> SandboxInfo:
        """Another network policy, or preset, takes the place of what was there; "none" closes everything. It holds when this
        returns, and connections that it does not allow are cut. Errors: NotFound, FailedPrecondition (it is dead or paused, or
        the server gives no sandbox a network), InvalidArgument, Unavailable."""
        request = sandbox_pb2.SetSandboxNetworkRequest(sandbox_id=self.id, network=policy_message(network))
        return self._told(await self._client.call(methods.SET_SANDBOX_NETWORK, request))

    async def watch_network(self) -> AsyncNetworkWatch:
        """Watches its network: what its programs connect to once this has returned is told by iterating over the answer, until
        the sandbox ends. It is no use of the sandbox. Errors, with the first event: NotFound, ResourceExhausted (16 clients
        watch it already)."""
        request = sandbox_pb2.WatchSandboxNetworkRequest(sandbox_id=self.id)
        messages = await self._client.begin(methods.WATCH_SANDBOX_NETWORK, request)
        return AsyncNetworkWatch(messages, network_event_of)

    async def metrics(self) -> SandboxMetrics:
        """What it uses now. Errors: NotFound."""
        request = sandbox_pb2.GetSandboxMetricsRequest(sandbox_id=self.id)
        return metrics_of(await self._client.call(methods.GET_SANDBOX_METRICS, request))

    async def environment(self) -> Environment:
        """What it offers: interpreter, languages, packages, limits and their use, mounts, features, network. It counts as a use of the
        sandbox. Errors: NotFound."""
        request = package_pb2.GetEnvironmentRequest(sandbox_id=self.id)
        return environment_of(await self._client.call(methods.GET_ENVIRONMENT, request))

    async def install_package(self, *requirements: str, requirements_file: Optional[LocalPath] = None,
                              constraints_file: Optional[LocalPath] = None, refresh: bool = False,
                              on_progress: Optional[Callable[[InstallProgress], object]] = None) -> InstalledPackages:
        """Installs Python packages: contexts that live can import them at once, scripts and commands too. It lasts as long as
        it lasts; what was resolved a short while ago, in whichever sandbox, takes milliseconds.

        Args:
            requirements: names with extras, versions and markers, each as pip takes it: "httpx[http2]>=0.27".
            requirements_file: path, here, of a requirements.txt without options, at most 256 KiB; added to the others.
            constraints_file: the same of a constraints.txt: versions that what is installed must have, if it is.
            refresh: resolve anew, although the same was resolved a short while ago.
            on_progress: called with what goes on, as it comes.
        Errors: NotFound, InvalidArgument (a requirement that cannot be understood: URLs, paths, options), PermissionDenied (the
        server's policy does not allow it; the message names every such package), FailedPrecondition (no such package or
        version, no wheel, a conflict; the sandbox is paused or dead; or the server installs no packages), ResourceExhausted,
        Unavailable (an index cannot be reached); ValueError or OSError of a file.
        """
        what = await self._client.transport.blocking(requirements_message, requirements, requirements_file, constraints_file,
                                                     refresh)
        request = package_pb2.InstallPackageRequest(sandbox_id=self.id, what=what)
        return await self._client.install(methods.INSTALL_PACKAGE, request, on_progress)

    async def kill(self) -> Usage:
        """Kills everything in it and forgets it; what it used in its whole life. Errors: NotFound (it is gone already)."""
        self._kill_on_exit = False
        request = sandbox_pb2.DestroySandboxRequest(sandbox_id=self.id)
        return usage_of((await self._client.call(methods.DESTROY_SANDBOX, request)).usage)

    async def close(self) -> None:
        """Lets go of it: it lives on. Closing it again does nothing."""
        self._kill_on_exit = False
        if self._owns_client:
            await self._client.close()

    def _told(self, message: sandbox_pb2.Sandbox) -> SandboxInfo:
        self._info = sandbox_of(message)
        return self._info

    async def __aenter__(self) -> AsyncSandbox:
        await self._begin()
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        try:
            if self._kill_on_exit:
                await self.kill()
        except NotFound:
            pass  # Its lifetime has ended, or somebody else has killed it.
        except WarrenError:
            if error is None:
                raise
        finally:
            await self.close()

"""Contexts of a sandbox: interpreters that keep their state from cell to cell."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Union

from .._wire import methods
from .._wire.executions import context_of, execute_request
from ..errors import NotFound
from ..model.common import DisplayStyle, OnDisconnect, Seconds
from ..model.execution import ContextInfo, Execution
from ..v1 import execution_pb2 as pb
from .client import AsyncClient, new_request_id
from .executions import AsyncExecutionStream


class AsyncContext:
    """One interpreter. Cells of one context run one at a time, in order; those of several at the same time."""

    def __init__(self, client: AsyncClient, info: ContextInfo) -> None:
        self._client = client
        # As the server told it last to this object.
        self.info = info

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def language(self) -> str:
        return self.info.language

    async def run(self, code: Union[str, bytes], *, timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None,
                  max_output_bytes: int = 0, silent: bool = False, store_history: Optional[bool] = None,
                  user_expressions: Optional[Mapping[str, str]] = None, colors: bool = False,
                  display_style: Optional[DisplayStyle] = None,
                  input_files: Optional[Mapping[str, Union[str, bytes]]] = None, output_files: Optional[Sequence[str]] = None,
                  on_disconnect: Optional[OnDisconnect] = None, request_id: Optional[str] = None) -> Execution:
        """Runs a cell here and waits for its end: see Sandbox.run_code, which says the arguments and errors."""
        async with self.stream(
                code, timeout=timeout, env=env, max_output_bytes=max_output_bytes, silent=silent, store_history=store_history,
                user_expressions=user_expressions, colors=colors, display_style=display_style, input_files=input_files,
                output_files=output_files, on_disconnect=on_disconnect, request_id=request_id) as stream:
            return await stream.execution()

    def stream(self, code: Union[str, bytes], *, timeout: Optional[Seconds] = None, env: Optional[Mapping[str, str]] = None,
               max_output_bytes: int = 0, silent: bool = False, store_history: Optional[bool] = None,
               user_expressions: Optional[Mapping[str, str]] = None, colors: bool = False,
               display_style: Optional[DisplayStyle] = None,
               input_files: Optional[Mapping[str, Union[str, bytes]]] = None, output_files: Optional[Sequence[str]] = None,
               on_disconnect: Optional[OnDisconnect] = None, request_id: Optional[str] = None) -> AsyncExecutionStream:
        """Runs a cell here; its events as they come."""
        request = execute_request(
            self.info.sandbox_id, self.id, code, timeout=timeout, env=env, max_output_bytes=max_output_bytes, silent=silent,
            store_history=store_history, user_expressions=user_expressions, colors=colors, display_style=display_style,
            input_files=input_files, output_files=output_files, on_disconnect=on_disconnect, request_id=request_id or new_request_id())
        return AsyncExecutionStream(self._client, methods.EXECUTE_CODE, request)

    async def interrupt(self) -> None:
        """Interrupts the cell that runs, as Ctrl-C does. Errors: FailedPrecondition (nothing runs)."""
        request = pb.InterruptExecutionRequest(sandbox_id=self.info.sandbox_id, context_id=self.id)
        await self._client.call(methods.INTERRUPT_EXECUTION, request)

    async def restart(self) -> ContextInfo:
        """A fresh interpreter under the same id, with the language, directory and environment that this one was made with.
        Errors: NotFound, ResourceExhausted, FailedPrecondition (the sandbox is paused or dead)."""
        request = pb.RestartContextRequest(sandbox_id=self.info.sandbox_id, context_id=self.id)
        self.info = context_of(await self._client.call(methods.RESTART_CONTEXT, request))
        return self.info

    async def delete(self) -> None:
        """Kills it with what it started; what runs in it ends as CANCELLED. Errors: NotFound, FailedPrecondition."""
        request = pb.DeleteContextRequest(sandbox_id=self.info.sandbox_id, context_id=self.id)
        await self._client.call(methods.DELETE_CONTEXT, request)


class AsyncContexts:
    """The contexts of one sandbox: `sandbox.contexts`."""

    def __init__(self, client: AsyncClient, sandbox_id: str) -> None:
        self._client = client
        self._sandbox_id = sandbox_id

    async def create(self, language: str = "python", *, cwd: Optional[str] = None, env: Optional[Mapping[str, str]] = None,
                     request_id: Optional[str] = None) -> AsyncContext:
        """A further context, ready for code.

        Args:
            language: "python", "bash", "javascript"; Sandbox.environment() lists those that the template has.
            cwd: where it starts: absolute, or relative to /home/user, which is the default.
            env: over the environment of the sandbox.
            request_id: as of Sandbox.create.
        Errors: InvalidArgument (a language that the template has not; cwd; env), ResourceExhausted (16 contexts),
        FailedPrecondition (the sandbox is paused or dead).
        """
        request = pb.CreateContextRequest(sandbox_id=self._sandbox_id, language=language, working_directory=cwd, env=env,
                                          request_id=request_id or new_request_id())
        return AsyncContext(self._client, context_of(await self._client.call(methods.CREATE_CONTEXT, request)))

    async def list(self) -> List[ContextInfo]:
        """In the order in which they were made, those that have ended included."""
        response = await self._client.call(methods.LIST_CONTEXTS, pb.ListContextsRequest(sandbox_id=self._sandbox_id))
        return [context_of(context) for context in response.contexts]

    async def get(self, context_id: str) -> AsyncContext:
        """The context with this id. Errors: NotFound."""
        for info in await self.list():
            if info.id == context_id:
                return AsyncContext(self._client, info)
        raise NotFound(f"sandbox {self._sandbox_id} has no context {context_id}: contexts.list() tells those it has")

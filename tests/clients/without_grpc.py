"""What python_versions_test runs with each Python: every module and every annotation, and both faces of the client over a
transport that answers from a script instead of a server. For the oldest of them: keep it as old."""

import asyncio
import importlib
import inspect
import pkgutil
import typing

import warren
from warren._wire.methods import Again
from warren.v1 import execution_pb2, sandbox_pb2

EVENTS = (
    execution_pb2.ExecutionEvent(sequence=1, started={"execution_id": "ex1"}),
    execution_pb2.ExecutionEvent(sequence=2, output={"stream": "STDOUT", "data": b"out\n"}),
    execution_pb2.ExecutionEvent(sequence=3, display={"data": {"text/plain": b"42"}, "is_result": True}),
    execution_pb2.ExecutionEvent(sequence=4, error={"name": "E", "value": "v"}),
    execution_pb2.ExecutionEvent(sequence=5, finished={"termination": {"kind": "EXCEPTION"}}),
)


class Scripted:
    """Both transports' answers. The first of each kind that is sent again is that there is no connection."""

    def __init__(self):
        self.failed = set()

    def answer(self, method):
        if method.again is Again.SAFE and method.name not in self.failed:
            self.failed.add(method.name)
            raise warren.Unavailable("as the test says")
        return {"CreateSandbox": sandbox_pb2.Sandbox(sandbox_id="sb1", state="RUNNING")}.get(method.name, method.response())


class Messages:
    def __init__(self, transport, method):
        self.transport, self.method, self.left = transport, method, list(EVENTS)

    def read(self):
        self.transport.answer(self.method)
        return self.left.pop(0) if self.left else None

    def cancel(self):
        self.left.clear()


class AsyncMessages(Messages):
    async def read(self):
        return super().read()


class Transport(Scripted):
    def unary(self, method, request, timeout):
        return self.answer(method)

    def stream(self, method, request):
        return Messages(self, method)

    def sleep(self, seconds):
        pass

    def close(self):
        pass


class AsyncTransport(Scripted):
    async def unary(self, method, request, timeout):
        return self.answer(method)

    def stream(self, method, request):
        return AsyncMessages(self, method)

    async def sleep(self, seconds):
        await asyncio.sleep(0)

    async def close(self):
        pass


def check(done):
    assert (done.stdout, done.text, done.error.name, done.ok) == ("out\n", "42", "E", False), done
    assert done._repr_mimebundle_()["text/html"]
    assert warren.Usage() == done.usage


def synchronously():
    client = warren.Client("unix:///nowhere")
    client.transport = Transport()
    with client, warren.Sandbox(lifetime=60, metadata={"a": "b"}, network=warren.NetworkPolicy(allow=["a:1"]),
                                client=client) as sandbox:
        check(sandbox.run_code("x", timeout=1))
        with sandbox.stream_code("x") as events:
            assert isinstance(list(events)[-1], warren.Finished)


async def asynchronously():
    client = warren.AsyncClient("unix:///nowhere")
    client.transport = AsyncTransport()
    async with client:
        async with warren.AsyncSandbox(client=client) as sandbox:
            check(await sandbox.run_code("x"))
            async with sandbox.stream_code("x") as events:
                assert isinstance([event async for event in events][-1], warren.Finished)


def annotations():
    """They are texts until somebody asks for them, as tools for documentation do."""
    for found in pkgutil.walk_packages(warren.__path__, "warren."):
        module = importlib.import_module(found.name)
        if not found.name.startswith("warren.v1"):
            for owner in vars(module).values():
                if getattr(owner, "__module__", "") == found.name:
                    for what in (owner, *(vars(owner).values() if inspect.isclass(owner) else ())):
                        annotations_of(getattr(what, "__func__", what), module)


def annotations_of(what, module):
    # What modules import for the type checker only.
    names = {name: getattr(warren, name) for name in ("CodeError", "CompletedProcess", "Execution", "Result")}
    if inspect.isclass(what) or inspect.isfunction(what):
        typing.get_type_hints(what, dict(names, **vars(module)), dict(vars(what)) if inspect.isclass(what) else None)


synchronously()
asyncio.run(asynchronously())
annotations()
print("fine")

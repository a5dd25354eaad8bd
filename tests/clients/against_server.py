"""What python_debian13_test runs in a Debian of another release, against the real server of WARREN_ADDRESS: both faces of the
client, each with code, events as they come, a context, files and processes. Prints what it ran with."""

import asyncio
import json
import os
import platform
import sys

import google.protobuf
import grpc
from google.protobuf.internal import api_implementation

import warren
from warren import AsyncClient, AsyncSandbox, Output, Sandbox

CELL = "import sys; print('out'); print('err', file=sys.stderr); n = 6; n * 7"
LOOP = "for n in range(3): print(n, flush=True)"
READ = "while read line; do echo got $line; done; exit 3"
# More than one message carries.
CONTENT = os.urandom(3_000_000)


def same(told, expected):
    if told != expected:
        raise AssertionError(f"{told!r} is not {expected!r}")


def check_cell(done):
    same((done.stdout, done.stderr, done.text, done.ok), ("out\n", "err\n", "42", True))


def check_error(done):
    same((done.error.name, done.termination.context_alive), ("ZeroDivisionError", True))


def synchronously():
    with Sandbox(metadata={"face": "sync"}) as sandbox:
        same([info.id for info in Sandbox.list(metadata={"face": "sync"})], [sandbox.id])
        check_cell(sandbox.run_code(CELL))
        check_error(sandbox.run_code("1 / 0"))
        with sandbox.stream_code(LOOP) as events:
            same("".join(event.text for event in events if isinstance(event, Output)), "0\n1\n2\n")
        context = sandbox.contexts.create("python", cwd="/tmp")
        same(context.run("import os; os.getcwd()").text, "'/tmp'")
        sandbox.files.write("a/b", CONTENT)
        same(sandbox.files.read("a/b"), CONTENT)
        same([entry.name for entry in sandbox.files.list("a")], ["b"])
        same(sandbox.processes.run(["wc", "-c", "a/b"]).stdout, f"{len(CONTENT)} a/b\n")
        with sandbox.processes.start(READ) as process:
            process.write("one\n")
            same(next(process).text, "got one\n")
            process.close_input()
            same(process.wait().exit_code, 3)
        same(sandbox.run_script(source="import sys; print(sys.argv[1:])", arguments=["a"]).stdout, "['a']\n")


async def asynchronously():
    async with AsyncClient() as client, AsyncSandbox(client=client) as sandbox:
        check_cell(await sandbox.run_code(CELL))
        check_error(await sandbox.run_code("1 / 0"))
        async with sandbox.stream_code(LOOP) as events:
            same("".join([event.text async for event in events if isinstance(event, Output)]), "0\n1\n2\n")
        contexts = [await sandbox.contexts.create() for _ in range(2)]
        done = await asyncio.gather(*(context.run(f"{number} + 1") for number, context in enumerate(contexts)))
        same([each.text for each in done], ["1", "2"])
        await sandbox.files.write("a", CONTENT)
        same(await sandbox.files.read("a"), CONTENT)
        same((await sandbox.processes.run("cat", input="x")).stdout, "x")
        async with await sandbox.processes.start(READ) as process:
            await process.write("one\n")
            same((await process.__anext__()).text, "got one\n")
            await process.close_input()
            same((await process.wait()).exit_code, 3)
        task = asyncio.ensure_future(sandbox.run_code("import time; time.sleep(1e6)"))
        while not task.done():
            try:
                await sandbox.interrupt()
            except warren.FailedPrecondition:
                pass  # It does not run yet.
            await asyncio.sleep(0.05)
        same(task.result().error.name, "KeyboardInterrupt")


synchronously()
asyncio.run(asynchronously())
json.dump({"python": platform.python_version(), "grpc": grpc.__version__, "protobuf": google.protobuf.__version__,
           "protobuf_implementation": api_implementation.Type()}, sys.stdout)

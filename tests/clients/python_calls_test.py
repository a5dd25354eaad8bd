"""How the Python client calls: what it sends again and what not, what it makes of broken streams, and what it compares.
Against a server that does what the test says; whether a real one does it is python_sandbox_test's."""

import asyncio
import contextlib
import gc
import hashlib
import io
import itertools
import os
import signal
import sys
import tempfile
import threading
import traceback
import unittest
import unittest.mock

from python_client import eventually, patience, warren
from scripted_server import (QUICK, SANDBOX, ScriptedServer, fail, finished, output, process_exited, process_output,
                             process_started, started)
from warren import AsyncClient, AsyncSandbox, Client, NetworkPolicy, Sandbox, Unauthenticated
from warren.v1 import backend_pb2, common_pb2, execution_pb2, file_pb2, network_pb2, package_pb2, process_pb2, sandbox_pb2


def failing_first(times, answer, code="UNAVAILABLE"):
    """An answer that fails so often before it comes."""
    left = [times]

    def answered(request, context):
        if left[0]:
            left[0] -= 1
            fail(context, code)
        return answer(request, context)

    return answered


class Calls(unittest.TestCase):
    """With a server of the test's own, and a sandbox of it in both faces."""

    def serve(self, **answers):
        server = ScriptedServer(**answers)
        self.enterContext(server)
        return server

    def sandbox(self, server):
        client = self.enterContext(Client(server.address, retry=QUICK))
        return Sandbox.connect("sb1", client=client)

    def asynchronously(self, server, body):
        """Runs body(sandbox) in a loop of its own."""
        async def run():
            async with AsyncClient(server.address, retry=QUICK) as client:
                return await body(await AsyncSandbox.connect("sb1", client=client))

        return asyncio.run(asyncio.wait_for(run(), patience()))


class Keys(Calls):
    """What a call brings as `authorization`, of each shape of call, in both faces."""

    def serve_noting(self):
        brought = []

        def noting(answer):
            def called(request, context):
                brought.append([value for name, value in context.invocation_metadata() if name == "authorization"])
                return answer(request)

            return called

        def written(requests):
            list(requests)
            return file_pb2.WriteFileResponse(size_bytes=1, sha256=hashlib.sha256(b"x").digest())

        server = self.serve(GetSandbox=noting(lambda request: SANDBOX), WriteFile=noting(written),
                            ExecuteCode=noting(lambda request: iter([started(), finished(2)])))
        return server, brought

    def test_each_call_brings_the_key(self):
        server, brought = self.serve_noting()
        with Client(server.address, api_key="e2b_1") as client:
            sandbox = Sandbox.connect("sb1", client=client)
            sandbox.files.write("f", b"x")
            sandbox.run_code("1")
        self.assertEqual(brought, [["Bearer e2b_1"]] * 3)
        brought.clear()

        async def asynchronously():
            async with AsyncClient(server.address, api_key="e2b_1") as client:
                sandbox = await AsyncSandbox.connect("sb1", client=client)
                await sandbox.files.write("f", b"x")
                await sandbox.run_code("1")

        asyncio.run(asyncio.wait_for(asynchronously(), patience()))
        self.assertEqual(brought, [["Bearer e2b_1"]] * 3)

    def test_the_environment_is_behind_the_argument(self):
        server, brought = self.serve_noting()
        for environment, argument, expected in ({}, None, []), ({"WARREN_API_KEY": "e2b_2"}, None, ["Bearer e2b_2"]), (
                {"WARREN_API_KEY": "e2b_2"}, "e2b_1", ["Bearer e2b_1"]), ({"WARREN_API_KEY": ""}, None, []):
            with self.subTest(environment=environment, argument=argument), unittest.mock.patch.dict(os.environ, environment):
                if not environment:
                    os.environ.pop("WARREN_API_KEY", None)
                with Client(server.address, api_key=argument) as client:
                    Sandbox.connect("sb1", client=client)
                self.assertEqual(brought.pop(), expected)

    def test_what_cannot_be_sent_is_refused_and_not_repeated(self):
        for key in "e2b_secret\n", "e2b_secret key", "e2b_secret\u00e9":
            with self.subTest(key), self.assertRaises(ValueError) as raised:
                Client("unix:///nowhere", api_key=key)
            self.assertNotIn("secret", str(raised.exception))

    def test_a_key_that_is_not_valid_is_an_exception_of_its_own(self):
        server = self.serve(GetSandbox=lambda request, context: fail(context, "UNAUTHENTICATED"))
        with Client(server.address, retry=QUICK) as client, self.assertRaises(Unauthenticated):
            Sandbox.connect("sb1", client=client)


class Again(Calls):
    def test_a_create_is_sent_again_with_its_request_id(self):
        server = self.serve(CreateSandbox=failing_first(2, lambda request, context: SANDBOX))
        with Client(server.address, retry=QUICK) as client:
            Sandbox.create(client=client, metadata={"a": "b"})
            Sandbox.create(client=client, request_id="mine")
        sent = server.requests("CreateSandbox")
        self.assertEqual(len(sent), 4)
        self.assertTrue(sent[0].request_id)
        self.assertEqual(sent[0], sent[1])
        self.assertEqual(sent[1], sent[2])
        self.assertEqual(sent[3].request_id, "mine")

    def test_two_creates_have_two_request_ids(self):
        server = self.serve()
        with Client(server.address) as client:
            Sandbox.create(client=client), Sandbox.create(client=client)
        first, second = server.requests("CreateSandbox")
        self.assertNotEqual(first.request_id, second.request_id)

    def test_it_ends(self):
        server = self.serve(CreateSandbox=lambda request, context: fail(context, "UNAVAILABLE"))
        with Client(server.address, retry=QUICK) as client:
            with self.assertRaisesRegex(warren.Unavailable, "^as the test says$"):
                Sandbox.create(client=client)
        self.assertEqual(len(server.requests("CreateSandbox")), QUICK.attempts)

    def test_other_errors_are_no_reason(self):
        for code, kind in (("INTERNAL", warren.Internal), ("RESOURCE_EXHAUSTED", warren.ResourceExhausted),
                           ("UNKNOWN", warren.WarrenError), ("CANCELLED", warren.Cancelled), ("DATA_LOSS", warren.DataLoss)):
            with self.subTest(code):
                server = self.serve(CreateSandbox=lambda request, context: fail(context, code))
                with Client(server.address, retry=QUICK) as client:
                    with self.assertRaises(kind) as raised:
                        Sandbox.create(client=client)
                self.assertEqual((raised.exception.code, raised.exception.message), (code, "as the test says"))
                self.assertEqual(len(server.requests("CreateSandbox")), 1)

    def test_what_could_happen_twice_is_not(self):
        def unavailable(request, context):
            fail(context, "UNAVAILABLE")

        server = self.serve(DestroySandbox=unavailable, RestartContext=unavailable, RemoveFile=unavailable)
        sandbox = self.sandbox(server)
        for call in (sandbox.kill, lambda: sandbox.files.remove("a")):
            with self.assertRaises(warren.Unavailable):
                call()
        self.assertEqual(len(server.requests("DestroySandbox")) + len(server.requests("RemoveFile")), 2)

    def test_asynchronously(self):
        server = self.serve(GetSandboxMetrics=failing_first(2, lambda request, context: sandbox_pb2.SandboxMetrics(pids=3)),
                            PauseSandbox=failing_first(99, lambda request, context: SANDBOX))

        async def body(sandbox):
            self.assertEqual((await sandbox.metrics()).pids, 3)
            with self.assertRaises(warren.Unavailable):
                await sandbox.pause()

        self.asynchronously(server, body)
        self.assertEqual(len(server.requests("PauseSandbox")), QUICK.attempts)

    def test_nobody_there(self):
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix://{folder}/nobody"
            with Client(address, retry=QUICK) as client:
                with self.assertRaisesRegex(warren.Unavailable, f"no server answers at {address}.*warrend --listen {address}"):
                    client.templates()


class Interrupted(Calls):
    """Ctrl-C while a call waits: it is raised, and the server sees a client that went."""

    def setUp(self):
        self.waits, self.gone = threading.Event(), threading.Event()

    def hang(self, context):
        """Until the client goes."""
        # In this order: of a call that is over no callback is called.
        context.add_callback(self.gone.set)
        self.waits.set()
        self.gone.wait(patience())

    def interrupt(self, use):
        """Has Ctrl-C come in use(), once self.waits is set."""
        def control_c():
            self.waits.wait(patience())
            # And the call is begun on this side too: the server, in another thread, may hear of it before.
            main = threading.main_thread().ident
            eventually(lambda: {"_answer", "read"} & {frame.name for frame in traceback.extract_stack(sys._current_frames()[main])}
                       and sys._current_frames()[main].f_code.co_name == "wait")
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=control_c)
        thread.start()
        with self.assertRaises(KeyboardInterrupt):
            use()
        thread.join()
        self.assertTrue(self.gone.wait(patience()))

    def test_a_single_answer(self):
        def metrics(request, context):
            self.hang(context)
            return sandbox_pb2.SandboxMetrics()

        self.interrupt(self.sandbox(self.serve(GetSandboxMetrics=metrics)).metrics)

    def test_a_stream(self):
        def execute(request, context):
            context.add_callback(self.gone.set)
            yield started()
            self.gone.wait(patience())

        def use():
            for _ in sandbox.stream_code("x"):
                self.waits.set()

        sandbox = self.sandbox(self.serve(ExecuteCode=execute))
        self.interrupt(use)

    def test_a_transfer(self):
        def write(requests, context):
            next(requests)
            self.hang(context)
            return file_pb2.WriteFileResponse()

        sandbox = self.sandbox(self.serve(WriteFile=write))
        self.interrupt(lambda: sandbox.files.write("a", b"x"))


class InterruptedWithALock(Calls):
    """Ctrl-C at each place where gRPC takes one of Python's locks, which then stays taken (Python's issue 74174)."""

    @contextlib.contextmanager
    def interrupt(self, at):
        """Raises KeyboardInterrupt where this thread has taken the at-th lock."""
        enter, mine, count = threading.Condition.__enter__, threading.get_ident(), itertools.count(1)

        def interrupted(condition):
            entered = enter(condition)
            # In a destructor Python drops it, and nobody hears of it.
            dropped = sys._getframe(1).f_code.co_name == "__del__"
            if threading.get_ident() == mine and not dropped and next(count) == at:
                raise KeyboardInterrupt
            return entered

        with unittest.mock.patch.object(threading.Condition, "__enter__", interrupted):
            yield

    @contextlib.contextmanager
    def not_hung(self):
        def hung(number, frame):
            raise AssertionError(f"nothing came within {patience():.0f} s")

        before = signal.signal(signal.SIGALRM, hung)
        signal.alarm(int(patience()))
        try:
            yield
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def test_wherever_it_comes_the_next_call_is_answered(self):
        events = [started(), output(2, b"up"), output(3, b"on"), finished(4)]
        server = self.serve(ExecuteCode=lambda request, context: iter(events))
        for call in (lambda sandbox: list(sandbox.stream_code("1")), lambda sandbox: sandbox.get_info()):
            places = 0
            while self.is_interrupted(server, call, places + 1):
                places += 1
            self.assertGreaterEqual(places, 2)
        self.assertTrue(server.requests("DestroySandbox"))

    def is_interrupted(self, server, call, at):
        """Whether a call takes so many locks. The one after it is answered, whatever became of it."""
        with self.not_hung(), Client(server.address) as client:
            sandbox, interrupted = Sandbox.connect("sb1", client=client), False
            with self.interrupt(at):
                try:
                    call(sandbox)
                except KeyboardInterrupt:
                    interrupted = True
            sandbox.kill()
        return interrupted


class Executions(Calls):
    def broken(self):
        """A server that breaks off before an execution's first event, in the middle, and when it is found again, and that once
        has not noticed that it did."""
        events = [started(), output(2, b"a"), output(3, b"b"), output(4, b"c"), finished(5)]
        executed, connected = [], []

        def execute(request, context):
            executed.append(request.request_id)
            if len(executed) == 2:
                yield from events[:2]
            fail(context, "UNAVAILABLE")

        def connect(request, context):
            connected.append(request.after_sequence)
            if len(connected) == 1:
                fail(context, "FAILED_PRECONDITION")
            yield from events[request.after_sequence :][: 1 if len(connected) == 2 else None]
            if len(connected) == 2:
                fail(context, "UNAVAILABLE")

        return self.serve(ExecuteCode=execute, ConnectExecution=connect), executed, connected

    def check_broken(self, executed, connected):
        self.assertEqual((len(executed), len(set(executed))), (2, 1))
        self.assertEqual(connected, [2, 2, 3])

    def test_a_broken_stream_goes_on_and_nothing_comes_twice(self):
        server, executed, connected = self.broken()
        with self.sandbox(server).stream_code("x") as stream:
            self.assertEqual([event.sequence for event in stream], [1, 2, 3, 4, 5])
            self.assertEqual(stream.execution().stdout, "abc")
        self.check_broken(executed, connected)

    def test_the_same_asynchronously(self):
        server, executed, connected = self.broken()

        async def body(sandbox):
            async with sandbox.stream_code("x") as stream:
                self.assertEqual([event.sequence async for event in stream], [1, 2, 3, 4, 5])
                self.assertEqual((await stream.execution()).stdout, "abc")

        self.asynchronously(server, body)
        self.check_broken(executed, connected)

    def lost(self, code):
        """A server that loses an execution after its first output, and answers so when it is asked for it."""
        def execute(request, context):
            yield from [started(), output(2, b"a")]
            fail(context, "UNAVAILABLE", "the backend has gone")

        return self.serve(ExecuteCode=execute, ConnectExecution=lambda request, context: fail(context, code, "no way back"))

    def test_what_cannot_be_found_again_is_lost_and_does_not_run_again(self):
        async def body(sandbox):
            with self.assertRaisesRegex(warren.Unavailable, "^the backend has gone; .* not known, .*: no way back$"):
                await sandbox.run_code("x")

        server = self.lost("UNIMPLEMENTED")
        with self.assertRaisesRegex(warren.Unavailable, "^the backend has gone; .* not known, .*: no way back$"):
            self.sandbox(server).run_code("x")
        self.asynchronously(server, body)
        self.assertEqual((len(server.requests("ExecuteCode")), len(server.requests("ConnectExecution"))), (2, 2))

    def test_what_is_gone_with_its_sandbox_says_so(self):
        with self.assertRaisesRegex(warren.NotFound, "^no way back; .*: the backend has gone$"):
            self.sandbox(self.lost("NOT_FOUND")).run_code("x")

    def test_what_a_backend_does_not_have_says_so_and_is_not_sent_again(self):
        def execute(request, context):
            if request.on_disconnect == common_pb2.ON_DISCONNECT_CONTINUE:
                fail(context, "UNIMPLEMENTED", "on_disconnect: this backend has no executions that go on")
            yield finished(1)

        server = self.serve(ExecuteCode=execute)
        sandbox = self.sandbox(server)
        with self.assertRaisesRegex(warren.Unimplemented, "^on_disconnect"):
            sandbox.run_code("x", on_disconnect=warren.OnDisconnect.CONTINUE)
        self.assertEqual(len(server.requests("ExecuteCode")), 1)
        self.assertTrue(sandbox.run_code("x").ok)

    def test_a_request_that_is_sent_again_and_not_taken_says_that(self):
        answers = iter(["UNAVAILABLE", "UNIMPLEMENTED"])
        server = self.serve(ExecuteCode=lambda request, context: fail(context, next(answers), "request_id"))
        with self.assertRaisesRegex(warren.Unimplemented, "^request_id$"):
            self.sandbox(server).run_code("x")

    def test_a_refusal_is_no_broken_stream(self):
        server = self.serve(ExecuteCode=lambda request, context: fail(context, "FAILED_PRECONDITION"))
        with self.assertRaises(warren.FailedPrecondition):
            self.sandbox(server).run_code("x")
        self.assertEqual(len(server.requests("ExecuteCode")), 1)

    def test_a_stream_that_only_breaks_ends(self):
        server = self.serve(ExecuteCode=lambda request, context: fail(context, "UNAVAILABLE"))
        with self.assertRaises(warren.Unavailable):
            self.sandbox(server).run_code("x")
        self.assertEqual(len(server.requests("ExecuteCode")), QUICK.attempts)

    def test_connecting_goes_on_after_what_was_seen(self):
        def connect(request, context):
            yield from [output(5, b"e"), output(6, b"f")][: 1 if request.after_sequence == 4 else 2][request.after_sequence - 4 :]
            if request.after_sequence == 4:
                fail(context, "UNAVAILABLE")
            yield finished(7)

        server = self.serve(ConnectExecution=connect)
        done = self.sandbox(server).connect_execution("ex9", after_sequence=4).execution()
        self.assertEqual((done.id, done.stdout), ("ex9", "ef"))
        self.assertEqual([request.after_sequence for request in server.requests("ConnectExecution")], [4, 5])

    def test_leaving_cancels(self):
        gone = threading.Event()

        def execute(request, context):
            context.add_callback(gone.set)
            yield started()
            gone.wait(patience())

        sandbox = self.sandbox(self.serve(ExecuteCode=execute))
        with sandbox.stream_code("x") as stream:
            next(stream)
        self.assertTrue(gone.wait(patience()))

    def test_a_cancelled_task_cancels(self):
        begun, gone = threading.Event(), threading.Event()

        def execute(request, context):
            context.add_callback(gone.set)
            begun.set()
            yield started()
            gone.wait(patience())

        async def body(sandbox):
            task = asyncio.ensure_future(sandbox.run_code("x"))
            while not begun.is_set():
                await asyncio.sleep(0.01)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        server = self.serve(ExecuteCode=execute)
        self.asynchronously(server, body)
        self.assertTrue(gone.wait(patience()))

    def test_a_server_that_cancels_is_an_error_and_cancels_no_task(self):
        def execute(request, context):
            yield started()
            fail(context, "CANCELLED", "another client took its place")

        async def body(sandbox):
            with self.assertRaisesRegex(warren.Cancelled, "took its place"):
                await sandbox.run_code("x")

        server = self.serve(ExecuteCode=execute)
        self.asynchronously(server, body)
        with self.assertRaisesRegex(warren.Cancelled, "took its place"):
            self.sandbox(server).run_code("x")

    def test_an_end_without_a_result(self):
        server = self.serve(ExecuteCode=lambda request, context: iter([started()]))
        with self.assertRaisesRegex(warren.Internal, "without its result"):
            self.sandbox(server).run_code("x")

    def test_the_request(self):
        server = self.serve(ExecuteCode=lambda request, context: iter([finished(1)]))
        self.sandbox(server).run_code("ä", context="c1", timeout=1.5, env={"A": "1"}, silent=True, store_history=False,
                                      user_expressions={"n": "1"}, colors=True, input_files={"a.csv": "1,2"},
                                      output_files=["*.png"], max_output_bytes=9,
                                      on_disconnect=warren.OnDisconnect.CONTINUE, request_id="id")
        expected = execution_pb2.ExecuteCodeRequest(
            sandbox_id="sb1", context_id="c1", code="ä".encode(), env={"A": "1"}, silent=True, store_history=False,
            user_expressions={"n": "1"}, colors=True, output_files=["*.png"], max_output_bytes=9, request_id="id",
            on_disconnect="ON_DISCONNECT_CONTINUE", input_files=[execution_pb2.InputFile(path="a.csv", data=b"1,2")])
        expected.timeout.FromMilliseconds(1500)
        self.assertEqual(server.requests("ExecuteCode"), [expected])


class Processes(Calls):
    def test_running(self):
        server = self.serve(StartProcess=lambda request, context: iter(
            [process_started(), process_output(b"a"), process_output(b"e", "STDERR"), process_output(b"b"), process_exited(3)]))
        done = self.sandbox(server).processes.run(["prog", "x"])
        self.assertEqual((done.stdout, done.stderr, done.returncode, done.arguments), ("ab", "e", 3, ("prog", "x")))
        request, = server.requests("StartProcess")
        self.assertTrue(request.no_input and request.request_id)
        self.assertEqual(request.on_disconnect, common_pb2.ON_DISCONNECT_CANCEL)

    def echoing(self):
        """A cat: says what is written to it, and ends when that does."""
        written = []
        closed = threading.Event()

        def start(request, context):
            yield process_started()
            closed.wait(patience())
            yield process_output(b"".join(written))
            yield process_exited()

        def write(request, context):
            written.append(request.data)
            if request.close:
                closed.set()
            return process_pb2.WriteProcessInputResponse()

        return self.serve(StartProcess=start, WriteProcessInput=write)

    def test_input_goes_in_pieces_while_output_is_read(self):
        server, data = self.echoing(), os.urandom(2_500_000)
        done = self.sandbox(server).processes.run("cat", input=data)
        self.assertEqual(done.stdout_bytes, data)
        self.assertEqual([(len(request.data), request.close) for request in server.requests("WriteProcessInput")],
                         [(1 << 20, False), (1 << 20, False), (2_500_000 - (2 << 20), False), (0, True)])

    def test_the_same_asynchronously(self):
        async def body(sandbox):
            return await sandbox.processes.run("cat", input="ä" * 10)

        self.assertEqual(self.asynchronously(self.echoing(), body).stdout, "ä" * 10)

    def test_a_process_that_wants_no_input(self):
        server = self.serve(StartProcess=lambda request, context: iter([process_started(), process_exited()]),
                            WriteProcessInput=lambda request, context: fail(context, "FAILED_PRECONDITION"))
        self.assertEqual(self.sandbox(server).processes.run("true", input="x").returncode, 0)

    def test_a_start_is_sent_again_but_lost_output_is_told(self):
        attempts = []

        def start(request, context):
            attempts.append(request.request_id)
            if len(attempts) == 1:
                fail(context, "UNAVAILABLE")
            yield process_started()
            yield process_output(b"a")
            fail(context, "UNAVAILABLE")

        process = self.sandbox(self.serve(StartProcess=start)).processes.start(["x"])
        self.assertEqual((process.id, process.pid, next(process).data), ("p1", 7, b"a"))
        with self.assertRaises(warren.Unavailable):
            next(process)
        self.assertEqual((len(attempts), len(set(attempts))), (2, 1))

    def test_missed_output_is_no_output(self):
        server = self.serve(ConnectProcess=lambda request, context: iter(
            [process_started(), process_pb2.ProcessEvent(missed={"bytes": 5}), process_output(b"a"), process_exited()]))
        sandbox = self.sandbox(server)
        with self.assertRaisesRegex(warren.DataLoss, "5 bytes"):
            sandbox.processes.connect("p1").collect()
        process = sandbox.processes.connect("p1")
        self.assertEqual((next(process).data, process.missed_bytes), (b"a", 5))

    def test_signals_and_sizes(self):
        server = self.serve(StartProcess=lambda request, context: iter([process_started(), process_exited()]),
                            SignalProcess=lambda request, context: process_pb2.SignalProcessResponse(),
                            ResizeTerminal=lambda request, context: process_pb2.ResizeTerminalResponse())
        terminal = self.sandbox(server).terminal(rows=10, columns=20)
        terminal.resize(30, 40)
        terminal.signal(2)
        terminal.kill()
        self.assertTrue(terminal.wait().ok)
        request, = server.requests("StartProcess")
        self.assertEqual((request.terminal.rows, request.terminal.columns, request.env["TERM"]), (10, 20, "xterm-256color"))
        self.assertEqual([request.signal for request in server.requests("SignalProcess")], [2, 9])
        self.assertEqual(server.requests("ResizeTerminal")[0].size.columns, 40)

    def test_one_that_was_let_go_has_no_end(self):
        server = self.serve(StartProcess=lambda request, context: iter([process_started(), process_exited()]))
        process = self.sandbox(server).processes.start(["x"])
        process.close()
        with self.assertRaisesRegex(warren.FailedPrecondition, "let go"):
            process.wait()


class Files(Calls):
    CONTENT = os.urandom(2_500_000)

    def reading(self, sha256=None, pieces=(CONTENT[: 1 << 20], CONTENT[1 << 20 :])):
        def read(request, context):
            yield file_pb2.ReadFileResponse(entry=file_pb2.FileEntry(path=request.path))
            for piece in pieces:
                yield file_pb2.ReadFileResponse(data=piece)
            yield file_pb2.ReadFileResponse(end={"size_bytes": len(self.CONTENT),
                                                 "sha256": sha256 or hashlib.sha256(self.CONTENT).digest()})

        return self.serve(ReadFile=read)

    def test_reading(self):
        self.assertEqual(self.sandbox(self.reading()).files.read("a"), self.CONTENT)

        async def body(sandbox):
            return await sandbox.files.read("a")

        self.assertEqual(self.asynchronously(self.reading(), body), self.CONTENT)

    def test_what_arrives_is_compared(self):
        for server in (self.reading(sha256=bytes(32)), self.reading(pieces=(b"short",))):
            with self.assertRaises(warren.DataLoss):
                self.sandbox(server).files.read("a")

    def test_an_end_without_a_digest(self):
        server = self.serve(ReadFile=lambda request, context: iter([file_pb2.ReadFileResponse(data=b"x")]))
        with self.assertRaisesRegex(warren.Internal, "without its digest"):
            self.sandbox(server).files.read("a")

    def test_a_download_is_whole_or_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            local = os.path.join(folder, "a")
            with open(local, "w") as file:
                file.write("before")
            with self.assertRaises(warren.DataLoss):
                self.sandbox(self.reading(sha256=bytes(32))).files.download("a", local)
            with open(local) as file:
                self.assertEqual(file.read(), "before")
            self.sandbox(self.reading()).files.download("a", local)
            with open(local, "rb") as file:
                self.assertEqual(file.read(), self.CONTENT)
            self.assertEqual(os.listdir(folder), ["a"])

    def writing(self, sha256=None):
        self.written = []

        def write(requests, context):
            digest, size = hashlib.sha256(), 0
            for request in requests:
                self.written.append(request)
                digest.update(request.data)
                size += len(request.data)
            return file_pb2.WriteFileResponse(entry={"path": self.written[0].header.path}, size_bytes=size,
                                              sha256=sha256 or digest.digest())

        return self.serve(WriteFile=write)

    def test_writing(self):
        content = self.CONTENT
        for data in (content, io.BytesIO(content), iter([content[:9], content[9:]]), memoryview(content)):
            with self.subTest(type(data).__name__):
                self.sandbox(self.writing()).files.write("a", data, mode=0o600, parents=False)
                header = self.written[0].header
                self.assertEqual((header.path, header.mode, header.no_parents), (b"a", 0o600, True))
                self.assertEqual(b"".join(request.data for request in self.written[1:]), content)
                self.assertLessEqual(max(len(request.data) for request in self.written), 1 << 20)
                self.assertEqual(bool(header.sha256), isinstance(data, (bytes, memoryview)))

    def test_writing_asynchronously(self):
        async def pieces():
            yield self.CONTENT[:9]
            yield self.CONTENT[9:]

        for data in (self.CONTENT, io.BytesIO(self.CONTENT), pieces()):
            async def body(sandbox):
                return await sandbox.files.write("a", data)

            self.assertEqual(self.asynchronously(self.writing(), body).path, "a")
            self.assertEqual(b"".join(request.data for request in self.written[1:]), self.CONTENT)

    def test_an_upload(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.CONTENT)
            file.flush()
            self.sandbox(self.writing()).files.upload(file.name, "a")
        self.assertEqual(b"".join(request.data for request in self.written[1:]), self.CONTENT)

    def test_what_was_written_is_compared(self):
        with self.assertRaises(warren.DataLoss):
            self.sandbox(self.writing(sha256=bytes(32))).files.write("a", iter([b"x"]))

    def test_a_source_that_fails(self):
        def pieces():
            yield b"x"
            raise OSError("no more")

        with self.assertRaisesRegex(OSError, "no more"):
            self.sandbox(self.writing()).files.write("a", pieces())

        async def asynchronous_pieces():
            yield b"x"
            raise OSError("no more")

        async def body(sandbox):
            await sandbox.files.write("a", asynchronous_pieces())

        with self.assertRaisesRegex(OSError, "no more"):
            self.asynchronously(self.writing(), body)

    def test_a_server_that_wants_no_more(self):
        def refuse(requests, context):
            next(requests)
            fail(context, "RESOURCE_EXHAUSTED", "the disk is full")

        async def body(sandbox):
            await sandbox.files.write("a", bytes(50 << 20))

        with self.assertRaisesRegex(warren.ResourceExhausted, "full"):
            self.sandbox(self.serve(WriteFile=refuse)).files.write("a", bytes(50 << 20))
        with self.assertRaisesRegex(warren.ResourceExhausted, "full"):
            self.asynchronously(self.serve(WriteFile=refuse), body)

    def test_watching(self):
        def watch(request, context):
            yield file_pb2.FileEvent(kind="WATCHING")
            yield file_pb2.FileEvent(kind="RENAMED", path=b"/a", destination=b"/b")

        with self.sandbox(self.serve(WatchDirectory=watch)).files.watch("/", recursive=True) as events:
            self.assertEqual(list(events), [warren.FileEvent(warren.FileEventKind.RENAMED, "/a", "/b")])

    def test_listing_and_existence(self):
        server = self.serve(ListDirectory=lambda request, context: (file_pb2.FileEntry(path=bytes([97 + n])) for n in range(3)),
                            StatFile=lambda request, context: fail(context, "NOT_FOUND"))
        files = self.sandbox(server).files
        self.assertEqual([entry.path for entry in files.list("/", depth=2)], ["a", "b", "c"])
        self.assertFalse(files.exists("x"))


class Networks(Calls):
    def test_a_policy_goes_along_and_can_be_set(self):
        server = self.serve(SetSandboxNetwork=lambda request, context: SANDBOX)
        policy = NetworkPolicy(allow=["pip.test:443"])
        with Client(server.address, retry=QUICK) as client, Sandbox.create(network=policy, client=client) as sandbox:
            self.assertEqual(sandbox.set_network("internet").id, "sb1")
            with self.assertRaisesRegex(ValueError, "no port"):
                sandbox.set_network(NetworkPolicy(allow=["pip.test:https"]))
        created, = server.requests("CreateSandbox")
        self.assertEqual(created.network.allow[0].ports[0].first, 443)
        changed, = server.requests("SetSandboxNetwork")
        self.assertEqual((changed.sandbox_id, changed.network.preset), ("sb1", "internet"))

    @staticmethod
    def watch_that_waits(happened):
        """A watch that is there at once, and in which nothing happens before the test says so."""
        def watch(request, context):
            context.send_initial_metadata(())
            happened.wait(patience())
            yield network_pb2.NetworkEvent(verdict="DENIED", name="example.org", port=80)

        return watch

    def test_watching_begins_before_anything_happens(self):
        happened = threading.Event()
        with self.sandbox(self.serve(WatchSandboxNetwork=self.watch_that_waits(happened))).watch_network() as events:
            happened.set()
            event = next(events)
            self.assertEqual((event.verdict, event.name, event.port), (warren.NetworkVerdict.DENIED, "example.org", 80))
            self.assertEqual(list(events), [])

    def test_watching_asynchronously(self):
        happened = threading.Event()

        async def body(sandbox):
            async with await sandbox.watch_network() as events:
                happened.set()
                self.assertEqual([event.name async for event in events], ["example.org"])

        self.asynchronously(self.serve(WatchSandboxNetwork=self.watch_that_waits(happened)), body)

    def test_leaving_a_watch_ends_it(self):
        gone = threading.Event()

        def watch(request, context):
            context.add_callback(gone.set)
            context.send_initial_metadata(())
            gone.wait(patience())
            yield from ()

        with self.sandbox(self.serve(WatchSandboxNetwork=watch)).watch_network():
            self.assertFalse(gone.is_set())
        self.assertTrue(gone.wait(patience()))

    def test_a_watch_that_is_refused_says_so_with_its_first_event(self):
        def full(request, context):
            fail(context, "RESOURCE_EXHAUSTED", "16 clients")
            yield

        async def body(sandbox):
            with self.assertRaisesRegex(warren.ResourceExhausted, "16 clients"):
                await (await sandbox.watch_network()).__anext__()

        with self.assertRaisesRegex(warren.ResourceExhausted, "16 clients"):
            next(self.sandbox(self.serve(WatchSandboxNetwork=full)).watch_network())
        self.asynchronously(self.serve(WatchSandboxNetwork=full), body)


class Packages(Calls):
    DONE = package_pb2.InstallPackageEvent(done={"packages": [{"name": "six", "version": "1.16"}], "cached": True,
                                                 "set_digest": "ab"})
    INSTALLED = warren.InstalledPackages({"six": "1.16"}, True, "ab", ())

    @classmethod
    def installs(cls, request, context):
        yield package_pb2.InstallPackageEvent(progress={"phase": "RESOLVING"})
        yield package_pb2.InstallPackageEvent(progress={"phase": "FETCHING", "text": "six 1.16", "done": 1, "total": 1})
        yield cls.DONE

    def test_an_installation_tells_what_goes_on_and_what_came_of_it(self):
        server = self.serve(InstallPackage=self.installs, PrefetchPackages=self.installs)
        heard = []
        sandbox = self.sandbox(server)
        self.assertEqual(sandbox.install_package("six", refresh=True, on_progress=heard.append), self.INSTALLED)
        self.assertEqual(sandbox.install_package("six"), self.INSTALLED)
        self.assertEqual([(progress.phase.value, progress.text) for progress in heard],
                         [("resolving", ""), ("fetching", "six 1.16")])
        self.assertEqual(sandbox.client.prefetch_packages("six", template="base", on_progress=heard.append), self.INSTALLED)
        self.assertEqual(len(heard), 4)
        self.assertEqual(server.requests("InstallPackage")[0], package_pb2.InstallPackageRequest(
            sandbox_id="sb1", what={"requirements": ["six"], "refresh": True}))
        self.assertEqual(server.requests("PrefetchPackages"), [package_pb2.PrefetchPackagesRequest(
            template_id="base", what={"requirements": ["six"]})])

    def test_asynchronously(self):
        heard = []

        async def body(sandbox):
            return (await sandbox.install_package("six", on_progress=heard.append),
                    await sandbox.client.prefetch_packages("six"))

        server = self.serve(InstallPackage=self.installs, PrefetchPackages=self.installs)
        self.assertEqual(self.asynchronously(server, body), (self.INSTALLED, self.INSTALLED))
        self.assertEqual(len(heard), 2)

    def test_an_installation_is_not_sent_again(self):
        def lost(request, context):
            yield package_pb2.InstallPackageEvent(progress={"phase": "RESOLVING"})
            fail(context, "UNAVAILABLE")

        server = self.serve(InstallPackage=lost)
        with self.assertRaises(warren.Unavailable):
            self.sandbox(server).install_package("six")
        self.assertEqual(len(server.requests("InstallPackage")), 1)

    def test_one_that_is_refused_says_why(self):
        def refused(request, context):
            fail(context, "PERMISSION_DENIED", "numpi is not allowed: did you mean numpy?")
            yield

        with self.assertRaisesRegex(warren.PermissionDenied, "did you mean numpy"):
            self.sandbox(self.serve(InstallPackage=refused)).install_package("numpi")

    def test_one_that_says_nothing_at_its_end_is_an_error(self):
        with self.assertRaisesRegex(warren.Internal, "without saying"):
            self.sandbox(self.serve(InstallPackage=lambda request, context: iter(()))).install_package("six")

    def test_what_raises_on_its_way_ends_it(self):
        gone = threading.Event()

        def installs(request, context):
            context.add_callback(gone.set)
            yield package_pb2.InstallPackageEvent(progress={"phase": "RESOLVING"})
            gone.wait(patience())

        def impatient(progress):
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            self.sandbox(self.serve(InstallPackage=installs)).install_package("six", on_progress=impatient)
        self.assertTrue(gone.wait(patience()))

    def test_an_index_that_does_not_answer_is_not_the_server(self):
        def unreachable(request, context):
            if request.what.refresh:
                context.set_trailing_metadata((("warren-status", "1"),))
            fail(context, "UNAVAILABLE", "index \"ours\": Connection refused")
            yield

        async def body(sandbox):
            with self.assertRaises(warren.Unavailable) as raised:
                await sandbox.install_package("six", refresh=True)
            return raised.exception.message

        server = self.serve(InstallPackage=unreachable)
        self.assertEqual(self.asynchronously(server, body), "index \"ours\": Connection refused")
        with self.assertRaisesRegex(warren.Unavailable, "^index"):
            self.sandbox(server).install_package("six", refresh=True)
        with self.assertRaisesRegex(warren.Unavailable, "no server answers"):
            self.sandbox(server).install_package("six")

    def test_the_store(self):
        server = self.serve(
            ListStoredPackages=lambda request, context: package_pb2.ListStoredPackagesResponse(max_bytes=9),
            PruneStoredPackages=lambda request, context: package_pb2.PruneStoredPackagesResponse(packages=1),
            VerifyStoredPackages=lambda request, context: package_pb2.VerifyStoredPackagesResponse(packages=2))
        with Client(server.address) as client:
            self.assertEqual(client.list_packages().max_bytes, 9)
            self.assertEqual(client.prune_packages(90).packages, 1)
            self.assertEqual(client.prune_packages().packages, 1)
            self.assertEqual(client.verify_packages().packages, 2)
        self.assertEqual([request.unused_for.seconds for request in server.requests("PruneStoredPackages")], [90, 0])


class Sandboxes(Calls):
    def test_pages(self):
        def pages(request, context):
            number = int(request.page_token or 0)
            return sandbox_pb2.ListSandboxesResponse(sandboxes=[sandbox_pb2.Sandbox(sandbox_id=f"sb{number}")],
                                                     next_page_token=str(number + 1) if number < 2 else "")

        server = self.serve(ListSandboxes=pages)
        with Client(server.address) as client:
            self.assertEqual([info.id for info in Sandbox.list(client=client)], ["sb0", "sb1", "sb2"])

    def test_backends_that_did_not_answer_are_told_once(self):
        pages = {"": ("1", ["cloud"]), "1": ("2", ["cloud", "far"]), "2": ("", [])}

        def answer(request, context):
            following, missing = pages[request.page_token]
            return sandbox_pb2.ListSandboxesResponse(sandboxes=[SANDBOX], next_page_token=following, missing_backends=missing)

        server = self.serve(ListSandboxes=answer)
        with Client(server.address) as client:
            found = Sandbox.list(client=client)
            self.assertEqual((len(found), found.missing_backends), (3, ("cloud", "far")))
        self.assertEqual(warren.SandboxList().missing_backends, ())

    def test_backends(self):
        server = self.serve(ListBackends=failing_first(1, lambda request, context: backend_pb2.ListBackendsResponse(
            backends=[{"name": "here", "kind": "LOCAL"}, {"name": "cloud", "kind": "E2B", "problem": "" if request.probe else "?"}])))
        with Client(server.address, retry=QUICK) as client:
            self.assertEqual([(backend.name, backend.problem) for backend in client.backends()], [("here", ""), ("cloud", "?")])
            self.assertEqual(client.backends(probe=True)[1].problem, "")

        async def body(sandbox):
            return [backend.name for backend in await sandbox.client.backends()]

        self.assertEqual(self.asynchronously(server, body), ["here", "cloud"])

    def test_the_constructor_makes_one_at_once(self):
        server = self.serve(ExecuteCode=lambda request, context: iter([finished(1)]))
        everything = dict(limits=warren.Limits(pids=9), lifetime=90, lifetime_from=warren.LifetimeFrom.CREATION,
                          on_expiry=warren.OnExpiry.PAUSE, on_backend_loss=warren.OnBackendLoss.RECREATE, metadata={"a": "b"},
                          env={"X": "1"}, network="internet", request_id="id")
        with Client(server.address, retry=QUICK) as client:
            sandbox = Sandbox("base", client=client, **everything)
            self.assertEqual((sandbox.id, len(server.requests("CreateSandbox"))), ("sb1", 1))
            with sandbox as same:
                self.assertIs(same, sandbox)
                self.assertTrue(same.run_code("x").ok)
            Sandbox.create("base", client=client, **everything)
            constructed, created = server.requests("CreateSandbox")
            self.assertEqual((len(server.requests("DestroySandbox")), constructed), (1, created))
            self.assertEqual((created.template_id, created.on_backend_loss, len(created.ListFields())), ("base", 2, 10))

    def test_asynchronously_it_is_made_when_it_is_entered(self):
        server = self.serve(CreateSandbox=failing_first(1, lambda request, context: SANDBOX))

        async def run():
            async with AsyncClient(server.address, retry=QUICK) as client:
                sandbox = AsyncSandbox(metadata={"a": "b"}, client=client)
                for use in (lambda: sandbox.id, lambda: sandbox.files, lambda: sandbox.run_code("x").send(None)):
                    with self.assertRaisesRegex(warren.FailedPrecondition, "not made yet.*async with AsyncSandbox"):
                        use()
                self.assertEqual(server.calls, [])
                async with sandbox as same:
                    self.assertIs(same, sandbox)
                    self.assertEqual(sandbox.id, "sb1")
                async with await AsyncSandbox.create(client=client):
                    pass

        asyncio.run(asyncio.wait_for(run(), patience()))
        first, again, other = server.requests("CreateSandbox")
        self.assertEqual((first, first.metadata["a"]), (again, "b"))
        self.assertNotEqual(first.request_id, other.request_id)
        self.assertEqual(len(server.requests("DestroySandbox")), 2)

    def test_one_that_cannot_be_made_leaves_no_connection(self):
        server = self.serve(CreateSandbox=lambda request, context: fail(context, "RESOURCE_EXHAUSTED"))

        async def enter():
            sandbox = AsyncSandbox()
            with self.assertRaises(warren.ResourceExhausted):
                async with sandbox:
                    self.fail("it was entered")
            with self.assertRaisesRegex(warren.FailedPrecondition, "client is closed"):
                await sandbox.client.templates()

        def use():
            with self.assertRaises(warren.ResourceExhausted):
                Sandbox()
            asyncio.run(asyncio.wait_for(enter(), patience()))

        with unittest.mock.patch.dict(os.environ, {"WARREN_ADDRESS": server.address}):
            use()
            # gRPC's own objects for asyncio are circles, which only the collector frees.
            gc.collect()
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(10):
                use()
        self.assertTrue(eventually(lambda: gc.collect() < 0 or len(os.listdir("/proc/self/fd")) <= before + 2),
                        os.listdir("/proc/self/fd"))
        self.assertEqual(server.requests("DestroySandbox"), [])

    def test_an_entering_that_is_cancelled_can_be_tried_again(self):
        begun, let_go = threading.Event(), threading.Event()

        def create(request, context):
            begun.set()
            let_go.wait(patience())
            return SANDBOX

        server = self.serve(CreateSandbox=create)

        async def run():
            async with AsyncClient(server.address, retry=QUICK) as client:
                sandbox = AsyncSandbox(client=client)
                task = asyncio.ensure_future(sandbox.__aenter__())
                while not begun.is_set():
                    await asyncio.sleep(0.01)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                let_go.set()
                async with sandbox:
                    return sandbox.id

        self.assertEqual(asyncio.run(asyncio.wait_for(run(), patience())), "sb1")
        # By its request id the server knows that this is one sandbox.
        self.assertEqual(len({request.request_id for request in server.requests("CreateSandbox")}), 1)

    def test_who_made_it_kills_it(self):
        server = self.serve()
        with Client(server.address) as client:
            with Sandbox.create(client=client):
                pass
            self.assertEqual(len(server.requests("DestroySandbox")), 1)
            with Sandbox.connect("sb1", client=client):
                pass
            with Sandbox.create(client=client) as sandbox:
                sandbox.close()
            with Sandbox.create(client=client) as sandbox:
                sandbox.kill()
            self.assertEqual(len(server.requests("DestroySandbox")), 2)
            # It is not theirs to close.
            self.assertEqual(Sandbox.connect("sb1", client=client).id, "sb1")

    def test_one_that_is_gone_is_no_error_at_the_end(self):
        server = self.serve(DestroySandbox=lambda request, context: fail(context, "NOT_FOUND"))
        with Client(server.address) as client, Sandbox.create(client=client):
            pass

    def test_what_went_wrong_is_not_hidden_by_the_end(self):
        server = self.serve(DestroySandbox=lambda request, context: fail(context, "INTERNAL"))
        with Client(server.address) as client:
            with self.assertRaises(ZeroDivisionError), Sandbox.create(client=client):
                1 / 0
            with self.assertRaises(warren.Internal), Sandbox.create(client=client):
                pass

    def test_a_client_that_is_closed(self):
        server = self.serve()
        client = Client(server.address)
        client.close()
        client.close()
        with self.assertRaisesRegex(warren.FailedPrecondition, "closed"):
            client.templates()

    def test_closing_frees_what_it_had(self):
        server = self.serve(ListTemplates=lambda request, context: fail(context, "INTERNAL"))

        def use():
            with Client(server.address) as client:
                with self.assertRaises(warren.Internal):
                    client.templates()

        use()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            use()
        self.assertTrue(eventually(lambda: len(os.listdir("/proc/self/fd")) <= before + 2), os.listdir("/proc/self/fd"))

    def test_the_address(self):
        for address, expected in (("unix:///a", "unix:///a"), (None, "unix:///of/the/environment")):
            with unittest.mock.patch.dict(os.environ, {"WARREN_ADDRESS": "unix:///of/the/environment"}):
                self.assertEqual(Client(address).address, expected)
        with unittest.mock.patch.dict(os.environ):
            os.environ.pop("WARREN_ADDRESS", None)
            self.assertEqual(Client().address, "unix:///run/warren/warren.sock")


if __name__ == "__main__":
    unittest.main()

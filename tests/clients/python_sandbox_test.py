"""The Python client against a real warrend. What the server does not have yet is listed in python_client.AWAITED."""

import asyncio
import contextlib
import datetime
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

from python_client import CLIENT, needs, patience, warren
from cut_line import Line
from warren_server import Server, ServerTest
from wheels import example_index
from warren import AsyncClient, AsyncSandbox, Client, Limits, OnDisconnect, Output, Sandbox, Stream, TerminationKind

ENDLESS = "print('up', flush=True)\nimport time; time.sleep(1e6)"
FLAGS = ("--default-template", "base", "--max-sandboxes", "100")
LONG = datetime.timedelta(hours=24)


class ClientTest(ServerTest):
    """A server, and a client of it that all tests share. No test leaves a sandbox."""

    flags = FLAGS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = Client(cls.server.environment["WARREN_ADDRESS"], timeout=patience())

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        super().tearDownClass()

    def setUp(self):
        # The first cleanup is the last to run.
        self.addCleanup(lambda: self.assertEqual(self.server.sandboxes(), []))

    def sandbox(self, **options):
        return self.enterContext(Sandbox.create(client=self.client, **options))


class Code(ClientTest):
    def test_a_result(self):
        done = self.sandbox().run_code("import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
        self.assertEqual((done.stdout, done.stderr, done.text, done.execution_count), ("out\n", "err\n", "42", 1))
        self.assertTrue(done.ok and done.termination.context_alive)
        self.assertGreater(done.usage.wall, datetime.timedelta())
        self.assertRegex(done.id, "^ex")
        self.assertIs(done.raise_for_error(), done)

    def test_state_stays(self):
        sandbox = self.sandbox()
        sandbox.run_code("a = 20").raise_for_error()
        self.assertEqual(sandbox.run_code("a + 1").text, "21")

    def test_displays(self):
        code = "from IPython.display import HTML, JSON, display\ndisplay(JSON({'a': [1]}))\nHTML('<b>x</b>')"
        done = self.sandbox().run_code(code)
        self.assertEqual([result.is_result for result in done.results], [False, True])
        self.assertEqual((done.results[0].json, done.result.html), ({"a": [1]}, "<b>x</b>"))

    def test_updates_and_clearing_as_a_notebook_shows_them(self):
        code = """
            from IPython.display import clear_output, display
            shown = display(1, display_id=True)
            shown.update(2)
            """
        sandbox = self.sandbox()
        self.assertEqual([result.text for result in sandbox.run_code(code.replace("\n            ", "\n")).results], ["2"])
        done = sandbox.run_code("print('before', flush=True); display('x'); clear_output(); print('after')")
        self.assertEqual((done.stdout, done.results), ("after\n", ()))

    def test_an_exception_is_a_result(self):
        done = self.sandbox().run_code("1 / 0")
        self.assertEqual((done.error.name, done.error.value), ("ZeroDivisionError", "division by zero"))
        self.assertIn("1 / 0", done.error.traceback)
        self.assertIs(done.termination.kind, TerminationKind.EXCEPTION)
        with self.assertRaisesRegex(warren.ExecutionFailed, "^ZeroDivisionError: division by zero"):
            done.raise_for_error()

    def test_other_ends(self):
        sandbox = self.sandbox()
        self.assertIs(sandbox.run_code("import time; time.sleep(1e6)", timeout=0.2).termination.kind, TerminationKind.TIMED_OUT)
        done = sandbox.run_code("while True: print('x' * 1000)", max_output_bytes=10_000)
        self.assertIs(done.termination.kind, TerminationKind.OUTPUT_LIMIT)
        done = sandbox.run_code("import os; os._exit(3)")
        self.assertEqual((done.termination.kind, done.termination.exit_code), (TerminationKind.EXITED, 3))
        self.assertFalse(done.ok)
        done = self.sandbox(limits=Limits(memory_bytes=96 << 20)).run_code("x = b'x' * (300 << 20)")
        self.assertIs(done.termination.kind, TerminationKind.OUT_OF_MEMORY)

    def test_events_come_as_they_happen(self):
        with self.sandbox().stream_code(ENDLESS, timeout=LONG) as stream:
            event = next(event for event in stream if isinstance(event, Output))
            self.assertEqual((event.stream, event.text), (Stream.STDOUT, "up\n"))
            self.assertTrue(stream.execution_id)

    def test_leaving_a_stream_cancels_the_code(self):
        sandbox = self.sandbox()
        with sandbox.stream_code("alive = True\n" + ENDLESS, timeout=LONG) as stream:
            next(event for event in stream if isinstance(event, Output))
        # It waits for the cell before, which only a cancel ends.
        self.assertEqual(sandbox.run_code("alive").text, "True")

    @needs("executions that go on")
    def test_what_goes_on_is_found_again(self):
        sandbox = self.sandbox()
        code = "import itertools, time\nfor n in itertools.count(): print(n, flush=True); time.sleep(0.01)"
        with sandbox.stream_code(code, timeout=LONG, on_disconnect=OnDisconnect.CONTINUE) as stream:
            next(event for event in stream if isinstance(event, Output))
        again, first = self.found_again(sandbox, stream)
        self.assertGreater(first.sequence, stream.last_sequence)
        sandbox.interrupt()
        done = again.execution()
        self.assertEqual((done.id, done.error.name), (stream.execution_id, "KeyboardInterrupt"))

    def found_again(self, sandbox, stream):
        """A stream that goes on with one that was closed, and its first event."""
        again = sandbox.connect_execution(stream.execution_id, after_sequence=stream.last_sequence)
        return again, next(again)

    def test_an_interrupt(self):
        sandbox = self.sandbox()
        with self.assertRaises(warren.FailedPrecondition):
            sandbox.interrupt()
        with sandbox.stream_code(ENDLESS, timeout=LONG) as stream:
            next(event for event in stream if isinstance(event, Output))
            sandbox.interrupt()
            self.assertEqual(stream.execution().error.name, "KeyboardInterrupt")

    def test_options(self):
        sandbox = self.sandbox()
        done = sandbox.run_code("1", user_expressions={"n": "6 * 7", "bad": "x"})
        self.assertEqual(done.user_expressions["n"].text, "42")
        self.assertEqual(done.user_expressions["bad"].name, "NameError")
        self.assertEqual(sandbox.run_code("1", silent=True).execution_count, sandbox.run_code("2").execution_count - 1)
        self.assertIn("\x1b[", sandbox.run_code("1 / 0", colors=True).error.traceback)
        self.assertNotIn("\x1b[", sandbox.run_code("1 / 0").error.traceback)

    def test_much_output_and_bytes(self):
        done = self.sandbox().run_code("import os\nfor byte in range(256): os.write(1, bytes([byte]))\nprint('ä' * 3_000_000)")
        self.assertEqual(done.stdout_bytes[:256], bytes(range(256)))
        self.assertEqual(done.stdout_bytes[256:].decode(), "ä" * 3_000_000 + "\n")

    def test_threads_share_a_client(self):
        sandboxes = [self.sandbox() for _ in range(3)]
        answers = {}

        def work(number):
            for turn in range(20):
                answers[number, turn] = sandboxes[number].run_code(f"{number} * 1000 + {turn}").text

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, {(number, turn): str(number * 1000 + turn) for number in range(3) for turn in range(20)})

    @needs("sandbox environments")
    def test_the_environment_of_a_sandbox(self):
        self.assertEqual(self.sandbox(env={"A": "sandbox"}).run_code("import os; os.environ['A']").text, "'sandbox'")

    @needs("cell environments", "sandbox environments")
    def test_the_environment_of_a_cell(self):
        sandbox = self.sandbox(env={"A": "sandbox", "B": "sandbox"})
        done = sandbox.run_code("import os; os.environ['A'], os.environ['B']", env={"A": "cell"})
        self.assertEqual(done.text, "('cell', 'sandbox')")
        self.assertEqual(sandbox.run_code("os.environ['A']").text, "'sandbox'")

    @needs("execution request ids")
    def test_one_request_id_runs_once(self):
        sandbox = self.sandbox()
        sandbox.run_code("n = 0")
        first = sandbox.run_code("n += 1; n", request_id="once")
        second = sandbox.run_code("n += 1; n", request_id="once")
        self.assertEqual((first.id, first.text, sandbox.run_code("n").text), (second.id, "1", "1"))

    @needs("input and output files")
    def test_files_along_with_code(self):
        code = "open('b.txt', 'w').write(open('a.txt').read() * 2)"
        done = self.sandbox().run_code(code, input_files={"a.txt": "x"}, output_files=["*.txt"])
        self.assertEqual(sorted((file.path, file.size_bytes) for file in done.output_files),
                         [("/home/user/a.txt", 1), ("/home/user/b.txt", 2)])

    @needs("scripts")
    def test_scripts(self):
        sandbox = self.sandbox()
        done = sandbox.run_script(source="import sys; print(sys.argv[1:], input())", arguments=["a"], standard_input="b\n")
        self.assertEqual(done.raise_for_error().stdout, "['a'] b\n")
        self.assertEqual(sandbox.run_script(source="exit 3", language="bash").termination.exit_code, 3)


class Broken(ClientTest):
    """Over a line that can be cut: what was sent before is answered once, on another connection."""

    def setUp(self):
        super().setUp()
        self.line = self.enterContext(Line(self.server.socket))
        self.over_line = self.enterContext(Client(self.line.address, timeout=patience()))
        # Those that nobody has heard of.
        self.addCleanup(self.server.run, "kill", "--all")

    @needs("execution request ids", "executions that go on")
    def test_code_runs_once_and_its_events_come_once(self):
        sandbox = Sandbox.connect(self.sandbox().id, client=self.over_line)
        sandbox.run_code("n = 0")
        code = "import os, time\nn += 1\nfor turn in range(100): print(turn, flush=True); time.sleep(0.01)\nn"
        with sandbox.stream_code(code, timeout=LONG, on_disconnect=OnDisconnect.CONTINUE) as stream:
            for _ in range(3):
                next(event for event in stream if isinstance(event, Output))
                self.line.cut()
            done = stream.execution()
        self.assertEqual((done.text, done.stdout.split()), ("1", [str(turn) for turn in range(100)]))

    @needs("execution request ids")
    def test_what_does_not_go_on_is_cancelled_and_runs_no_second_time(self):
        sandbox = Sandbox.connect(self.sandbox().id, client=self.over_line)
        sandbox.run_code("n = 0")
        # Without an end the first time.
        code = "import time\nn += 1\nprint('up', flush=True)\nwhile n == 1: time.sleep(0.01)"
        with sandbox.stream_code(code, timeout=LONG) as stream:
            next(event for event in stream if isinstance(event, Output))
            # A client that is back before the server has seen that it had gone would find its code running. What comes next in
            # its context comes behind its end.
            with self.line.down():
                self.assertEqual(Sandbox.connect(sandbox.id, client=self.client).run_code("n", timeout=patience()).text, "1")
            self.assertIs(stream.execution().termination.kind, TerminationKind.CANCELLED)
        self.assertEqual(sandbox.run_code("n").text, "1")

    @needs("sandbox request ids")
    def test_a_create_makes_one(self):
        self.line.cut_at_next_answer = True
        with Sandbox.create(client=self.over_line):
            self.assertEqual(len(self.server.sandboxes()), 1)
        self.assertFalse(self.line.cut_at_next_answer)

    def test_what_only_looks_is_asked_again(self):
        sandbox = Sandbox.connect(self.sandbox().id, client=self.over_line)
        for _ in range(5):
            self.line.cut()
            self.assertEqual(sandbox.get_info().id, sandbox.id)


class Errors(ClientTest):
    def test_kinds(self):
        sandbox = self.sandbox()
        for kind, says, call in (
                (warren.NotFound, "nope", lambda: self.sandbox(template="nope")),
                (warren.NotFound, "no such sandbox", lambda: Sandbox.connect("sbnone", client=self.client)),
                (warren.InvalidArgument, "lifetime", lambda: self.sandbox(lifetime=0.1)),
                (warren.InvalidArgument, "memory_bytes", lambda: self.sandbox(limits=Limits(memory_bytes=1))),
                (warren.InvalidArgument, "timeout", lambda: sandbox.run_code("1", timeout=LONG * 2)),
                (warren.NotFound, "no such context", lambda: sandbox.run_code("1", context="other")),
                (warren.InvalidArgument, r"network\.bytes_per_second",
                 lambda: self.sandbox(network=warren.NetworkPolicy(bytes_per_second=1)))):
            with self.subTest(kind.__name__, says=says), self.assertRaisesRegex(kind, says):
                call()

    def test_a_context_that_is_gone(self):
        sandbox = self.sandbox()
        sandbox.run_code("import os; os._exit(1)")
        with self.assertRaises(warren.FailedPrecondition):
            sandbox.run_code("1")


class Gone(unittest.TestCase):
    def test_a_server_that_goes_for_good(self):
        server = Server(*FLAGS)
        self.addCleanup(server.stop)
        with Client(server.environment["WARREN_ADDRESS"]) as client:
            sandbox = Sandbox.create(client=client)
            sandbox.run_code("1").raise_for_error()
            self.assertEqual(server.stop(), 0)
            with self.assertRaisesRegex(warren.Unavailable, "warrend --listen"):
                sandbox.run_code("1")


class Sandboxes(ClientTest):
    def test_life(self):
        with Sandbox.create("base", client=self.client, metadata={"user": "ada"}, lifetime=600) as sandbox:
            self.assertEqual((sandbox.info.template, sandbox.info.metadata), ("base", {"user": "ada"}))
            self.assertIs(sandbox.info.state, warren.SandboxState.RUNNING)
            self.assertEqual(sandbox.info.expires_at - sandbox.info.created_at, datetime.timedelta(minutes=10))
            self.assertEqual([info.id for info in Sandbox.list(metadata={"user": "ada"}, client=self.client)], [sandbox.id])
            self.assertEqual(Sandbox.list(metadata={"user": "bob"}, client=self.client), [])
            self.assertGreater(sandbox.get_info().memory_bytes, 0)
            self.assertGreater(sandbox.set_lifetime(7200).expires_at, sandbox.info.created_at + datetime.timedelta(hours=1))
        with self.assertRaises(warren.NotFound):
            Sandbox.connect(sandbox.id, client=self.client)

    def test_connecting_and_letting_go(self):
        sandbox = self.sandbox()
        sandbox.run_code("a = 1")
        with Sandbox.connect(sandbox.id, client=self.client) as again:
            self.assertEqual(again.run_code("a").text, "1")
        self.assertEqual(sandbox.run_code("a").text, "1")
        self.assertGreaterEqual(sandbox.kill().wall, datetime.timedelta())
        with self.assertRaises(warren.NotFound):
            sandbox.kill()

    def test_many_sandboxes_in_pages(self):
        made = [self.sandbox(metadata={"n": "x" * 900}) for _ in range(5)]
        self.assertEqual([info.id for info in Sandbox.list(client=self.client)], [sandbox.id for sandbox in made])

    def test_what_the_server_offers(self):
        templates = {template.id: template for template in self.client.templates()}
        self.assertTrue(templates["base"].is_default)
        self.assertEqual(templates["base"].unavailable, "")
        self.assertIn("base", [pool.template for pool in self.client.pools()])
        self.assertTrue(self.client.environment("base").python_version.startswith("3."))
        sandbox = self.sandbox()
        sandbox.run_code("import os, site; os.makedirs(site.getusersitepackages() + '/My_Own-1.2.dist-info')")
        environment = sandbox.environment()
        self.assertEqual(environment.template, "base")
        self.assertEqual(environment.interpreter, "/usr/bin/python3")
        self.assertEqual((environment.python_packages["my-own"], environment.python_packages_incomplete), ("1.2", ""))
        self.assertEqual(environment.limits, sandbox.info.limits)
        self.assertIsNotNone(environment.use.disk_bytes)
        self.assertIn(warren.Mount("/", "overlay", False), environment.mounts)
        self.assertEqual(environment.profile, "user")
        self.assertIn(warren.Feature("pause", True, ""), environment.features)
        self.assertIn(warren.Feature("network", True, ""), environment.features)
        self.assertEqual(environment.network, warren.NetworkPolicy())
        with self.assertRaises(warren.NotFound):
            self.client.environment("nope")

    def test_a_client_of_its_own(self):
        with unittest.mock.patch.dict(os.environ, {"WARREN_ADDRESS": self.client.address}):
            with Sandbox.create() as sandbox:
                self.assertEqual(sandbox.run_code("1").text, "1")
                self.assertEqual(len(Sandbox.list()), 1)
            with self.assertRaisesRegex(warren.FailedPrecondition, "closed"):
                sandbox.run_code("1")

    @needs("sandbox request ids")
    def test_one_request_id_makes_one(self):
        first, second = self.sandbox(request_id="once"), self.sandbox(request_id="once")
        self.assertEqual(first.id, second.id)

    @needs("sandbox filters")
    def test_filters(self):
        first, second = self.sandbox(), self.sandbox()
        self.assertEqual([info.id for info in Sandbox.list(client=self.client, newest_first=True)], [second.id, first.id])
        self.assertEqual(Sandbox.list(client=self.client, states=[warren.SandboxState.PAUSED]), [])
        self.assertEqual(Sandbox.list(client=self.client, template="other"), [])
        future = datetime.datetime.now() + datetime.timedelta(hours=1)
        self.assertEqual(Sandbox.list(client=self.client, created_after=future), [])

    @needs("lifetimes")
    def test_lifetimes(self):
        info = self.sandbox(lifetime=300, on_expiry=warren.OnExpiry.PAUSE).info
        self.assertEqual((info.lifetime, info.lifetime_from, info.on_expiry),
                         (datetime.timedelta(minutes=5), warren.LifetimeFrom.LAST_USE, warren.OnExpiry.PAUSE))

    @needs("pause")
    def test_pausing(self):
        sandbox = self.sandbox()
        sandbox.run_code("a = 1")
        self.assertIs(sandbox.pause().state, warren.SandboxState.PAUSED)
        with self.assertRaises(warren.FailedPrecondition):
            sandbox.run_code("a")
        self.assertIs(sandbox.resume(600).state, warren.SandboxState.RUNNING)
        self.assertEqual(sandbox.run_code("a").text, "1")

    @needs("metrics")
    def test_metrics(self):
        sandbox = self.sandbox()
        sandbox.run_code("print('x')")
        metrics = sandbox.metrics()
        self.assertGreater(metrics.memory_bytes, 0)
        self.assertEqual((metrics.memory_limit_bytes, metrics.cpu_millis, metrics.output_bytes), (512 << 20, 1000, 2))
        with contextlib.closing(sandbox.stream_code("print('y', flush=True)\nimport time; time.sleep(1e6)")) as events:
            next(event for event in events if isinstance(event, Output))
            self.assertEqual(sandbox.metrics().output_bytes, 4)

    @needs("limits")
    def test_changing_limits(self):
        sandbox = self.sandbox()
        self.assertEqual(sandbox.set_limits(Limits(pids=64)).limits.pids, 64)
        with self.assertRaisesRegex(warren.InvalidArgument, "disk_bytes"):
            sandbox.set_limits(Limits(disk_bytes=1 << 20))


class Packages(ClientTest):
    @classmethod
    def setUpClass(cls):
        cls.flags = (*FLAGS, *cls.enterClassContext(example_index()))
        super().setUpClass()

    def test_they_are_installed_listed_and_found_again(self):
        sandbox = self.sandbox()
        phases = []
        installed = sandbox.install_package("plotly", on_progress=lambda progress: phases.append(progress.phase))
        self.assertIn("plotly", installed.packages)
        self.assertIn(warren.InstallPhase.MOUNTING, phases)
        self.assertEqual(sandbox.environment().python_packages["plotly"], installed.packages["plotly"])
        self.assertEqual(sandbox.run_code("import plotly; plotly.__name__").text, "'plotly'")
        self.assertIn("plotly", [package.name for package in self.client.list_packages().packages])
        self.assertTrue(self.sandbox().install_package("plotly").cached)
        self.assertEqual(self.client.verify_packages().removed, ())


class Contexts(ClientTest):
    @needs("contexts")
    def test_life(self):
        sandbox = self.sandbox()
        context = sandbox.contexts.create(cwd="/tmp", env={"A": "1"})
        self.assertEqual(context.run("import os; os.getcwd(), os.environ['A']").text, "('/tmp', '1')")
        sandbox.run_code("a = 1")
        self.assertEqual(context.run("a").error.name, "NameError")
        self.assertEqual([info.id for info in sandbox.contexts.list()], [sandbox.info.default_context_id, context.id])
        context.run("b = 1")
        self.assertTrue(context.restart().alive)
        self.assertEqual(sandbox.run_code("b", context=context).error.name, "NameError")
        context.delete()
        with self.assertRaises(warren.WarrenError):
            context.run("1")
        self.assertEqual(sandbox.run_code("a").text, "1")

    @needs("contexts", "languages")
    def test_bash(self):
        context = self.sandbox().contexts.create("bash", cwd="/tmp")
        context.run("x=7")
        self.assertEqual(context.run("echo $x; pwd").stdout, "7\n/tmp\n")

    def test_the_default_one(self):
        sandbox = self.sandbox()
        context = sandbox.contexts.get(sandbox.info.default_context_id)
        self.assertEqual((context.language, context.run("6 * 7").text), ("python", "42"))
        with self.assertRaisesRegex(warren.NotFound, "nope"):
            sandbox.contexts.get("nope")


class Processes(ClientTest):
    @needs("processes")
    def test_running(self):
        run = self.sandbox().processes.run
        done = run("echo out; echo err >&2; exit 3")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("out\n", "err\n", 3))
        data = os.urandom(3_000_000)
        self.assertEqual(run(["cat"], input=data).stdout_bytes, data)
        self.assertEqual(run(["pwd"], cwd="/tmp").check().stdout, "/tmp\n")
        self.assertEqual(run("echo $A", env={"A": "1"}).stdout, "1\n")
        self.assertIs(run(["sleep", "1000"], timeout=0.2).termination.kind, TerminationKind.TIMED_OUT)
        self.assertEqual(run(["head", "-c", "1"], input=data).check().stdout_bytes, data[:1])
        with self.assertRaises(warren.NotFound):
            run(["/no/such/program"])

    @needs("processes")
    def test_living_with_one(self):
        sandbox = self.sandbox()
        with sandbox.processes.start(["cat"]) as process:
            process.write("a\n")
            self.assertEqual(next(process).text, "a\n")
        self.assertEqual([info.id for info in sandbox.processes.list()], [process.id])
        with sandbox.processes.connect(process.id) as again:
            again.write("b\n")
            again.close_input()
            self.assertEqual(again.collect().stdout, "b\n")
        with sandbox.processes.start("printf one; read line; printf two") as process:
            self.assertEqual(next(process).data, b"one")
            seen = process.output_bytes
            process.write("\n")
        with sandbox.processes.connect(process.id, after=seen) as again:
            self.assertEqual(again.collect().stdout, "two")
            self.assertEqual(again.output_bytes, 6)
        with sandbox.processes.connect(process.id, after=1) as again:
            self.assertEqual(again.collect().stdout, "netwo")
        with self.assertRaises(warren.OutOfRange):
            sandbox.processes.connect(process.id, after=7)
        with sandbox.processes.start(["sleep", "1000"]) as sleeper:
            sleeper.signal(signal.SIGTERM)
            sleeper.wait()
            self.assertEqual(sleeper.returncode, -signal.SIGTERM)

    @needs("terminals")
    def test_a_terminal(self):
        with self.sandbox().terminal(rows=10, columns=33) as terminal:
            terminal.write("stty size; exit\n")
            done = terminal.collect()
        self.assertIn("10 33", done.stdout)


class Files(ClientTest):
    @needs("files")
    def test_there_and_back(self):
        files, data = self.sandbox().files, os.urandom(3_000_000)
        entry = files.write("a/b.bin", data, mode=0o600)
        self.assertEqual((entry.path, entry.size_bytes, entry.mode, entry.owner),
                         ("/home/user/a/b.bin", len(data), 0o600, "user"))
        self.assertEqual(files.read("~/a/b.bin"), data)
        self.assertEqual(files.read("a/b.bin", offset=10, length=5), data[10:15])
        files.write("a/b.bin", "more", append=True)
        self.assertEqual(files.stat("a/b.bin").size_bytes, len(data) + 4)
        files.write("a/b.bin", "MO", offset=len(data))
        self.assertEqual(files.read("a/b.bin", offset=len(data)), b"MOre")
        with self.assertRaisesRegex(warren.InvalidArgument, "offset"):
            files.write("a/b.bin", b"", offset=0, append=True)
        with self.assertRaises(warren.AlreadyExists):
            files.write("a/b.bin", b"", exclusive=True)

    @needs("files")
    def test_whole_files(self):
        files = self.sandbox().files
        with tempfile.TemporaryDirectory() as folder:
            local = os.path.join(folder, "local")
            with open(local, "wb") as file:
                file.write(os.urandom(2_000_000))
            files.upload(local, "remote")
            files.download("remote", local + "2")
            with open(local, "rb") as first, open(local + "2", "rb") as second:
                self.assertEqual(first.read(), second.read())

    @needs("files")
    def test_names(self):
        files = self.sandbox().files
        files.make_directory("d")
        files.write("d/ä", "x")
        files.write(b"d/\xff", "x")
        self.assertEqual(sorted(entry.name for entry in files.list("d")), ["ä", "\udcff"])
        files.move("d/ä", "d/b")
        files.remove("d/\udcff")
        self.assertEqual([entry.path for entry in files.list("d")], ["/home/user/d/b"])
        self.assertTrue(files.exists("d/b"))
        with self.assertRaises(warren.FailedPrecondition):
            files.remove("d")
        files.remove("d", recursive=True)
        self.assertFalse(files.exists("d"))
        with self.assertRaises(warren.NotFound):
            files.read("d/b")
        with self.assertRaises(warren.PermissionDenied):
            files.write("/etc/x", "x")

    @needs("files", "watch")
    def test_watching(self):
        files = self.sandbox().files
        with files.watch() as events:
            files.write("a", "x")
            self.assertEqual(next(events).path, "/home/user/a")


FETCH = "import urllib.request; urllib.request.urlopen('http://example.org')"


class Networks(ClientTest):
    def test_a_policy_is_told_as_it_was_asked_for(self):
        policy = warren.NetworkPolicy(allow=["Pip.TEST:443"], deny=["*.example.com"], bytes_per_second=4096)
        sandbox = self.sandbox(network=policy)
        told = sandbox.environment().network
        self.assertEqual([str(rule) for rule in told.allow + told.deny], ["pip.test:443", "*.example.com"])
        self.assertEqual((told.preset, told.bytes_per_second), ("none", 4096))
        sandbox.set_network("internet")
        self.assertEqual(sandbox.environment().network.preset, "internet")
        with self.assertRaisesRegex(warren.InvalidArgument, "internet"):
            sandbox.set_network("nosuch")

    def test_a_denial_is_told_to_the_program_and_to_who_watches(self):
        sandbox = self.sandbox(network=warren.NetworkPolicy(allow=["pip.test"]))
        with sandbox.watch_network() as events, sandbox.watch_network() as others:
            self.assertIn("403", sandbox.run_code(FETCH).error.value)
            event = next(events)
            self.assertEqual((event.verdict, event.name, event.port), (warren.NetworkVerdict.DENIED, "example.org", 80))
            self.assertIn("example.org", event.reason)
            self.assertEqual(next(others), event)
            sandbox.kill()
            self.assertEqual(list(events), [], "it ends with its sandbox")

    def test_no_more_than_sixteen_watch(self):
        sandbox = self.sandbox()
        with contextlib.ExitStack() as stack:
            for _ in range(16):
                stack.enter_context(sandbox.watch_network())
            with self.assertRaises(warren.ResourceExhausted):
                next(sandbox.watch_network())

    def test_a_sandbox_that_is_not_there_is_not_watched(self):
        sandbox = self.sandbox()
        sandbox.kill()
        with self.assertRaises(warren.NotFound):
            next(sandbox.watch_network())


class Asynchronous(ClientTest):
    def run_async(self, body):
        async def run():
            async with AsyncClient(self.client.address) as client, await AsyncSandbox.create(client=client) as sandbox:
                await body(sandbox)

        asyncio.run(asyncio.wait_for(run(), patience()))

    def test_code(self):
        async def body(sandbox):
            await sandbox.run_code("a = 20")
            self.assertEqual((await sandbox.run_code("a + 1")).text, "21")
            texts = [event.text async for event in sandbox.stream_code("print('a')") if isinstance(event, Output)]
            self.assertEqual(texts, ["a\n"])
            with self.assertRaises(warren.NotFound):
                await sandbox.run_code("1", context="other")

        self.run_async(body)

    def test_many_at_once(self):
        async def body(sandbox):
            others = await asyncio.gather(*(AsyncSandbox.create(client=sandbox.client) for _ in range(4)))
            done = await asyncio.gather(*(other.run_code(f"{number} + 1") for number, other in enumerate(others)))
            self.assertEqual([execution.text for execution in done], ["1", "2", "3", "4"])
            await asyncio.gather(*(other.kill() for other in others))

        self.run_async(body)

    def test_a_cancelled_task_cancels_the_code(self):
        async def body(sandbox):
            stream = sandbox.stream_code("alive = True\n" + ENDLESS, timeout=LONG)
            up = asyncio.Event()

            async def read():
                async for event in stream:
                    if isinstance(event, Output):
                        up.set()

            task = asyncio.ensure_future(read())
            await up.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual((await sandbox.run_code("alive")).text, "True")

        self.run_async(body)

    @needs("files", "processes")
    def test_files_and_processes(self):
        async def body(sandbox):
            data = os.urandom(3_000_000)
            await sandbox.files.write("a", data)
            self.assertEqual(await sandbox.files.read("a"), data)
            done = await sandbox.processes.run(["cat"], input=data)
            self.assertEqual(done.stdout_bytes, data)

        self.run_async(body)


class Programs(ClientTest):
    """What becomes of a program that is interrupted, and of what it had."""

    SYNCHRONOUS = f"""
from warren import Output, Sandbox
with Sandbox.create() as sandbox:
    for event in sandbox.stream_code({ENDLESS!r}, timeout=86400):
        if isinstance(event, Output): print(event.text, end="", flush=True)
"""
    ASYNCHRONOUS = f"""
import asyncio
from warren import Output, AsyncSandbox
async def main():
    async with await AsyncSandbox.create() as sandbox:
        async for event in sandbox.stream_code({ENDLESS!r}, timeout=86400):
            if isinstance(event, Output): print(event.text, end="", flush=True)
asyncio.run(main())
"""

    @contextlib.contextmanager
    def program(self, code):
        with subprocess.Popen([sys.executable, "-B", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.server.environment | {"PYTHONPATH": os.path.join(CLIENT, "lib")}) as process:
            try:
                yield process
            finally:
                # Of one that hangs, the test's failure is to be seen.
                process.kill()

    def test_control_c_ends_it_and_its_sandbox(self):
        for code in (self.SYNCHRONOUS, self.ASYNCHRONOUS):
            with self.program(code) as process:
                self.assertEqual(self.server.first_line(process), b"up\n")
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=patience())
            self.assertIn(b"KeyboardInterrupt", errors)
            self.assertNotIn(b"Exception ignored", errors)
            self.assertEqual(self.server.sandboxes(), [])

    def test_one_that_ends_without_closing_hangs_nowhere(self):
        code = ("from warren import Sandbox; s = Sandbox.create(); print(s.run_code('1').text, flush=True)\n"
                "stream = s.stream_code('2'); next(stream)")
        with self.program(code) as process:
            out, errors = process.communicate(timeout=patience())
        self.assertEqual((process.returncode, out, errors), (0, b"1\n", b""))
        self.server.run("kill", "--all")


if __name__ == "__main__":
    unittest.main()

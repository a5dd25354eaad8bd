"""The Python client's values: what becomes a message and what is made of one."""

import ast
import datetime
import glob
import os
import pathlib
import tempfile
import unittest

from python_client import CLIENT, warren
from warren import (ClearOutput, CodeError, Execution, Finished, LifetimeFrom, Limits, Missed, NetworkPolicy, NetworkRule,
                    NetworkVerdict, OnDisconnect, OnExpiry, Output, Result, SandboxState, Started, Stream, Termination,
                    TerminationKind, Usage)
from warren._wire import backends, executions, files, methods, networks, packages, processes, sandboxes, values
from warren.v1 import (backend_pb2, common_pb2, execution_pb2, file_pb2, network_pb2, package_pb2, process_pb2, sandbox_pb2,
                       template_pb2)

MESSAGES = (backend_pb2, common_pb2, execution_pb2, file_pb2, network_pb2, package_pb2, process_pb2, sandbox_pb2, template_pb2)

NO_USAGE = Usage()


def event(sequence, **what):
    return execution_pb2.ExecutionEvent(sequence=sequence, time_unix_nanos=1000 + sequence, **what)


def output(sequence, data, stream="STDOUT"):
    return event(sequence, output={"stream": stream, "data": data})


def display(sequence, text, **more):
    return event(sequence, display={"data": {"text/plain": text}, **more})


def finished(sequence, **more):
    return event(sequence, finished={"termination": {"kind": "EXITED", "context_alive": True}, **more})


class Methods(unittest.TestCase):
    def test_all_calls_of_the_contract_are_there_with_their_types(self):
        ours = {}
        for method in vars(methods).values():
            if isinstance(method, methods.Method):
                ours[method.path] = (type(method).__name__, method.request.DESCRIPTOR.full_name,
                                     method.response.DESCRIPTOR.full_name)
        contract = {}
        for messages in MESSAGES:
            for service in messages.DESCRIPTOR.services_by_name.values():
                shapes = self.shapes(messages.DESCRIPTOR)
                for method in service.methods:
                    contract[f"/{service.full_name}/{method.name}"] = (
                        shapes[service.name, method.name], method.input_type.full_name, method.output_type.full_name)
        self.assertEqual(ours, contract)

    @staticmethod
    def shapes(file):
        """Which way each method streams; descriptors of protobuf 4.21 do not say it, their serialized form does."""
        from google.protobuf import descriptor_pb2
        proto = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
        names = {(False, False): "Unary", (False, True): "ServerStream", (True, False): "ClientStream"}
        return {(service.name, method.name): names[method.client_streaming, method.server_streaming]
                for service in proto.service for method in service.method}

    def test_what_could_happen_twice_is_not_sent_again(self):
        unsafe = {method.name for method in vars(methods).values()
                  if isinstance(method, methods.Method) and method.again is methods.Again.UNSAFE}
        self.assertEqual(unsafe, {
            "DestroySandbox", "DeleteContext", "RestartContext", "InterruptExecution", "WriteProcessInput", "SignalProcess",
            "WriteFile", "MakeDirectory", "MoveFile", "RemoveFile", "WatchDirectory", "WatchSandboxNetwork", "InstallPackage",
            "PrefetchPackages", "PruneStoredPackages", "VerifyStoredPackages"})

    def test_what_makes_something_and_is_sent_again_has_a_request_id(self):
        for method in (methods.CREATE_SANDBOX, methods.CREATE_CONTEXT, methods.EXECUTE_CODE, methods.RUN_SCRIPT,
                       methods.START_PROCESS):
            self.assertIn("request_id", method.request.DESCRIPTOR.fields_by_name)
            self.assertIs(method.again, methods.Again.SAFE)


class Fields(unittest.TestCase):
    """No field of the contract is forgotten: each is named where messages are read and written."""

    # On purpose.
    LEFT_OUT = {
        "ExecuteCodeRequest": {"allow_stdin"},  # The contract has no call yet that answers.
        "ListSandboxesRequest": {"page_size"},
    }

    def test_every_field_is_named(self):
        sources = ""
        for folder in ("_wire", "_async"):
            for path in glob.glob(os.path.join(CLIENT, "lib", "warren", folder, "*.py")):
                with open(path, encoding="utf-8") as file:
                    sources += file.read() + "\n"
        nodes = list(ast.walk(ast.parse(sources)))
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        names |= {node.arg for node in nodes if isinstance(node, ast.keyword)}
        names |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        names |= set(Limits.__dataclass_fields__)
        forgotten = []
        for messages in MESSAGES:
            todo = list(messages.DESCRIPTOR.message_types_by_name.values())
            while todo:
                message = todo.pop()
                if message.GetOptions().map_entry:
                    continue
                todo.extend(message.nested_types)
                left_out = self.LEFT_OUT.get(message.name, set())
                forgotten += [f"{message.name}.{field.name}" for field in message.fields
                              if field.name not in names and field.name not in left_out]
        self.assertEqual(forgotten, [])


class Values(unittest.TestCase):
    def test_durations(self):
        self.assertIsNone(values.duration(None))
        self.assertEqual(values.duration(1.5).ToNanoseconds(), 1_500_000_000)
        self.assertEqual(values.duration(datetime.timedelta(hours=1)).seconds, 3600)
        self.assertEqual(values.length(values.duration(0.25)), datetime.timedelta(milliseconds=250))

    def test_times(self):
        moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
        sandbox = sandbox_pb2.Sandbox(created_at=values.timestamp(moment))
        self.assertEqual(values.moment(sandbox, "created_at"), moment)
        self.assertEqual(values.moment(sandbox, "created_at").utcoffset(), datetime.timedelta())
        self.assertIsNone(values.moment(sandbox, "expires_at"))

    def test_enumerations(self):
        self.assertEqual(values.name_of(OnDisconnect.CONTINUE, "ON_DISCONNECT_"), "ON_DISCONNECT_CONTINUE")
        self.assertIsNone(values.name_of(None))
        self.assertIs(values.member_of(SandboxState, sandbox_pb2.Sandbox.State, 2), SandboxState.PAUSED)
        for number in (0, 77):
            self.assertIs(values.member_of(SandboxState, sandbox_pb2.Sandbox.State, number), SandboxState.UNKNOWN)

    def test_enumerations_have_all_members_of_the_contract(self):
        for ours, theirs, prefix in (
                (TerminationKind, common_pb2.Termination.Kind, ""), (OnDisconnect, common_pb2.OnDisconnect, "ON_DISCONNECT_"),
                (SandboxState, sandbox_pb2.Sandbox.State, ""), (LifetimeFrom, sandbox_pb2.LifetimeFrom, "LIFETIME_FROM_"),
                (OnExpiry, sandbox_pb2.OnExpiry, "ON_EXPIRY_"), (warren.FileType, file_pb2.FileEntry.Type, ""),
                (warren.FileEventKind, file_pb2.FileEvent.Kind, ""), (NetworkVerdict, network_pb2.NetworkEvent.Verdict, ""),
                (warren.OnBackendLoss, sandbox_pb2.OnBackendLoss, "ON_BACKEND_LOSS_"),
                (warren.BackendKind, backend_pb2.BackendStatus.Kind, ""),
                (warren.Circuit, backend_pb2.BackendStatus.Circuit, ""),
                (warren.InstallPhase, package_pb2.InstallPackageEvent.Progress.Phase, ""),
                (Stream, process_pb2.ProcessEvent.Output.Stream, "")):
            with self.subTest(ours.__name__):
                names = {name.removeprefix(prefix) for name in theirs.keys()}
                self.assertEqual({member.name for member in ours} - {"UNKNOWN"},
                                 {name for name in names if not name.endswith("UNSPECIFIED")})

    def test_maps_have_an_order(self):
        names = [f"k{number}" for number in range(30)]
        sandbox = sandbox_pb2.Sandbox(metadata={name: "" for name in reversed(names)})
        self.assertEqual(list(values.ordered(sandbox.metadata)), sorted(names))

    def test_paths(self):
        self.assertEqual(values.path_bytes(values.path_text(b"/home/\xff")), b"/home/\xff")
        self.assertEqual(values.path_bytes("/ä"), "/ä".encode())

    def test_a_value_that_is_no_string_is_named(self):
        with self.assertRaisesRegex(TypeError, r"env\['A'\] is 1"):
            values.strings({"A": 1}, "env")

    def test_limits_there_and_back(self):
        limits = Limits(**{name: number for number, name in enumerate(Limits.__dataclass_fields__, 1)})
        self.assertEqual(values.limits_of(values.limits_message(limits)), limits)
        self.assertEqual(set(Limits.__dataclass_fields__), set(common_pb2.Limits.DESCRIPTOR.fields_by_name))


class Sandboxes(unittest.TestCase):
    def test_a_request(self):
        message = sandboxes.create_request(
            template="base", limits=Limits(pids=9), lifetime=90, lifetime_from=LifetimeFrom.CREATION, on_expiry=OnExpiry.PAUSE,
            on_backend_loss=warren.OnBackendLoss.RECREATE, metadata={"a": "b"}, env={"X": "1"}, network="internet",
            request_id="id")
        self.assertEqual(message, sandbox_pb2.CreateSandboxRequest(
            template_id="base", limits=common_pb2.Limits(pids=9), lifetime=values.duration(90),
            lifetime_from=sandbox_pb2.LIFETIME_FROM_CREATION, on_expiry=sandbox_pb2.ON_EXPIRY_PAUSE, metadata={"a": "b"},
            env={"X": "1"}, request_id="id", network=network_pb2.NetworkPolicy(preset="internet"),
            on_backend_loss=sandbox_pb2.ON_BACKEND_LOSS_RECREATE))

    def test_what_nobody_says_is_unset(self):
        message = sandboxes.create_request(template=None, limits=None, lifetime=None, lifetime_from=None, on_expiry=None,
                                           on_backend_loss=None, metadata=None, env=None, network=None, request_id="")
        self.assertEqual(message.ListFields(), [])

    def test_a_filter(self):
        message = sandboxes.list_request(metadata={"a": "b"}, states=[SandboxState.PAUSED], template="base", newest_first=True,
                                         created_after=datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc))
        self.assertEqual(list(message.states), [sandbox_pb2.Sandbox.PAUSED])
        self.assertEqual(message.created_after.seconds, 1704067200)
        self.assertTrue(message.newest_first)

    def test_a_sandbox(self):
        info = sandboxes.sandbox_of(sandbox_pb2.Sandbox(
            sandbox_id="sb1", state="PAUSED", stages=[sandbox_pb2.StageTiming(stage="clone", duration=values.duration(0.001))],
            lifetime=values.duration(60), on_expiry="ON_EXPIRY_KILL", lifetime_from="LIFETIME_FROM_LAST_USE", backend="cloud",
            recreations=2))
        self.assertEqual((info.id, info.state, info.lifetime), ("sb1", SandboxState.PAUSED, datetime.timedelta(minutes=1)))
        self.assertEqual(info.stages, {"clone": datetime.timedelta(milliseconds=1)})
        self.assertEqual((info.on_expiry, info.lifetime_from), (OnExpiry.KILL, LifetimeFrom.LAST_USE))
        self.assertEqual((info.backend, info.recreations), ("cloud", 2))

    def test_unset_is_not_zero(self):
        self.assertIsNone(sandboxes.metrics_of(sandbox_pb2.SandboxMetrics()).disk_bytes)
        self.assertEqual(sandboxes.metrics_of(sandbox_pb2.SandboxMetrics(disk_bytes=0)).disk_bytes, 0)
        self.assertIsNone(sandboxes.environment_of(package_pb2.Environment()).limits)
        self.assertIsNone(sandboxes.environment_of(package_pb2.Environment()).network)
        self.assertIsNone(values.usage_of(common_pb2.Usage()).sandbox_time)
        self.assertEqual(values.usage_of(common_pb2.Usage(sandbox_time={"seconds": 0})).sandbox_time, datetime.timedelta())

    def test_the_default_template(self):
        answer = template_pb2.ListTemplatesResponse(
            templates=[template_pb2.TemplateInfo(template_id=name) for name in ("a", "b")], default_template_id="b")
        self.assertEqual([(template.id, template.is_default) for template in sandboxes.templates_of(answer)],
                         [("a", False), ("b", True)])


class Backends(unittest.TestCase):
    def test_a_backend(self):
        status = backends.backend_of(backend_pb2.BackendStatus(
            name="cloud", kind="E2B", circuit="HALF_OPEN", problem="no answer", latency={"nanos": 2_000_000}, creates=1,
            failures=2, passed_on=3, sandboxes=4, budget_used={"seconds": 60}, budget={"seconds": 600}, members=["a", "b"],
            retired=True))
        self.assertEqual(status, warren.BackendStatus(
            "cloud", warren.BackendKind.E2B, warren.Circuit.HALF_OPEN, "no answer", datetime.timedelta(milliseconds=2), 1, 2, 3, 4,
            datetime.timedelta(minutes=1), datetime.timedelta(minutes=10), ("a", "b"), True))

    def test_one_of_a_newer_server_that_has_neither_answered_nor_a_budget(self):
        status = backends.backend_of(backend_pb2.BackendStatus(kind=77))
        self.assertEqual((status.kind, status.circuit), (warren.BackendKind.UNKNOWN, warren.Circuit.UNKNOWN))
        self.assertEqual((status.latency, status.budget_used, status.budget), (None, None, None))

    def test_which_one_served(self):
        usage = values.usage_of(common_pb2.Usage(backend="cloud", sandbox_time={"seconds": 90}))
        self.assertEqual((usage.backend, usage.sandbox_time), ("cloud", datetime.timedelta(seconds=90)))


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def file(self, name, data):
        path = pathlib.Path(self.folder, name)
        path.write_bytes(data)
        return path

    def test_requirements_are_texts_and_what_files_have(self):
        wanted, constraints = self.file("requirements.txt", b"six\n"), self.file("constraints.txt", b"six==1.16\n")
        message = packages.requirements_message(("httpx[http2]>=0.27",), wanted, str(constraints), True)
        self.assertEqual(message, package_pb2.PackageRequirements(
            requirements=["httpx[http2]>=0.27"], requirements_file="six\n", constraints_file="six==1.16\n", refresh=True))
        self.assertEqual(packages.requirements_message(("six",), None, None, False).ListFields()[0][1], ["six"])

    def test_what_cannot_be_sent_says_so(self):
        with self.assertRaisesRegex(TypeError, "each as a string"):
            packages.requirements_message((["six", "attrs"],), None, None, False)
        with self.assertRaises(FileNotFoundError):
            packages.requirements_message((), os.path.join(self.folder, "none.txt"), None, False)
        with self.assertRaisesRegex(ValueError, "large.txt is too large: at most 262144 bytes"):
            packages.requirements_message((), self.file("large.txt", b"#" * 262145), None, False)
        with self.assertRaisesRegex(ValueError, "binary.txt is no text in UTF-8"):
            packages.requirements_message(("six",), None, self.file("binary.txt", b"\xff"), False)

    def test_what_was_installed(self):
        done = packages.installed_of(package_pb2.InstallPackageEvent.Done(
            packages=[{"name": "attrs", "version": "23.1"}, {"name": "six", "version": "1.16"}], cached=True, set_digest="ab",
            conflicts=["six.py"]))
        self.assertEqual(done, warren.InstalledPackages({"attrs": "23.1", "six": "1.16"}, True, "ab", ("six.py",)))
        progress = packages.progress_of(package_pb2.InstallPackageEvent.Progress(phase="FETCHING", text="six", done=1, total=2))
        self.assertEqual(progress, warren.InstallProgress(warren.InstallPhase.FETCHING, "six", 1, 2))
        newer = package_pb2.InstallPackageEvent.Progress(phase=77)
        self.assertIs(packages.progress_of(newer).phase, warren.InstallPhase.UNKNOWN)

    def test_the_store(self):
        package = {"name": "six", "version": "1.16"}
        store = packages.store_of(package_pb2.ListStoredPackagesResponse(
            packages=[{"package": package, "size_bytes": 9, "files": 3}], size_bytes=9, max_bytes=99,
            sets=[{"digest": "ab", "packages": [package], "used_at": {"seconds": 1}, "uses": 2}, {"digest": "cd"}]))
        self.assertEqual(store.packages, (warren.StoredPackage("six", "1.16", 9, 3),))
        self.assertEqual((store.size_bytes, store.max_bytes), (9, 99))
        self.assertEqual((store.sets[0].packages, store.sets[0].uses), ({"six": "1.16"}, 2))
        self.assertEqual((store.sets[0].used_at.timestamp(), store.sets[1].used_at), (1, None))
        self.assertEqual(packages.pruned_of(package_pb2.PruneStoredPackagesResponse(size_bytes=3, packages=2, sets=1)),
                         warren.PrunedPackages(3, 2, 1))
        self.assertEqual(packages.verified_of(package_pb2.VerifyStoredPackagesResponse(packages=4, removed=["six 1.16"])),
                         warren.VerifiedPackages(4, ("six 1.16",)))


class Networks(unittest.TestCase):
    def test_a_rule_is_a_host_and_its_ports(self):
        for text, rule in (
                ("pip.test", NetworkRule("pip.test")),
                ("pip.test:443", NetworkRule("pip.test", (443,))),
                ("*.example.com", NetworkRule("*.example.com")),
                ("*:80,443", NetworkRule("*", (80, 443))),
                ("203.0.113.0/24:80,443,8000-8010", NetworkRule("203.0.113.0/24", (80, 443, (8000, 8010)))),
                ("2001:db8::/32", NetworkRule("2001:db8::/32")),
                ("::ffff:203.0.113.7", NetworkRule("::ffff:203.0.113.7")),
                ("[2001:db8::1]:443", NetworkRule("2001:db8::1", (443,)))):
            with self.subTest(text):
                self.assertEqual(NetworkRule.parse(text), rule)
                self.assertEqual(str(rule), text)
        self.assertEqual(NetworkRule.parse("[2001:db8::1]").host, "2001:db8::1")

    def test_what_is_no_rule_says_so_before_anything_is_sent(self):
        for text, says in (
                ("", "no host"), (":443", "no host"), ("two words", "no host"), ("b\u00fccher.example", "xn--"),
                ("pip.test:", "'' is no port"), ("pip.test:https", "'https' is no port"), ("pip.test:0", "0 is no port"),
                ("pip.test:65536", "65536 is no port"), ("pip.test:443,", "'' is no port"), ("pip.test:90-80", "no range"),
                ("pip.test:80-", "'80-' is no port"), ("pip.test:80:90", "no rule"), ("[2001:db8::1:443", "no rule"),
                ("[2001:db8::1]443", "no rule"), ("pip.test:\u0664", "is no port")):
            with self.subTest(text):
                with self.assertRaisesRegex(ValueError, says):
                    NetworkRule.parse(text)
                with self.assertRaisesRegex(ValueError, says):
                    NetworkPolicy(deny=[text])
        for ports in ((0,), (70000,), ((9, 8),)):
            with self.assertRaisesRegex(ValueError, "no port from 1 to 65535"):
                NetworkRule("pip.test", ports)
        # Its letters would be rules.
        with self.assertRaisesRegex(TypeError, "want a list of rules"):
            NetworkPolicy(allow="pip.test")

    def test_a_policy_there_and_back(self):
        policy = NetworkPolicy("internet", allow=["pip.test:443", NetworkRule("*.example.com", ((1, 9),))], deny=["10.0.0.0/8"],
                               bytes_per_second=4096, max_connections=7)
        message = networks.policy_message(policy)
        self.assertEqual(message, network_pb2.NetworkPolicy(
            preset="internet", allow=[{"host": "pip.test", "ports": [{"first": 443}]},
                                      {"host": "*.example.com", "ports": [{"first": 1, "last": 9}]}],
            deny=[{"host": "10.0.0.0/8"}], bytes_per_second=4096, max_connections=7))
        self.assertEqual(networks.policy_of(message), policy)
        environment = sandboxes.environment_of(package_pb2.Environment(network=message))
        self.assertEqual([str(rule) for rule in environment.network.allow], ["pip.test:443", "*.example.com:1-9"])
        self.assertEqual(networks.policy_message("none"), network_pb2.NetworkPolicy(preset="none"))
        self.assertEqual(networks.policy_message(NetworkPolicy()), network_pb2.NetworkPolicy(preset="none"))

    def test_an_event(self):
        event = networks.network_event_of(network_pb2.NetworkEvent(
            at={"seconds": 1}, verdict="DENIED", name="example.org", port=80, reason="no rule", lost=3))
        self.assertEqual((event.verdict, event.name, event.address, event.port), (NetworkVerdict.DENIED, "example.org", "", 80))
        self.assertEqual((event.reason, event.lost, event.at.timestamp()), ("no rule", 3, 1))


class ProcessesAndFiles(unittest.TestCase):
    def test_a_string_is_a_line_for_bash(self):
        self.assertEqual(processes.command("ls | wc"), ("/bin/bash", "-c", "ls | wc"))
        self.assertEqual(processes.command(["ls", "-l"]), ("ls", "-l"))

    def test_a_terminal(self):
        message = processes.start_request("sb", ["sh"], env=None, cwd=None, timeout=None, terminal=(24, 80), user=None,
                                          max_output_bytes=0, on_disconnect=None, on_exit=None, no_input=False, request_id="id")
        self.assertEqual((message.terminal.rows, message.terminal.columns), (24, 80))
        self.assertFalse(message.HasField("timeout"))

    def test_return_codes(self):
        def code(**termination):
            return warren.CompletedProcess("p1", ("x",), b"", b"", Termination(**termination), NO_USAGE).returncode
        self.assertEqual(code(kind=TerminationKind.EXITED, exit_code=3), 3)
        self.assertEqual(code(kind=TerminationKind.KILLED, signal=15), -15)
        self.assertEqual(code(kind=TerminationKind.TIMED_OUT), -9)

    def test_a_failed_process_says_its_last_words(self):
        done = warren.CompletedProcess("p1", ("ls", "/x"), b"", b"one\nls: no /x\n", Termination(TerminationKind.EXITED, 2),
                                       NO_USAGE)
        with self.assertRaisesRegex(warren.ProcessFailed, "ls: exited, return code 2: ls: no /x") as raised:
            done.check()
        self.assertIs(raised.exception.process, done)

    def test_a_file(self):
        entry = files.entry_of(file_pb2.FileEntry(path=b"/a/\xff", type="SYMLINK", mode=0o777, symlink_target=b"b",
                                                  attributes={"user.x": b"\0"}))
        self.assertEqual((entry.type, entry.name, entry.symlink_target), (warren.FileType.SYMLINK, "\udcff", "b"))
        self.assertEqual(entry.attributes, {"user.x": b"\0"})

    def test_pieces(self):
        sizes = [len(piece) for piece in files.pieces(bytes(2 * files.PIECE_BYTES + 1))]
        self.assertEqual(sizes, [files.PIECE_BYTES, files.PIECE_BYTES, 1])
        self.assertEqual(list(files.pieces(b"")), [])

    def test_digests(self):
        digest = files.Digest()
        digest.add(b"ab")
        digest.compare("x", 2, files.hashlib.sha256(b"ab").digest())
        for size, content in ((3, b"ab"), (2, b"ax")):
            with self.assertRaises(warren.DataLoss):
                digest.compare("x", size, files.hashlib.sha256(content).digest())


class Scripts(unittest.TestCase):
    def request(self, path=None, source=None):
        return executions.script_request("sb", path, source=source, arguments=["a"], language=None, standard_input="in",
                                         timeout=1, env=None, cwd=None, user=None, max_output_bytes=0, on_disconnect=None,
                                         request_id="id")

    def test_a_path_or_a_source(self):
        self.assertEqual(self.request(path="/a.py").WhichOneof("script"), "path")
        self.assertEqual(self.request(source="x").source, b"x")
        self.assertEqual(self.request(source="").WhichOneof("script"), "source")
        for both in ({}, {"path": "a", "source": "b"}):
            with self.assertRaises(ValueError):
                self.request(**both)


class Collecting(unittest.TestCase):
    def collect(self, *messages, **options):
        collector = executions.Collector(**options)
        self.events = [event for message in messages if (event := collector.feed(message)) is not None]
        return collector.execution()

    def test_all_together(self):
        done = self.collect(
            event(1, started={"execution_id": "ex1"}), output(2, b"a"), output(3, b"b", "STDERR"), display(4, b"1"),
            display(5, b"42", is_result=True), finished(6, execution_count=3, usage={"output_bytes": 9}))
        self.assertEqual((done.id, done.stdout, done.stderr, done.text, done.execution_count), ("ex1", "a", "b", "42", 3))
        self.assertEqual([result.text for result in done.results], ["1", "42"])
        self.assertTrue(done.ok)
        self.assertEqual([type(event) for event in self.events], [Started, Output, Output, Result, Result, Finished])
        self.assertEqual((self.events[1].sequence, self.events[1].time_ns), (2, 1002))

    def test_what_came_before_comes_no_second_time(self):
        done = self.collect(output(1, b"a"), output(2, b"b"), output(1, b"a"), output(2, b"b"), output(3, b"c"), finished(4))
        self.assertEqual(done.stdout, "abc")
        self.assertEqual(len(self.events), 4)

    def test_a_replay_that_misses_what_was_seen_misses_nothing(self):
        missed = event(2, missed={"events": 2, "bytes": 2})
        done = self.collect(output(1, b"a"), output(2, b"b"), missed, output(3, b"c"), finished(4))
        self.assertIsNone(done.missed)

    def test_what_is_missed_is_told(self):
        missed = event(4, missed={"events": 4, "bytes": 9})
        done = self.collect(output(1, b"a"), missed, output(5, b"e"), finished(6))
        self.assertEqual((done.missed.events, done.missed.bytes, done.stdout), (3, 9, "ae"))
        self.assertIsInstance(self.events[1], Missed)

    def test_a_character_in_two_pieces(self):
        done = self.collect(output(1, b"\xc3"), output(2, b"\xa4", "STDERR"), output(3, b"\xa4"), finished(4))
        self.assertEqual([event.text for event in self.events[:3]], ["", "�", "ä"])
        self.assertEqual(done.stdout, "ä")

    def test_an_exception(self):
        done = self.collect(event(1, error={"name": "ValueError", "value": "no", "hint": "say yes"}),
                            event(2, finished={"termination": {"kind": "EXCEPTION"}}))
        self.assertIsInstance(done.error, CodeError)
        self.assertFalse(done.ok)
        with self.assertRaisesRegex(warren.ExecutionFailed, r"^ValueError: no \(say yes\)$") as raised:
            done.raise_for_error()
        self.assertIs(raised.exception.execution, done)

    def test_an_end_without_an_exception(self):
        done = self.collect(event(1, finished={"termination": {"kind": "TIMED_OUT", "message": "after 1 s"}}))
        with self.assertRaisesRegex(warren.ExecutionFailed, "after 1 s"):
            done.raise_for_error()

    def test_an_update_changes_what_was_displayed(self):
        done = self.collect(display(1, b"1", display_id="d"), display(2, b"x"), display(3, b"2", display_id="d", update=True),
                            display(4, b"3", display_id="of another cell", update=True), finished(5))
        self.assertEqual([result.text for result in done.results], ["2", "x"])
        self.assertTrue(self.events[2].update)

    def test_clearing(self):
        done = self.collect(output(1, b"a"), display(2, b"1"), event(3, clear_output={}), output(4, b"b"), finished(5))
        self.assertEqual((done.stdout, done.results), ("b", ()))
        self.assertIsInstance(self.events[2], ClearOutput)
        done = self.collect(output(1, b"a"), event(2, clear_output={"wait": True}), finished(3))
        self.assertEqual(done.stdout, "a")
        done = self.collect(output(1, b"a"), event(2, clear_output={"wait": True}), output(3, b"b"), finished(4))
        self.assertEqual(done.stdout, "b")

    def test_expressions_and_files(self):
        value = execution_pb2.ExecutionEvent.ExpressionValue
        done = self.collect(
            event(1, output_file={"path": "/a", "size_bytes": 2, "sha256": b"x"}),
            finished(2, user_expressions={"a": value(display={"data": {"text/plain": b"1"}}), "b": value(error={"name": "E"})},
                     output_files_incomplete="more"))
        self.assertEqual(done.user_expressions["a"].text, "1")
        self.assertEqual(done.user_expressions["b"].name, "E")
        self.assertEqual((done.output_files[0].path, done.output_files_incomplete), ("/a", "more"))

    def test_an_event_of_a_newer_server_is_left_out(self):
        self.collect(event(1), finished(2))
        self.assertEqual(len(self.events), 1)

    def test_without_a_result_there_is_none(self):
        with self.assertRaisesRegex(warren.Internal, "without its result"):
            self.collect(output(1, b"a"))

    def test_going_on_after(self):
        done = self.collect(output(7, b"old"), output(8, b"new"), finished(9), after_sequence=7, execution_id="ex1")
        self.assertEqual((done.id, done.stdout), ("ex1", "new"))

    def test_comms_and_input(self):
        self.collect(event(1, comm={"kind": "OPEN", "comm_id": "c", "data_json": b'{"a": 1}', "buffers": [b"x"]}),
                     event(2, input_request={"prompt": "?", "password": True}), finished(3))
        self.assertEqual((self.events[0].kind, self.events[0].data, self.events[0].buffers), ("open", {"a": 1}, (b"x",)))
        self.assertTrue(self.events[1].password)


class Results(unittest.TestCase):
    def test_representations(self):
        result = Result(data={"text/html": b"<b>", "image/png": b"\x89", "application/json": b'{"a": [1]}'})
        self.assertEqual((result.html, result.png, result.json, result.text), ("<b>", b"\x89", {"a": [1]}, None))
        self.assertEqual(result.formats, ("text/html", "image/png", "application/json"))

    def test_hostile_json_is_none(self):
        self.assertIsNone(Result(data={"application/json": b"{"}).json)
        self.assertEqual(values.json_object(b"[1]"), {})
        self.assertEqual(values.json_object(b"\xff"), {})

    def test_answers_cannot_be_changed(self):
        with self.assertRaises(AttributeError):
            Result().is_result = True
        self.assertTrue(Execution.__dataclass_params__.frozen)


if __name__ == "__main__":
    unittest.main()

"""`warren run`, `shell`, `attach` and their like against a real warrend."""

import base64
import json
import os
import signal
import subprocess
import unittest

from warren_server import PREFIX, ServerTest, eventually, patience
from warren_terminal import Terminal


class Run(ServerTest):
    flags = ("--default-template", "base")

    def tearDown(self):
        self.assertEqual(self.server.sandboxes(), [])

    def sandbox(self):
        sandbox = self.server.run("create").stdout.strip()
        self.addCleanup(self.server.run, "kill", sandbox)
        return sandbox

    def one(self, *arguments, **options):
        return self.server.run("run", *arguments, **options)

    def ended(self):
        # tearDown runs before the clean-ups.
        self.doCleanups()

    def test_output_and_exit_code(self):
        done = self.one("--", "sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "out\n", "err\n"))

    def test_arguments_arrive_as_they_are(self):
        done = self.one("--env", "A=[1, 2]", "--", "sh", "-c", 'printf "%s|" "$A" "$@"', "x", "[a, b]", "--json", "--", "")
        self.assertEqual(done.stdout, "[1, 2]|[a, b]|--json|--||", done.stderr)

    def test_input_and_its_end(self):
        data = os.urandom(3 << 20)
        done = subprocess.run([f"{PREFIX}/bin/warren", "run", "--", "cat"], input=data, capture_output=True,
                              env=self.server.environment, timeout=patience(120))
        self.assertEqual((done.returncode, done.stdout == data, done.stderr), (0, True, b""))

    def test_a_reader_that_leaves(self):
        process = self.server.popen("run", "--", "yes")
        self.server.first_line(process)
        process.stdout.close()
        process.stderr.read()
        self.assertEqual(process.wait(patience()), 141)
        process.stderr.close()

    def test_interrupt_signals_the_process(self):
        process = self.server.popen("run", "--", "sh", "-c", "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.1; done")
        self.assertEqual(self.server.first_line(process), b"up\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=patience())
        self.assertEqual((process.returncode, out), (5, b"caught\n"), err)

    def test_the_third_interrupt_gives_up(self):
        process = self.server.popen("run", "--", "sh", "-c", "trap 'echo caught' INT; echo up; while :; do sleep 0.1; done")
        self.server.first_line(process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.server.first_line(process), b"caught\n")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=patience())
        self.assertEqual(process.returncode, 130)

    def test_timeout_and_signals_and_output_limit(self):
        self.assertEqual(self.one("--timeout", "300ms", "--", "sleep", "1000").returncode, 124)
        self.assertEqual(self.one("--", "sh", "-c", "kill -9 $$").returncode, 137)
        self.assertEqual(self.one("--max-output", "64K", "--", "yes").returncode, 122)

    def test_what_is_not_there(self):
        done = self.one("--", "/no/such/program")
        self.assertEqual(done.returncode, 125)
        self.assertIn("/no/such/program", done.stderr)

    def test_json_loses_nothing(self):
        done = self.one("--json", "--", "python3", "-c", "import os\nfor i in range(256): os.write(1, bytes([i]))")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([events[0]["type"], events[1]["type"], events[-1]["type"]], ["sandbox", "started", "exited"])
        got = b"".join(base64.b64decode(event["base64"]) if "base64" in event else event["text"].encode()
                       for event in events if event["type"] == "stdout")
        self.assertEqual(got, bytes(range(256)))
        self.assertEqual((events[-1]["outcome"], events[-1]["exit_code"]), ("exited", 0))

    def test_detach_processes_signal_attach(self):
        sandbox = self.sandbox()
        done = self.one("--sandbox", sandbox, "--detach", "--", "sh", "-c", "while :; do echo up; sleep 0.2; done")
        self.assertEqual(done.returncode, 0, done.stderr)
        process = done.stdout.strip()
        table = self.server.run("processes", sandbox).stdout
        self.assertRegex(table, rf"{process} .* running .* sh -c")
        attached = self.server.popen("attach", sandbox, process)
        self.assertEqual(self.server.first_line(attached), b"up\n")
        attached.send_signal(signal.SIGINT)
        attached.communicate(timeout=patience())
        self.assertEqual(attached.returncode, 130)
        listed = json.loads(self.server.run("processes", sandbox, "--json").stdout)["processes"]
        self.assertNotIn("termination", listed[0], "leaving it ended it")
        self.assertEqual(self.server.run("signal", sandbox, process, "KILL").returncode, 0)
        self.assertEqual(self.server.run("attach", sandbox, process).returncode, 137)
        self.assertEqual(self.server.run("attach", sandbox, "p999").returncode, 125)
        self.ended()

    def test_nothing_that_a_detached_command_says_is_lost(self):
        sandbox = self.sandbox()
        process = self.one("--sandbox", sandbox, "--detach", "--", "seq", "20000").stdout.strip()
        for _ in range(2):
            told = self.server.run("attach", sandbox, process, "--from-start")
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertEqual(told.stdout.split(), [str(number) for number in range(1, 20001)])
        self.ended()

    def test_a_long_command_is_listed_in_part(self):
        sandbox = self.sandbox()
        for length, cut in ((1000, False), (10_000, True)):
            process = self.one("--sandbox", sandbox, "--detach", "--", "sleep", "1000", "x" * length).stdout.strip()
            line = [line for line in self.server.run("processes", sandbox).stdout.splitlines() if line.startswith(process)][0]
            self.assertEqual(line.endswith("x …"), cut)
            listed = json.loads(self.server.run("processes", sandbox, "--json").stdout)["processes"]
            self.assertEqual([one["arguments_cut"] for one in listed if one["process_id"] == process], [cut])
            self.server.run("signal", sandbox, process, "KILL")
        self.ended()

    def test_a_client_that_is_killed_takes_its_process_along(self):
        sandbox = self.sandbox()
        process = self.server.popen("run", "--sandbox", sandbox, "--", "sh", "-c", "echo up; sleep 1000")
        self.server.first_line(process)
        process.kill()
        process.communicate(timeout=patience())

        def ended():
            listed = json.loads(self.server.run("processes", sandbox, "--json").stdout)["processes"]
            return all(one.get("termination") for one in listed)

        eventually(ended)
        self.assertTrue(ended())
        self.ended()

    # Terminals.

    def test_a_shell_on_a_terminal(self):
        terminal = Terminal(self.server, "shell", rows=31, columns=97)
        terminal.type(b"stty size; echo $TERM\r")
        terminal.wait_for(b"31 97")
        terminal.wait_for(b"dumb")
        self.assertTrue(terminal.is_raw())
        # bash sets the size that it has read, before each prompt: one that comes in between is lost.
        terminal.wait_for(b"$ ", times=2)
        terminal.resize(40, 120)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.type(b"until stty size | grep '40 120'; do sleep 0.1; done\r")
        terminal.wait_for(b"\n40 120")
        terminal.type(b"sh -c 'echo sle\"\"eping; exec sleep 1000'\r")
        terminal.wait_for(b"sleeping\r\n")
        terminal.type(b"\x03")
        terminal.type(b"exit 9\r")
        self.assertEqual(terminal.end(), (9, True))

    def test_a_shell_is_left_by_a_key(self):
        terminal = Terminal(self.server, "shell")
        terminal.type(b"echo u''p\r")
        terminal.wait_for(b"up\r\n")
        terminal.type(b"\r~.")
        self.assertEqual(terminal.end(), (0, True))

    def test_a_shell_that_is_left_goes_on_where_it_was_detached(self):
        sandbox = self.sandbox()

        def states():
            listed = json.loads(self.server.run("processes", sandbox, "--json").stdout)["processes"]
            return [one.get("termination", {}).get("kind") for one in listed]

        terminal = Terminal(self.server, "shell", sandbox)
        terminal.type(b"echo u''p\r")
        terminal.wait_for(b"up\r\n")
        terminal.type(b"\r~.")
        self.assertEqual(terminal.end(), (0, True))
        eventually(lambda: None not in states())
        self.assertEqual(states(), ["CANCELLED"])
        process = self.one("--sandbox", sandbox, "-t", "--detach", "--", "bash").stdout.strip()
        for typed, shown in ((b"MARK=kept; echo u''p\r", b"up\r\n"), (b"echo $MARK''.\r", b"kept.\r\n")):
            terminal = Terminal(self.server, "attach", sandbox, process)
            terminal.type(typed)
            terminal.wait_for(shown)
            terminal.type(b"\r~.")
            self.assertEqual(terminal.end(), (0, True))
        self.assertIn(None, states())
        self.ended()

    def test_the_terminal_is_restored_on_every_way_out(self):
        for sent in (signal.SIGTERM, signal.SIGHUP, signal.SIGABRT):
            with self.subTest(sent=sent):
                sandbox = self.server.run("create").stdout.strip()
                terminal = Terminal(self.server, "shell", sandbox)
                terminal.type(b"echo u''p\r")
                terminal.wait_for(b"up\r\n")
                self.assertTrue(terminal.is_raw())
                os.kill(terminal.process.pid, sent)
                code, restored = terminal.end()
                self.assertTrue(restored)
                self.assertEqual(code, -sent if sent == signal.SIGABRT else 128 + sent)
                self.server.run("kill", sandbox)

    def test_the_sandbox_goes_meanwhile(self):
        sandbox = self.server.run("create").stdout.strip()
        terminal = Terminal(self.server, "shell", sandbox)
        terminal.type(b"echo u''p\r")
        terminal.wait_for(b"up\r\n")
        self.server.run("kill", sandbox)
        code, restored = terminal.end()
        self.assertTrue(restored)
        self.assertNotEqual(code, 0)

    def test_a_shell_without_a_terminal_reads_commands(self):
        done = self.server.run("shell", input="echo one\nexit 3\n")
        self.assertEqual((done.returncode, done.stdout), (3, "one\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()

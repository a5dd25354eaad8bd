"""The CLI against a real warrend: what it prints, how it ends, and that it leaves no sandbox."""

import base64
import json
import os
import pty
import signal
import subprocess
import tempfile
import unittest

from warren_server import PREFIX, ServerTest, patience

# Prints a line, and then lasts until somebody ends it.
ENDLESS = ("--timeout", "24h", "-c", "print('up', flush=True)\nimport time; time.sleep(1e6)")


class Cli(ServerTest):
    flags = ("--default-template", "base")

    def tearDown(self):
        self.assertEqual(self.server.sandboxes(), [])

    def assert_ends(self, done, code):
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr[-500:])

    # Output.

    def test_output_and_result(self):
        done = self.server.exec("-c", "import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout, "out\n42\n")
        self.assertEqual(done.stderr, "err\n")

    def test_cells_share_a_context(self):
        self.assertEqual(self.server.exec("-c", "a = 20", "-c", "a + 1").stdout, "21\n")

    def test_a_list_is_code_and_not_two_arguments(self):
        self.assertEqual(self.server.exec("-c", "[1, 2]").stdout, "[1, 2]\n")

    def test_files_in_and_out(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("a.csv", "1,2"), ("b.csv", "3")):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            done = self.server.exec(
                "--in", f"{folder}/a.csv", "--in", f"{folder}/b.csv:deep/c.csv", "--out", "**/*.csv", "--out", "*.txt",
                "-c", "print(open('a.csv').read(), open('deep/c.csv').read()); open('new.txt', 'w').close()")
            self.assert_ends(done, 0)
            self.assertEqual(done.stdout, "1,2 3\n")
            self.assertEqual([line.split(",")[0] for line in done.stderr.splitlines()], [
                "warren: file /home/user/a.csv: 3 B", "warren: file /home/user/deep/c.csv: 1 B",
                "warren: file /home/user/new.txt: 0 B"])
            done = self.server.exec("--in", f"{folder}/a.csv:/dev/null", "--out", "*", "-c", "print('ran')")
            self.assert_ends(done, 1)
            self.assertEqual(done.stdout, "")
            self.assertIn('InputFileError: input_files[0].path "/dev/null": is a device', done.stderr)
            self.assertIn("not all files are told: the code did not run", done.stderr)
            self.assert_ends(self.server.exec("--in", f"{folder}/none", "-c", "1"), 125)

    def test_standard_input_and_files(self):
        self.assertEqual(self.server.exec(input="print(6 * 7)").stdout, "42\n")
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("x = 1\n# %%\nprint(x + 1)\n")
            file.flush()
            self.assertEqual(self.server.exec("--cells", file.name).stdout, "2\n")

    def test_output_streams_as_it_comes(self):
        process = self.server.popen("exec", *ENDLESS)
        self.assertEqual(self.server.first_line(process), b"up\n")
        self.assertIsNone(process.poll(), "the cell is over")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=patience())

    def test_raw_bytes_pass_through_a_pipe(self):
        code = "import os; os.write(1, bytes(range(256)))"
        done = subprocess.run([f"{PREFIX}/bin/warren", "exec", "-c", code + ";"], capture_output=True,
                              env=self.server.environment, stdin=subprocess.DEVNULL, timeout=patience())
        self.assertIn(bytes(range(256)), done.stdout)

    def test_a_terminal_gets_no_escape_sequence(self):
        leader, follower = pty.openpty()
        process = subprocess.Popen([f"{PREFIX}/bin/warren", "exec", "-c", "print('\\x1b]0;evil\\x07ok')"], stdin=follower,
                                   stdout=follower, stderr=follower, env=self.server.environment)
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 4096):
                shown += data
        except OSError:
            pass  # EIO: nobody has the other end any more.
        process.wait(patience())
        os.close(leader)
        self.assertIn(b"\\x1b]0;evil\\x07ok", shown)
        self.assertNotIn(b"\x1b", shown)

    def test_json_events(self):
        events = self.server.events("-c", "print('a')\n1 + 1")
        self.assertEqual([event["type"] for event in events], ["sandbox", "started", "stdout", "display", "finished"])
        self.assertEqual(events[3]["data"], {"text/plain": "2"})
        self.assertEqual(events[4]["outcome"], "exited")

    def test_displays_are_saved(self):
        with tempfile.TemporaryDirectory() as folder:
            code = "from IPython.display import HTML, SVG\nHTML('<b>x</b>')"
            done = self.server.exec("--save-dir", folder, "-c", code)
            self.assert_ends(done, 0)
            with open(os.path.join(folder, "figure-1.html")) as file:
                self.assertEqual(file.read(), "<b>x</b>")
            self.assertIn("wrote", done.stderr)

    def test_usage(self):
        done = self.server.exec("--usage", "-c", "1")
        self.assertIn("warren: sandbox sb", done.stderr)
        self.assertIn("cell 1: wall", done.stderr)

    # Exit codes.

    def test_exception(self):
        done = self.server.exec("-c", "1 / 0", "-c", "print('not reached')")
        self.assert_ends(done, 1)
        self.assertIn("ZeroDivisionError", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_exit_codes_of_user_code(self):
        self.assert_ends(self.server.exec("-c", "import sys; sys.exit(3)"), 3)
        self.assert_ends(self.server.exec("-c", "import sys; sys.exit()", "-c", "1 / 0"), 0)
        self.assert_ends(self.server.exec("-c", "import os; os._exit(9)"), 9)

    def test_timeout(self):
        self.assert_ends(self.server.exec("--timeout", "500ms", "-c", "import time; time.sleep(1e6)"), 124)

    def test_memory_limit(self):
        self.assert_ends(self.server.exec("--memory", "96M", "-c", "x = b'x' * (300 << 20)"), 137)

    def test_output_limit(self):
        for arguments in (("exec", "-c", "while True: print('x' * 1000)"), ("script", "-")):
            with self.subTest(arguments[0]):
                done = self.server.run(*arguments[:1], "--max-output", "64K", *arguments[1:],
                                       input="while True: print('x' * 1000)")
                self.assert_ends(done, 122)
                self.assertEqual(len(done.stdout.rstrip("\n")), 64 << 10)

    def test_signal(self):
        self.assert_ends(self.server.exec("-c", "import os; os.kill(os.getpid(), 11)"), 139)

    def test_interrupt(self):
        process = self.server.popen("exec", *ENDLESS)
        self.assertEqual(self.server.first_line(process), b"up\n")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=patience())
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"cancelled", err)

    def test_a_reader_that_leaves(self):
        process = self.server.popen("exec", "-c", "while True: print('x' * 1000)")
        self.server.first_line(process)
        process.stdout.close()
        process.stderr.read()
        self.assertEqual(process.wait(patience()), 141)
        process.stderr.close()

    def test_json_loses_nothing(self):
        events = self.server.events("-c", "import os, sys\nfor byte in range(256): os.write(1, bytes([byte]))\n"
                                          "os.write(2, '€'.encode() + b'\\xff')")
        for stream, sent in (("stdout", bytes(range(256))), ("stderr", "€".encode() + b"\xff")):
            pieces = [event for event in events if event["type"] == stream]
            got = b"".join(base64.b64decode(piece["base64"]) if "base64" in piece else piece["text"].encode()
                           for piece in pieces)
            self.assertEqual(got, sent)

    def test_own_errors(self):
        for arguments in (("-c", "1", "--template", "nope"), ("-c", "1", "--timeout", "48h"), ("-c", "1", "--memory", "1M"),
                          ("/no/such/file",), ("--bogus",), ("-c", "x" * (1 << 20) + "1")):
            if len(arguments[-1]) > 100_000:
                done = self.server.exec(input=arguments[-1])
            else:
                done = self.server.exec(*arguments)
            self.assert_ends(done, 125)
            self.assertTrue(done.stderr.strip())

    def test_no_server(self):
        done = self.server.run("ps", "--address", "unix:///nowhere/warren.sock")
        self.assert_ends(done, 125)
        self.assertIn("warrend --listen unix:///nowhere/warren.sock", done.stderr)

    # The other commands.

    def test_ps_and_kill(self):
        process = self.server.popen("exec", *ENDLESS)
        self.server.first_line(process)
        sandbox = self.server.sandboxes()[0]["sandbox_id"]
        self.assertIn(sandbox, self.server.run("ps").stdout)
        metrics = self.server.run("metrics").stdout.splitlines()
        self.assertIn('warren_sandboxes{template="base",state="running"} 1', metrics)
        self.assertTrue(any(line.startswith('warren_pool_target{template="base"} ') for line in metrics), metrics)
        done = self.server.run("kill", sandbox)
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout.strip(), sandbox)
        process.communicate(timeout=patience())
        self.assertEqual(process.returncode, 137)
        self.assert_ends(self.server.run("kill", sandbox), 125)
        self.assert_ends(self.server.run("kill", "--all"), 0)

    def test_templates(self):
        answer = json.loads(self.server.run("templates", "--json").stdout)
        self.assertIn("base", [info["template_id"] for info in answer["templates"]])
        self.assertEqual(answer["default_template_id"], "base")
        self.assertRegex(self.server.run("templates").stdout, r"base +3\.\S+ .* ready, the default ")

    def test_doctor(self):
        done = self.server.run("doctor", "--json")
        self.assert_ends(done, 0)
        self.assertTrue(json.loads(done.stdout)["can_run"])

    def test_pace(self):
        done = self.server.run("doctor", "--pace", "--json")
        self.assert_ends(done, 0)
        self.assertGreaterEqual(json.loads(done.stdout)["pace"], 1)
        self.assertRegex(self.server.run("doctor", "--pace").stdout, r"^pace [0-9.]+: ")


if __name__ == "__main__":
    unittest.main()

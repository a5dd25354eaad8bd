"""Policies as they are set and changed, what is told of connections, and the relay that carries them."""

import json
import os
import select
import signal
import subprocess
import textwrap
import unittest

import egress
from egress import EgressTest, Sandbox, here
from pace import eventually, patience
from world import ALLOWED

setUpModule, tearDownModule = egress.setUpModule, egress.tearDownModule


class Policies(EgressTest):
    def test_off_by_default(self):
        sandbox = self.sandbox()
        done = sandbox.run("curl", "-sS", "-m", "20", "http://allowed.test/")
        self.assertEqual(done.returncode, 6, done.stderr)
        done = sandbox.run("curl", "-sS", "-m", "20", f"http://{ALLOWED}/")
        self.assertEqual(done.returncode, 7, done.stderr)

    def test_changed_live(self):
        sandbox = self.sandbox()
        status = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://allowed.test/hello"]
        self.assertRan(sandbox.network("--allow", "allowed.test:80"))
        self.assertRan(sandbox.run(*status), "200")
        self.assertRan(sandbox.network("--allow", "other.test"))
        self.assertRan(sandbox.run(*status), "403")
        self.assertRan(sandbox.network("--network", "internet", "--deny", "other.test"))
        self.assertRan(sandbox.run(*status), "200")
        self.assertRan(sandbox.run(*status[:-1], "http://other.test/"), "403")

    def test_a_change_cuts_what_it_denies(self):
        sandbox = self.sandbox("--allow", "allowed.test", "--allow", "other.test")
        sandbox.write("/tmp/held.py", textwrap.dedent("""
            import socket
            stream = socket.create_connection(("allowed.test", 2525))
            print(stream.recv(8).decode().strip(), flush=True)
            try:
                print(stream.recv(8))
            except ConnectionResetError:
                print("cut", flush=True)
            """))
        process = here.server.popen("run", "--sandbox", sandbox.id, "--", "/usr/bin/python3", "-u", "/tmp/held.py")
        self.assertEqual(here.server.first_line(process), b"welcome\n")
        self.assertRan(sandbox.network("--allow", "other.test"))
        self.assertEqual(here.server.first_line(process), b"cut\n")
        process.communicate(timeout=patience())

    def test_get_environment_shows_it(self):
        sandbox = self.sandbox("--network", "internet", "--deny", "*.other.test:443")
        shown = json.loads(here.server.run("network", "show", sandbox.id, "--json").stdout)
        self.assertIn("*.other.test", json.dumps(shown))
        self.assertIn("internet", json.dumps(shown))

    def test_bandwidth(self):
        self.file("much", os.urandom(300_000))
        sandbox = self.sandbox("--allow", "allowed.test", "--bandwidth", "100K")
        done = sandbox.run("curl", "-sS", "-o", "/dev/null", "-w", "%{time_total} %{size_download}", "http://allowed.test/much")
        self.assertRan(done)
        seconds, size = done.stdout.split()
        self.assertEqual(size, "300000")
        # A second's worth comes at once. Slower is no fault of this: that it is not faster is the bound.
        self.assertGreater(float(seconds), 1.5)

    def test_what_is_no_policy(self):
        for flags, said in ((["--allow", "http://x"], "allow"), (["--allow", "10.0.0.1/8"], "allow"), (["--network", "nope"], "nope"),
                            (["--allow", "a..b"], "allow"), (["--allow", "x.test:70000"], "70000")):
            with self.subTest(flags):
                done = here.server.run("create", *flags)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(said, done.stderr)


class Events(EgressTest):
    def test_a_watcher_is_told(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        watch = here.server.popen("network", "watch", sandbox.id, "--json")
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        # Until it watches: what happened before is not told.
        seen = []

        def look():
            sandbox.run("curl", "-sS", "-o", "/dev/null", "http://other.test/")
            if select.select([watch.stdout], [], [], 0.2)[0]:
                seen.append(json.loads(here.server.first_line(watch)))
            return bool(seen)
        eventually(look)
        self.assertRegex(json.dumps(seen[0]), "denied")
        self.assertIn("other.test", json.dumps(seen[0]))
        sandbox.run("curl", "-sS", "-o", "/dev/null", "http://allowed.test/hello")
        told = seen[0]
        while "allowed.test" not in json.dumps(told):
            told = json.loads(here.server.first_line(watch))
        self.assertRegex(json.dumps(told), "allowed")
        self.assertIn(ALLOWED, json.dumps(told))

    def test_the_log_has_a_line_for_each(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        sandbox.run("curl", "-sS", "-o", "/dev/null", "http://allowed.test/hello")
        sandbox.run("curl", "-sS", "-o", "/dev/null", "http://other.test/")
        def lines():
            return [line for line in here.server.log().splitlines() if f"event=network sandbox={sandbox.id}" in line]
        eventually(lambda: len(lines()) >= 2)
        allowed, denied = lines()[-2:]
        self.assertRegex(allowed, rf'verdict=allowed name="allowed\.test" address="{ALLOWED}" port=80 sent=\d+ received=\d+')
        self.assertRegex(denied, r'verdict=denied name="other\.test".*reason="other\.test:80 is denied')


def relay_pid():
    """Of this server's launcher."""
    launcher = subprocess.run(["pgrep", "-P", str(here.server.process.pid), "warren-launch"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", ",".join(launcher), "warren-relay"], capture_output=True,
                                               text=True).stdout.split()]


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)


class Relay(EgressTest):
    def relay(self):
        """The pid of the one that serves."""
        # Started beside the server, and ready when it is confined.
        eventually(lambda: [status_of(pid)["Seccomp"] for pid in relay_pid()] == ["2"])
        pid, = relay_pid()
        return pid

    def test_it_has_nothing(self):
        pid = self.relay()
        status = status_of(pid)
        self.assertEqual({status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")}, {"0" * 16})
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
        open_files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        self.assertFalse([path for path in open_files if path.startswith("/") and not path.startswith(("/dev/null", here.server.directory))])

    def test_sandboxes_live_on_without_it_and_it_comes_back(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        status = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://allowed.test/hello"]
        self.assertRan(sandbox.run(*status), "200")
        before = sandbox.python("import socket; print(socket.gethostbyname('allowed.test'))").stdout
        pid = self.relay()
        os.kill(pid, signal.SIGKILL)
        self.assertRan(sandbox.run("echo", "alive"), "alive\n")
        eventually(lambda: relay_pid() not in ([], [pid]))
        eventually(lambda: sandbox.run(*status).stdout == "200")
        # The names are where they were: a program may know them still.
        self.assertEqual(sandbox.python("import socket; print(socket.gethostbyname('allowed.test'))").stdout, before)

    def test_a_killed_sandbox_leaves_nothing_in_it(self):
        pid = self.relay()
        count = len(os.listdir(f"/proc/{pid}/fd"))
        sandbox = Sandbox("--allow", "allowed.test")
        process = here.server.popen("run", "--sandbox", sandbox.id, "--", "/usr/bin/python3", "-u", "-c",
                               "import socket; s = socket.create_connection(('allowed.test', 2525)); print(s.recv(8)); s.recv(8)")
        here.server.first_line(process)
        self.assertGreater(len(os.listdir(f"/proc/{pid}/fd")), count)
        sandbox.kill()
        eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= count)
        process.communicate(timeout=patience())


if __name__ == "__main__":
    unittest.main()

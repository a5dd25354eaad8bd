"""Sandboxes that outlive a command, their contexts and executions, against a real warrend."""

import json
import select
import signal
import unittest

from warren_server import ServerTest, eventually, patience


class Life(ServerTest):
    flags = ("--default-template", "base")

    def setUp(self):
        self.sandbox = self.warren("create", "--metadata", f"test={self.id()}", "--env", "A=[1, 2]").stdout.strip()

    def tearDown(self):
        self.server.run("kill", "--all")

    def warren(self, *arguments, code=0, **options):
        done = self.server.run(*arguments, **options)
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr[-1500:])
        return done

    def exec(self, *arguments, code=0):
        return self.warren("exec", "--sandbox", self.sandbox, *arguments, code=code).stdout

    def test_a_named_sandbox_lives_on(self):
        self.exec("-c", "x = 41")
        self.assertEqual(self.exec("-c", "x + 1"), "42\n")
        self.assertEqual(self.exec("--env", "B=2", "-c", "import os; print(os.environ['A'], os.environ['B'])"), "[1, 2] 2\n")

    def test_ps_filters(self):
        ids = self.warren("ps", "-q", "--metadata", f"test={self.id()}").stdout
        self.assertEqual(ids, self.sandbox + "\n")
        self.assertEqual(self.warren("ps", "-q", "--metadata", "test=other").stdout, "")
        self.assertEqual(self.warren("ps", "-q", "--template", "other").stdout, "")
        self.assertEqual(self.warren("ps", "-q", "--state", "paused").stdout, "")
        self.assertIn(self.sandbox, self.warren("ps", "-q", "--since", "10m", "--newest-first").stdout)

    def test_pause_and_resume(self):
        self.assertRegex(self.warren("pause", self.sandbox).stdout, "state +paused")
        self.assertIn(self.sandbox, self.warren("ps", "-q", "--state", "paused").stdout)
        self.exec("-c", "1", code=125)
        self.assertRegex(self.warren("resume", self.sandbox, "--lifetime", "7m").stdout, "state +running")
        self.assertEqual(self.exec("-c", "1"), "1\n")

    def test_extend_and_limits_and_metrics(self):
        said = self.warren("extend", self.sandbox, "2h", "--lifetime-from", "creation", "--on-expiry", "pause").stdout
        self.assertRegex(said, "lifetime +2h")
        self.assertRegex(said, "counted from +creation")
        self.assertRegex(said, "at its end +pause")
        self.assertRegex(self.warren("limits", self.sandbox, "--memory", "300M").stdout, "memory +300.0 MiB")
        self.assertRegex(self.warren("limits", self.sandbox).stdout, "memory +300.0 MiB")
        self.warren("extend", self.sandbox, "0s", code=125)
        self.assertRegex(self.warren("metrics", self.sandbox).stdout, "memory +.* of 300.0 MiB")
        self.assertGreater(int(json.loads(self.warren("metrics", self.sandbox, "--json").stdout)["memory_bytes"]), 0)

    def test_environment(self):
        self.exec("-c", "import os, site; os.makedirs(site.getusersitepackages() + '/My_Own-1.2.dist-info')")
        told = self.warren("environment", self.sandbox).stdout
        for line in ("template +base", "python +3.* /usr/bin/python3", "languages +python", "runs as +user",
                     "memory +.* of 512.0 MiB", "disk +.* of 256.0 MiB", "memory +512.0 MiB", "inodes +65536",
                     "open files +1024", "file size +256.0 MiB", "cpu seconds +no bound", "output +64.0 MiB",
                     "/ +overlay +writable", "/dev +tmpfs +read-only",
                     "pause +yes", "network +none", "network +yes", "my-own +1.2"):
            self.assertRegex(told, f"(?m)^{line}")
        told = json.loads(self.warren("environment", self.sandbox, "--json").stdout)
        self.assertIn({"name": "my-own", "version": "1.2"}, told["python_packages"])
        self.assertEqual(told["limits"]["disk_bytes"], told["use"]["disk_limit_bytes"])
        self.assertNotIn("MOUNT", self.warren("environment", "--template", "base").stdout)
        self.warren("pause", self.sandbox)
        self.assertIn("paused", self.warren("environment", self.sandbox).stderr)
        self.warren("environment", "sbnone", code=125)
        self.assertIn("SANDBOX or --template", self.warren("environment", code=125).stderr)

    def test_network(self):
        self.assertRegex(self.warren("network", "show", self.sandbox).stdout, "preset +none\n(.*\n)*Nothing is allowed")
        self.warren("network", "set", self.sandbox, "--allow", "pip.test:443", "--bandwidth", "1M")
        shown = self.warren("network", "show", self.sandbox).stdout
        self.assertRegex(shown, "bandwidth +1.0 MiB")
        self.assertRegex(shown, "allow +pip.test +443")
        self.assertIn("none; allow pip.test:443", self.warren("environment", self.sandbox).stdout)
        self.assertIn("internet", self.warren("network", "set", self.sandbox, "--network", "nosuch", code=125).stderr)
        self.assertEqual(json.loads(self.warren("network", "show", self.sandbox, "--json").stdout)["allow"][0]["host"], "pip.test")

    def test_network_watch(self):
        self.warren("network", "set", self.sandbox, "--allow", "pip.test:443")
        watch = self.server.popen("network", "watch", "--json", self.sandbox)
        self.addCleanup(watch.communicate, timeout=patience())

        def seen():
            # Until the watch is there, nobody is told.
            self.exec("-c", "import urllib.request; urllib.request.urlopen('http://example.org')", code=1)
            return select.select([watch.stdout], [], [], 0)[0]

        self.assertTrue(eventually(seen))
        event = json.loads(self.server.first_line(watch))
        self.assertEqual((event["verdict"], event["name"], event["port"]), ("denied", "example.org", 80))
        self.assertIn("example.org", event["reason"])
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(patience()), 130)

    def test_a_create_that_is_sent_again(self):
        first = self.warren("create", "--request-id", "r1").stdout
        self.assertEqual(self.warren("create", "--request-id", "r1").stdout, first)
        self.warren("create", "--request-id", "r1", "--env", "A=1", code=125)

    def test_completion_knows_the_sandbox(self):
        # Whoever presses a key waits for a second, and no longer: on a busy host, once more.
        self.assertTrue(eventually(lambda: self.server.run("__sandboxes").stdout == self.sandbox + "\n"))

    def test_contexts(self):
        context = self.warren("context", "create", self.sandbox, "--cwd", "/tmp", "--env", "C=3").stdout.strip()
        self.exec("-c", "x = 1")
        self.exec("--context", context, "-c", "x = 2")
        self.assertEqual(self.exec("-c", "x"), "1\n")
        self.assertEqual(self.exec("--context", context, "-c", "import os; print(x, os.getcwd(), os.environ['C'])"),
                         "2 /tmp 3\n")
        self.assertIn(context, self.warren("context", "list", self.sandbox).stdout)
        self.assertEqual(self.warren("context", "restart", self.sandbox, context).stdout.strip(), context)
        self.exec("--context", context, "-c", "x", code=1)
        self.warren("context", "interrupt", self.sandbox, context, code=125)
        self.warren("context", "delete", self.sandbox, context)
        self.exec("--context", context, "-c", "1", code=125)

    def test_a_script(self):
        done = self.warren("script", "-", "--", "[a, b]", "c", input="import sys; print(sys.argv[1:]); sys.exit(4)", code=4)
        self.assertEqual(done.stdout, "['[a, b]', 'c']\n")
        self.exec("-c", "open('/tmp/s.sh', 'w').write('cat; exit 3')")
        done = self.warren("script", "--sandbox", self.sandbox, "--path", "/tmp/s.sh", input="in\n", code=3)
        self.assertEqual(done.stdout, "in\n")

    def test_an_execution_is_left_and_found_again(self):
        execution = self.exec("--detach", "-c", "print('up')\nimport time\nwhile not globals().get('x'): time.sleep(0.1)").strip()
        process = self.server.popen("connect", self.sandbox, execution, "--json")
        started = json.loads(self.server.first_line(process))
        self.assertEqual((started["type"], started["execution_id"]), ("started", execution))
        self.assertEqual(json.loads(self.server.first_line(process))["text"], "up\n")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=patience())
        self.assertEqual(process.returncode, 130)
        self.warren("context", "interrupt", self.sandbox)
        done = self.warren("connect", self.sandbox, execution, code=1)
        self.assertIn("KeyboardInterrupt", done.stderr)

    def test_a_script_is_left_and_found_again(self):
        code = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.1)\nprint('went'); raise SystemExit(4)"
        execution = self.warren("script", "--sandbox", self.sandbox, "--detach", "-", input=code).stdout.strip()
        self.warren("cp", "-", f"{self.sandbox}:go")
        self.assertEqual(self.warren("connect", self.sandbox, execution, code=4).stdout, "went\n")
        told = json.loads(self.warren("script", "--sandbox", self.sandbox, "--detach", "--json", "-", input="1").stdout)
        self.assertEqual(told["type"], "detached")

    def test_an_execution_that_is_sent_again(self):
        self.exec("-c", "x = 0")
        for _ in range(2):
            self.assertEqual(self.exec("--request-id", "r1", "-c", "x += 1; x"), "1\n")
        self.exec("--request-id", "r1", "-c", "x += 2; x", code=125)
        for _ in range(2):
            done = self.warren("script", "--sandbox", self.sandbox, "--request-id", "r2", "-",
                               input="import os; os.mkdir('once'); print('made')")
            self.assertEqual(done.stdout, "made\n")


class Kill(ServerTest):
    flags = ("--default-template", "base")

    def test_json(self):
        sandbox = self.server.run("create").stdout.strip()
        told = json.loads(self.server.run("kill", sandbox, "--json").stdout)
        self.assertEqual(told["sandbox_id"], sandbox)
        self.assertIn("usage", told)


if __name__ == "__main__":
    unittest.main()

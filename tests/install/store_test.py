"""The store, and what works for it: packages that mean harm, files that are not what they were, processes that are killed."""

import os
import shutil
import signal
import stat
import subprocess
import threading
import unittest
import zipfile

import install
from install import InstallTest, here
from pace import eventually
from wheels import publish, wheel

setUpModule, tearDownModule = install.setUpModule, install.tearDownModule


def entry(name, mode=stat.S_IFREG | 0o644):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


class HostilePackages(InstallTest):
    """Whatever is in an archive: an error, and nothing in the store."""

    def refused(self, name):
        done = self.install(self.create(), name)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertNotIn(name, [stored["package"]["name"] for stored in self.stored().get("packages", [])])
        return done

    def test_paths_that_climb(self):
        here.publish("hostile-paths", "1.0", {"fine.py": ""}, raw=[(entry("../../../../../../tmp/climbed.py"), b"x"),
                                                                   (entry("/etc/absolute.py"), b"x")])
        self.refused("hostile-paths")
        self.assertFalse(os.path.exists("/tmp/climbed.py"))

    def test_links_are_files_or_nothing(self):
        here.publish("hostile-links", "1.0", {"fine.py": "x = 1\n"}, raw=[(entry("linked.py", stat.S_IFLNK | 0o777), b"/etc/passwd")])
        sandbox = self.create()
        if self.install(sandbox, "hostile-links").returncode == 0:
            self.assertRan(self.run_in(sandbox, "sh", "-c", "! test -L /opt/packages/linked.py && ! grep -q root /opt/packages/linked.py"))
        for path in here.stored_files("linked.py"):
            self.assertTrue(stat.S_ISREG(os.lstat(path).st_mode))

    def test_a_bomb(self):
        # 8 GiB of zeroes in a few megabytes: more than a builder's disk.
        folder = os.path.join(here.world.made, "bomb")
        os.makedirs(folder, exist_ok=True)
        path = wheel(folder, "hostile-bomb", "1.0", {"bomb.py": ""})
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("bomb.bin", "w", force_zip64=True) as inside:
            zeroes = bytes(16 << 20)
            for _ in range(512):
                inside.write(zeroes)
        publish(here.world.ours, path)
        self.refused("hostile-bomb")

    def test_a_digest_that_does_not_hold(self):
        here.publish("broken-hash", "1.0", {"broken.py": "x = 1\n"})
        page = os.path.join(here.world.ours, "broken-hash", "index.html")
        with open(page) as file:
            text = file.read()
        digest = text.split("sha256=")[1][:64]
        with open(page, "w") as file:
            file.write(text.replace(digest, "0" * 64))
        self.refused("broken-hash")


class Spoilt(InstallTest):
    """What was changed behind the store's back is found and fetched anew."""

    def spoil(self, how):
        path, = here.stored_files("subroutine.py")
        how(path)
        done = here.server.run("packages", "verify")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("subroutine 3.0", done.stderr)
        self.assertEqual(here.stored_files("subroutine.py"), [])
        sandbox = self.create()
        self.installed(sandbox, "hamilton")
        self.assertRan(self.python(sandbox, "import subroutine; print(subroutine.deep)"), "True\n")
        self.assertRan(here.server.run("packages", "verify"))

    def setUp(self):
        self.installed(self.create(), "hamilton")
        self.assertRan(here.server.run("packages", "verify"))

    def test_altered(self):
        def alter(path):
            os.chmod(path, 0o644)
            with open(path, "r+") as file:
                file.write("deep = 7777\n")
        self.spoil(alter)

    def test_truncated(self):
        self.spoil(lambda path: os.truncate(path, 3))

    def test_removed(self):
        self.spoil(os.remove)

    def test_replaced_by_a_link(self):
        def link(path):
            os.remove(path)
            os.symlink("/etc/hostname", path)
        self.spoil(link)


class Pruned(InstallTest):
    def test_what_is_in_use_stays(self):
        sandbox = self.create()
        digest = self.installed(sandbox, "hopper")["set_digest"]
        other = self.installed(self.create(), "hamilton")["set_digest"]
        here.server.run("kill", *[known["sandbox_id"] for known in here.server.sandboxes() if known["sandbox_id"] != sandbox])
        eventually(lambda: {known["digest"]: int(known.get("uses", 0)) for known in self.stored()["sets"]}.get(other) == 0)
        self.assertRan(here.server.run("packages", "prune"))
        self.assertEqual([known["digest"] for known in self.stored()["sets"]], [digest])
        self.assertRan(self.run_in(sandbox, "python3", "-c", "import hopper; print(hopper.jumps)"), "3\n")


class Hanging(InstallTest):
    """Builders that do not end by themselves: an error that says so, nothing in the store, and nobody left."""

    def hangs(self, name, code, *words):
        here.stop_server()
        self.addCleanup(here.start_server)
        shutil.rmtree(here.store)
        here.start_server(policy="resolve_seconds: 2 unpack_seconds: 2")
        try:
            with install.builder_with(name, code):
                self.assertRefused(self.install(self.create(), "lovelace"), "the builder was not done after 2 seconds", *words)
            self.assertEqual(self.stored().get("packages", []), [])
            self.assertEqual(os.listdir(os.path.join(here.store, "tmp")), [])
            eventually(lambda: subprocess.run(["pgrep", "-f", "/opt/warren/builder/main.py"], capture_output=True,
                                              check=False).returncode != 0)
        finally:
            here.stop_server()

    def test_while_it_resolves(self):
        self.hangs("resolve.py", "def run(*arguments):\n    import time\n    time.sleep(1e6)\n", "(resolve)")

    def test_while_it_unpacks(self):
        self.hangs("unpack.py", "def _install(*arguments):\n    import time\n    time.sleep(1e6)\n", "lovelace 1.2", "(unpack)")

    def test_while_it_sends(self):
        self.hangs("unpack.py", "def _send(connection, *arguments):\n    import time\n    connection.send(b'\\x05\\0')\n    time.sleep(1e6)\n",
                   "lovelace 1.2", "(unpack)")


class Killed(InstallTest):
    """Each process once: an error or a wait, and then it works again."""

    def kill(self, name):
        pid = here.service(name)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: here.service(name) not in (None, pid))

    def test_the_store(self):
        sandbox = self.create()
        digest = self.installed(sandbox, "hopper")["set_digest"]
        self.kill("store")
        eventually(lambda: self.install(self.create(), "hopper").returncode == 0)
        # What was in use is again.
        self.assertRan(here.server.run("packages", "prune"))
        self.assertIn(digest, [known["digest"] for known in self.stored()["sets"]])
        self.assertRan(self.run_in(sandbox, "python3", "-c", "import hopper; print(hopper.jumps)"), "3\n")

    def test_the_fetcher_and_the_relay(self):
        for name in ("fetcher", "relay"):
            self.kill(name)
            eventually(lambda: self.install(self.create(), "--refresh", "hopper").returncode == 0)

    def test_the_builder(self):
        sandbox = self.create()
        before = self.stored()
        here.world.https.held = threading.Event()
        self.addCleanup(setattr, here.world.https, "held", None)
        self.addCleanup(here.world.https.held.set)
        process = here.server.popen("install", sandbox, "--refresh", "hopper")
        builder = ["pgrep", "-f", "/opt/warren/builder/main.py"]
        eventually(lambda: subprocess.run(builder, capture_output=True, check=False).returncode == 0)
        for pid in subprocess.run(builder, capture_output=True, text=True, check=True).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        _, said = process.communicate()
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(b"the builder broke off", said)
        self.assertEqual([known["digest"] for known in self.stored().get("sets", [])], [known["digest"] for known in before.get("sets", [])])
        here.world.https.held.set()
        self.installed(sandbox, "hopper")

    def test_the_client(self):
        here.publish("slowly", "1.0", {"slowly.py": "x = 1\n"})
        process = here.server.popen("install", self.create(), "--refresh", "slowly")
        eventually(lambda: any("slowly" in path for _, path in here.world.https.requests))
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        sandbox = self.create()
        self.installed(sandbox, "slowly")
        # Builders end, too.
        eventually(lambda: subprocess.run(["pgrep", "-f", "/opt/warren/builder/main.py"], capture_output=True, check=False).returncode != 0)

    def test_the_server(self):
        self.installed(self.create(), "hopper")
        process = here.server.popen("install", self.create(), "--refresh", "hopper", "hamilton")
        self.addCleanup(shutil.rmtree, here.server.directory)
        here.server.process.kill()
        here.server.process.wait()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        # The launcher ends, and lets go of the store.
        eventually(lambda: subprocess.run(["flock", "--nonblock", os.path.join(here.store, "lock"), "true"], check=False).returncode == 0)
        here.start_server()
        self.assertRan(here.server.run("packages", "verify"))
        done = self.installed(self.create(), "hopper")
        self.assertTrue(done["cached"])
        self.assertFalse(os.listdir(os.path.join(here.store, "tmp")))


if __name__ == "__main__":
    unittest.main()

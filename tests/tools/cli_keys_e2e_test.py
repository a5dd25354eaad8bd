"""API keys and tenants with a real warrend: neither of two tenants finds, lists or ends the other's sandbox, and a revoked key
is refused at once. Needs root."""

import os
import stat
import subprocess
import unittest

from warren_server import PREFIX, Server, patience
from loopback import free_port


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tcp = f"127.0.0.1:{free_port()}"
        cls.server = Server("--listen", cls.tcp, "--pool", "base=1", "--default-template", "base")

    @classmethod
    def tearDownClass(cls):
        if cls.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

    def tearDown(self):
        self.server.run("kill", "--all")

    def warren(self, *arguments, key="", address=None):
        """Runs `warren ARGUMENTS` over TCP, with this key."""
        environment = dict(self.server.environment, WARREN_ADDRESS=address or self.tcp, WARREN_API_KEY=key)
        return subprocess.run([f"{PREFIX}/bin/warren", *arguments], input="", capture_output=True, text=True,
                              timeout=patience(120), env=environment)

    def output(self, *arguments, **options):
        ran = self.warren(*arguments, **options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout.strip()

    def make_key(self, tenant):
        ran = self.server.run("keys", "create", "--tenant", tenant)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout.strip()

    # By its name the first: until then there is no key.
    def test_a_key_counts_from_its_making_on_the_first_one_too(self):
        self.assertEqual(self.output("ps", "--ids"), "")
        made = os.stat(self.server.keys)
        self.assertEqual(stat.S_IMODE(made.st_mode), 0o640)
        self.assertEqual(made.st_uid, 0)
        key = self.make_key("acme")
        refused = self.warren("ps")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("demands an API key", refused.stderr)
        self.assertEqual(self.output("ps", "--ids", key=key), "")
        self.assertEqual(self.server.run("ps").returncode, 0)

    def test_neither_tenant_finds_lists_or_ends_the_others_sandbox(self):
        acme, zeta = self.make_key("acme"), self.make_key("zeta")
        mine, others = self.output("create", key=acme), self.output("create", key=zeta)
        operators = self.server.run("create").stdout.strip()
        self.assertEqual(self.output("ps", "--ids", key=acme), mine)
        self.assertEqual(self.output("ps", "--ids", key=zeta), others)
        for command in (["kill", "ID"], ["exec", "--sandbox", "ID", "-c", "1"], ["pause", "ID"], ["ls", "ID:/"],
                        ["run", "--sandbox", "ID", "--", "true"]):
            never = self.warren(*[word.replace("ID", "sbnone") for word in command], key=zeta)
            self.assertIn("no such sandbox: it never was", never.stderr, command)
            for sandbox in (mine, operators):
                ran = self.warren(*[word.replace("ID", sandbox) for word in command], key=zeta)
                self.assertEqual((ran.returncode, ran.stderr.replace(sandbox, "sbnone")), (never.returncode, never.stderr))
        self.assertEqual(self.output("exec", "--sandbox", mine, "-c", "6 * 7", key=acme), "42")
        left = set(self.server.run("ps", "--ids").stdout.split())
        self.assertEqual(left, {mine, others, operators})
        self.output("kill", "--all", key=zeta)
        left = set(self.server.run("ps", "--ids").stdout.split())
        self.assertEqual(left, {mine, operators})
        # At the Unix socket a key is a tenant's as well.
        at_socket = self.server.environment["WARREN_ADDRESS"]
        self.assertEqual(self.output("ps", "--ids", key=acme, address=at_socket), mine)
        refused = self.warren("packages", key=acme)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("operator", refused.stderr)

    def test_a_revoked_key_is_refused_at_once(self):
        key = self.make_key("acme")
        sandbox = self.output("create", key=key)
        self.assertEqual(self.server.run("keys", "revoke", key[4:12]).returncode, 0)
        for command in (["ps"], ["kill", sandbox], ["create"]):
            ran = self.warren(*command, key=key)
            self.assertNotEqual(ran.returncode, 0, command)
            self.assertIn("not valid", ran.stderr, command)
        self.assertIn(sandbox, self.server.run("ps", "--ids").stdout)
        # What it made is its tenant's still.
        self.assertIn(sandbox, self.output("ps", "--ids", key=self.make_key("acme")).split())


class Start(unittest.TestCase):
    def test_other_addresses_than_loopback_are_served_with_a_key_alone(self):
        address = f"0.0.0.0:{free_port()}"
        server = Server("--pool", "base=0:0", "--default-template", "base")
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        command = [f"{PREFIX}/bin/warrend", "--listen", address, "--keys", server.keys, "--cgroup-parent",
                   f"warren-keys-test-{os.getpid()}", "--runtime-dir", os.path.join(server.directory, "second")]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=patience(120))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("warren keys create", refused.stderr + refused.stdout)

    def test_a_broken_file_of_keys_ends_the_start(self):
        server = Server("--pool", "base=0:0", "--default-template", "base")
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        broken = os.path.join(server.directory, "broken.db")
        with open(broken, "w", encoding="ascii") as file:
            file.write("no database")
        refused = subprocess.run(
            [f"{PREFIX}/bin/warrend", "--listen", f"unix://{server.directory}/second.sock", "--keys", broken, "--cgroup-parent",
             f"warren-keys-test-{os.getpid()}", "--runtime-dir", os.path.join(server.directory, "second")],
            capture_output=True, text=True, timeout=patience(120))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("not a database", refused.stderr + refused.stdout)


if __name__ == "__main__":
    unittest.main()

"""The server in front is killed while sandboxes live elsewhere, and while its configuration changes. Needs root."""

import glob
import signal
import unittest

from backends_of_its_own import ONCE, BackendsTest, Node, eventually, patience, warren

TICKS = """import itertools, os, time
for n in itertools.count():
    print(n, flush=True)
    time.sleep(0.02)
    if os.path.exists("/tmp/stop"):
        break"""


class FrontKilledTest(BackendsTest):
    lists = """routes { tenants: "of-far" to { backend: "far" } }
routes { tenants: "of-cloud" to { backend: "cloud" } }
default_backend: "near"
"""

    def client_of(self, tenant):
        made = self.front.run("keys", "create", "--file", self.front.keys, "--tenant", tenant)
        client = warren.Client(self.front.address, api_key=made.stdout.strip(), retry=ONCE)
        self.addCleanup(client.close)
        return client

    def test_what_lives_elsewhere_is_found_again(self):
        clients = {name: self.client_of(f"of-{name}") for name in ("far", "cloud")}
        sandboxes, streams = {}, {}
        for name, client in clients.items():
            sandbox = sandboxes[name] = warren.Sandbox.create(client=client)
            self.assertEqual(sandbox.info.backend, name)
            sandbox.run_code("x = 41")
            sandbox.files.write("/tmp/kept", b"kept")
            streams[name] = warren.Sandbox.create(client=client).stream_code(TICKS, timeout=patience(300))
            next(streams[name])
        here = self.create()
        # One that nobody comes back for.
        short = {name: warren.Sandbox.create(client=client, lifetime=2, lifetime_from=warren.LifetimeFrom.CREATION).id
                 for name, client in clients.items()}
        self.front.kill()
        for stream in streams.values():
            self.ends(lambda stream=stream: list(stream))
        self.front.start()
        for name, sandbox in sandboxes.items():
            # Another tenant does not find it, whoever asked first.
            other = clients["far" if name == "cloud" else "cloud"]
            self.ends(lambda: warren.Sandbox.connect(sandbox.id, client=other), warren.NotFound)
            again = warren.Sandbox.connect(sandbox.id, client=clients[name])
            self.assertEqual(again.info.backend, name)
            execution = again.run_code("x + 1")
            self.assertEqual((execution.text, execution.usage.backend), ("42", name))
            self.assertEqual(again.files.read("/tmp/kept"), b"kept")
            self.assertIn(sandbox.id, [info.id for info in warren.Sandbox.list(client=clients[name])])
            self.assertTrue(eventually(lambda: short[name] not in getattr(self, name).ids()), "its lifetime does not end it")
        # What lived here is gone, and says so.
        self.ends(here.get_info, warren.NotFound)
        for name, client in clients.items():
            for info in warren.Sandbox.list(client=client):
                warren.Sandbox.connect(info.id, client=client).kill()
            self.assertEqual(getattr(self, name).ids(), set())

    def test_nothing_is_left_of_a_server_that_was_killed(self):
        node = Node("left", "--pool", "base=1").start()
        self.addCleanup(node.stop)
        node.run("create")
        node.kill()
        node.start()
        self.assertEqual(node.ids(), set())
        self.assertEqual(node.stop(), 0)
        self.assertEqual(glob.glob(f"/sys/fs/cgroup/**/{node.cgroup}", recursive=True), [])


class ReloadTest(BackendsTest):
    has_cloud = False
    lists = 'backends { name: "list" failover { backends: "far" backends: "near" } }\ndefault_backend: "list"\n'

    def reload(self, said):
        """Says `said` in the log once more by that."""
        before = self.front.whole_log().count(said)
        self.front.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: self.front.whole_log().count(said) > before), self.front.log())

    def test_a_reload_ends_nothing(self):
        far = self.create_on("far")
        events = far.stream_code(TICKS, timeout=patience(300))
        seen = [next(events)]
        text = self.backends_text()
        self.configure('default_backend: "near"\n', 'backends { name: "near" local {} }\n')
        self.reload("event=config_loaded")
        here = self.create()
        self.assertEqual(here.info.backend, "near")
        self.assertTrue(self.backend("far").retired)
        for _ in range(5):
            seen.append(next(events))
        here_events = here.stream_code(TICKS, timeout=patience(300))
        here_seen = [next(here_events)]

        # A broken file says where, and nothing changes.
        with self.subTest("a broken file"):
            self.configure('default_backend: "list"\n', text + 'backends { name: "list" failover { backends: "fra" } }\n')
            self.reload("event=config_not_loaded")
            log = self.front.whole_log()
            self.assertIn("backends.textproto:3:", log)
            self.assertIn("fra", log)
            self.assertEqual(self.create().info.backend, "near")
            self.assertTrue(self.backend("far").retired)

        # It comes back with what it has, and is the one that it was.
        self.configure(self.lists)
        self.reload("event=config_loaded")
        self.assertEqual([each.name for each in self.client.backends()], ["near", "far", "list"])
        self.assertFalse(self.backend("far").retired)
        more = self.create_on("far")
        # With other settings it is another one, and each sandbox is listed once all the same.
        self.configure(self.lists, text.replace('remote { ', 'remote { channels: 3 '))
        self.reload("event=config_loaded")
        self.assertEqual([each.name for each in self.client.backends()], ["near", "far", "list", "far"])
        even_more = self.create_on("far")
        ids = [info.id for info in warren.Sandbox.list(client=self.client)]
        self.assertEqual(len(ids), len(set(ids)), ids)
        self.assertLessEqual({far.id, more.id, even_more.id}, set(ids))
        for _ in range(5):
            seen.append(next(events))
            here_seen.append(next(here_events))
        far.files.write("/tmp/stop", b"")
        here.files.write("/tmp/stop", b"")
        for each, so_far in ((events, seen), (here_events, here_seen)):
            so_far.extend(each)
            said = "".join(event.text for event in so_far if isinstance(event, warren.Output)).split()
            self.assertEqual(said, [str(n) for n in range(len(said))])

        # Retired, it goes with its last sandbox.
        self.configure('default_backend: "near"\n', 'backends { name: "near" local {} }\n')
        self.reload("event=config_loaded")
        self.assertEqual(far.run_code("'still here'").text, "'still here'")
        for info in warren.Sandbox.list(client=self.client):
            warren.Sandbox.connect(info.id, client=self.client).kill()
        self.assertTrue(eventually(lambda: [each.name for each in self.client.backends()] == ["near"]),
                        self.client.backends())
        self.configure(self.lists)
        self.reload("event=config_loaded")
        self.create_on("far")


if __name__ == "__main__":
    unittest.main()

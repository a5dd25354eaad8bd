"""What the tests of this folder share: a network of their own, a warrend in it, and sandboxes of that."""

import os
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../tools"), os.path.join(HERE, "../support")]

from warren_server import Server  # noqa: E402
from world import World  # noqa: E402

AUTHORITY = "/tmp/authority.pem"
# What programs take certificates from.
ENVIRONMENT = [f"{name}={AUTHORITY}" for name in (
    "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT")]


class Place:
    """Where the tests of a module are: one for all of them."""

    world = None
    server = None

    def start_server(self, pool=2):
        self.server = Server("--default-template", "base", "--pool", f"base={pool}")

    def stop_server(self):
        if self.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")


here = Place()


def setUpModule():
    """Of each module that imports it."""
    here.world = World()
    with open(os.path.join(here.world.files, "hello"), "w") as file:
        file.write("hello from outside")
    here.start_server()


def tearDownModule():
    here.world.close()
    here.stop_server()


class Sandbox:
    """One with this network: flags of `warren create`."""

    def __init__(self, *network):
        created = here.server.run("create", *[word for entry in ENVIRONMENT for word in ("--env", entry)], *network)
        if created.returncode != 0:
            raise AssertionError(f"create {network}: {created.stderr}\n{here.server.log()}")
        self.id = created.stdout.strip()
        with open(here.world.authority, "rb") as file:
            self.write(AUTHORITY, file.read())

    def write(self, path, data):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data if isinstance(data, bytes) else data.encode())
            file.flush()
            here.server.run("cp", file.name, f"{self.id}:{path}").check_returncode()

    def run(self, *command, user="user"):
        return here.server.run("run", "--sandbox", self.id, "--user", user, "--", *command)

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def python(self, code):
        return self.run("/usr/bin/python3", "-c", textwrap.dedent(code))

    def network(self, *flags):
        return here.server.run("network", "set", self.id, *flags)

    def kill(self):
        here.server.run("kill", self.id)


class EgressTest(unittest.TestCase):
    def sandbox(self, *network):
        sandbox = Sandbox(*network)
        self.addCleanup(sandbox.kill)
        return sandbox

    def setUp(self):
        for origin in here.world.servers:
            if hasattr(origin, "requests"):
                origin.requests.clear()
        # Whatever a test does, nothing inside was reached.
        self.addCleanup(lambda: self.assertEqual([origin.requests for origin in here.world.inner], [[]] * len(here.world.inner)))

    def assertRan(self, done, output=None):
        self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stdout}\n{done.stderr}\n{here.server.log()}")
        if output is not None:
            self.assertEqual(done.stdout, output)

    def file(self, name, data):
        path = os.path.join(here.world.files, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

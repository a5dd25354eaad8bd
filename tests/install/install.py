"""What the tests of this folder share: two indexes in a network of the tests' own, a policy, and a warrend with a store of its own."""

import base64
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../tools"), os.path.join(HERE, "../support"), os.path.join(HERE, "../egress")]

import world  # noqa: E402
from pace import eventually  # noqa: E402
from warren_server import PREFIX, Server  # noqa: E402
from wheels import publish, wheel  # noqa: E402

# Ours has what the public one must never be asked for, and wants a password.
OURS, PUBLIC = "allowed.test", "other.test"
CREDENTIALS = "builder:s3cret-of-the-index"
# Of what is on both of them, and what is allowed beside it.
ALLOWED = ("hopper", "lovelace", "hamilton>=2", "acme-tools", "acme-secret", "both", "native", "needy", "hostile-paths", "hostile-links",
           "hostile-bomb", "hostile-many", "broken-hash", "inner", "ipython", "clash-one", "clash-two", "slowly", "franklin")


class IndexHandler(world.Handler):
    """Static files; server.credentials is what must be said, server.broken the status that everything gets, server.held an event
    that every answer waits for."""

    def do_GET(self):
        said = self.headers.get("Authorization", "")
        self.server.authorizations.append(said)
        if getattr(self.server, "held", None):
            self.server.held.wait()
        if getattr(self.server, "broken", None):
            self.server.requests.append((self.headers.get("Host"), self.path))
            return self.send_error(self.server.broken)
        wanted = getattr(self.server, "credentials", None)
        if wanted and said != "Basic " + base64.b64encode(wanted.encode()).decode():
            self.server.requests.append((self.headers.get("Host"), self.path))
            return self.send_error(401)
        return super().do_GET()


class World(world.World):
    def __init__(self):
        world.Handler, plain = IndexHandler, world.Handler
        try:
            super().__init__()
        finally:
            world.Handler = plain
        for server in (self.https, self.other):
            server.authorizations = []
        self.https.credentials = CREDENTIALS
        self.ours = os.path.join(self.files, "ours")
        self.public = os.path.join(self.files, "public")
        self.made = os.path.join(self.directory, "made")
        for folder in (self.ours, self.public, self.made):
            os.mkdir(folder)

    def serve(self, address, port, names=()):
        server = super().serve(address, port, names)
        server.authorizations = []
        return server


class Place:
    """Where the tests of a module are: one for all of them."""

    world = None
    server = None

    def publish(self, name, version, files, *, public=False, **options):
        path = wheel(self.world.made, name, version, files, **options)
        publish(self.world.public if public else self.world.ours, path)
        return path

    def write(self, name, text):
        path = os.path.join(self.world.directory, name)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        return path

    def write_policy(self, more):
        self.write("credentials", CREDENTIALS + "\n")
        allowed = "".join(f'allow {{ requirement: "{name}" }}\n' for name in ALLOWED)
        return self.write("packages.textproto", f"""
            name: "test"
            {more}
            {allowed}
            deny {{ requirement: "lovelace<1" }}
            deny {{ requirement: "poison" }}
            indexes {{
              name: "ours" url: "https://{OURS}/ours/" credentials_file: "{self.world.directory}/credentials"
              ca_file: "{self.world.authority}" packages: "acme-*"
            }}
            indexes {{ name: "rest" url: "https://{OURS}/ours/" credentials_file: "{self.world.directory}/credentials"
              ca_file: "{self.world.authority}" }}
            indexes {{ name: "public" url: "http://{PUBLIC}/public/" }}
            """)

    def start_server(self, *flags, policy=""):
        """policy: more of it."""
        self.server = Server("--default-template", "base", "--pool", "base=2", "--package-policy", self.write_policy(policy),
                             "--package-store", self.store, *flags)
        # The store is there some time after the server takes calls, which are told so until then.
        eventually(lambda: self.server.run("packages").returncode == 0)

    @property
    def store(self):
        return os.path.join(self.world.directory, "store")

    def stop_server(self):
        if self.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

    def service(self, name):
        """The pid of the server's own warren-NAME."""
        launcher = subprocess.run(["pgrep", "-P", str(self.server.process.pid), "-f", "warren-launcher"], capture_output=True, text=True,
                                  check=True).stdout.split()[0]
        found = subprocess.run(["pgrep", "-P", launcher, "-f", f"warren-{name}"], capture_output=True, text=True, check=False).stdout.split()
        return int(found[0]) if found else None

    def stored_files(self, name):
        """Where the store has this file of a package's."""
        return glob.glob(os.path.join(self.store, "packages", "*", "tree", "**", name), recursive=True)


here = Place()


def fill():
    """What both indexes have."""
    here.publish("hopper", "1.0", {"hopper/__init__.py": "jumps = 3\nimport lovelace\n", "hopper/data.txt": "data"},
                 requires=["lovelace>=1", "franklin; extra == 'light'", "nothing-here; python_version < '3'"],
                 metadata="Provides-Extra: light\n",)
    here.publish("hopper", "0.5", {"hopper/__init__.py": "jumps = 1\n"})
    here.publish("lovelace", "1.2", {"lovelace.py": "notes = 'G'\ndef play():\n    print('played')\n",
                 "lovelace-1.2.data/scripts/notes": "#!python\nimport lovelace\nprint(lovelace.notes)\n",
                 "lovelace-1.2.dist-info/entry_points.txt": "[console_scripts]\nplay = lovelace:play\n"})
    here.publish("lovelace", "1.1", {"lovelace.py": "notes = 'F'\n"})
    here.publish("lovelace", "0.9", {"lovelace.py": "notes = 'A'\n"})
    here.publish("franklin", "2.0", {"franklin.py": "photo = 51\n"}, public=True)
    here.publish("hamilton", "1.0", {"hamilton.py": "moon = False\n"})
    here.publish("hamilton", "2.1", {"hamilton.py": "moon = True\n"}, requires=["subroutine"])
    here.publish("subroutine", "3.0", {"subroutine.py": "deep = True\n"})
    here.publish("native", "1.0", {"native.py": ""}, tag="cp39-cp39-manylinux1_x86_64")
    here.publish("needy", "1.0", {"needy.py": ""}, requires=["poison"])
    here.publish("poison", "1.0", {"poison.py": ""})
    here.publish("both", "1.0", {"both.py": "whose = 'ours'\n"})
    here.publish("both", "9.0", {"both.py": "whose = 'public'\n"}, public=True)
    here.publish("acme-tools", "1.0", {"acme_tools.py": "whose = 'ours'\n"})
    here.publish("acme-secret", "1.0", {"acme_secret.py": "whose = 'public'\n"}, public=True)
    here.publish("ipython", "99.0", {"IPython_new.py": ""})
    here.publish("clash-one", "1.0", {"clash/one.py": "", "clash/shared.py": "who = 1\n"})
    here.publish("clash-two", "1.0", {"clash/two.py": "", "clash/shared.py": "who = 2\n"})


@contextlib.contextmanager
def builder_with(name, code):
    """Builders that begin meanwhile have this code behind their own in their file NAME. In this process's mount namespace, which
    the world has made."""
    tools = f"{PREFIX}/share/warren/tools"
    with tempfile.TemporaryDirectory(prefix="warren-builder-") as folder:
        shutil.copytree(tools, folder, symlinks=True, dirs_exist_ok=True)
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "builder", name), "a") as file:
            file.write(code)
        subprocess.run(["mount", "--bind", folder, tools], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", tools], check=True)


def setUpModule():
    """Of each module that imports it."""
    here.world = World()
    fill()
    here.start_server()


def tearDownModule():
    here.stop_server()
    here.world.close()
    shutil.rmtree(here.store, ignore_errors=True)


class InstallTest(unittest.TestCase):
    def create(self, *flags):
        created = here.server.run("create", *flags)
        self.assertRan(created)
        self.addCleanup(here.server.run, "kill", created.stdout.strip())
        return created.stdout.strip()

    def install(self, sandbox, *arguments):
        return here.server.run("install", sandbox, *arguments)

    def installed(self, sandbox, *arguments):
        """The `done` of an installation that works."""
        done = here.server.run("install", "--json", sandbox, *arguments)
        self.assertRan(done)
        event = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(event["type"], "done")
        return event

    def versions(self, done):
        return {package["name"]: package["version"] for package in done["packages"]}

    def assertRefused(self, done, *words):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def python(self, sandbox, code):
        """In the sandbox's default context."""
        return here.server.exec("--sandbox", sandbox, "-c", textwrap.dedent(code))

    def run_in(self, sandbox, *command, user="user"):
        return here.server.run("run", "--sandbox", sandbox, "--user", user, "--", *command)

    def stored(self):
        return json.loads(here.server.run("packages", "--json").stdout)

    def assertRan(self, done, output=None):
        self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stdout}\n{done.stderr}\n{here.server.log()}")
        if output is not None:
            self.assertEqual(done.stdout, output)


def requirements(*lines):
    """A file with these lines, which goes with the process."""
    file = tempfile.NamedTemporaryFile("w", suffix=".txt")
    file.write("\n".join(lines) + "\n")
    file.flush()
    return file

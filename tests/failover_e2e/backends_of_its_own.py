"""Servers that are killed in the middle of everything: a front whose configuration names this machine, another Warren (`far`) and
E2B's protocol (`cloud`), and the two servers that play these. WARREN_PYTHON_CLIENT is what tests/clients has built. Needs root."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tools"), os.path.join(HERE, "../clients"), os.path.join(HERE, "../support")]

from python_client import eventually, patience, warren  # noqa: E402
from loopback import free_port  # noqa: E402
from warren_server import PREFIX, Server  # noqa: E402

# It must be in no message and no log.
KEY = "e2b_" + "5ec12e7" * 5 + "00000"
KEY_VARIABLE = "WARREN_FAILOVER_TEST_KEY"
# Short, so that tests need not wait for a circuit.
CIRCUIT = "circuit { failures: 2 retry_ms: 200 probe_ms: 500 probe_timeout_ms: 500 }"

ONCE = warren.RetryPolicy(attempts=1)


class Node(Server):
    """A server that can be killed and started again, in its own directory and at its own addresses.
    Lifecycle: Node(name) -> start() -> kill(), start() again, ... -> stop()."""

    def __init__(self, name, *flags):
        # No Server.__init__: that starts it once and for all.
        self.name = name
        self.flags = flags
        self.directory = tempfile.mkdtemp(prefix=f"warren-failover-test-{name}-")
        os.chmod(self.directory, 0o711)
        self.socket = os.path.join(self.directory, "warren.sock")
        self.keys = os.path.join(self.directory, "keys.db")
        self.environment = dict(os.environ, WARREN_ADDRESS=f"unix://{self.socket}", WARREN_KEYS=self.keys)
        self.environment[KEY_VARIABLE] = KEY
        self.environment.pop("WARREN_API_KEY", None)
        self.cgroup = f"warren-failover-{name}-{os.getpid()}"
        self.process = None

    @property
    def address(self):
        return f"unix://{self.socket}"

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [f"{PREFIX}/bin/warrend", "--listen", self.address, "--runtime-dir", os.path.join(self.directory, "run"),
                 "--keys", self.keys, "--cgroup-parent", self.cgroup,
                 "--package-store", os.path.join(self.directory, "store"), "--default-template", "base",
                 # One that was killed holds its user ids until all of it has ended: the host has room for two of each.
                 "--max-sandboxes", "400", *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        eventually(lambda: self.accepts() or self.process.poll() is not None)
        if not self.accepts():
            raise AssertionError(f"{self.name} does not serve: {self.log()}")
        return self

    def kill(self):
        """As a power cut: nothing is said to anybody."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(patience())

    @contextlib.contextmanager
    def stalled(self):
        """Its connections stay, and nothing comes over them."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def whole_log(self):
        with open(os.path.join(self.directory, "log"), errors="replace") as file:
            return file.read()

    def ids(self):
        listed = self.run("ps", "--ids")
        if listed.returncode != 0:
            raise AssertionError(f"{self.name}: {listed.stderr}{self.log()}")
        return set(listed.stdout.split())

    def stop(self):
        code = 0
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(patience())
        shutil.rmtree(self.directory, ignore_errors=True)
        return code


class BackendsTest(unittest.TestCase):
    """Each class has servers of its own: self.front, and those of its configuration that play another machine."""

    # Text of the file's lists, routes and default.
    lists = ""
    # Which of the two others there are.
    has_far = True
    has_cloud = True

    @classmethod
    def setUpClass(cls):
        cls.cloud_port = free_port()
        cls.far = Node("far", "--pool", "base=1")
        cls.cloud = Node("cloud", "--pool", "base=1", "--e2b-listen", f"127.0.0.1:{cls.cloud_port}",
                         "--e2b-template", "interpreter=base")
        cls.config = None
        cls.front = Node("front", "--pool", "base=1")
        cls.config = os.path.join(cls.front.directory, "backends.textproto")
        cls.front.flags = (*cls.front.flags, "--config", cls.config)
        for node in (cls.far, cls.cloud, cls.front):
            cls.addClassCleanup(cls.end, node)
        cls.configure(cls.lists)
        others = ([cls.far] if cls.has_far else []) + ([cls.cloud] if cls.has_cloud else [])
        for node in others:
            node.start()
        cls.front.start()
        cls.client = warren.Client(cls.front.address, retry=ONCE)
        cls.addClassCleanup(cls.client.close)
        # The first sandbox of a template waits for its Python; no test is to wait for that.
        with warren.Client(cls.front.address) as patient:
            for name in ("near", *(node.name for node in others)):
                cls.wait_up(name, patient)

    @staticmethod
    def end(node):
        code = node.stop()
        if code != 0:
            raise AssertionError(f"{node.name} did not stop cleanly: {code}")

    @classmethod
    def backends_text(cls):
        text = 'backends { name: "near" local {} }\n'
        if cls.has_far:
            text += f'backends {{ name: "far" remote {{ address: "{cls.far.address}" }} {CIRCUIT} }}\n'
        if cls.has_cloud:
            text += cls.cloud_text()
        return text

    @classmethod
    def cloud_text(cls):
        return f"""backends {{
  name: "cloud"
  e2b {{
    key {{ environment: "{KEY_VARIABLE}" }}
    api_url: "http://127.0.0.1:{cls.cloud_port}"
    sandbox_url: "http://127.0.0.1:{cls.cloud_port}"
    templates {{ template_id: "base" cloud_template: "interpreter" }}
  }}
  {CIRCUIT}
}}
"""

    @classmethod
    def configure(cls, lists, backends=None):
        with open(cls.config, "w", encoding="utf-8") as file:
            file.write((cls.backends_text() if backends is None else backends) + lists)
        os.chmod(cls.config, 0o644)

    @classmethod
    def backend(cls, name, probe=False, client=None):
        return next(each for each in (client or cls.client).backends(probe=probe) if each.name == name)

    @classmethod
    def wait_up(cls, name, client=None):
        # It is asked: the circuit of one that was gone for a moment may never have opened, and what is known of it be older.
        def up():
            state = cls.backend(name, probe=True, client=client)
            return state.circuit is warren.Circuit.CLOSED and not state.problem
        if not eventually(up):
            raise AssertionError(f"{name} is not up: {cls.backend(name, client=client)}\n{cls.front.log()}")

    def wait_down(self, name):
        self.assertTrue(eventually(lambda: self.backend(name).circuit is not warren.Circuit.CLOSED), self.backend(name))

    def create(self, **options):
        sandbox = warren.Sandbox.create(client=self.client, **options)
        self.addCleanup(self.quietly, sandbox.kill)
        return sandbox

    def create_on(self, name, **options):
        """Made there, where a probe that came late on a busy host is no verdict."""
        made = []

        def there():
            made.append(self.create(**options))
            return made[-1].info.backend == name
        self.assertTrue(eventually(there), f"{self.backend(name)}\n{self.front.log()}")
        return made[-1]

    @staticmethod
    def quietly(function):
        try:
            function()
        except warren.WarrenError:
            pass

    def assert_clean(self, message):
        """No address, no path, no key."""
        for what in (KEY, self.far.directory, self.cloud.directory, self.front.directory, str(self.cloud_port), "127.0.0.1"):
            self.assertNotIn(what, message)
        self.assertIsNone(re.search(r"unix:|https?://|/tmp/|/run/|\.sock", message), message)

    def ends(self, function, *kinds):
        """What the call raised, one of these kinds, in a message that holds no secret. A call that goes on is a failure."""
        out = []

        def run():
            try:
                out.append(function())
            except BaseException as error:  # pylint: disable=broad-except
                out.append(error)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(patience(60))
        self.assertFalse(thread.is_alive(), "the call hangs")
        error = out[0]
        self.assertIsInstance(error, kinds or (warren.Unavailable,), f"{error!r}\n{self.front.log()}")
        self.assert_clean(str(error))
        return error

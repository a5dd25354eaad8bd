"""One warrend whose configuration has a backend of each kind, and a second warrend that plays two of them: another Warren, over
TLS with an operator's key, and E2B's cloud, by its own E2B door. A program chooses by its key alone: each backend has a tenant of
its name, whose creates a route leads there. WARREN_PYTHON_CLIENT is what tests/clients has built. Needs root."""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tools"), os.path.join(HERE, "../clients"), os.path.join(HERE, "../support")]

from python_client import eventually, patience, warren  # noqa: E402
from loopback import free_port, make_certificate  # noqa: E402
from warren_server import Server  # noqa: E402
from wheels import example_index  # noqa: E402

# Column of docs/BACKENDS.md -> name of the backend that serves there.
SERVES = {"local": "near", "remote": "far", "e2b": "cloud", "failover": "far"}
BACKENDS = tuple(SERVES)

CONFIGURATION = """
backends {{ name: "near" local {{}} }}
backends {{
  name: "far"
  remote {{
    address: "localhost:{tls_port}"
    tls {{ ca_file: "{certificate}" }}
    key {{ file: "{operator_key}" }}
  }}
}}
backends {{
  name: "cloud"
  e2b {{
    key {{ file: "{cloud_key}" }}
    api_url: "http://127.0.0.1:{e2b_port}"
    sandbox_url: "http://127.0.0.1:{e2b_port}"
    templates {{ template_id: "base" cloud_template: "interpreter" }}
  }}
}}
backends {{ name: "gone" remote {{ address: "unix://{nobody}" }} }}
backends {{ name: "list" failover {{ backends: "gone" backends: "far" }} }}
routes {{ tenants: "local" to {{ backend: "near" }} }}
routes {{ tenants: "remote" to {{ backend: "far" }} }}
routes {{ tenants: "e2b" to {{ backend: "cloud" }} }}
routes {{ tenants: "failover" to {{ backend: "list" }} }}
default_backend: "near"
"""


class FourBackends:
    """Lifecycle: FourBackends(stack) starts the servers, and the stack ends them -> clients[BACKEND], environment(BACKEND)."""

    def __init__(self, stack):
        """stack: contextlib.ExitStack."""
        self._stack = stack
        self._files = stack.enter_context(tempfile.TemporaryDirectory(prefix="warren-backends-test-"))
        # The servers run as another user.
        os.chmod(self._files, 0o711)
        self.far, settings = self._start_far()
        with open(os.path.join(self._files, "backends.textproto"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(**settings))
        self.front = self._start(*stack.enter_context(example_index()), "--config", file.name)
        self._keys = {backend: self._made(self.front, "--tenant", backend) for backend in BACKENDS}
        self.operator = self._client(None)
        self.clients = {backend: self._client(key) for backend, key in self._keys.items()}
        self._wait_until_they_serve()

    def environment(self, backend):
        """Of a program that is to be served by this backend."""
        return {**self.front.environment, "WARREN_API_KEY": self._keys[backend]}

    def logs(self):
        return f"the server: {self.front.log()}\nthe other one: {self.far.log()}"

    def _start_far(self):
        certificate, key = make_certificate(self._files, "localhost")
        settings = {"certificate": certificate, "tls_port": free_port(), "e2b_port": free_port(),
                    "nobody": os.path.join(self._files, "nobody.sock")}
        server = self._start(
            *self._stack.enter_context(example_index()), "--tls-listen", f"127.0.0.1:{settings['tls_port']}", "--certificate",
            certificate, "--certificate-key", key, "--e2b-listen", f"127.0.0.1:{settings['e2b_port']}", "--e2b-template",
            "interpreter=base", group="warren-backends-far")
        for name, whose in (("operator_key", ("--operator",)), ("cloud_key", ("--tenant", "cloud"))):
            settings[name] = os.path.join(self._files, name)
            with open(settings[name], "w", encoding="utf-8") as file:
                # The group of the user that serves, which is that of its file of keys.
                os.chown(file.fileno(), 0, os.stat(server.keys).st_gid)
                os.chmod(file.fileno(), 0o640)
                file.write(self._made(server, *whose) + "\n")
        return server, settings

    def _start(self, *flags, group="warren-backends"):
        server = Server("--default-template", "base", "--pool", "base=2", "--max-sandboxes", "60", *flags, group=group)
        self._stack.callback(self._stop, server)
        return server

    @staticmethod
    def _stop(server):
        said = server.log()
        code = server.stop()
        if code != 0:
            raise AssertionError(f"warrend did not stop cleanly: {code}\n{said}")

    @staticmethod
    def _made(server, *whose):
        made = server.run("keys", "create", *whose)
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        return made.stdout.strip()

    def _client(self, key):
        return self._stack.enter_context(warren.Client(f"unix://{self.front.socket}", api_key=key, timeout=patience(60)))

    def _wait_until_they_serve(self):
        def missing():
            return [status.name for status in self.operator.backends(probe=True)
                    if status.problem and status.kind.value != "failover"]

        if not eventually(lambda: missing() == ["gone"]):
            raise AssertionError(f"these do not serve: {missing()}\n{self.logs()}")

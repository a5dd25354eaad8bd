"""Two servers, of which one has the other as a backend: the file of `warrend --config`, and what the two need to know each other.
Rows call the one in front `front`, and the other one the server."""

import os
import pwd
import socket
import subprocess

from .e2b import KEY, TEMPLATE, Door
from .errors import BenchError

# Of the backends in the file: the other server, and this machine.
OTHER = "other"
HERE = "here"
# Of the cells of the backend of E2B's protocol.
CELL_CONNECTIONS = 10
_SECONDS = 60
_SERVER_USER = 60990


class Operator:
    """How a server is reached by another one for all its tenants: by TLS, with a key of its operator's.
    Lifecycle: Operator() -> flags, with which the server starts -> make_key() -> backend()."""

    def __init__(self, folder, name):
        """folder: of the run; name: the server's."""
        self.port = _free_port()
        self._certificate, self._certificate_key, self._key = (
            os.path.join(folder, f"{name}.{what}") for what in ("certificate.pem", "certificate.key", "operator.key"))
        _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", self._certificate,
             "-keyout", self._certificate_key)
        self.flags = [f"--tls-listen=127.0.0.1:{self.port}", f"--certificate={self._certificate}",
                      f"--certificate-key={self._certificate_key}"]

    def make_key(self, program, keys):
        """program: `warren`; keys: the server's file of keys."""
        _write_secret(self._key, _run(program, "keys", "create", "--operator", "--file", keys))

    def backend(self):
        return self._backend(self.port)

    def dead_backend(self):
        """The same at a port where nobody listens."""
        return self._backend(_free_port())

    def _backend(self, port):
        tls = f'tls {{ ca_file: "{self._certificate}" server_name: "localhost" }}'
        return f'backends {{ name: "{OTHER}" remote {{ address: "127.0.0.1:{port}" {tls} key {{ file: "{self._key}" }} }} }}'


class Cloud(Door):
    """A door for a backend that speaks E2B's protocol; it is asked for cells, and what else sandboxes answer themselves, at a
    port of its own. Lifecycle: Cloud() -> flags, with which the server starts -> backend()."""

    def __init__(self, folder, name, template):
        super().__init__(template)
        self._template = template
        self._key = os.path.join(folder, f"{name}.e2b.key")
        self.sandbox_port = _free_port()
        self.flags = [*self.flags, f"--e2b-listen=127.0.0.1:{self.sandbox_port}"]

    def backend(self):
        _write_secret(self._key, KEY)
        return (f'backends {{ name: "{OTHER}" e2b {{ key {{ file: "{self._key}" }} api_url: "{self.url}" '
                f'sandbox_url: "http://127.0.0.1:{self.sandbox_port}" cell_connections: {CELL_CONNECTIONS} '
                f'templates {{ template_id: "{self._template}" cloud_template: "{TEMPLATE}" }} }} }}')


def alone(backend):
    """The file of one backend."""
    return f"{backend}\n"


def before_local(backend):
    """The file of a list: the backend, and this machine where that cannot serve."""
    listed = f'backends: "{OTHER}" backends: "{HERE}"'
    return (f'{backend}\nbackends {{ name: "{HERE}" local {{}} }}\n'
            f'backends {{ name: "list" failover {{ {listed} }} }}\ndefault_backend: "list"\n')


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _write_secret(path, secret):
    """For the user that a server which root starts reads its file of backends as."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{secret}\n")
    os.chown(path, _server_user(), -1)


def _server_user():
    """As warrend chooses it where no --user says."""
    try:
        return pwd.getpwnam("warren").pw_uid
    except KeyError:
        return _SERVER_USER


def _run(*command):
    """What it printed. Raises BenchError where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    except OSError as error:
        raise BenchError(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        raise BenchError(f"{command[0]}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout.strip()

"""A network of the tests' own, in which sandboxes may go out: a network namespace for the server under test, with a name
server, and behind a pair of virtual links another one whose addresses look public, with the servers that programs talk to.
Nothing leaves them.

    world = World()      enters the first namespace, for good: what this process starts from then on is in it
    world.close()        ends the servers

Its certificates are signed by an authority of its own, world.authority (PEM).
"""

import contextlib
import ctypes
import functools
import http.server
import os
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tools"), os.path.join(HERE, "../support")]

from pace import eventually  # noqa: E402

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000

# Of blocks that the internet has; here they are the other namespace's, and the host's own.
HOST = "45.10.20.2"
ALLOWED, OTHER, MIRROR = "93.184.215.14", "93.184.215.15", "93.184.215.16"
NAMES = {
    "allowed.test": ALLOWED,
    "files.allowed.test": ALLOWED,
    "other.test": OTHER,
    "mirror.test": MIRROR,
    # What must not be reached, whatever is allowed.
    "host.test": HOST,
    "loopback.test": "127.0.0.1",
    "private.test": "10.0.0.7",
    "metadata.test": "169.254.169.254",
    "shared.test": "100.64.0.9",
}
libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, and what was asked for: server.requests has (host header, path) of each request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.requests.append((self.headers.get("Host"), self.path))
        super().do_GET()

    def do_POST(self):
        size = 0
        if self.headers.get("Transfer-Encoding") == "chunked":
            while length := int(self.rfile.readline().split(b";")[0], 16):
                size += len(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
        else:
            size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.headers.get("Host"), self.path))
        said = str(size).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


class Echo(socketserver.StreamRequestHandler):
    """Speaks first, as SMTP and SSH servers do; then gives back every line."""

    def handle(self):
        self.wfile.write(b"welcome\n")
        for line in self.rfile:
            self.wfile.write(line)


class Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # A client that was cut off.
        pass


class World:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="warren-egress-test-")
        os.chmod(self.directory, 0o711)
        self.servers = []
        self.files = os.path.join(self.directory, "files")
        os.mkdir(self.files)
        self._enter()
        self._make_authority()
        self._start_names()
        self.http = self.serve(ALLOWED, 80)
        self.https = self.serve(ALLOWED, 443, names=("allowed.test", "files.allowed.test"))
        self.other = self.serve(OTHER, 80)
        self.other_https = self.serve(OTHER, 443, names=("other.test",))
        self.echo = self._start(self._bound((ALLOWED, 2525), Echo))
        # Where nothing of a sandbox's may ever arrive.
        self.inner = [self.serve(address, 80) for address in ("127.0.0.1", HOST, "10.0.0.7", "169.254.169.254", "100.64.0.9")]

    def _enter(self):
        checked(libc.unshare(CLONE_NEWNS), "unshare")
        checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
        self.outside = self._new_network()
        run("ip", "link", "set", "lo", "up")
        for address in sorted({*NAMES.values()} - {"127.0.0.1", HOST}):
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        self.inside = self._new_network()
        run("ip", "link", "set", "lo", "up")
        # Its peer is made there by the number of a process that is there.
        with self._outside():
            holder = subprocess.Popen(["sleep", "infinity"])
        run("ip", "link", "add", "inside", "type", "veth", "peer", "name", "outside", "netns", str(holder.pid))
        run("ip", "address", "add", f"{HOST}/30", "dev", "inside")
        run("ip", "link", "set", "inside", "up")
        with self._outside():
            run("ip", "address", "add", "45.10.20.1/30", "dev", "outside")
            run("ip", "link", "set", "outside", "up")
        run("ip", "route", "add", "default", "via", "45.10.20.1")
        holder.kill()
        holder.wait()
        resolv = os.path.join(self.directory, "resolv.conf")
        with open(resolv, "w") as file:
            file.write("nameserver 127.0.0.1\n")
        target = os.path.realpath("/etc/resolv.conf")
        checked(libc.mount(resolv.encode(), target.encode(), None, MS_BIND, None), f"bind on {target}")

    @staticmethod
    def _new_network():
        """This thread is in it."""
        checked(libc.unshare(CLONE_NEWNET), "unshare")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @contextlib.contextmanager
    def _outside(self):
        """In the namespace of the servers. What is made there stays there."""
        checked(libc.setns(self.outside, CLONE_NEWNET), "setns")
        try:
            yield
        finally:
            checked(libc.setns(self.inside, CLONE_NEWNET), "setns")

    def _start_names(self):
        self.hosts = os.path.join(self.directory, "hosts")
        self.set_names(NAMES)
        self.names_log = os.path.join(self.directory, "names.log")
        self.names = subprocess.Popen(
            ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--addn-hosts={self.hosts}",
             "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/#/", "--user=root", "--group=root",
             "--log-queries", f"--log-facility={self.names_log}", "--pid-file="],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: self._listens(53))

    @staticmethod
    def _listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def set_names(self, names):
        """What the name server says from now on: name to address, or pairs of address and name."""
        pairs = [(address, name) for name, address in names.items()] if isinstance(names, dict) else names
        with open(self.hosts + ".new", "w") as file:
            file.writelines(f"{address} {name}\n" for address, name in pairs)
        os.chmod(self.hosts + ".new", 0o644)
        os.rename(self.hosts + ".new", self.hosts)
        if hasattr(self, "names"):
            self.names.send_signal(signal.SIGHUP)

    def asked_names(self):
        """What the name server was asked for."""
        with open(self.names_log) as file:
            return [line.split("query[")[1].split()[1] for line in file if "query[" in line]

    def _make_authority(self):
        self.authority = os.path.join(self.directory, "authority.pem")
        self.key = os.path.join(self.directory, "authority.key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=egress test authority", "-keyout", self.key, "-out", self.authority)

    def _certificate(self, names):
        base = os.path.join(self.directory, names[0])
        with open(base + ".ext", "w") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={names[0]}",
            "-keyout", base + ".key", "-out", base + ".csr")
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.authority, "-CAkey", self.key, "-CAcreateserial",
            "-days", "2", "-extfile", base + ".ext", "-out", base + ".pem")
        return base + ".pem", base + ".key"

    def serve(self, address, port, names=()):
        """The files, over HTTP; over TLS where there are names for a certificate."""
        server = self._bound((address, port), functools.partial(Handler, directory=self.files))
        server.requests = []
        if names:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate(names))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return self._start(server)

    def _bound(self, where, handler):
        """A server there: on this side of the link where the address is the host's."""
        with contextlib.nullcontext() if where[0] in ("127.0.0.1", HOST) else self._outside():
            return Threads(where, handler)

    def _start(self, server):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.servers.append(server)
        return server

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.names.terminate()
        self.names.wait()
        for namespace in (self.inside, self.outside):
            os.close(namespace)
        shutil.rmtree(self.directory, ignore_errors=True)

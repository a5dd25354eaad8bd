"""A warrend that speaks E2B's protocol. WARREN_TEST_PREFIX names the runtime tree."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tools"), os.path.join(HERE, "../support")]

from loopback import free_port, make_certificate  # noqa: E402
from pace import eventually, pace, patience  # noqa: E402
from warren_server import Server  # noqa: E402

ROOT = os.path.realpath(os.path.join(HERE, "../.."))
# Names PORT-SANDBOX.DOMAIN, which nobody resolves: the cases say them by Host and by TLS's server name.
DOMAIN = "sandbox.test"
# Any will do for a server without keys, but the SDK demands one, and some of its versions that it looks like E2B's.
SOME_KEY = "e2b_" + "0" * 40


class Outside(http.server.BaseHTTPRequestHandler):
    """What sandboxes reach where they may."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"outside\n")

    def log_message(self, *_):
        pass


class E2bServer(Server):
    """With a server outside that the names one.outside.test and other.outside.test lead to, by its egress policy. Lifecycle:
    E2bServer(...) starts it and waits until it serves -> environment_for() -> stop()."""

    def __init__(self, *flags, **options):
        self.port, self.tls_port = free_port(), free_port()
        self.files = tempfile.mkdtemp(prefix="warren-e2b-test-")
        self.outside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
        threading.Thread(target=self.outside.serve_forever, daemon=True).start()
        policy = os.path.join(self.files, "egress.textproto")
        with open(policy, "w") as file:
            file.write('name: "e2b-test" enabled: true\n'
                       f'open {{ host: "127.0.0.1" ports {{ first: {self.outside.server_port} }} }}\n'
                       'names { name: "one.outside.test" addresses: "127.0.0.1" }\n'
                       'names { name: "other.outside.test" addresses: "127.0.0.1" }\n')
        self.certificate, key = make_certificate(self.files, DOMAIN, f"*.{DOMAIN}")
        super().__init__("--default-template", "data-science", "--pool", "base=2", "--pool", "data-science=2",
                         "--max-sandboxes", "100", "--egress-policy", policy, "--e2b-listen", f"127.0.0.1:{self.port}",
                         "--e2b-tls-listen", f"127.0.0.1:{self.tls_port}", "--e2b-certificate", self.certificate,
                         "--e2b-certificate-key", key, "--e2b-domain", DOMAIN, *flags, **options)
        try:
            self.warm()
        except BaseException:
            # Nobody has it yet who could stop it.
            self.stop()
            raise

    def warm(self):
        """Waits until it speaks E2B's protocol and has a sandbox of each template."""
        if not eventually(self.speaks_e2b):
            raise AssertionError(f"warrend does not speak E2B's protocol: {self.log()}")
        # The first sandbox of a template waits until its Python has imported everything, on a busy machine longer than the SDK
        # waits for an answer.
        for template in ("base", "data-science"):
            ran = self.exec("--template", template, "-c", "pass")
            if ran.returncode != 0:
                raise AssertionError(f"no sandbox of {template}: {ran.stderr}{self.log()}")

    def speaks_e2b(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def make_key(self, tenant):
        made = self.run("keys", "create", "--tenant", tenant)
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        return made.stdout.strip()

    def environment_for(self, key=SOME_KEY, other=""):
        """What the SDK reads, and the cases."""
        url = f"http://127.0.0.1:{self.port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("E2B_")}
        return environment | {
            "E2B_API_URL": url, "E2B_SANDBOX_URL": url, "E2B_API_KEY": key, "E2B_OTHER_API_KEY": other, "WARREN_PACE": str(pace()),
            "WARREN_E2B_TLS_URL": f"https://127.0.0.1:{self.tls_port}", "WARREN_E2B_AUTHORITY": self.certificate,
            "WARREN_E2B_OUTSIDE_PORT": str(self.outside.server_port),
        }

    def stop(self):
        code = super().stop()
        self.outside.shutdown()
        self.outside.server_close()
        shutil.rmtree(self.files, ignore_errors=True)
        return code


def results_of(command, environment):
    """What a run of cases printed, as data. Its progress goes where this process's errors go."""
    ran = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=patience(1800))
    if ran.returncode != 0:
        raise AssertionError(f"{command} ended with {ran.returncode}")
    return json.loads(ran.stdout)

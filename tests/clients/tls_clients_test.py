"""The CLI and the Python client over TLS (tls://HOST:PORT) against a real warrend: they take its certificate by the name that it
was made for and by an authority that they know, and nothing else. Needs root."""

import os
import subprocess
import sys
import tempfile
import unittest

from python_client import CLIENT, patience
from loopback import free_port, make_certificate
from warren_server import PREFIX, Server

PROGRAM = """
import asyncio, warren
with warren.Sandbox() as sandbox:
    print(sandbox.run_code("6 * 7").text)
async def main():
    async with warren.AsyncSandbox() as sandbox:
        print((await sandbox.run_code("6 * 8")).text)
asyncio.run(main())
"""


class TlsClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        files = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="warren-tls-test-"))
        cls.certificate, key = make_certificate(files, "localhost")
        cls.port = free_port()
        cls.server = Server("--tls-listen", f"127.0.0.1:{cls.port}", "--certificate", cls.certificate, "--certificate-key", key,
                            "--pool", "base=1", "--default-template", "base")
        made = cls.server.run("keys", "create", "--tenant", "acme")
        cls.key = made.stdout.strip()

    @classmethod
    def tearDownClass(cls):
        if cls.server.stop() != 0:
            raise AssertionError("warrend did not stop cleanly")

    def environment(self, host="localhost", trusted=True):
        environment = dict(self.server.environment, WARREN_ADDRESS=f"tls://{host}:{self.port}", WARREN_API_KEY=self.key,
                           PYTHONPATH=os.path.join(CLIENT, "lib"))
        environment.pop("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", None)
        if trusted:
            environment["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = self.certificate
        return environment

    def warren(self, *arguments, **how):
        return subprocess.run([f"{PREFIX}/bin/warren", *arguments], input="", capture_output=True, text=True,
                              timeout=patience(60), env=self.environment(**how))

    def python(self, **how):
        return subprocess.run([sys.executable, "-B", "-c", PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=patience(120), env=self.environment(**how))

    def test_the_cli_runs_code(self):
        ran = self.warren("exec", "-c", "print(6 * 7)")
        self.assertEqual((ran.returncode, ran.stdout), (0, "42\n"), ran.stderr)

    def test_the_python_client_runs_code(self):
        ran = self.python()
        self.assertEqual((ran.returncode, ran.stdout), (0, "42\n48\n"), ran.stderr)

    def test_an_authority_that_is_not_known_is_refused_with_what_to_do(self):
        ran = self.warren("ps", trusted=False)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("warrend --tls-listen", ran.stderr)
        self.assertIn("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", ran.stderr)
        ran = self.python(trusted=False)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", ran.stderr)

    def test_a_certificate_of_another_name_is_refused(self):
        self.assertNotEqual(self.warren("ps", host="127.0.0.1").returncode, 0)
        self.assertNotEqual(self.python(host="127.0.0.1").returncode, 0)

    def test_the_key_still_counts(self):
        ran = subprocess.run([f"{PREFIX}/bin/warren", "ps"], input="", capture_output=True, text=True, timeout=patience(60),
                             env={**self.environment(), "WARREN_API_KEY": ""})
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("WARREN_API_KEY", ran.stderr)


if __name__ == "__main__":
    unittest.main()

"""What is wrong with a configuration is said: of its text by `warren config check` and a warrend that does not start, with the line;
of what it names by `warren doctor` and `warren backends --probe`. Needs root."""

import os
import re
import subprocess
import tempfile
import unittest

from backends_of_its_own import KEY, KEY_VARIABLE, PREFIX, BackendsTest, Node, patience, warren
from loopback import free_port, make_certificate

# Each with what is said of it, the place first.
WRONG = (
    ('backends { name: "a" local {} }\ndefault_backend: "b"\n', r':2:\d+: no backend is named "b"; name one of a'),
    ('backends { name: "a" local {} }\nbackends { name: "l" failover { backends: "a" backends: "z" } }\ndefault_backend: "l"\n',
     r':2:\d+: no backend is named "z"'),
    ('backends { name: "l" failover { backends: "m" backends: "a" } }\nbackends { name: "m" failover { backends: "l" backends: "a" } }\n'
     'backends { name: "a" local {} }\ndefault_backend: "l"\n', r':[12]:\d+: .*(itself|cycle|circle)'),
    ('backends { name: "a" local {} }\nbackends { name: "r" remoat { address: "x:1" } }\ndefault_backend: "a"\n', r":2:\d+: .*remoat"),
    ('backends { name: "a" remote { address: "nowhere" } }\n', r":1:\d+: .*PORT"),
    ('backends {\n  name: "a"\n  e2b { key { environment: "WARREN_NOT_SET" } templates { template_id: "b" cloud_template: "b" } }\n}\n',
     r":3:\d+: .*WARREN_NOT_SET"),
    ('backends { name: "a" e2b { key { file: "/nonexistent/key" } templates { template_id: "b" cloud_template: "b" } } }\n',
     r":1:\d+: .*/nonexistent/key"),
    ('backends { name: "a" e2b { key { environment: "%s" } api_url: "http://203.0.113.7:1" '
     'templates { template_id: "b" cloud_template: "b" } } }\n' % KEY_VARIABLE, r":1:\d+: .*(loopback|https)"),
)


class WrongFileTest(unittest.TestCase):
    def test_both_say_what_and_where(self):
        node = Node("wrong")
        self.addCleanup(node.stop)
        file = os.path.join(node.directory, "backends.textproto")
        for text, said in WRONG:
            with self.subTest(said):
                with open(file, "w", encoding="utf-8") as out:
                    out.write(text)
                os.chmod(file, 0o644)
                checked = node.run("config", "check", file)
                self.assertEqual(checked.returncode, 125, checked.stdout)
                self.assertRegex(checked.stdout + checked.stderr, re.escape(file) + said)
                started = subprocess.run(
                    [f"{PREFIX}/bin/warrend", "--listen", node.address, "--runtime-dir", os.path.join(node.directory, "run"),
                     "--keys", node.keys, "--cgroup-parent", node.cgroup, "--config", file],
                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(), env=node.environment)
                self.assertNotEqual(started.returncode, 0)
                self.assertRegex(started.stdout + started.stderr, re.escape("backends.textproto") + said)
                self.assertNotIn(KEY, started.stdout + started.stderr)


class UnreachableTest(BackendsTest):
    """Of each backend, whether it answers, and why not where that can be known."""

    has_cloud = False
    has_far = False
    # A probe that failed is told at once, however many it takes to open the circuit.
    lists = 'default_backend: "near"\n'

    @classmethod
    def backends_text(cls):
        files = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="warren-failover-test-tls-"))
        os.chmod(files, 0o711)
        certificate, key = make_certificate(files, "localhost")
        os.chmod(certificate, 0o644)
        port, e2b_port = free_port(), free_port()
        cls.far.flags = ("--tls-listen", f"127.0.0.1:{port}", "--certificate", certificate, "--certificate-key", key,
                         "--e2b-tls-listen", f"127.0.0.1:{e2b_port}", "--e2b-certificate", certificate, "--e2b-certificate-key", key)
        secret = cls.far.run("keys", "create", "--operator").stdout.strip()
        cls.secrets = (secret, "wrn_" + "1" * 40, KEY)
        cls.front.environment.update(WARREN_FAR_KEY=secret, WARREN_WRONG_KEY=cls.secrets[1])
        cls.far.start()

        def remote(name, server_name, key):
            return (f'backends {{ name: "{name}" remote {{ address: "127.0.0.1:{port}" key {{ environment: "{key}" }} '
                    f'tls {{ ca_file: "{certificate}" server_name: "{server_name}" }} }} circuit {{ failures: 100 }} }}\n')

        def cloud(name, server_name, key, e2b_port):
            return (f'backends {{ name: "{name}" e2b {{ key {{ environment: "{key}" }} api_url: "https://127.0.0.1:{e2b_port}" '
                    f'sandbox_url: "https://127.0.0.1:{e2b_port}" templates {{ template_id: "base" cloud_template: "base" }} '
                    f'tls {{ ca_file: "{certificate}" server_name: "{server_name}" }} }} circuit {{ failures: 100 }} }}\n')
        return ('backends { name: "near" local {} }\n'
                + remote("fine", "localhost", "WARREN_FAR_KEY")
                + remote("other-key", "localhost", "WARREN_WRONG_KEY")
                + remote("other-name", "elsewhere.example", "WARREN_FAR_KEY")
                + f'backends {{ name: "nobody" remote {{ address: "127.0.0.1:{free_port()}" }} circuit {{ failures: 100 }} }}\n'
                + cloud("cloud-other-key", "localhost", KEY_VARIABLE, e2b_port)
                + cloud("cloud-other-name", "elsewhere.example", KEY_VARIABLE, e2b_port)
                + cloud("cloud-nobody", "localhost", KEY_VARIABLE, free_port()))

    SAID = {
        "near": r"answers",
        "fine": r"answers",
        "other-key": r"refuses this server's API key",
        "other-name": r"certificate",
        "nobody": r"cannot be reached",
        "cloud-other-key": r"key",
        "cloud-other-name": r"certificate was not accepted",
        "cloud-nobody": r"cannot be reached",
    }

    def test_each_backend_is_told_of(self):
        for arguments in (("backends", "--probe"), ("doctor",)):
            shown = self.front.run(*arguments)
            for name, said in self.SAID.items():
                with self.subTest(f"{arguments[0]}: {name}"):
                    line = next(line for line in shown.stdout.splitlines() if re.search(rf"(^|backend ){name} ", line))
                    self.assertRegex(line, said)
            for secret in self.secrets:
                self.assertNotIn(secret, shown.stdout)
        for secret in self.secrets:
            self.assertNotIn(secret, self.front.whole_log())
        self.assertEqual(self.create().info.backend, "near")
        self.assertIs(self.backend("nobody").circuit, warren.Circuit.CLOSED)


if __name__ == "__main__":
    unittest.main()

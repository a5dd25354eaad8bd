"""What a sandbox may not reach, and what its programs are told; and what attacks that."""

import os
import subprocess
import textwrap
import unittest

import egress
from egress import EgressTest, Sandbox, here
from pace import eventually, patience
from world import ALLOWED, HOST, NAMES

setUpModule, tearDownModule = egress.setUpModule, egress.tearDownModule


class Denials(EgressTest):
    """What is denied is an error that its program understands."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Sandbox("--allow", "allowed.test:443")

    @classmethod
    def tearDownClass(cls):
        cls.shared.kill()

    def test_http_is_told_why(self):
        done = self.shared.run("curl", "-sS", "-w", "%{http_code}", "http://other.test/")
        self.assertRan(done)
        self.assertRegex(done.stdout, r"(?s)other\.test:80 is denied.*403$")
        self.assertEqual(here.world.other.requests, [])

    def test_http_on_another_port_of_an_allowed_name(self):
        done = self.shared.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://allowed.test/")
        self.assertRan(done, "403")
        self.assertEqual(here.world.http.requests, [])

    def test_tls_sees_an_alert(self):
        done = self.shared.run("curl", "-sS", "https://other.test/")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("alert access denied", done.stderr)
        done = self.shared.run("node", "-e", 'fetch("https://other.test/").catch(e => console.log(e.cause.code))')
        self.assertIn("TLSV1_ALERT_ACCESS_DENIED", done.stdout)

    def test_git_is_told(self):
        done = self.shared.sh("git ls-remote https://other.test/project.git")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "(?i)access was denied|access denied")

    def test_pip_is_told(self):
        done = self.shared.sh("pip download --retries 0 --no-cache-dir -d /tmp/none --index-url https://other.test/simple/ hopper")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout + done.stderr, "(?i)alert.access.denied")

    def test_apt_is_told(self):
        done = self.shared.sh("""
            mkdir -p /tmp/apt/lists/partial /tmp/apt/cache/archives/partial && cd /tmp/apt && touch status
            echo 'deb [trusted=yes] http://other.test/apt ./' > sources.list
            apt-get -o Dir::State=/tmp/apt -o Dir::State::status=/tmp/apt/status -o Dir::Cache=/tmp/apt/cache \\
                    -o Dir::Etc::sourcelist=/tmp/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User= -qq update
            """)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"403 .*other\.test:80 is denied")

    def test_a_silent_client_is_reset(self):
        done = self.shared.python("""
            import socket
            stream = socket.create_connection(("other.test", 22))
            try:
                print(stream.recv(10))
            except ConnectionResetError:
                print("reset")
            """)
        self.assertRan(done, "reset\n")

    def test_a_name_that_is_not(self):
        sandbox = self.sandbox("--allow", "*")
        done = sandbox.run("curl", "-sS", "http://nowhere.test/")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("Could not resolve host", done.stderr)

    def test_nobody_asks_outside_for_what_is_denied(self):
        self.shared.run("curl", "-sS", "http://secret-a1b2c3.other.test/")
        self.assertFalse([name for name in here.world.asked_names() if name.startswith("secret-")])

    def test_a_long_request_is_told_too(self):
        done = self.shared.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://other.test/" + "x" * 6000)
        self.assertRan(done, "403")

    def test_names_with_many_addresses(self):
        """An answer that does not fit a datagram."""
        self.addCleanup(here.world.set_names, NAMES)
        here.world.set_names([*((f"45.11.{n // 200}.{n % 200 + 1}", "many.test") for n in range(300))])
        sandbox = self.sandbox("--allow", "many.test")
        self.assertRan(sandbox.python("import socket; print(socket.gethostbyname('many.test')[:4])"), "198.\n")

    def test_nobody_answers(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        done = sandbox.run("curl", "-sS", "-w", "%{http_code}", "http://allowed.test:81/")
        self.assertRan(done)
        self.assertRegex(done.stdout, r"(?s)nobody answers at allowed\.test:81.*502$")

    def test_addresses_are_denied(self):
        sandbox = self.sandbox("--allow", "*")
        done = sandbox.run("curl", "-sS", "-w", "%{http_code}", f"http://{ALLOWED}/")
        self.assertRegex(done.stdout, "403$")
        self.assertEqual(here.world.http.requests, [])

    def test_addresses_that_are_listed(self):
        sandbox = self.sandbox("--allow", f"{ALLOWED}/31:80")
        self.assertRan(sandbox.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{ALLOWED}/hello"), "200")
        done = sandbox.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{NAMES['mirror.test']}/")
        self.assertRan(done, "403")

    def test_udp_is_refused(self):
        sandbox = self.sandbox("--network", "internet")
        done = sandbox.python(f"""
            import socket
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            probe.connect(("{ALLOWED}", 443))
            try:
                probe.send(b"quic")
                probe.recv(10)
            except ConnectionRefusedError:
                print("refused")
            """)
        self.assertRan(done, "refused\n")

    def test_ipv6_is_unreachable(self):
        sandbox = self.sandbox("--network", "internet")
        done = sandbox.python("""
            import socket
            try:
                socket.create_connection(("2606:4700:4700::1111", 443))
            except OSError as error:
                print(error.strerror)
            """)
        self.assertRan(done, "Network is unreachable\n")


class Attacks(EgressTest):
    def test_special_addresses_by_name(self):
        sandbox = self.sandbox("--network", "internet")
        for name in ("loopback.test", "private.test", "metadata.test", "shared.test", "host.test"):
            with self.subTest(name):
                done = sandbox.run("curl", "-sS", "-w", "%{http_code}", f"http://{name}/latest/meta-data/")
                self.assertRegex(done.stdout, f"(?s){NAMES[name]}.*403$")

    def test_special_addresses_themselves(self):
        sandbox = self.sandbox("--network", "internet", "--allow", "10.0.0.0/8", "--allow", "169.254.169.254")
        for address in ("10.0.0.7", "169.254.169.254", "100.64.0.9"):
            with self.subTest(address):
                done = sandbox.run("curl", "-sS", "-w", "%{http_code}", f"http://{address}/")
                self.assertRegex(done.stdout, "403$")

    def test_a_name_that_changes_its_address(self):
        sandbox = self.sandbox("--network", "internet")
        self.addCleanup(here.world.set_names, NAMES)
        here.world.set_names({**NAMES, "moving.test": ALLOWED})
        # A program that keeps the address of its first answer, while the name moves inside.
        sandbox.write("/tmp/rebind.py", textwrap.dedent("""
            import socket, sys
            address = socket.gethostbyname("moving.test")
            print(address, flush=True)
            sys.stdin.readline()
            stream = socket.create_connection((address, 80))
            stream.send(b"GET / HTTP/1.1\\r\\nHost: moving.test\\r\\n\\r\\n")
            print(stream.recv(100).split(b"\\r")[0].decode())
            """))
        process = subprocess.Popen([f"{os.environ['WARREN_TEST_PREFIX']}/bin/warren", "run", "-i", "--sandbox", sandbox.id, "--",
                                    "/usr/bin/python3", "-u", "/tmp/rebind.py"], env=here.server.environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.assertRegex(process.stdout.readline(), r"^198\.1[89]\.")
        here.world.set_names({**NAMES, "moving.test": "10.0.0.7"})
        asked = len(here.world.asked_names())
        # The first answer may be kept for a second.
        eventually(lambda: sandbox.run("curl", "-sS", "http://moving.test/") and len(here.world.asked_names()) > asked + 1)
        said, _ = process.communicate("go\n", timeout=patience())
        self.assertIn("403", said)

    def test_tls_names_another(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        done = sandbox.python("""
            import socket, ssl
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                context.wrap_socket(socket.create_connection(("allowed.test", 443)), server_hostname="other.test")
            except ssl.SSLError as error:
                print(error.reason)
            """)
        self.assertRan(done, "TLSV1_ALERT_ACCESS_DENIED\n")

    def test_http_names_another(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        done = sandbox.run("curl", "-sS", "-w", "%{http_code}", "-H", "Host: other.test", "http://allowed.test/")
        self.assertRegex(done.stdout, "other.test(?s:.*)403$")
        # And the second one of a connection.
        done = sandbox.python("""
            import http.client
            connection = http.client.HTTPConnection("allowed.test")
            for host in ("allowed.test", "other.test"):
                connection.request("GET", "/hello", headers={"Host": host})
                answer = connection.getresponse()
                answer.read()
                print(answer.status)
            """)
        self.assertRan(done, "200\n403\n")
        self.assertEqual({host for host, _ in here.world.http.requests}, {"allowed.test"})

    def test_strange_hosts(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        for host in ("allowed.test%0d%0aX: y", "allowed.test\\0.other.test", "allowed.test:80:81", "other.test@allowed.test", ""):
            with self.subTest(host):
                request = f"GET / HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n"
                done = sandbox.python(f"""
                    import socket
                    stream = socket.create_connection(("allowed.test", 80))
                    stream.send(b"{request}")
                    print(stream.recv(100).split(b" ")[1].decode())
                    """)
                self.assertRan(done, "403\n")
        self.assertEqual(here.world.http.requests, [])

    def test_names_that_are_none(self):
        sandbox = self.sandbox("--network", "internet")
        done = sandbox.python(r"""
            import socket, struct
            def ask(labels):
                name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
                probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                probe.settimeout(20)
                probe.sendto(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1), ("127.0.0.53", 53))
                return probe.recv(600)[3] & 15
            for labels in ([b"allowed%0d%0a", b"test"], [b"allowed\0", b"test"], [b"127", b"0", b"0", b"1"], [b"a b", b"test"],
                           [b"fe80::1%lo"]):
                print(ask(labels))
            # Longer than a name can be, which is no message.
            print(ask([b"x" * 63] * 4))
            """)
        self.assertRan(done, "3\n" * 5 + "1\n")

    def test_dns_is_no_tunnel(self):
        sandbox = self.sandbox("--network", "internet")
        before = len(here.world.asked_names())
        done = sandbox.python("""
            import concurrent.futures, socket
            def ask(number):
                try:
                    socket.gethostbyname(f"{number:04d}" + "x" * 50 + ".tunnel.test")
                except OSError:
                    pass
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(ask, range(600)))
            """)
        self.assertRan(done)
        asked = {name for name in here.world.asked_names()[before:] if name.endswith("tunnel.test")}
        # 200 at once and 10 a second: what 600 come to is a matter of the rate, not of who asks.
        self.assertLess(len(asked), 500)
        # A denied one of another sandbox, and TXT records, come out nowhere at all.
        done = sandbox.sh("dig +short +time=5 +tries=1 TXT data.allowed.test @127.0.0.53 2>/dev/null; true")
        self.assertFalse([name for name in here.world.asked_names() if name.startswith("data.")])

    def test_a_scan_learns_nothing(self):
        """Of a denied port it cannot be told whether somebody listens there; of the relay there is no other."""
        sandbox = self.sandbox("--allow", "allowed.test:443")
        done = sandbox.python("""
            import concurrent.futures, socket
            def outcome(port):
                try:
                    with socket.create_connection(("allowed.test", port), timeout=60) as stream:
                        stream.send(b"\\0")
                        return stream.recv(10)
                except OSError as error:
                    return type(error).__name__
            # Two that listen are among them.
            ports = [*range(1, 443), *range(444, 600), 2525]
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                print(set(pool.map(outcome, ports)))
            """)
        self.assertRan(done, "{'ConnectionResetError'}\n")
        self.assertEqual(here.world.http.requests, [])
        # Those that are its own.
        done = sandbox.python("""
            import socket
            def listens(address, port):
                with socket.socket() as probe:
                    # A port that is the caller's own connects to itself.
                    return probe.connect_ex((address, port)) == 0 and probe.getsockname() != probe.getpeername()
            print([port for address in ("127.0.0.1", "127.0.0.53") for port in range(1, 65536) if listens(address, port)])
            """)
        self.assertRan(done, "[53]\n")

    def test_many_idle_connections(self):
        sandbox = self.sandbox("--allow", "allowed.test")
        done = sandbox.python("""
            import resource, socket
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            held = []
            try:
                while len(held) < 10000:
                    held.append(socket.create_connection(("allowed.test", 2525), timeout=20))
            except OSError:
                pass
            print(len(held) > 500)
            """)
        self.assertRan(done, "True\n")
        # The relay still serves others.
        other = self.sandbox("--allow", "allowed.test")
        self.assertRan(other.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://allowed.test/hello"), "200")

    def test_more_connections_than_the_policy_allows(self):
        sandbox = self.sandbox("--allow", "allowed.test", "--connections", "3")
        done = sandbox.python("""
            import socket
            held = [socket.create_connection(("allowed.test", 2525)) for _ in range(3)]
            print([stream.recv(8) for stream in held])
            try:
                print(socket.create_connection(("allowed.test", 2525)).recv(8))
            except ConnectionResetError:
                print("reset")
            held.pop().close()
            """)
        self.assertRan(done, "[b'welcome\\n', b'welcome\\n', b'welcome\\n']\nreset\n")

    def test_sandboxes_do_not_meet(self):
        one = self.sandbox("--network", "internet", "--allow", "192.0.2.0/24", "--allow", "198.18.0.0/15")
        two = self.sandbox("--network", "internet", "--allow", "192.0.2.0/24", "--allow", "198.18.0.0/15")
        # A name of the one is nothing in the other.
        address = one.python("import socket; print(socket.gethostbyname('allowed.test'))").stdout.strip()
        done = two.run("curl", "-sS", "-w", "%{http_code}", f"http://{address}/")
        self.assertRegex(done.stdout, "(?s)look the name up again.*403$")
        # Its own address is each one's own.
        one.sh("(python3 -m http.server 8000 >/dev/null 2>&1 &)")
        done = two.run("curl", "-sS", "http://192.0.2.1:8000/")
        self.assertEqual(done.returncode, 7, done.stdout + done.stderr)

    def test_the_host_cannot_be_reached(self):
        sandbox = self.sandbox("--network", "internet")
        done = sandbox.run("curl", "-sS", "-m", "20", "http://127.0.0.1:80/")
        self.assertEqual(done.returncode, 7, done.stdout + done.stderr)
        # Its public address, too, which a policy can name.
        for sandbox in (sandbox, self.sandbox("--allow", HOST)):
            done = sandbox.run("curl", "-sS", "-w", "%{http_code}", f"http://{HOST}/")
            self.assertRegex(done.stdout, "(?s)the server's own.*403$")

    def test_policies_cannot_open_what_the_operator_has_not(self):
        done = here.server.run("create", "--allow", "10.0.0.7:80")
        sandbox = done.stdout.strip()
        self.addCleanup(here.server.run, "kill", sandbox)
        done = here.server.run("run", "--sandbox", sandbox, "--", "curl", "-sS", "-w", "%{http_code}", "http://10.0.0.7/")
        self.assertRegex(done.stdout, "(?s)private.*403$")


if __name__ == "__main__":
    unittest.main()

"""For every layer of the relay: with it switched off, the attack that it is there for succeeds; with it on, the same attack
fails. In a build with WARREN_TEST_LAYERS=ON (preset `layers`), in a network of the tests' own, whose servers are the only ones
that such a sandbox can reach."""

import os
import re
import unittest

from egress import HERE, Sandbox, here
from pace import eventually
from world import ALLOWED, NAMES, World

# TestLayer of runtime/launch/child/test_layers.h.
LAYERS = {"name_agreement": 18, "special_addresses": 19, "addresses_by_name": 20, "lookup_rate": 21, "connection_bound": 22,
          "host_names": 23}
# More than a sandbox may ask for at once.
MANY = 600


def setUpModule():
    here.world = World()


def tearDownModule():
    here.world.close()


def status(sandbox, *arguments):
    return sandbox.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments).stdout


def fronts_by_host(sandbox):
    return status(sandbox, "-H", "Host: other.test", "http://allowed.test/") != "403"


def fronts_by_server_name(sandbox):
    return "certificate" in sandbox.run("curl", "-sS", "--connect-to", "other.test:443:allowed.test:443", "https://other.test/").stderr


def reaches_a_private_address(sandbox):
    return status(sandbox, "http://private.test/") != "403"


def reaches_the_hosts_own_address(sandbox):
    return status(sandbox, "http://host.test/") != "403"


def reaches_metadata(sandbox):
    return status(sandbox, "http://metadata.test/") != "403"


def goes_by_address(sandbox):
    return status(sandbox, f"http://{ALLOWED}/") != "403"


def asks_without_bound(sandbox):
    before = len(here.world.asked_names())
    sandbox.python(f"""
        import concurrent.futures, socket
        def ask(number):
            try:
                socket.gethostbyname(f"n{{number}}.tunnel.test")
            except OSError:
                pass
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range({MANY})))
        """)
    # Each is asked for by both kinds of address where nothing refuses it.
    asked = {name for name in here.world.asked_names()[before:] if name.endswith("tunnel.test")}
    return len(asked) == MANY


def smuggles_a_host(host):
    def attack(sandbox):
        return " 403 " not in sandbox.python(f"""
            import socket
            stream = socket.create_connection(("allowed.test", 80))
            stream.send(b"GET / HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n")
            print(stream.recv(100).split(b"\\r")[0].decode())
            """).stdout

    attack.__name__ = f"smuggles {host}"
    return attack


def keeps_an_address_while_its_name_moves_inside(sandbox):
    here.world.set_names({**NAMES, "moving.test": ALLOWED})
    address = sandbox.python("import socket; print(socket.gethostbyname('moving.test'))").stdout.strip()
    try:
        here.world.set_names({**NAMES, "moving.test": NAMES["private.test"]})
        asked = len(here.world.asked_names())
        # The first answer may be kept for a second.
        eventually(lambda: status(sandbox, "http://moving.test/") and len(here.world.asked_names()) > asked + 1)
        return status(sandbox, "-H", "Host: moving.test", f"http://{address}/") != "403"
    finally:
        here.world.set_names(NAMES)


def goes_by_mapped_address(sandbox):
    return " 403 " not in sandbox.python(f"""
        import socket
        stream = socket.socket(socket.AF_INET6)
        stream.connect(("::ffff:{ALLOWED}", 80))
        stream.send(b"GET / HTTP/1.1\\r\\nHost: {ALLOWED}\\r\\n\\r\\n")
        print(stream.recv(100).split(b"\\r")[0].decode())
        """).stdout


def asks_for(*labels):
    def attack(sandbox):
        return "answered" in sandbox.python(f"""
            import socket, struct
            name = b"".join(bytes([len(label)]) + label for label in {labels!r}) + b"\\0"
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            probe.settimeout(20)
            probe.sendto(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1), ("127.0.0.53", 53))
            print("answered" if probe.recv(600)[3] & 15 == 0 else "refused")
            """).stdout

    attack.__name__ = f"asks for {b'.'.join(labels)!r}"
    return attack


def has_more_connections(sandbox):
    return "welcome" in sandbox.python("""
        import socket
        held = [socket.create_connection(("allowed.test", 2525)) for _ in range(4)]
        print(held[-1].recv(8))
        """).stdout


# Layer -> attacks, each with the flags of its sandbox.
ATTACKS = {
    "name_agreement": [(attack, ["--allow", "allowed.test"]) for attack in (
        fronts_by_host, fronts_by_server_name, *map(smuggles_a_host, ("allowed.test%0d%0aX: y", "allowed.test\\0.other.test")))],
    "special_addresses": [(reaches_a_private_address, ["--network", "internet"]), (reaches_metadata, ["--network", "internet"]),
                          (reaches_the_hosts_own_address, ["--network", "internet"]),
                          (keeps_an_address_while_its_name_moves_inside, ["--network", "internet"])],
    "addresses_by_name": [(goes_by_address, ["--allow", "*"]), (goes_by_mapped_address, ["--allow", "*"])],
    "lookup_rate": [(asks_without_bound, ["--network", "internet"])],
    "connection_bound": [(has_more_connections, ["--allow", "allowed.test", "--connections", "3"])],
    "host_names": [(attack, ["--allow", "allowed.test"]) for attack in (
        asks_for(b"allowed%0d%0a", b"test"), asks_for(b"allowed\0", b"test"), asks_for(b"fe80::1%lo"))],
}


class EgressLayers(unittest.TestCase):
    def attack(self, layer, off):
        """{attack: whether it succeeded}, with these bits switched off."""
        os.environ["WARREN_UNSAFE_LAYERS_OFF"] = str(off)
        self.addCleanup(os.environ.pop, "WARREN_UNSAFE_LAYERS_OFF", None)
        here.start_server(pool=1)
        try:
            done = {}
            for attack, flags in ATTACKS[layer]:
                sandbox = Sandbox(*flags)
                done[attack.__name__] = attack(sandbox)
                sandbox.kill()
            return done
        finally:
            here.stop_server()

    def test_every_layer_is_what_keeps_its_claims(self):
        for layer, bit in LAYERS.items():
            with self.subTest(layer):
                self.assertEqual(self.attack(layer, 1 << bit), {attack.__name__: True for attack, _ in ATTACKS[layer]})

    def test_with_it_no_attack_succeeds(self):
        for layer in LAYERS:
            with self.subTest(layer):
                self.assertEqual(self.attack(layer, 0), {attack.__name__: False for attack, _ in ATTACKS[layer]})

    def test_every_layer_is_tried(self):
        with open(os.path.join(HERE, "../../runtime/launch/child/test_layers.h")) as file:
            bits = {int(bit) for bit in re.findall(r"= 1u << (\d+)", file.read().split("// The relay's:")[1].split("// The fetcher's:")[0])}
        self.assertEqual(bits, set(LAYERS.values()))
        self.assertEqual(set(ATTACKS), set(LAYERS))


if __name__ == "__main__":
    unittest.main()

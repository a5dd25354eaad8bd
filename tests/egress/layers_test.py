"""For every layer of the relay: with it switched off, the attack that it is there for succeeds; with it on, the same attack
fails. In a build with WARREN_TEST_LAYERS=ON (preset `layers`), in a network of the tests' own, whose servers are the only ones
that such a sandbox can reach."""

import os
import re
import unittest

from egress import HERE, Sandbox, here
from world import ALLOWED, World

# TestLayer of runtime/launch/child/test_layers.h.
LAYERS = {"name_agreement": 18, "special_addresses": 19, "addresses_by_name": 20, "lookup_rate": 21, "connection_bound": 22}
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


def has_more_connections(sandbox):
    return "welcome" in sandbox.python("""
        import socket
        held = [socket.create_connection(("allowed.test", 2525)) for _ in range(4)]
        print(held[-1].recv(8))
        """).stdout


# Layer -> attacks, each with the flags of its sandbox.
ATTACKS = {
    "name_agreement": [(fronts_by_host, ["--allow", "allowed.test"]), (fronts_by_server_name, ["--allow", "allowed.test"])],
    "special_addresses": [(reaches_a_private_address, ["--network", "internet"]), (reaches_metadata, ["--network", "internet"]),
                          (reaches_the_hosts_own_address, ["--network", "internet"])],
    "addresses_by_name": [(goes_by_address, ["--allow", "*"])],
    "lookup_rate": [(asks_without_bound, ["--network", "internet"])],
    "connection_bound": [(has_more_connections, ["--allow", "allowed.test", "--connections", "3"])],
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
            bits = {int(bit) for bit in re.findall(r"= 1u << (\d+)", file.read().split("// The relay's:")[1])}
        self.assertEqual(bits, set(LAYERS.values()))
        self.assertEqual(set(ATTACKS), set(LAYERS))


if __name__ == "__main__":
    unittest.main()

"""For every layer that packages have: with it switched off, the attacks that it is there for succeed; with it on, the same
attacks fail. In a build with WARREN_TEST_LAYERS=ON (preset `layers`)."""

import base64
import contextlib
import hashlib
import os
import re
import shutil
import unittest

import install
from install import HERE, OURS, InstallTest, here
from wheels import publish, wheel

# TestLayer of runtime/launch/child/test_layers.h.
LAYERS = {"index_claims": 24, "file_digests": 25, "link_seals": 26, "index_addresses": 27, "package_paths": 28, "store_bounds": 29,
          "package_mounts": 30}
INDEX = "http://index.warren.internal"
STORE_BYTES = 64 << 20
# What is planted in the store beside all packages.
PLANTED = "planted.py"


def setUpModule():
    here.world = install.World()
    install.fill()
    # Of an inner server, which has the world's files.
    inner = wheel(here.world.files, "inner", "1.0", {"inner.py": ""})
    with open(inner, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    page(here.world.public, "inner", f"http://metadata.test/{os.path.basename(inner)}", digest)
    broken = here.publish("broken-hash", "1.0", {"broken.py": ""})
    page(here.world.ours, "broken-hash", os.path.basename(broken), "0" * 64)
    large = wheel(here.world.made, "hostile-bomb", "1.0", {"bomb.bin": bytes(3 * STORE_BYTES)})
    publish(here.world.ours, large)


def tearDownModule():
    here.world.close()


def page(folder, name, url, digest):
    """An index's page of one package, with one link."""
    os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, name, "index.html"), "w") as file:
        file.write(f'<!DOCTYPE html><a href="{url}#sha256={digest}">{os.path.basename(url)}</a>')


# ---- Attacks: of a test's sandboxes, whether they succeeded


def takes_a_name_of_ours(test):
    return test.install(test.create(), "acme-secret").returncode == 0


def passes_over_an_index_that_fails(test):
    here.world.https.broken = 500
    try:
        return test.install(test.create(), "--refresh", "both").returncode == 0
    finally:
        here.world.https.broken = None


def link_to(test, sandbox, package):
    """The first link of its page, in three: seal, description, file name."""
    said = test.run_in(sandbox, "curl", "-sS", f"{INDEX}/simple/{package}/").stdout
    return re.search(r'href="/files/([^/]*)/([^/]*)/([^"#]*)', said).groups()


def fetched(test, sandbox, path):
    """Whether all of it came."""
    done = test.run_in(sandbox, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", INDEX + path)
    return done.returncode == 0 and done.stdout == "200"


def passes_on_another_file(test):
    sandbox = test.create("--network", "index")
    return fetched(test, sandbox, "/files/" + "/".join(link_to(test, sandbox, "broken-hash")))


def alters_a_link(test):
    """To a version that is denied, which no page has. What a link says is encrypted as a stream is: its bits can be turned."""
    sandbox = test.create("--network", "index")
    seal, description, name = link_to(test, sandbox, "lovelace")
    said = bytearray(base64.urlsafe_b64decode(description + "=" * (-len(description) % 4)))
    for was, wanted in ((name, "lovelace-0.9-py3-none-any.whl"),
                        (f"https://{OURS}/ours/lovelace/{name}", f"https://{OURS}/ours/lovelace/lovelace-0.9-py3-none-any.whl"),
                        (digest_of(name), digest_of("lovelace-0.9-py3-none-any.whl"))):
        for place in places_of(was, name):
            for i, (old, new) in enumerate(zip(was.encode(), wanted.encode(), strict=True)):
                said[place + i] ^= old ^ new
    changed = base64.urlsafe_b64encode(bytes(said)).decode().rstrip("=")
    return fetched(test, sandbox, f"/files/{seal}/{changed}/lovelace-0.9-py3-none-any.whl")


def digest_of(name):
    with open(os.path.join(here.world.ours, "lovelace", name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def places_of(part, name):
    """Where a link to this file says it (LinkSealer): the number of its index, name, digest, no metadata, URL; a line each."""
    lines = ["1", name, digest_of(name), "-", f"https://{OURS}/ours/lovelace/{name}"]
    return [sum(len(line) + 1 for line in lines[:i]) for i, line in enumerate(lines) if line == part]


def leads_to_metadata(test):
    return test.install(test.create(), "inner").returncode == 0


def plants_a_file_in_the_store(test):
    test.install(test.create(), "hopper")
    return os.path.exists(os.path.join(here.store, PLANTED))


def fills_the_store(test):
    return test.install(test.create(), "hostile-bomb").returncode == 0


def poisons(script):
    def attack(test):
        """By root of a sandbox; and another one has it."""
        one, other = test.create(), test.create()
        for sandbox in (one, other):
            test.assertRan(test.install(sandbox, "hopper"))
        before = test.run_in(other, "sh", "-c", "cd /opt/packages/hopper && ls && cat data.txt").stdout
        test.run_in(one, "sh", "-c", f"cd /opt/packages/hopper && {script}", user="root")
        return test.run_in(other, "sh", "-c", "cd /opt/packages/hopper && ls && cat data.txt").stdout != before

    attack.__name__ = "poisons: " + script
    return attack


def notices_a_lock(test):
    one, other = test.create(), test.create()
    for sandbox in (one, other):
        test.assertRan(test.install(sandbox, "hopper"))
    lock = "import fcntl; held = open('/opt/packages/lovelace.py'); fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)"
    test.assertRan(test.python(one, lock))
    return test.python(other, lock).returncode != 0


ATTACKS = {
    "index_claims": [takes_a_name_of_ours, passes_over_an_index_that_fails],
    "file_digests": [passes_on_another_file],
    "link_seals": [alters_a_link],
    "index_addresses": [leads_to_metadata],
    "package_paths": [plants_a_file_in_the_store],
    "store_bounds": [fills_the_store],
    "package_mounts": [*map(poisons, ("echo poison > data.txt", "echo more >> data.txt", "truncate -s 1 data.txt", "ln data.txt linked",
                                      "ln -s /etc/passwd elsewhere", "touch new", "mv data.txt moved", "rm __init__.py")), notices_a_lock],
}


# A package has taken the builder over: it sends a file that is none of the package's.
SENDS_ANOTHER = f"""
def _send(connection, tree, files):
    connection.sendall(_frame(path=b"../../../{PLANTED}", size=6) + b"x = 1\\n" + _frame(end=True, count=1))
"""


class PackageLayers(InstallTest):
    def attack(self, layer, off):
        """{attack: whether it succeeded}, with these bits switched off."""
        os.environ["WARREN_UNSAFE_LAYERS_OFF"] = str(off)
        flags = ["--package-store-bytes", str(STORE_BYTES)] if layer == "store_bounds" else []
        try:
            with install.builder_with("unpack.py", SENDS_ANOTHER) if layer == "package_paths" else contextlib.nullcontext():
                return self.attack_server(ATTACKS[layer], flags)
        finally:
            del os.environ["WARREN_UNSAFE_LAYERS_OFF"]
            # Nothing of what was done to it is the next one's.
            shutil.rmtree(here.store, ignore_errors=True)

    def attack_server(self, attacks, flags):
        here.start_server(*flags)
        try:
            return {attack.__name__: attack(self) for attack in attacks}
        finally:
            # Its sandboxes end before it does.
            self.doCleanups()
            here.stop_server()

    def test_every_layer_is_what_keeps_its_claims(self):
        for layer, bit in LAYERS.items():
            with self.subTest(layer):
                self.assertEqual(self.attack(layer, 1 << bit), {attack.__name__: True for attack in ATTACKS[layer]})

    def test_with_it_no_attack_succeeds(self):
        for layer in LAYERS:
            with self.subTest(layer):
                self.assertEqual(self.attack(layer, 0), {attack.__name__: False for attack in ATTACKS[layer]})

    def test_every_layer_is_tried(self):
        with open(os.path.join(HERE, "../../runtime/launch/child/test_layers.h")) as file:
            packages = file.read().split("// The fetcher's:")[1]
        self.assertEqual({int(bit) for bit in re.findall(r"= 1u << (\d+)", packages)}, set(LAYERS.values()))
        self.assertEqual(set(ATTACKS), set(LAYERS))


if __name__ == "__main__":
    unittest.main()

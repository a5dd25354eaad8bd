"""The builder's parts that need no network and no privilege."""

import fcntl
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

from builder import debian, finish, mirror, tree
from builder.errors import BuildError
from builder.store import Store

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from pace import eventually, patience  # noqa: E402


class InDirectory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)


class TreeDigest(InDirectory):
    def setUp(self):
        super().setUp()
        (self.root / "etc").mkdir()
        (self.root / "etc/hosts").write_text("localhost\n")
        (self.root / "link").symlink_to("etc/hosts")
        os.chmod(self.root / "etc/hosts", 0o644)
        self.before = tree.measure(self.root)

    def test_counts_bytes_of_files_and_entries(self):
        self.assertEqual(self.before[1:], (10, 3))

    def test_ignores_owner_and_time(self):
        os.utime(self.root / "etc/hosts", (1, 1))
        self.assertEqual(tree.measure(self.root), self.before)

    def assert_changed(self):
        self.assertNotEqual(tree.measure(self.root)[0], self.before[0])

    def test_sees_a_changed_byte(self):
        (self.root / "etc/hosts").write_text("lokalhost\n")
        self.assert_changed()

    def test_sees_a_changed_mode(self):
        os.chmod(self.root / "etc/hosts", 0o4755)
        self.assert_changed()

    def test_sees_a_changed_link(self):
        (self.root / "link").unlink()
        (self.root / "link").symlink_to("etc/shadow")
        self.assert_changed()

    def test_sees_a_renamed_file(self):
        (self.root / "etc/hosts").rename(self.root / "etc/hosts2")
        self.assert_changed()

    def test_sees_an_empty_directory(self):
        (self.root / "empty").mkdir()
        self.assert_changed()

    def test_refuses_what_no_template_holds(self):
        os.mkfifo(self.root / "fifo")
        with self.assertRaisesRegex(BuildError, "fifo is neither file"):
            tree.measure(self.root)


class Privilege(InDirectory):
    def test_set_id_bits_are_stripped_and_sockets_removed(self):
        program = self.root / "su"
        program.touch()
        os.chmod(program, 0o4755)
        os.mkfifo(self.root / "initctl")
        finish._strip_privilege(self.root)
        self.assertEqual(program.stat().st_mode & 0o7777, 0o755)
        self.assertFalse((self.root / "initctl").exists())

    def test_links_out_of_the_tree_are_not_followed(self):
        with tempfile.NamedTemporaryFile() as outside:
            os.chmod(outside.name, 0o4755)
            (self.root / "link").symlink_to(outside.name)
            finish._strip_privilege(self.root)
            self.assertEqual(os.stat(outside.name).st_mode & 0o7777, 0o4755)


class Finished(InDirectory):
    def test_a_login_shell_finds_sudo(self):
        for name in ("etc/apt", "usr/local/bin", "var"):
            (self.root / name).mkdir(parents=True)
        # A package's own has no use: set-user-id does nothing in a sandbox.
        (self.root / "usr/local/bin/sudo").touch()
        finish.clean(self.root)
        self.assertEqual(os.readlink(self.root / "usr/local/bin/sudo"), "/opt/warren/bin/sudo")


class StoreOperations(InDirectory):
    def setUp(self):
        super().setUp()
        self.store = Store(self.root)

    def start(self, text):
        self.store.building("t").mkdir()
        (self.store.building("t") / "manifest.textproto").write_text(text)

    def published(self):
        return (self.store.template("t") / "manifest.textproto").read_text()

    def test_publish_takes_the_place_and_keeps_the_replaced_tree(self):
        self.start("one")
        self.store.publish("t")
        self.start("two")
        self.store.publish("t")
        self.assertEqual(self.published(), "two")
        self.assertEqual((self.store.previous("t") / "manifest.textproto").read_text(), "one")
        self.assertFalse(self.store.building("t").exists())

    def test_clear_removes_what_a_killed_build_left(self):
        self.start("half")
        self.store.clear("t")
        self.assertEqual(list(self.root.iterdir()), [])

    def test_a_second_build_waits_for_the_first(self):
        said = []
        with self.store.locked("t", said.append):
            waiting = threading.Thread(target=self.take, args=(said,))
            waiting.start()
            self.assertTrue(eventually(lambda: said), "the second build says nothing")
            self.assertEqual(said, ["another build of t is running; waiting for it"])
        waiting.join(patience())
        self.assertEqual(said[1:], ["taken"])

    def take(self, said):
        with self.store.locked("t", said.append):
            said.append("taken")

    def test_the_lock_ends_with_its_block(self):
        with self.store.locked("t", self.fail):
            pass
        with open(self.root / ".t.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_a_store_that_cannot_be_made_is_named(self):
        (self.root / "file").touch()
        message = "file/store: Not a directory: choose another with --store"
        with self.assertRaisesRegex(BuildError, message):
            with Store(self.root / "file/store").locked("t", self.fail):
                pass


class Mirrors(unittest.TestCase):
    def sources(self, targets, environment=None):
        release = {"VERSION_CODENAME": "bookworm"}
        with mock.patch.object(mirror, "_run", return_value=targets), \
             mock.patch.object(mirror, "_os_release", return_value=release), \
             mock.patch.dict(os.environ, environment or {}):
            return mirror.sources_list("trixie")

    def test_the_hosts_mirrors_with_the_other_suite(self):
        lines = self.sources("http://m.invalid/debian/ bookworm main\n"
                             "http://m.invalid/debian/ bookworm-updates main\n"
                             "http://s.invalid/security/ bookworm-security main\n"
                             "http://other.invalid/ stable-thing main\n")
        self.assertEqual([line.split("] ")[1] for line in lines],
                         ["http://m.invalid/debian/ trixie main",
                          "http://m.invalid/debian/ trixie-updates main",
                          "http://s.invalid/security/ trixie-security main"])
        self.assertTrue(all(line.startswith("deb [signed-by=/") for line in lines))

    def test_the_environment_overrides(self):
        lines = self.sources("", {"WARREN_DEBIAN_MIRROR": "http://mine.invalid/d"})
        self.assertEqual([line.split("] ")[1] for line in lines],
                         ["http://mine.invalid/d trixie main"])

    def test_no_mirror_says_what_to_do(self):
        with self.assertRaisesRegex(BuildError, "WARREN_DEBIAN_MIRROR"):
            self.sources("cdrom://disc/ bookworm main\nhttp://vendor.invalid/ nodistro main\n")


class Causes(unittest.TestCase):
    def failure_of(self, text):
        child = subprocess.Popen(["sh", "-c", f"echo '{text}'; exit 25"], stdout=subprocess.PIPE,
                                 text=True)
        with self.assertRaises(BuildError) as raised:
            debian._follow(child, lambda line: None)
        return str(raised.exception)

    def test_each_known_cause_has_its_remedy(self):
        for text, remedy in (("E: Could not resolve 'm.invalid'", "check DNS and proxy"),
                             ("dpkg: error: No space left on device", "free some space"),
                             ("The following signatures: NO_PUBKEY 6ED0",
                              "update debian-archive-keyring"),
                             ("unshare: failed to execute mmdebstrap: No such file",
                              "run tools/install-deps"),
                             ("E: Unable to locate package foo", "not in this suite")):
            with self.subTest(text):
                message = self.failure_of(text)
                self.assertIn(remedy, message)
                self.assertIn("status 25", message)


if __name__ == "__main__":
    unittest.main()

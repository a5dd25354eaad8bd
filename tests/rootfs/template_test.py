"""The data-science tree in the store: what a sandbox gets, looked at from outside."""

import os
import pathlib
import stat
import subprocess
import unittest

from builder import recipe as recipes
from builder import tree
from builder.store import DEFAULT

STORE = pathlib.Path(os.environ.get("WARREN_TEMPLATES", DEFAULT))
TEMPLATE = STORE / "data-science"
ROOT = TEMPLATE / "rootfs"


class DataScience(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not TEMPLATE.is_dir():
            raise AssertionError(f"{TEMPLATE} is not built: run tools/build-template data-science")

    def test_matches_its_manifest(self):
        command = [recipes.REPOSITORY / "rootfs/build", "--store", STORE, "--verify", "data-science"]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_is_built_from_the_recipe_in_the_repository(self):
        self.assertTrue(recipes.makes_tree_of(*recipes.load_recipe("data-science"), TEMPLATE))
        manifest = recipes.load_manifest(TEMPLATE / "manifest.textproto")
        self.assertTrue(manifest.python_version.startswith("3.13."))

    def test_grants_no_privilege(self):
        for path, status in tree.walk(ROOT):
            if stat.S_ISLNK(status.st_mode):
                continue
            self.assertTrue(stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode), path)
            self.assertFalse(status.st_mode & 0o6000, path)
            attributes = os.listxattr(os.path.join(os.fsencode(ROOT), path))
            self.assertNotIn("security.capability", attributes, path)

    def test_only_temporary_directories_are_writable_for_all(self):
        writable = {os.fsdecode(path) for path, status in tree.walk(ROOT)
                    if status.st_mode & 0o002 and not stat.S_ISLNK(status.st_mode)}
        self.assertEqual(writable, {"tmp", "var/tmp"})
        for path in writable:
            self.assertTrue((ROOT / path).stat().st_mode & stat.S_ISVTX, path)

    def test_the_user_owns_its_home_and_nothing_else(self):
        owned = [os.fsdecode(path) for path, status in tree.walk(ROOT) if status.st_uid == 1000]
        self.assertIn("home/user", owned)
        self.assertEqual([path for path in owned if not path.startswith("home/user")], [])
        self.assertIn("user:x:1000:1000:", (ROOT / "etc/passwd").read_text())

    def test_nobody_can_log_in(self):
        for line in (ROOT / "etc/shadow").read_text().splitlines():
            self.assertIn(line.split(":")[1], ("*", "!", "!*"), line)

    def test_mount_points_are_empty(self):
        for name in ("dev", "proc", "sys", "run", "tmp", "opt/warren"):
            self.assertEqual(os.listdir(ROOT / name), [], name)

    def test_tells_nothing_of_where_it_was_built(self):
        self.assertEqual(os.listdir(ROOT / "var/lib/apt/lists"), [])
        self.assertEqual(os.listdir(ROOT / "etc/apt/sources.list.d"), [])
        self.assertNotIn("://", (ROOT / "etc/apt/sources.list").read_text())
        self.assertNotIn("nameserver", (ROOT / "etc/resolv.conf").read_text())


if __name__ == "__main__":
    unittest.main()

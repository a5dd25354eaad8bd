"""The index of a run, and what the rows of packages conclude from what the client says."""

import base64
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile

from harness import cells, packages, sizes
from harness.index import Index


def answer(install, usable, cached, from_pool=1):
    """Of the client, of one sample; in milliseconds."""
    times = {"create": [1e6], "install": [install * 1e6], "usable": [usable * 1e6], "cell": [1e6], "destroy": [1e6]}
    return times | {"phases": [["RESOLVING", [2e6]], ["MOUNTING", [3e6]]], "from_pool": from_pool, "cached": cached}


class IndexTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="packages_test.")
        self.addCleanup(self._folder.cleanup)
        self.index = Index(os.path.join(self._folder.name, "packages"))
        self.wheels = os.path.join(self._folder.name, "packages", "wheels")

    def wheel(self, name):
        return os.path.join(self.wheels, f"{name}-1.0-py3-none-any.whl")

    def test_no_package_is_published_twice(self):
        names = [self.index.publish() for _ in range(3)]
        self.assertEqual(len(set(names)), 3)
        self.assertEqual(sorted(os.listdir(self.wheels)), sorted(os.path.basename(self.wheel(name)) for name in names))

    def test_everybody_may_read_it(self):
        name = self.index.publish()
        self.assertEqual(stat.S_IMODE(os.stat(self.wheels).st_mode), 0o755)
        self.assertEqual(stat.S_IMODE(os.stat(self.wheel(name)).st_mode), 0o644)

    def test_a_wheel_has_what_its_record_says(self):
        with zipfile.ZipFile(self.wheel(self.index.publish())) as archive:
            inside = {name: archive.read(name) for name in archive.namelist()}
        record = next(name for name in inside if name.endswith("/RECORD"))
        lines = [line.split(",") for line in inside[record].decode().splitlines()]
        self.assertEqual([line[0] for line in lines], list(inside))
        for name, digest, size in lines:
            if name != record:
                told = base64.urlsafe_b64encode(hashlib.sha256(inside[name]).digest()).rstrip(b"=").decode()
                self.assertEqual((digest, size), (f"sha256={told}", str(len(inside[name]))))

    def test_two_packages_have_nothing_in_common(self):
        contents = []
        for name in (self.index.publish(), self.index.publish()):
            with zipfile.ZipFile(self.wheel(name)) as archive:
                contents.append({archive.read(entry) for entry in archive.namelist() if "/module" in entry})
        self.assertFalse(contents[0] & contents[1])

    def test_what_a_package_needs_is_said_and_imported(self):
        needed = self.index.publish()
        name = self.index.publish(requires=[needed])
        with zipfile.ZipFile(self.wheel(name)) as archive:
            self.assertIn(f"Requires-Dist: {needed}\n", archive.read(f"{name}-1.0.dist-info/METADATA").decode())
            self.assertIn(f"import {needed}\n", archive.read(f"{name}/__init__.py").decode())

    def test_its_code_can_be_imported_as_the_cell_does(self):
        name = self.index.publish()
        command = [sys.executable, "-c", cells.uses(name)]
        found = {"PYTHONPATH": self.wheel(name)}
        done = subprocess.run(command, env=found, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.stdout, f"{cells.USES_EXPECT}\n", done.stderr)


class MeasuresTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="packages_test.")
        self.addCleanup(self._folder.cleanup)
        self.index = Index(os.path.join(self._folder.name, "packages"))
        self.asked = []

    def run_of(self, answers):
        left = iter(answers)

        def run(*arguments):
            self.asked.append(arguments[arguments.index("--requirement") + 1])
            return next(left)

        return run

    def test_the_cached_one_is_installed_before_and_judged_by_its_use(self):
        made = packages.cached(self.run_of([answer(900, 950, 0), answer(10, 30, 1)]), self.index, sizes.QUICK)
        self.assertEqual(len(set(self.asked)), 1)
        self.assertEqual(made.samples, [30])
        self.assertEqual(made.figures["cached_share"], 1)
        self.assertEqual(made.figures["hit_share"], 1)

    def test_fresh_ones_are_each_another_and_judged_by_done(self):
        told = [answer(9000, 9001, 0), answer(500, 501, 0), answer(700, 701, 0)]
        made = packages.fresh(self.run_of(told), self.index, sizes.QUICK | {"install_fresh": 2})
        self.assertEqual(len(set(self.asked)), 3)
        self.assertEqual(made.samples, [500, 700])
        self.assertEqual(made.figures["cached_share"], 0)
        self.assertEqual(made.extra["parts"]["of the install, resolving"], 2)

    def test_what_was_in_the_store_or_not_in_the_pool_shows(self):
        told = [answer(1, 1, 0), answer(1, 1, 1), answer(1, 1, 0, from_pool=0)]
        made = packages.fresh(self.run_of(told), self.index, sizes.QUICK | {"install_fresh": 2})
        self.assertEqual(made.figures["cached_share"], 0.5)
        self.assertEqual(made.figures["hit_share"], 0.5)


if __name__ == "__main__":
    unittest.main()

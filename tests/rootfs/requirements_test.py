"""What a recipe lists of Python packages, put into a tree by the programs under test. Needs root and the data-science template,
of whose tree a copy of hard links is made."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "rootfs"), str(HERE.parent / "support")]

from builder import debian, recipe as recipes, requirements  # noqa: E402
from builder.errors import BuildError  # noqa: E402
from builder.store import DEFAULT  # noqa: E402
from wheels import example_index  # noqa: E402


def recipe_with(*lines):
    recipe, _ = recipes.load_recipe("data-science")
    recipe.requirements.extend(lines)
    return recipe


class Checked(unittest.TestCase):
    def test_what_is_not_pinned_is_refused(self):
        for line in ("numpy", "numpy>=1", "numpy==1.*", "./numpy", "numpy==1 ; x", "-e .", "numpy @ https://pip.test/x"):
            with self.subTest(line), self.assertRaisesRegex(BuildError, "not pinned"):
                requirements.check(recipe_with(line))
        requirements.check(recipe_with("numpy==1.24.0", "httpx[http2]==0.27.0"))

    def test_a_tree_of_its_own_is_needed(self):
        recipe, _ = recipes.load_recipe("base")
        recipe.requirements.append("numpy==1.24.0")
        with self.assertRaisesRegex(BuildError, "tree of its own"):
            requirements.check(recipe)

    def test_another_list_is_another_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "recipe.textproto"
            recipes.save_recipe(recipe_with("numpy==1.24.0"), path)
            recipes.save_manifest(recipes.template_pb2.TemplateManifest(name="x", recipe_digest=recipes.file_digest(path)),
                                  pathlib.Path(folder) / "manifest.textproto")
            self.assertTrue(recipes.makes_tree_of(recipe_with("numpy==1.24.0"), "another file", pathlib.Path(folder)))
            self.assertFalse(recipes.makes_tree_of(recipe_with("numpy==1.24.1"), "another file", pathlib.Path(folder)))


class Added(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        flags = dict(zip(*[iter(cls.enterClassContext(example_index()))] * 2))
        cls.options = argparse.Namespace(programs=os.environ["WARREN_TEST_PREFIX"], package_index=[flags["--package-index"]],
                                         package_policy=None, package_store=flags["--package-store"])

    def setUp(self):
        self.store = pathlib.Path(DEFAULT)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=".requirements-test-", dir=self.store))
        self.addCleanup(shutil.rmtree, self.work)
        self.root = self.work / "rootfs"
        subprocess.run(["cp", "-al", self.store / "data-science" / "rootfs", self.root], check=True)
        self.manifest = recipes.load_manifest(self.store / "data-science" / "manifest.textproto")
        self.said = []

    def add(self, *lines):
        requirements.add(recipes, recipe_with(*lines), self.manifest, self.root, self.options, self.said.append)

    def test_they_are_there_with_what_they_need(self):
        self.add("plotly==6.0.0")
        self.assertEqual([(package.name, package.version) for package in self.manifest.python_packages],
                         [("narwhals", "2.1.0"), ("plotly", "6.0.0")])
        self.assertRegex(self.manifest.python_packages_digest, "^[0-9a-f]{64}$")
        recipe = recipe_with()
        recipe.preload.append("plotly")
        debian.check_imports(self.root, recipe)

    def test_what_does_not_exist_ends_the_build(self):
        with self.assertRaisesRegex(BuildError, "the newest that it can use is 6.0.0"):
            self.add("plotly==7.0.0")
        with self.assertRaisesRegex(BuildError, "not among the packages"):
            self.add("turing==1.0")


if __name__ == "__main__":
    unittest.main()

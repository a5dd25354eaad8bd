"""The recipes and manifests in the repository, and the builder's command line."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from builder import recipe as recipes
from builder.errors import BuildError

NAMES = sorted(path.parent.name for path in recipes.RECIPES.glob("*/recipe.textproto"))


def run(*arguments):
    return subprocess.run([recipes.REPOSITORY / "rootfs/build", *arguments], capture_output=True,
                          text=True)


class Recipes(unittest.TestCase):
    def test_all_are_well_formed(self):
        self.assertIn("base", NAMES)
        self.assertIn("data-science", NAMES)
        for name in NAMES:
            with self.subTest(name):
                recipe, digest = recipes.load_recipe(name)
                self.assertTrue(recipe.description)
                self.assertTrue(recipe.python.startswith("/"))
                self.assertEqual(len(set(recipe.preload)), len(recipe.preload), "named twice")
                self.assertRegex(digest, "^sha256:[0-9a-f]{64}$")
                policy = f"policies/seccomp/{recipe.seccomp_policy}.textproto"
                self.assertTrue((recipes.REPOSITORY / policy).is_file(), policy)

    def test_an_unknown_name_lists_the_known_ones(self):
        with self.assertRaisesRegex(BuildError, "base, data-science"):
            recipes.load_recipe("nonesuch")


class Currency(unittest.TestCase):
    """When a tree in the store need not be built again."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.template = pathlib.Path(directory.name)
        self.recipe, _ = recipes.load_recipe("data-science")
        copy = self.template / "recipe.textproto"
        copy.write_text(recipes.text_format.MessageToString(self.recipe))
        self.digest = recipes.file_digest(copy)
        manifest = recipes.template_pb2.TemplateManifest(recipe_digest=self.digest)
        recipes.save_manifest(manifest, self.template / "manifest.textproto")

    def is_current(self):
        return recipes.makes_tree_of(self.recipe, "sha256:of-another-file", self.template)

    def test_limits_and_profiles_do_not_reach_the_tree(self):
        self.recipe.limits.pids += 1
        self.recipe.description = "another"
        del self.recipe.profiles[:]
        self.assertTrue(self.is_current())

    def test_packages_do(self):
        self.recipe.debian.packages.append("hello")
        self.assertFalse(self.is_current())

    def test_a_copy_that_is_not_what_was_built_says_nothing(self):
        (self.template / "recipe.textproto").write_text("# another\n")
        self.assertFalse(self.is_current())
        (self.template / "recipe.textproto").unlink()
        self.assertFalse(self.is_current())


class TestedManifest(unittest.TestCase):
    def test_names_every_package_of_the_recipe_with_a_digest(self):
        recipe, digest = recipes.load_recipe("data-science")
        manifest = recipes.load_manifest(recipes.tested_manifest_path("data-science"))
        self.assertEqual(manifest.recipe_digest, digest,
                         "rebuild, test, and run rootfs/build --record data-science")
        have = {package.name for package in manifest.packages}
        self.assertEqual(set(recipe.debian.packages) - have, set())
        for package in manifest.packages:
            self.assertRegex(package.digest, "^sha256:[0-9a-f]{64}$", package.name)
            self.assertTrue(package.version)
        self.assertRegex(manifest.tree_digest, "^sha256:[0-9a-f]{64}$")
        self.assertRegex(manifest.python_version, re.compile(r"^3\.13\."))


class CommandLine(unittest.TestCase):
    def test_base_needs_no_build(self):
        result = run("base")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("nothing to build", result.stdout)

    def test_an_unknown_template_is_a_plain_error(self):
        result = run("nonesuch")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^rootfs/build: no template is called 'nonesuch'")

    def test_verify_without_a_build_says_what_to_run(self):
        with tempfile.TemporaryDirectory() as store:
            result = run("--store", store, "--verify", "data-science")
        self.assertEqual(result.returncode, 1)
        self.assertIn("run rootfs/build data-science", result.stderr)


if __name__ == "__main__":
    unittest.main()

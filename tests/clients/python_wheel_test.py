"""The Python client's wheel: what is in it, what it requires, and that its types are right for those who check theirs."""

import ast
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

from build_python_client import copy_sources, pip
from python_client import CLIENT, ROOT, warren
from python_readme_test import README
from python_versions_test import PYTHONS
from pages import blocks

SOURCES = os.path.join(ROOT, "clients", "python", "src", "warren")
PYPROJECT = os.path.join(ROOT, "clients", "python", "pyproject.toml")


def installed(*parts):
    return os.path.join(CLIENT, "lib", "warren", *parts)


def mypy(*arguments):
    return subprocess.run(["/usr/bin/mypy", "--config-file", PYPROJECT, "--cache-dir", os.path.join(CLIENT, "mypy"), *arguments],
                          capture_output=True, text=True, env=os.environ | {"MYPYPATH": os.path.join(CLIENT, "lib")})


class Wheel(unittest.TestCase):
    def setUp(self):
        self.path, = glob.glob(os.path.join(CLIENT, "wheel", "*.whl"))
        with zipfile.ZipFile(self.path) as wheel:
            self.names = set(wheel.namelist())
            metadata, = (name for name in self.names if name.endswith("/METADATA"))
            self.metadata = wheel.read(metadata).decode()

    def test_it_is_for_every_host(self):
        self.assertTrue(self.path.endswith("-py3-none-any.whl"))

    def test_what_is_in_it(self):
        protos = ("backend", "common", "execution", "file", "network", "package", "process", "sandbox", "template")
        faces = ("client", "contexts", "executions", "files", "processes", "sandbox", "transport", "watches")
        for name in ("warren/py.typed", *(f"warren/{face}/{module}.py" for face in ("_async", "_sync") for module in faces),
                     *(f"warren/v1/{proto}_pb2.{end}" for proto in protos for end in ("py", "pyi"))):
            self.assertIn(name, self.names)
        self.assertEqual({name.split("/")[0] for name in self.names if ".dist-info/" not in name}, {"warren"})

    def test_what_it_requires(self):
        self.assertRegex(self.metadata, r"Requires-Dist: grpcio \(?>=")
        self.assertRegex(self.metadata, r"Requires-Dist: protobuf \(?(<6,>=4|>=4.*,<6)")

    def test_which_pythons_it_is_for(self):
        self.assertIn("Requires-Python: >=3.9\n", self.metadata)
        for minor in PYTHONS:
            self.assertIn(f"Classifier: Programming Language :: Python :: 3.{minor}\n", self.metadata)

    def test_its_version_is_warrens(self):
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(warren VERSION (\S+)", file.read())[1]
        self.assertEqual(warren.__version__, version)

    def test_no_machine_is_named_in_it(self):
        with zipfile.ZipFile(self.path) as wheel:
            for name in wheel.namelist():
                for folder in (tempfile.gettempdir() + "/tmp", ROOT + "/"):
                    self.assertNotIn(folder.encode(), wheel.read(name), name)


class Faces(unittest.TestCase):
    def test_the_synchronous_one_waits_for_nothing(self):
        for path in glob.glob(installed("_sync", "*.py")):
            with open(path, encoding="utf-8") as file:
                tree = ast.parse(file.read())
            waits = [node for node in ast.walk(tree)
                     if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef))]
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id.startswith("Async")}
            self.assertEqual((waits, names), ([], set()), path)

    def test_both_have_the_same_methods(self):
        for name in ("Client", "Context", "Contexts", "ExecutionStream", "Files", "FileWatch", "NetworkWatch", "Process",
                     "Processes", "Sandbox"):
            ours, theirs = ({member for member in dir(getattr(warren, prefix + name)) if not member.startswith("_")}
                            for prefix in ("", "Async"))
            self.assertEqual(ours, theirs, name)

    def test_both_transports_have_the_same_methods(self):
        from warren._async import transport as asynchronous
        from warren._sync import transport as synchronous
        for name in ("Transport", "Messages", "Background"):
            ours, theirs = ({member for member in dir(face) if not member.startswith("_")}
                            for face in (getattr(synchronous, name), getattr(asynchronous, "Async" + name)))
            self.assertEqual(ours, theirs, name)

    def test_everything_public_is_exported_and_said(self):
        self.assertEqual(len(warren.__all__), len(set(warren.__all__)))
        for name in warren.__all__:
            self.assertTrue(getattr(warren, name).__doc__ or name in ("Seconds", "RemotePath", "ExecutionEvent"), name)

    def test_every_public_method_says_what_it_does(self):
        for name in warren.__all__:
            public = getattr(warren, name)
            if isinstance(public, type) and public.__module__.startswith("warren._async"):
                for member, value in vars(public).items():
                    if not member.startswith("_") and callable(getattr(value, "__func__", value)):
                        self.assertTrue(getattr(public, member).__doc__, f"{name}.{member}")


class Types(unittest.TestCase):
    def test_the_package_is_strictly_typed(self):
        done = mypy(installed())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_examples_are_right_for_who_checks_types(self):
        with tempfile.TemporaryDirectory() as folder:
            for block in blocks(README):
                if block.language != "python":
                    continue
                code = block.text
                with open(os.path.join(folder, f"readme_line_{block.line}.py"), "w", encoding="utf-8") as file:
                    prelude = "" if re.search(r"\bas sandbox\b", code) else "import warren\nsandbox = warren.Sandbox.create()\n"
                    file.write(prelude + code.replace("async def main():", "async def main() -> None:"))
            done = mypy(*glob.glob(os.path.join(folder, "*.py")))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_mistake_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wrong.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write("from warren import Sandbox\nx: int = Sandbox.create().run_code(1).stdout\n"
                           "Sandbox.create(lifetme=1)\n")
            done = mypy(path)
        for said in ('expected "Union[str, bytes]"', 'has type "str", variable has type "int"',
                     'Unexpected keyword argument "lifetme"'):
            self.assertIn(said, done.stdout)


class SourceDistribution(unittest.TestCase):
    def test_a_wheel_can_be_built_of_it(self):
        """Away from the clone: it has the contract with it."""
        with tempfile.TemporaryDirectory() as folder:
            copy = copy_sources(folder)
            subprocess.run([sys.executable, "setup.py", "--quiet", "sdist"], check=True, cwd=copy, capture_output=True)
            archive, = glob.glob(os.path.join(copy, "dist", "*.tar.gz"))
            alone = os.path.join(folder, "alone")
            pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", alone, archive)
            self.assertEqual(os.listdir(alone), [os.path.basename(glob.glob(os.path.join(CLIENT, "wheel", "*.whl"))[0])])


if __name__ == "__main__":
    unittest.main()

"""The Python client with every Python that it is for: by what each file says, by mypy, which knows the oldest one's library,
and by those Pythons that this host has. gRPC is there for the host's own and for Debian 13's (python_debian13_test) only; for
others a stand-in takes its place, and a transport that answers from a script."""

import ast
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from python_client import CLIENT, HERE, ROOT, patience
from pages import blocks

# Of Python 3: Debian 12 has the 11th, Debian 13 the 13th.
PYTHONS = (9, 10, 11, 12, 13)
OLDEST = (3, PYTHONS[0])

README = os.path.join(ROOT, "clients", "python", "README.md")
PYPROJECT = os.path.join(ROOT, "clients", "python", "pyproject.toml")
EXAMPLES = glob.glob(os.path.join(ROOT, "docs", "examples", "*.py"))


def installed_files():
    return glob.glob(os.path.join(CLIENT, "lib", "warren", "**", "*.py"), recursive=True)


def interpreters():
    """Path -> (major, minor) of the Pythons that this host has and the client is for, one for each version; the one that runs
    this is always among them."""
    found = {sys.version_info[:2]: sys.executable}
    names = [f"python3.{minor}" for minor in PYTHONS]
    own = [path for name in names for path in glob.glob(os.path.expanduser(f"~/.pyenv/versions/*/bin/{name}"))]
    for path in own + [path for path in map(shutil.which, names) if path]:
        told = subprocess.run([path, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
        # The shims of a version manager are there for versions that are not.
        if told.returncode == 0:
            found.setdefault(tuple(map(int, told.stdout.split())), path)
    return {path: version for version, path in found.items()}


class Syntax(unittest.TestCase):
    def test_every_file_is_of_the_oldest_python(self):
        self.assertGreater(len(installed_files()), 40)
        for path in installed_files():
            with open(path, encoding="utf-8") as file:
                ast.parse(file.read(), path, feature_version=OLDEST)

    def test_so_are_the_examples(self):
        self.assertTrue(EXAMPLES)
        for path in EXAMPLES:
            with open(path, encoding="utf-8") as file:
                ast.parse(file.read(), path, feature_version=OLDEST)
        for block in blocks(README):
            if block.language == "python":
                ast.parse(block.text, f"{README}:{block.line}", feature_version=OLDEST)

    def test_what_is_newer_would_be_seen(self):
        for code in "match x:\n    case 1: pass", "try: pass\nexcept* OSError: pass":
            with self.assertRaises(SyntaxError):
                ast.parse(code, feature_version=OLDEST)


class Library(unittest.TestCase):
    """What parsing does not show. mypy checks the package for the oldest Python (python_wheel_test); here, that it would see
    what is newer."""

    NEWER = (
        "from dataclasses import dataclass\n@dataclass(kw_only=True)\nclass A:\n    a: int\n",
        "from dataclasses import dataclass, field\n@dataclass\nclass A:\n    a: int = field(kw_only=True)\n",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n    a: int\n",
        "import asyncio\nasync def f() -> None:\n    async with asyncio.TaskGroup():\n        pass\n",
        "import asyncio\nasync def f() -> None:\n    async with asyncio.timeout(1):\n        pass\n",
        "from typing import Self\n",
        "from typing import TypeAlias\n",
        "from datetime import UTC\n",
        "from enum import StrEnum\n",
        "import tomllib\n",
        "print(list(zip([1], [2], strict=True)))\n",
        "print((1).bit_count())\n",
        "from itertools import pairwise\n",
        "X = int | str\n",
        "def f(x: int | None) -> None: ...\n",
        "match 1:\n    case 1:\n        pass\n",
    )

    def test_mypy_checks_for_the_oldest_python(self):
        with open(PYPROJECT, encoding="utf-8") as file:
            self.assertIn(f'python_version = "{OLDEST[0]}.{OLDEST[1]}"\n', file.read())

    def test_what_is_newer_would_be_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, code in enumerate(self.NEWER):
                self.write(folder, f"newer_{number}.py", code)
            self.write(folder, "fine.py", "from __future__ import annotations\ndef f(x: int | None) -> list[int]: return [x or 1]\n")
            said = "".join(self.mypy(path) for path in glob.glob(os.path.join(folder, "*.py")))
        faulty = {int(number) for number in re.findall(r"newer_(\d+)\.py:\d+: error", said)}
        self.assertEqual([self.NEWER[number] for number in range(len(self.NEWER)) if number not in faulty], [])
        self.assertNotIn("fine.py", said)

    @staticmethod
    def write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def mypy(path):
        return subprocess.run(["/usr/bin/mypy", "--config-file", PYPROJECT, "--cache-dir", os.path.join(CLIENT, "mypy"), path],
                              capture_output=True, text=True).stdout


class Interpreters(unittest.TestCase):
    """With the interpreters of this host, whichever they are; protobuf is the host's, in its form that is Python alone."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        import google.protobuf
        os.mkdir(os.path.join(self.folder, "google"))
        os.symlink(os.path.dirname(google.protobuf.__file__), os.path.join(self.folder, "google", "protobuf"))
        os.mkdir(os.path.join(self.folder, "grpc"))
        with open(os.path.join(self.folder, "grpc", "__init__.py"), "w") as file:
            file.write("class RpcError(Exception): pass\nclass FutureCancelledError(Exception): pass\n")
        with open(os.path.join(self.folder, "grpc", "aio.py"), "w") as file:
            file.write("EOF = object()\n")

    def test_it_works_with_each(self):
        found = interpreters()
        self.assertIn(sys.version_info[:2], found.values())
        print("tried with Python", ", ".join(".".join(map(str, version)) for version in sorted(found.values())), file=sys.stderr)
        for path, version in found.items():
            with self.subTest(version=version):
                done = subprocess.run(
                    [path, "-B", "-W", "error::SyntaxWarning", os.path.join(HERE, "without_grpc.py")], capture_output=True,
                    text=True, timeout=patience(120),
                    env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([self.folder, os.path.join(CLIENT, "lib")]),
                         "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"})
                self.assertEqual((done.returncode, done.stdout), (0, "fine\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()

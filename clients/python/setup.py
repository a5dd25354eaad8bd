"""Makes what the wheel has and the sources have not: warren.v1, the messages, of the contract's .proto files; and
warren._sync, the synchronous face, of warren._async. All else is in pyproject.toml."""

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
ASYNC = HERE / "src" / "warren" / "_async"
SYNC = HERE / "src" / "warren" / "_sync"


def contract():
    """The folder with warren/v1/*.proto: in a source distribution the package's own copy, in the repository the
    repository's."""
    for folder in (HERE / "proto", HERE.parent.parent / "proto"):
        if (folder / "warren" / "v1").is_dir():
            return folder
    raise SystemExit("setup.py: no proto/warren/v1 beside it or two folders above: build in a clone, or of a source distribution")


def make_messages(target):
    """Writes warren/v1/*_pb2.py and their types below this folder."""
    proto, target = contract(), Path(target).resolve()
    files = sorted(str(path.relative_to(proto)) for path in (proto / "warren" / "v1").glob("*.proto"))
    arguments = [f"--python_out={target}", f"--pyi_out={target}", *files]
    tools = importlib.util.find_spec("grpc_tools")
    if tools is not None:
        types = Path(tools.submodule_search_locations[0]) / "_proto"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{types}"]
    elif shutil.which("protoc"):
        command = ["protoc"]
    else:
        raise SystemExit("setup.py: neither grpc_tools nor protoc is there: install grpcio-tools, or Debian's protobuf-compiler")
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, f"-I{proto}", *arguments], check=True, cwd=proto)
    (target / "warren" / "v1" / "__init__.py").write_text('"""The messages of the contract, made by protoc."""\n')


def protobuf_range():
    """What protobuf promises: code made for one major version runs with that, from the same minor on, and with the next one.
    From protoc 26 on the code says for which version it was made; before, it runs from 4.21 on, which Debian 12 has as
    4.21.12."""
    with tempfile.TemporaryDirectory() as target:
        make_messages(target)
        made = (Path(target) / "warren" / "v1" / "common_pb2.py").read_text()
    found = re.search(r"^# Protobuf Python Version: ((\d+)\.\d+\.\d+)", made, re.MULTILINE)
    oldest, major = (found[1], int(found[2])) if found else ("4.21.12", 4)
    return f"protobuf>={oldest},<{major + 2}"


def synchronous(word):
    """A name of warren._async as warren._sync has it; empty for what is left out."""
    if word in ("async", "await"):
        return ""
    if word == "StopAsyncIteration":
        return "StopIteration"
    return re.sub(r"^__a(enter|exit|iter|next)__$", r"__\1__", re.sub(r"^Async(?=[A-Z])", "", word))


def without_async(source):
    """A module of warren._async as one of warren._sync."""
    lines = source.splitlines(keepends=True)
    # From the end on, so that what is changed moves nothing that is still to be changed.
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type == tokenize.NAME and (word := synchronous(token.string)) != token.string:
            row, start, end = token.start[0] - 1, token.start[1], token.end[1]
            lines[row] = lines[row][:start] + word + lines[row][end if word else end + 1 :]
    return "".join(lines)


class BuildPackage(build_py):
    def run(self):
        super().run()
        if getattr(self, "editable_mode", False):
            raise SystemExit("setup.py: the build makes parts of the package: install it without -e, again after each change")
        make_messages(self.build_lib)
        for module in sorted(ASYNC.glob("*.py")):
            # transport.py and __init__.py there are written by hand.
            if not (SYNC / module.name).exists():
                made = without_async(module.read_text(encoding="utf-8"))
                (Path(self.build_lib) / "warren" / "_sync" / module.name).write_text(made, encoding="utf-8")


class SourceDistribution(sdist):
    """Takes the contract along, which is outside of this folder."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        target = os.path.join(base_dir, "proto", "warren", "v1")
        os.makedirs(target, exist_ok=True)
        for path in (contract() / "warren" / "v1").glob("*.proto"):
            shutil.copy(path, target)


setup(
    cmdclass={"build_py": BuildPackage, "sdist": SourceDistribution},
    install_requires=["grpcio>=1.51", protobuf_range()],
)

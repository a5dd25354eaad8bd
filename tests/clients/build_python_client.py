"""Builds the Python client's wheel and installs it: build_python_client.py DIR makes DIR/wheel/*.whl, and DIR/lib to import
from.

From a copy of the sources, since setuptools writes beside them; and without a network, with what tools/install-deps --test
brings.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def pip(*arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], check=True,
                   env=environment | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_ROOT_USER_ACTION": "ignore"})


def copy_sources(folder):
    """The package's sources and the contract, placed below this folder as they are in the repository, without what an earlier
    build has left: the folder of the package."""
    package = os.path.join(folder, "clients", "python")
    shutil.copytree(os.path.join(ROOT, "clients", "python"), package,
                    ignore=shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__"))
    shutil.copytree(os.path.join(ROOT, "proto"), os.path.join(folder, "proto"))
    return package


def main(target):
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", os.path.join(target, "wheel"), copy_sources(folder))
    pip("install", "--no-deps", "--target", os.path.join(target, "lib"), *glob.glob(os.path.join(target, "wheel", "*.whl")))


if __name__ == "__main__":
    main(sys.argv[1])

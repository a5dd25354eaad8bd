"""Resolves requirements with pip, against the package index and what the template has, and installs nothing."""

import collections
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata

import explain
import index
from report import Refused

# So that a package that is in use by the template's warm interpreter is never replaced beside it.
_PIP = [sys.executable, "-I", "-m", "pip"]


def pip_environment():
    """Nothing of the caller's configuration; pip's own places in a directory that goes with the sandbox."""
    return {
        "PATH": os.defpath,
        "HOME": os.environ.get("HOME", "/tmp"),
        "LC_ALL": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


def index_arguments(source_distributions):
    arguments = ["--index-url", index.ROOT + "/simple/", "--trusted-host", "index.warren.internal",
                 "--no-cache-dir", "--retries", "1", "--timeout", "60"]
    return arguments if source_distributions else arguments + ["--only-binary", ":all:"]


def run(job, progress):
    """{"resolved": [{"name", "version", "url", "sha256", "requested"}, ...]}: what is missing in the template.

    job: requirements and constraints (lists of lines), preload (modules), source_distributions.
    """
    with tempfile.TemporaryDirectory() as folder:
        requirements = _write(folder, "requirements.txt", job["requirements"])
        pins = preloaded(job["preload"])
        constraints = _write(folder, "constraints.txt", job["constraints"] + pins)
        report = os.path.join(folder, "report.json")
        command = _PIP + ["install", "--dry-run", "--report", report, "-r", requirements, "-c", constraints]
        command += index_arguments(job["source_distributions"])
        if job.get("refresh"):
            command += ["--upgrade", "--upgrade-strategy", "only-if-needed"]
        with open(os.path.join(folder, "errors"), "w+", encoding="utf-8", errors="replace") as errors:
            code, said = _follow(command, errors, progress)
            if code != 0:
                errors.seek(0)
                raise explain.refusal(said, errors.read(1 << 20), job["requirements"], pins)
        with open(report, encoding="utf-8") as file:
            return {"resolved": [_describe(item) for item in json.load(file)["install"]]}


def preloaded(modules):
    """"name==version" of each distribution that has one of these modules."""
    tops = {module.partition(".")[0] for module in modules}
    owners = metadata.packages_distributions()
    names = {name for top in tops for name in owners.get(top, ())}
    pins = []
    for name in sorted(names):
        version = metadata.version(name)
        # Debian's own versions are no versions of Python's now and then; what pip cannot read it would refuse as a whole.
        if version and not set(version) - set("0123456789abcdefghijklmnopqrstuvwxyz.+!"):
            pins.append(f"{name}=={version}")
    return pins


def _write(folder, name, lines):
    target = os.path.join(folder, name)
    with open(target, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return target


def _follow(command, errors, progress):
    """pip's exit code, and the last lines that it printed."""
    said = collections.deque(maxlen=100)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                          errors="replace", env=pip_environment(), cwd="/tmp") as pip:
        for line in pip.stdout:
            line = line.strip()
            said.append(line)
            # "Collecting x", "Downloading y": not the rest, which tells of files and of what is there.
            if line.startswith(("Collecting ", "Downloading ", "Preparing ", "Installing build")):
                progress(" ".join(word.rpartition("/")[2] for word in line.split(" (from ")[0].split()))
    return pip.returncode, said


def _describe(item):
    info = item["download_info"]
    archive = info.get("archive_info") or {}
    digest = (archive.get("hashes") or {}).get("sha256", "")
    if not digest and (archive.get("hash") or "").startswith("sha256="):
        digest = archive["hash"][len("sha256="):]
    if not digest:
        raise Refused("failed", f"pip knows no sha256 of {info.get('url', 'a file')}")
    return {
        "name": item["metadata"]["name"],
        "version": item["metadata"]["version"],
        "url": info["url"].partition("#")[0],
        "sha256": digest,
        "requested": bool(item.get("requested")),
    }

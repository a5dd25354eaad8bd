"""Unpacks one distribution as pip installs it, and hands its files to whoever connects."""

import compileall
import hashlib
import os
import py_compile
import socket
import stat
import struct
import subprocess
import sys
import tempfile

import index
from report import Refused
from resolve import index_arguments, pip_environment

# For who connects.
_CONNECT_SECONDS = 60


def run(job, progress, say):
    """{"sent": files}. Before that {"listening": port}: at 127.0.0.1 there, once, the files come (store.proto, PackageFile).

    job: url, filename, sha256, source_distributions.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = _fetch(job, folder, progress)
        if not archive.endswith(".whl"):
            archive = _build(archive, folder, progress)
        tree = os.path.join(folder, "tree")
        _install(archive, tree)
        compileall.compile_dir(tree, quiet=2, force=True, workers=1,
                               # Read-only where it is used, and of no certain age: nothing there is newer than it.
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        files = _list(tree)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(_CONNECT_SECONDS)
            say({"listening": listener.getsockname()[1]})
            connection, _ = listener.accept()
        with connection:
            connection.settimeout(None)
            try:
                _send(connection, tree, files)
            except ConnectionError:
                # Who reads them says why.
                sys.exit(1)
    return {"sent": len(files)}


def _fetch(job, folder, progress):
    name = os.path.basename(job["filename"])
    target = os.path.join(folder, name)
    digest = hashlib.sha256()
    progress(f"Fetching {name}")
    with open(target, "wb") as file:
        index.fetch(job["url"], file, digest)
    if digest.hexdigest() != job["sha256"]:
        raise Refused("hash", f"{name} has sha256 {digest.hexdigest()}, and not {job['sha256']}")
    return target


def _pip(arguments, what):
    done = subprocess.run([sys.executable, "-I", "-m", "pip", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", env=pip_environment(), cwd="/tmp", check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-20:])
        raise Refused("full" if "No space left on device" in tail else "failed", f"{what}: {tail}")


def _build(archive, folder, progress):
    progress(f"Building {os.path.basename(archive)}")
    wheels = os.path.join(folder, "wheels")
    _pip(["wheel", "--no-deps", "--wheel-dir", wheels, *index_arguments(True), archive],
         f"{os.path.basename(archive)} cannot be built")
    made = os.listdir(wheels)
    if len(made) != 1:
        raise Refused("failed", f"building {os.path.basename(archive)} made {len(made)} wheels")
    return os.path.join(wheels, made[0])


def _install(wheel, tree):
    _pip(["install", "--no-deps", "--no-index", "--no-compile", "--no-cache-dir", "--ignore-installed", "--target", tree, wheel],
         f"{os.path.basename(wheel)} cannot be unpacked")


def _list(tree):
    """Paths below the tree, sorted; regular files alone."""
    found = []
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                found.append(os.path.relpath(path, tree))
    return sorted(found)


def _send(connection, tree, files):
    for path in files:
        with open(os.path.join(tree, path), "rb") as file:
            info = os.fstat(file.fileno())
            connection.sendall(_frame(path=os.fsencode(path), executable=bool(info.st_mode & 0o100), size=info.st_size))
            connection.sendfile(file)
    connection.sendall(_frame(end=True, count=len(files)))


# ---- PackageFile as protobuf writes it: fields of three kinds.


def _varint(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _frame(path=b"", executable=False, size=0, end=False, count=0):
    body = b"\x0a" + _varint(len(path)) + path if path else b""
    for field, value in ((2, int(executable)), (3, size), (4, int(end)), (5, count)):
        if value:
            body += _varint(field << 3) + _varint(value)
    return struct.pack("<I", len(body)) + body

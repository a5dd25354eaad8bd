"""A small Debian of another release than the host's, with Python, gRPC and protobuf of its own, and programs that run in it.
As root, with mmdebstrap, from where the host's apt fetches its packages."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import types

from python_client import ROOT, patience

sys.path.insert(0, os.path.join(ROOT, "rootfs"))

from builder import debian, process  # noqa: E402

PACKAGES = ("python3-minimal", "python3-grpcio", "python3-protobuf")

# Everything is mounted in a mount namespace of the program's own, so it goes with it. The tree itself is read-only: the next
# program finds it as it was made. $1 is the tree, then NAME=FOLDER for each /mnt/NAME, then "--" and the command.
_ENTER = r"""
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount -t tmpfs -o mode=755 none "$root/mnt"
while [ "$1" != -- ]; do
  mkdir "$root/mnt/${1%%=*}"
  mount --bind "${1#*=}" "$root/mnt/${1%%=*}"
  mount -o remount,bind,ro "$root/mnt/${1%%=*}"
  shift
done
shift
mount -t tmpfs -o mode=1777 none "$root/tmp"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


class DebianRoot:
    """The tree of one release, in the user's cache; made where it is not there yet."""

    def __init__(self, suite):
        if os.geteuid() != 0:
            raise AssertionError("making and entering a Debian root takes root")
        digest = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        folder = pathlib.Path(cache, "warren", "debian-root", f"{suite}-{digest[:12]}")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "root"
        with open(folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.path.exists():
                self._make(suite, folder / "building")

    def _make(self, suite, building):
        shutil.rmtree(building, ignore_errors=True)  # What one that was killed has left.
        building.mkdir(mode=0o755)
        recipe = types.SimpleNamespace(debian=types.SimpleNamespace(suite=suite, packages=PACKAGES))
        with _bounded(patience(480)):
            debian.bootstrap(recipe, building / "root", report=lambda line: None)
        # Only a whole tree has this name.
        os.rename(building / "root", self.path)

    def run(self, command, folders, environment):
        """Runs a command in it to its end, with these folders, read-only, as /mnt/NAME: its exit code and all that it wrote.
        However this process ends, the command ends with it."""
        arguments = ["sh", "-c", _ENTER, "sh", str(self.path), *(f"{name}={folder}" for name, folder in folders.items()), "--"]
        child = process.start_contained(
            [*arguments, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", **environment})
        try:
            said, _ = child.communicate(timeout=patience(300))
        finally:
            process.stop(child)
        return child.returncode, said


@contextlib.contextmanager
def _bounded(seconds):
    """An AssertionError in this thread where what is within takes longer."""
    def too_long(number, frame):
        raise AssertionError(f"making a Debian root took longer than {seconds:.0f} s: does the mirror answer?")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(int(seconds))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

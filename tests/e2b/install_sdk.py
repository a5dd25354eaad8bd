#!/usr/bin/python3
"""E2B's SDKs as npm installs them: `install_sdk.py NAME` installs tests/e2b/sdk/NAME and prints where it is."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))

from pace import patience  # noqa: E402


def installed_sdk(name):
    """The directory into which npm has installed tests/e2b/sdk/NAME: in the user's cache, once for each lock file."""
    source = os.path.join(HERE, "sdk", name)
    digest = hashlib.sha256()
    for file in ("package.json", "package-lock.json"):
        with open(os.path.join(source, file), "rb") as text:
            digest.update(text.read())
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "warren", "e2b-sdk")
    folder = os.path.join(cache, f"{name}-{digest.hexdigest()[:12]}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = os.path.join(folder, "done")
        if not os.path.exists(done):
            for file in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(os.path.join(source, file), folder)
            try:
                ran = subprocess.run(["npm", "ci", "--no-progress"], cwd=folder, capture_output=True, text=True,
                                     timeout=patience(300))
            except FileNotFoundError:
                raise AssertionError("there is no npm: E2B's SDKs are npm packages") from None
            if ran.returncode != 0:
                raise AssertionError(f"npm ci in {folder}: {ran.stdout}{ran.stderr}")
            open(done, "w").close()
    return folder


if __name__ == "__main__":
    print(installed_sdk(*sys.argv[1:]))

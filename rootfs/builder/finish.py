"""Turns a bootstrapped tree into a template: a user, a few files, and nothing without a use.

Works on the tree by path from outside, before any code of it could have planted a link: call it on
fresh trees only.
"""

import os
import pathlib
import shutil
import stat

from . import tree

USER, USER_ID, HOME = "user", 1000, "home/user"

_FILES = {
    "etc/hostname": "sandbox\n",
    "etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
    # A sandbox has its own over it.
    "etc/resolv.conf": "",
    "etc/machine-id": "",
    # The mirror that the template was built from is the host's affair.
    "etc/apt/sources.list": "# A sandbox reaches no mirror.\n",
}

# Login shells set a PATH of their own, in which Warren's directory is not.
_LINKS = {"usr/local/bin/sudo": "/opt/warren/bin/sudo"}

# Mount points, and directories whose content belongs to a running system.
_EMPTIED = ("dev", "proc", "sys", "run", "tmp", "var/tmp", "var/log", "boot", "root",
            "var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "var/cache/ldconfig",
            "var/cache/fontconfig", "etc/apt/apt.conf.d", "etc/apt/sources.list.d")


def add_user(root):
    """Adds `user` (uid and gid 1000) and its home; the password field lets nobody log in."""
    root = pathlib.Path(root)
    for name, line in (("passwd", f"{USER}:x:{USER_ID}:{USER_ID}:Sandbox user:/{HOME}:/bin/bash\n"),
                       ("group", f"{USER}:x:{USER_ID}:\n"),
                       ("shadow", f"{USER}:*:19000:0:99999:7:::\n"),
                       ("gshadow", f"{USER}:!::\n")):
        with open(root / "etc" / name, "a") as file:
            file.write(line)
    home = root / HOME
    home.mkdir(parents=True)
    for skeleton in (root / "etc/skel").iterdir():
        shutil.copy(skeleton, home)
    for path in (home, *home.iterdir()):
        os.chown(path, USER_ID, USER_ID)
    home.chmod(0o755)


def clean(root):
    """Writes the fixed files, empties what must be empty, trims, and strips privilege."""
    root = pathlib.Path(root)
    for directory in _EMPTIED:
        _empty(root / directory)
    for path, text in _FILES.items():
        (root / path).unlink(missing_ok=True)
        (root / path).write_text(text)
    (root / "tmp").chmod(0o1777)
    (root / "var/tmp").chmod(0o1777)
    (root / "opt/warren").mkdir(parents=True)
    for path, target in _LINKS.items():
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)
    _trim(root)
    _strip_privilege(root)


def _empty(directory):
    if directory.is_symlink():
        directory.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _trim(root):
    """Removes libraries' own test suites and backups of Debian's databases.

    numpy's stays: numpy.testing imports it.
    """
    for package in ("pandas", "scipy", "sklearn", "statsmodels", "sympy", "matplotlib"):
        for directory in sorted((root / "usr/lib/python3/dist-packages" / package).rglob("tests")):
            if directory.is_dir():
                shutil.rmtree(directory)
    for pattern in ("etc/*-", "var/lib/dpkg/*-old", "var/backups/*"):
        for path in root.glob(pattern):
            path.unlink()
    # A sandbox is nobody's managed system: pip may install into the user's own site.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()


def _strip_privilege(root):
    """Removes set-id bits, file capabilities and device nodes.

    no_new_privs and nodev make them void; so they are not even there to try.
    """
    for path, status in list(tree.walk(root)):
        full = os.path.join(os.fsencode(root), path)
        if stat.S_ISLNK(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            os.unlink(full)
            continue
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o6000:
            os.chmod(full, mode & ~0o6000)
        if "security.capability" in os.listxattr(full, follow_symlinks=False):
            os.removexattr(full, "security.capability", follow_symlinks=False)

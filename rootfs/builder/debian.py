"""Makes the tree of a Debian template with mmdebstrap."""

import re
import subprocess

from . import mirror, process
from .errors import BuildError

# Not unpacked at all: documentation and translations. Licences stay.
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*/LC_MESSAGES/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)

_CAUSES = (
    (re.compile(r"failed to execute mmdebstrap"),
     "mmdebstrap is not installed: run tools/install-deps"),
    (re.compile(r"No space left on device"),
     "the disk is full: free some space or choose another --store"),
    (re.compile(r"Could not resolve|Temporary failure resolving"),
     "the mirror's name does not resolve: check DNS and proxy"),
    (re.compile(r"Connection refused|Could not connect|timed out|Network is unreachable"),
     "the mirror does not answer: check the network, the proxy (http_proxy) or the host's apt "
     "sources"),
    (re.compile(r"NO_PUBKEY|not signed|BADSIG|EXPKEYSIG"),
     "the archive's signature does not verify: update debian-archive-keyring on this host"),
    (re.compile(r"Unable to locate package (\S+)"), "a package of the recipe is not in this suite"),
    (re.compile(r"404 +Not Found"), "the mirror does not carry this suite"),
)


def bootstrap(recipe, root, report):
    """Fills `root`, an absent directory, with the recipe's packages.

    Keeps apt's signed lists, for `packages`.
    """
    # Beside the tree, so that it goes with a killed build's other leavings.
    settings = root.parent / "apt.conf"
    settings.write_text("\n".join(['Acquire::Languages "none";', *mirror.fetch_settings()]) + "\n")
    command = [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--skip=cleanup/apt/lists",
        f"--include={','.join(recipe.debian.packages)}", f"--aptopt={settings}",
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        recipe.debian.suite, str(root), *mirror.sources_list(recipe.debian.suite),
    ]
    child = process.start_contained(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    text=True, errors="replace")
    _follow(child, report)
    settings.unlink()


def _follow(child, report):
    """Shows the stages that mmdebstrap announces; on failure says the cause, with its last lines."""
    tail = []
    try:
        with child.stdout:
            for line in map(str.rstrip, child.stdout):
                if line.startswith("I: "):
                    report(line[3:])
                if line:
                    tail = [*tail[-19:], line]
        status = child.wait()
    finally:
        process.stop(child)
    if status != 0:
        text = "\n".join(tail)
        causes = (remedy for pattern, remedy in _CAUSES if pattern.search(text))
        cause = next(causes, "see its last lines above")
        raise BuildError(f"{text}\nmmdebstrap ended with status {status}: {cause}")


def packages(root):
    """Returns what is installed under `root`: [(name, version, architecture, digest of the .deb)].

    The digests ("sha256:<hex>") come from the archive's signed index that apt verified for this build.
    """
    status, out, err = process.run_contained(
        ["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"], [f"--root={root}"])
    if status != 0:
        raise BuildError(f"dpkg-query inside the template failed: {err.strip()}")
    installed = sorted(tuple(line.split("\t")) for line in out.splitlines())
    exact = [f"{name}={version}" for name, version, _ in installed]
    status, out, err = process.run_contained(
        ["apt-cache", "show", "--no-all-versions", *exact], [f"--root={root}"])
    if status != 0:
        raise BuildError(f"apt-cache inside the template failed: {err.strip()}")
    digests = {}
    for record in out.split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][A-Za-z0-9-]*): (.*)$", record, re.MULTILINE))
        if "SHA256" in fields:
            digest = f"sha256:{fields['SHA256']}"
            digests[fields["Package"], fields["Version"], fields["Architecture"]] = digest
    missing = [name for name, version, arch in installed if (name, version, arch) not in digests]
    if missing:
        raise BuildError(f"the archive's index gives no digest for {', '.join(missing)}: the mirror "
                         "changed during the build; run it again")
    return [(*package, digests[package]) for package in installed]


def check_imports(root, recipe):
    """Imports every module of the recipe as the sandbox's user would; returns Python's version.

    Leaves matplotlib's font list in the user's home, so that no context has to make it.
    """
    program = ("import importlib, platform, sys\n"
               "for name in sys.argv[1:]: importlib.import_module(name)\n"
               "print(platform.python_version())\n")
    # A fixed hash seed: the order of a set shows in the font list, and so in the tree's digest.
    environment = {"HOME": "/home/user", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                   "MPLBACKEND": "agg", "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}
    status, out, err = process.run_contained(
        [recipe.python, "-c", program, *recipe.preload],
        ["--net", "--ipc", f"--root={root}", "--mount-proc", "--setgid=1000", "--setuid=1000"],
        env=environment)
    if status != 0:
        raise BuildError(f"{recipe.python} inside the template cannot import what the recipe "
                         f"preloads:\n{err.strip()}")
    return out.strip()

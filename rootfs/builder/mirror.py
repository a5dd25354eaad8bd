"""Where to fetch packages from: what this host's own apt is configured to use, asked at build time.

Nothing about a mirror is written down in the repository or in a finished template: an
organisation's internal mirror, its proxy and its apt settings are honoured because the host's are.
"""

import os
import subprocess

from .errors import BuildError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Settings of the host's apt that concern how things are fetched, and no others (hooks, caches and
# pins stay outside).
_FETCH_SETTINGS = (
    "Acquire::http::", "Acquire::https::", "Acquire::Retries", "Acquire::ForceIPv",
    "Acquire::Check-", "Acquire::Queue-",
)


def sources_list(suite):
    """Returns the lines of a sources.list for `suite`.

    Release, updates and security, where this host has them.
    """
    if not os.path.exists(KEYRING):
        raise BuildError(
            f"{KEYRING} is missing, so packages cannot be verified: run tools/install-deps")
    override = os.environ.get("WARREN_DEBIAN_MIRROR")
    if override:
        return [_line(override, suite)]
    codename = _os_release().get("VERSION_CODENAME", "")
    uris = {}
    for uri, release in _host_targets():
        base, _, kind = release.partition("-")
        if base in (codename, "stable", "oldstable") and kind in ("", "updates", "security"):
            uris.setdefault(kind, uri)
    if "" not in uris:
        raise BuildError(
            "this host's apt sources name no Debian mirror to fetch the template from: add one to "
            "/etc/apt/sources.list or set WARREN_DEBIAN_MIRROR=URL")
    suites = {"": suite, "updates": f"{suite}-updates", "security": f"{suite}-security"}
    return [_line(uris[kind], suites[kind]) for kind in suites if kind in uris]


def fetch_settings():
    """Returns the host's apt settings about fetching, as lines of an apt.conf."""
    dump = _run(["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire"])
    return [line for line in dump.splitlines() if line.startswith(_FETCH_SETTINGS)]


def _line(uri, suite):
    return f"deb [signed-by={KEYRING}] {uri} {suite} main"


def _host_targets():
    listing = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                    "Created-By: Packages"])
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[2] == "main" and not fields[0].startswith("cdrom:"):
            yield fields[0], fields[1]


def _os_release():
    with open("/etc/os-release") as file:
        pairs = (line.strip().split("=", 1) for line in file if "=" in line)
        return {key: value.strip('"') for key, value in pairs}


def _run(command):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise BuildError(
            f"{command[0]} is not installed: templates are built on Debian and its relatives"
        ) from None
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{' '.join(command[:2])} failed: {error.stderr.strip()}") from None

"""What sandboxes install packages from: a directory of wheels of the run's own, and the policy that allows them."""

import base64
import hashlib
import os
import zipfile

# A package of middling size: modules of some 4 KiB.
MODULES = 100
_DIGESTS = 64

_POLICY = 'name: "bench"\nallow { requirement: "*" }\n'


class Index:
    """The directory, and beside it a store, which is empty: all of it in one folder, and nothing anywhere else."""

    def __init__(self, folder):
        """folder: is made; nobody has used it before."""
        self._wheels = os.path.join(folder, "wheels")
        self._store = os.path.join(folder, "store")
        self._policy = os.path.join(folder, "packages.textproto")
        self._published = 0
        for path in (folder, self._wheels):
            os.mkdir(path)
            # The fetcher, which is not root, looks into it.
            os.chmod(path, 0o755)
        with open(self._policy, "w") as file:
            file.write(_POLICY)

    @property
    def flags(self):
        """Of warrend."""
        return [f"--package-index={self._wheels}", f"--package-policy={self._policy}", f"--package-store={self._store}"]

    def publish(self, requires=()):
        """A package that nobody has seen before: its name, which is its module's too. requires: names, which it imports."""
        self._published += 1
        name = f"bench{self._published}"
        imports = "".join(f"import {required}\n" for required in requires)
        files = {f"{name}/__init__.py": f'{imports}what = "installed"\n'}
        files |= {f"{name}/module{number}.py": _module(name, number) for number in range(MODULES)}
        path = os.path.join(self._wheels, f"{name}-1.0-py3-none-any.whl")
        write_wheel(path, name, files, requires)
        os.chmod(path, 0o644)
        return name


def _module(name, number):
    """No other is like it, and it compresses as little as text does."""
    digests = (hashlib.sha256(f"{name} {number} {at}".encode()).hexdigest() for at in range(_DIGESTS))
    return f'text = "{"".join(digests)}"\n'


def write_wheel(path, name, files, requires=()):
    """Version 1.0 of a package. files: path to text; requires: names."""
    info = f"{name}-1.0.dist-info"
    needed = "".join(f"Requires-Dist: {required}\n" for required in requires)
    content = dict(files)
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}"
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{inside},{_digest(text)},{len(text.encode())}\n" for inside, text in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, text in content.items():
            archive.writestr(inside, text)


def _digest(text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"

"""Wheels, and the static index that has them: what the tests of packages install."""

import base64
import contextlib
import hashlib
import html
import os
import re
import stat
import tempfile
import zipfile


def _record(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def wheel(folder, name, version, files, *, requires=(), tag="py3-none-any", metadata="", raw=()):
    """Writes a wheel and returns its path. files: path to text or bytes. raw: (ZipInfo, data) as they are, for hostile ones."""
    distribution = name.replace("-", "_")
    info = f"{distribution}-{version}.dist-info"
    content = dict(files)
    content[f"{info}/METADATA"] = (f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                                   + "".join(f"Requires-Dist: {required}\n" for required in requires) + metadata)
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: wheels.py\nRoot-Is-Purelib: true\nTag: {tag}\n"
    content = {path: data.encode() if isinstance(data, str) else data for path, data in content.items()}
    record = "".join(_record(path, data) for path, data in content.items())
    record += "".join(_record(entry.filename, data) for entry, data in raw)
    content[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    path = os.path.join(folder, f"{distribution}-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name_inside, data in content.items():
            entry = zipfile.ZipInfo(name_inside)
            entry.external_attr = (stat.S_IFREG | (0o755 if "/scripts/" in name_inside else 0o644)) << 16
            archive.writestr(entry, data)
        for entry, data in raw:
            archive.writestr(entry, data)
    return path


def publish(folder, *paths):
    """Makes `folder` a static index (PEP 503) of these wheels, beside those that it has: FOLDER/NAME/index.html."""
    for path in paths:
        filename = os.path.basename(path)
        name = re.sub(r"[-_.]+", "-", filename.split("-")[0]).lower()
        place = os.path.join(folder, name)
        os.makedirs(place, exist_ok=True)
        with open(path, "rb") as file:
            data = file.read()
        with open(os.path.join(place, filename), "wb") as file:
            file.write(data)
        links = []
        for known in sorted(entry for entry in os.listdir(place) if entry.endswith(".whl")):
            with open(os.path.join(place, known), "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            links.append(f'<a href="{html.escape(known)}#sha256={digest}">{html.escape(known)}</a>')
        with open(os.path.join(place, "index.html"), "w") as page:
            page.write("<!DOCTYPE html><html><body>\n" + "<br>\n".join(links) + "\n</body></html>\n")


@contextlib.contextmanager
def example_index():
    """The flags of a warrend that has a store of its own, and a directory of wheels for index: plotly, and narwhals, which it
    needs. In the names of real ones, for the default policy allows the first; they hold next to nothing."""
    with tempfile.TemporaryDirectory(prefix="warren-wheels-") as folder:
        os.chmod(folder, 0o755)
        index = os.path.join(folder, "index")
        os.mkdir(index)
        wheel(index, "plotly", "6.0.0", {"plotly/__init__.py": "import narwhals\n"}, requires=["narwhals>=1"])
        wheel(index, "narwhals", "2.1.0", {"narwhals/__init__.py": ""})
        for name in os.listdir(index):
            os.chmod(os.path.join(index, name), 0o644)
        yield ("--package-index", index, "--package-store", os.path.join(folder, "store"))

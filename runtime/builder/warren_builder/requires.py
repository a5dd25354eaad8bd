"""Reads what wheels need, as they or their metadata say it."""

import email.parser
import hashlib
import tempfile
import zipfile

import index
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name
from report import Refused

# Of one distribution's metadata, in bytes.
_MAX_METADATA = 4 << 20


def run(job):
    """{"requires": names}: of all files together, whatever the extras and markers.

    job: files, a list of {"url", "sha256"}.
    """
    names = set()
    for file in job["files"]:
        with tempfile.TemporaryFile() as body:
            digest = hashlib.sha256()
            index.fetch(file["url"], body, digest)
            if digest.hexdigest() != file["sha256"]:
                raise Refused("hash", "a file is not what the index said")
            names.update(_names(_metadata(body, file["url"])))
    return {"requires": sorted(names)}


def _metadata(body, url):
    if url.endswith(".metadata"):
        body.seek(0)
        return body.read(_MAX_METADATA)
    with zipfile.ZipFile(body) as wheel:
        inside = [name for name in wheel.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        if len(inside) != 1:
            raise Refused("failed", "a wheel without metadata")
        with wheel.open(inside[0]) as file:
            return file.read(_MAX_METADATA)


def _names(metadata):
    message = email.parser.BytesHeaderParser().parsebytes(metadata)
    for line in message.get_all("Requires-Dist") or ():
        try:
            yield canonicalize_name(Requirement(str(line)).name)
        except InvalidRequirement:
            continue

"""The package index, as every sandbox sees it: plain HTTP from Warren's fetcher."""

import html.parser
import http.client
import urllib.error
import urllib.request

from report import Refused

ROOT = "http://index.warren.internal"
_TIMEOUT = 60
# Without the proxies of an environment.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Anchors(html.parser.HTMLParser):
    """The files of a page: (name, requires-python or None)."""

    def __init__(self):
        super().__init__()
        self.files = []
        self._attributes = None
        self._text = ""

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self._attributes, self._text = dict(attrs), ""

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "a" and self._attributes is not None:
            self.files.append((self._text.strip(), self._attributes.get("data-requires-python")))
            self._attributes = None


def files(name):
    """What the index has of a package: a list of (file name, requires-python). Refused says why there is none."""
    try:
        with _OPENER.open(f"{ROOT}/simple/{name}/", timeout=_TIMEOUT) as page:
            anchors = _Anchors()
            anchors.feed(page.read().decode("utf-8", "replace"))
            return anchors.files
    except urllib.error.HTTPError as error:
        reason = error.read(2000).decode("utf-8", "replace").strip() or str(error)
        if error.code == 404:
            raise Refused("missing", reason) from None
        if error.code == 403:
            raise Refused("denied", reason) from None
        raise Refused("unavailable", reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise Refused("unavailable", f"the package index cannot be reached: {error}") from None


def fetch(url, target, digest):
    """Writes a file of the index's to the open file `target`, and its hash into `digest`."""
    if not url.startswith(ROOT + "/files/"):
        raise Refused("failed", "that is no file of the package index")
    try:
        with _OPENER.open(url, timeout=_TIMEOUT) as body:
            expected = body.headers.get("Content-Length")
            count = 0
            while chunk := body.read(1 << 20):
                digest.update(chunk)
                target.write(chunk)
                count += len(chunk)
    except urllib.error.HTTPError as error:
        reason = error.read(2000).decode("utf-8", "replace").strip() or str(error)
        raise Refused("unavailable", reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise Refused("unavailable", f"the file did not come whole: {error}") from None
    if expected is not None and int(expected) != count:
        raise Refused("unavailable", f"the file did not come whole: {count} of {expected} bytes")

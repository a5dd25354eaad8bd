"""What the builder says: one JSON object a line."""

import json
import sys

# Of a message, in characters; what reads it has a bound of its own.
MAX_MESSAGE = 4096
MAX_PROGRESS = 200


class Refused(Exception):
    """Why there is no result.

    kind: "invalid" (the request cannot be understood), "denied" (by the policy), "missing" (no such package, version or wheel),
    "conflict", "hash", "unavailable" (an index cannot be reached), "full" (the builder's disk), or "failed".
    """

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
        self.message = message[:MAX_MESSAGE]


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def progress(text):
    say({"progress": text.strip()[:MAX_PROGRESS]})

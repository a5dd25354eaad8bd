"""Warren's builder, in a sandbox of its own: resolves requirements with pip, unpacks one distribution, or says what some need.

    python3 -I /opt/warren/builder/main.py (resolve | unpack | requires)  < job.json

The job is one JSON object on standard input; what becomes of it is JSON lines on standard output, of which the last is a result
or {"error": {"kind": ..., "message": ...}}. Whoever reads them trusts none of it: the code that runs here may be a package's.
"""

import errno
import json
import sys
from os import path


def main():
    # Isolated, Python does not look beside the script.
    sys.path.append(path.dirname(path.abspath(__file__)))
    import report

    task = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        if task == "resolve":
            import resolve

            result = resolve.run(json.load(sys.stdin), report.progress)
        elif task == "unpack":
            import unpack

            result = unpack.run(json.load(sys.stdin), report.progress, report.say)
        elif task == "requires":
            import requires

            result = requires.run(json.load(sys.stdin))
        else:
            raise report.Refused("failed", f"no such task: {task!r}")
    except report.Refused as refused:
        report.say({"error": {"kind": refused.kind, "message": refused.message}})
        return 1
    except OSError as error:
        kind = "full" if error.errno == errno.ENOSPC else "failed"
        report.say({"error": {"kind": kind, "message": f"{type(error).__name__}: {error}"}})
        return 1
    report.say(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())

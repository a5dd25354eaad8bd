"""Two builds beside each other: every row of both in each round, the one right after the other, so that what drifts on the host
meets both. What is shown are medians over the rounds, their ratio, and how far the rounds of one build lie apart."""

import os
import shutil
import statistics
import tempfile
import uuid

from . import host, quiet, rows, sizes
from .criteria import COUNTED
from .errors import BenchError
from .measures import Measures
from .processes import Client
from .servers import Servers

FORMAT = 1
BEFORE = "before"
AFTER = "after"
# The one that comes first in a round changes from round to round.
_ORDERS = ((BEFORE, AFTER), (AFTER, BEFORE))
_HEADERS = ("row", "figure", "before", "after", "after ÷ before", "noise", "seen")


class PairedRun:
    """Lifecycle: PairedRun() -> measure() -> close()."""

    def __init__(self, options, root, say):
        """options: of cli.py, with `against`: the folder of the other build's programs; say: takes lines of progress."""
        self._options = options
        self._root = root
        self._say = say
        self._sizes = sizes.QUICK if options.quick else sizes.PAIRED
        self._folder = tempfile.mkdtemp(prefix="warren-bench.")
        # The supervisors give up root before they serve.
        os.chmod(self._folder, 0o755)
        # One client for both: the calls that it makes are of both.
        self._client = Client(os.path.join(options.bin, "warren-bench"))
        builds = {BEFORE: (options.against, options.against_templates), AFTER: (options.bin, options.templates)}
        self._servers = {
            build: Servers(options, programs, self._folder, self._client, build, templates)
            for build, (programs, templates) in builds.items()
        }

    def measure(self, keep=lambda results: None):
        """The results, as they go into the JSON file.

        keep: takes those of the rounds so far after each round, for whoever has to stop early.
        """
        wanted = rows.chosen(self._options.only)
        # A build that makes no sandbox here is no build to measure beside: BenchError.
        for servers in self._servers.values():
            servers.get(wanted[0])
        seen = _Seen(wanted)
        described = host.describe(self._root)
        run_id = str(uuid.uuid4())
        results = {}
        for number in range(self._options.repeat):
            for row in wanted:
                for build in _ORDERS[number % 2]:
                    self._say(f"{row.id}: {build}, round {number + 1} of {self._options.repeat}")
                    try:
                        seen.add(row, build, *self._measure(row, build))
                    except BenchError as error:
                        seen.failed(row, f"{build}: {error}")
                        self._servers[build].stop()
            results = {
                "format": FORMAT,
                "paired": True,
                "run_id": run_id,
                "quick": self._options.quick,
                "rounds": number + 1,
                "host": described,
                "before_revision": host.revision(self._options.against),
                "rows": [seen.described(row) for row in wanted],
            }
            keep(results)
        return results

    def close(self):
        for servers in self._servers.values():
            servers.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _measure(self, row, build):
        if row.server != rows.POOLED:
            # Two of these at a time would be in each other's way.
            for servers in self._servers.values():
                servers.stop()
        server = self._servers[build].get(row)
        watch = quiet.Watch()
        measured = Measures(self._client, server, self._sizes).measure(row.id)
        account = watch.finish() | {"drift": None}
        if row.server != rows.POOLED:
            self._servers[build].stop()
        return shown(row, measured.figures, measured.references), account


class _Seen:
    """What all rounds so far have shown, a row each."""

    def __init__(self, wanted):
        self._values = {row.id: {} for row in wanted}
        self._noisy = dict.fromkeys((row.id for row in wanted), 0)
        self._errors = {}

    def add(self, row, build, figures, account):
        self._noisy[row.id] += bool(quiet.reasons(account))
        for name, value in figures.items():
            self._values[row.id].setdefault(name, {BEFORE: [], AFTER: []})[build].append(value)

    def failed(self, row, error):
        self._errors.setdefault(row.id, error)

    def described(self, row):
        return {
            "id": row.id,
            "what": row.what,
            "unit": row.unit,
            "values": self._values[row.id],
            "error": self._errors.get(row.id, ""),
            "noisy_rounds": self._noisy[row.id],
        }


def shown(row, figures, references):
    """Name -> value of what a row is judged by: its times, rates and memory, and those that it has beside a reference of its
    own also as multiples of it."""
    found = {}
    for criterion in row.criteria:
        if COUNTED.get(criterion.figure) == "" or criterion.figure not in figures:
            continue
        found[criterion.figure] = figures[criterion.figure]
        if criterion.reference in row.own and references.get(criterion.reference):
            found[f"{criterion.figure} ÷ {criterion.reference}"] = figures[criterion.figure] / references[criterion.reference]
    return found


def table(results):
    """Lines of cells, the first the heads."""
    lines = [_HEADERS]
    for row in results["rows"]:
        if row["error"]:
            lines.append((row["id"], "", "", "", "", "", row["error"]))
        for name, values in row["values"].items():
            if values[BEFORE] and values[AFTER]:
                lines.append((row["id"], name, *_beside(name, row["unit"], values[BEFORE], values[AFTER])))
    return lines


def _beside(name, unit, before, after):
    middles = [statistics.median(values) for values in (before, after)]
    unit = "×" if "÷" in name else COUNTED.get(name, unit)
    ratio = f"{middles[1] / middles[0]:.2f}" if middles[0] else ""
    return (*(f"{middle:.3g} {unit}" for middle in middles), ratio, _noise(before, after), _seen(before, after))


def _noise(before, after):
    """How far the rounds of one build lie apart, of its median: the larger of the two builds'."""
    spreads = [(max(values) - min(values)) / statistics.median(values) for values in (before, after) if statistics.median(values)]
    return f"{max(spreads, default=0):.0%}"


def _seen(before, after):
    """Where every round of one build is beyond every round of the other."""
    if len(before) < 2 or len(after) < 2:
        return ""
    if min(after) > max(before):
        return "more"
    return "less" if max(after) < min(before) else "–"


def terminal(results):
    lines = table(results)
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADERS))]
    head = [_head(results), ""]
    return "\n".join([*head, *("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)])


def markdown(results):
    """A whole document."""
    heads, *lines = table(results)
    noisy = [f"{row['id']} ({row['noisy_rounds']})" for row in results["rows"] if row["noisy_rounds"]]
    text = [
        "# Before and after",
        "",
        "<!-- written by tools/bench --render from the JSON of tools/bench --against, not by hand -->",
        "",
        _head(results),
        "",
        "Each row of both builds in each round, one right after the other, on servers of their own. Shown are the medians over",
        "the rounds. *Noise*: how far the rounds of one build lie apart, in parts of its median, the larger of the two. *Seen*:",
        "\"more\" or \"less\" where every round of the one build is beyond every round of the other; what is not seen is no",
        "difference. What the rows are: [BENCHMARKS.md](BENCHMARKS.md).",
        "",
        "| " + " | ".join(heads) + " |",
        "|---" * len(heads) + "|",
        *("| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;") for cell in line) + " |" for line in lines),
    ]
    if noisy:
        text += ["", f"Rounds in which the machine was not quiet: {', '.join(noisy)}; of {2 * results['rounds']} each."]
    return "\n".join(text) + "\n"


def _head(results):
    described = results["host"]
    return (
        f"{described['cpu_model']}, {described['cores']} cores, {described['memory_gib']} GiB, Linux {described['kernel']}, "
        f"cgroups {described['cgroup_mode']}; {described['date']}; before {results['before_revision']}, after "
        f"{described['revision']}, {results['rounds']} rounds"
    )

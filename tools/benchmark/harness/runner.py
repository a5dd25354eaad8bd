"""One run: the references and the rows, measured on this machine one after the other."""

import os
import shutil
import tempfile
import uuid

from . import cpu, host, perf, quiet, reasons, repeats, rows, sizes
from .errors import BenchError
from .measures import Measures
from .processes import Client, ServerError
from .references import References
from .servers import Servers
from .stats import distribution

FORMAT = 2
# What of the extra figures goes into the results as it is.
_SERIES = ("_clients", "_sessions", "_ends")


class Run:
    """Lifecycle: Run() -> measure() -> close()."""

    def __init__(self, options, root, template, say):
        """options: of cli.py; say: takes lines of progress."""
        self._options = options
        self._root = root
        self._say = say
        self._sizes = sizes.QUICK if options.quick else sizes.FULL
        self._folder = tempfile.mkdtemp(prefix="warren-bench.")
        # The supervisor gives up root before it serves.
        os.chmod(self._folder, 0o755)
        self._client = Client(os.path.join(options.bin, "warren-bench"))
        self._references = References(self._client, template, self._folder, root, self._sizes)
        self._servers = Servers(options, options.bin, self._folder, self._client)
        self._page_copies = None
        self._stages = {}

    def measure(self):
        """The results, as they go into the JSON file."""
        described = host.describe(self._root)
        self._say("references: first look")
        start = self._references.noise()
        results = self._measure_rows(rows.chosen(self._options.only))
        self._servers.stop()
        return {
            "format": FORMAT,
            "run_id": str(uuid.uuid4()),
            "quick": self._options.quick,
            "repeat": self._options.repeat,
            "host": described,
            "settings": {"template": self._options.template, "pool": self._options.pool, "sizes": self._sizes},
            "rows": results,
            "references": self._reference_details(),
            "unavailable": self._references.unavailable,
            "breakdown": {"stages_ms": self._stages, "page_copies": self._page_copies},
            "noise": {"start": start, "end": self._references.noise()},
        }

    def close(self):
        self._references.close()
        self._servers.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    # Rows.

    def _measure_rows(self, wanted):
        """All rows one after the other, and again as often as asked: what drifts shows between the repetitions of a row."""
        measured = {row.id: [] for row in wanted}
        results = []
        for number in range(1, self._options.repeat + 1):
            self._servers.stop()
            self._references.start_repetition()
            for row in wanted:
                where = f"{row.id} ({number} of {self._options.repeat})" if self._options.repeat > 1 else row.id
                measured[row.id].append(self._measure_row(row, where))
                if number == self._options.repeat:
                    results.append(self._conclude(row, measured[row.id]))
        return results

    def _measure_row(self, row, where):
        """A repetition of the row."""
        self._say(f"{where}: references")
        outside = [name for name in row.references if name not in row.own]
        references = self._references.get(outside)
        self._say(f"{where}: {row.what}")
        try:
            server = self._servers.get(row)
            measures = Measures(self._client, server, self._sizes)
            account, watch = cpu.CpuAccount(server.pid), quiet.Watch()
            measured = measures.measure(row.id)
            quietness, used = watch.finish(), account.finish()
            name, after = self._references.again(outside)
            quietness["drift"] = quiet.drift(name, references.get(name), after)
            self._break_down(row, measures, measured)
        except ServerError:
            raise
        except BenchError as error:
            # The row stays in the table.
            log = self._servers.log_tail()
            self._servers.stop()
            return repeats.repetition({}, references, None, f"{error}; the end of warrend's log: {log}")
        more = {"distribution": distribution(measured.samples)} if row.unit == "ms" and measured.samples else {}
        series = {name: value for name, value in measured.extra.items() if name.endswith(_SERIES)}
        parts = {name: measured.extra.get(name, {}) for name in ("parts", "stages")}
        return repeats.repetition(
            measured.figures,
            references | measured.references,
            quietness,
            series=series,
            parts_ms=parts["parts"],
            stages_ms=parts["stages"],
            first_error=measured.extra.get("first_error", ""),
            cpu=used,
            **more,
        )

    def _conclude(self, row, repetitions):
        """The row of the results; of one that falls short, why."""
        result = repeats.together(row, repetitions)
        errors = [one["error"] for one in repetitions if one["error"]]
        result["reason"] = errors[0] if errors else ""
        if not result["met"] and not errors:
            profile = [] if self._options.quick or not perf.available() else self._profile(row)
            result["reason"] = reasons.explain(result["repetitions"][-1], profile, self._page_copies)
            result["perf"] = profile
        return result

    def _profile(self, row):
        """The row once more, shortly, under perf: the figures of the table are taken without it."""
        measures = Measures(self._client, self._servers.get(row), sizes.PROFILE)

        def again():
            try:
                measures.measure(row.id)
            except BenchError as error:
                self._say(f"{row.id}: the run under perf failed: {error}")

        return perf.profile(again)

    def _break_down(self, row, measures, measured):
        """Where the time of a create goes, and what the first pandas cell copies."""
        if measured.extra.get("stages"):
            self._stages = {**measured.extra["stages"], "first cell": measured.extra["parts"]["cell"]}
        if row.server == rows.POOLED and self._page_copies is None:
            self._page_copies = measures.page_copies()

    def _reference_details(self):
        details = {}
        for name, detail in self._references.details.items():
            details[name] = dict(detail)
            if name in self._references.samples:
                details[name]["distribution"] = distribution(self._references.samples[name])
        return details

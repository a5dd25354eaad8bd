"""One run: the references and the rows, measured on this machine one after the other."""

import os
import shutil
import tempfile
import uuid

from . import cpu, host, perf, reasons, rows, sizes
from .criteria import judge
from .errors import BenchError
from .measures import Measured, Measures
from .processes import Client, ServerError, Warrend
from .references import References
from .stats import distribution

_FORMAT = 1
# More than the thousand sessions and a pool beside them.
_MAX_SANDBOXES = 1200


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
        self._servers = 0
        self._server = None
        self._server_kind = None
        self._page_copies = None
        self._stages = {}

    def measure(self):
        """The results, as they go into the JSON file."""
        described = host.describe(self._root)
        self._say("references: first look")
        start = self._references.noise()
        results = [self._measure_row(row) for row in rows.chosen(self._options.only)]
        self._stop_server()
        return {
            "format": _FORMAT,
            "run_id": str(uuid.uuid4()),
            "quick": self._options.quick,
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
        self._stop_server()
        shutil.rmtree(self._folder, ignore_errors=True)

    # Rows.

    def _measure_row(self, row):
        self._say(f"{row.id}: references")
        references = self._references.get(row.references)
        self._say(f"{row.id}: {row.what}")
        try:
            measures = Measures(self._client, self._server_for(row), self._sizes)
            account = cpu.CpuAccount(self._server.pid)
            measured = measures.measure(row.id)
            used = account.finish()
            self._break_down(row, measures, measured)
        except ServerError:
            raise
        except BenchError as error:
            # The row stays in the table.
            log = self._server.log_tail()
            self._stop_server()
            return self._failed(row, references, f"{error}; the end of warrend's log: {log}")
        reach, met, gap = judge(row.criteria, measured.figures, references)
        profile = [] if met or self._options.quick or not perf.available() else self._profile(row)
        reason = "" if met else reasons.explain(measured, used, profile, self._page_copies)
        return self._result(row, measured, references, (reach, met, gap, reason), {"cpu": used, "perf": profile})

    def _failed(self, row, references, error):
        reach, _, _ = judge(row.criteria, {}, references)
        return self._result(row, Measured({}), references, (reach, False, "could not be measured", error), {})

    def _result(self, row, measured, references, verdict, profile):
        reach, met, gap, reason = verdict
        figures = dict(measured.figures)
        result = {"id": row.id, "what": row.what, "unit": row.unit}
        for name in ("p50", "p99", "value", "samples"):
            if name in figures:
                result[name] = figures.pop(name)
        main = result.get("value", result.get("p50"))
        result |= {
            "figures": figures,
            "references": references,
            "ratios": {name: main / value for name, value in references.items() if main is not None and value},
            "reach": reach,
            "met": met,
            "gap": gap,
            "reason": reason,
            "profile": profile,
            "series": {name: measured.extra[name] for name in measured.extra if name.endswith(("_clients", "_sessions"))},
            "parts_ms": measured.extra.get("parts", {}),
        }
        if row.unit == "ms" and measured.samples:
            result["distribution"] = distribution(measured.samples)
        return result

    def _profile(self, row):
        """The row once more, shortly, under perf: the figures of the table are taken without it."""
        measures = Measures(self._client, self._server_for(row), sizes.PROFILE)

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

    # Servers.

    def _server_for(self, row):
        if self._server is not None and row.server == self._server_kind != rows.FRESH:
            return self._server
        self._stop_server()
        self._servers += 1
        pool = 0 if row.server == rows.EMPTY else self._options.pool
        flags = [f"--max-sandboxes={_MAX_SANDBOXES}", f"--templates={self._options.templates}"]
        if row.server == rows.EMPTY:
            # Else the pool would follow the demand of the row itself.
            flags.append("--pool-memory=0")
        name = f"warrend-{self._servers}"
        program = os.path.join(self._options.bin, "warrend")
        self._server = Warrend(program, self._folder, name, (self._options.template, pool), flags)
        self._server_kind = row.server
        self._server.start(self._client)
        return self._server

    def _stop_server(self):
        server, self._server = self._server, None
        if server is not None:
            server.stop()

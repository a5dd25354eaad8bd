"""How each row is measured, with the measuring client against a running server."""

import time

from . import backends, cells, cpu, e2b, e2b_streams, files, networks, packages
from .measured import Measured
from .stats import median, milliseconds, percentile, summary


class Measures:
    """Of one server. Each method answers for the row of its name."""

    def __init__(self, client, server, sizes):
        self._client = client
        self._server = server
        self._sizes = sizes
        self._by_id = {
            "create-pool-hit": self._create,
            "create-first-cell-pool-hit": lambda: self._first_cell(cells.ONE, cells.ONE_EXPECT, "create"),
            "create-pandas-pool-hit": lambda: self._first_cell(cells.PANDAS, cells.DONE, "create"),
            "create-sklearn-figure-pool-hit": lambda: self._first_cell(cells.FIGURE, cells.DONE, "figure"),
            "create-first-cell-pool-empty": lambda: self._first_cell(cells.ONE, cells.ONE_EXPECT, "create"),
            "cell-live": self._cell,
            "context-further": self._contexts,
            "command-live": self._commands,
            "command-first": self._first_commands,
            "file-write-4kib": lambda: self._small_file("write"),
            "file-read-4kib": lambda: self._small_file("read"),
            "file-write-1gib": lambda: self._large_file("write"),
            "file-read-1gib": lambda: self._large_file("read"),
            "pause": lambda: self._pauses("pause"),
            "resume": lambda: self._pauses("resume"),
            "sustained-16": self._sustained,
            "burst-100": self._burst,
            "sessions-1000": self._sessions,
            "create-network": lambda: networks.creates(self._run, self._sizes),
            "network-connect": lambda: networks.connects(self._run, self._server.origin, self._sizes),
            "network-stream": lambda: networks.streams(self._run, self._server.origin, self._sizes),
            "networks-1000": lambda: networks.many(self._run, self._server, self._sizes),
            "install-cached": lambda: packages.cached(self._run, self._server.index, self._sizes),
            "install-fresh": lambda: packages.fresh(self._run, self._server.index, self._sizes),
            "e2b-first-cell": lambda: e2b.first_cells(self._run, self._server.door, self._sizes),
            "e2b-command": lambda: e2b.commands(self._server.door, self._sizes),
            "e2b-file-100mib": lambda: e2b.transfers(self._server.door, self._sizes),
            "e2b-burst-100": lambda: e2b.burst(self._server.door, self._sizes),
            "e2b-streams-5000": lambda: e2b_streams.streams(self._server.door, self._server, self._sizes),
            "remote-cell": lambda: backends.remote_cells(self._run, self._run_front, self._sizes),
            "failover-first": lambda: backends.first_calls(self._run_front, self._server, self._restart, self._sizes),
            "failover-next": lambda: backends.next_calls(self._run, self._run_front, self._sizes),
            "e2b-100-at-once": lambda: backends.at_once(self._run, self._run_front, self._server, self._sizes),
            "destroy": self._destroy,
            "output-1gib": self._output,
            "idle-full-pool": self._idle,
            "beside-attack": self._beside_attack,
            "destroy-16-full": self._full_ends,
        }
        for attack, code in cells.ATTACKS.items():
            self._by_id[f"beside-{attack}"] = lambda code=code: self._cells_beside(code)

    def measure(self, row_id):
        return self._by_id[row_id]()

    def page_copies(self):
        """What the first pandas cell of a context copies: medians of the samples."""
        answer = self._run("page-copies", "--count", self._sizes["page_copies"], "--code", cells.PANDAS)
        memory = {
            phase: {name: median([sample[name] for sample in answer[phase]]) for name in answer[phase][0]}
            for phase in ("fork", "first", "second")
        }
        charged = {
            phase: {kind: median([sample[kind] for sample in answer[f"charged_{phase}"]]) for kind in answer[f"charged_{phase}"][0]}
            for phase in ("ready", "first")
        }
        return {
            "first_cell_ms": median(milliseconds(answer["first_cell"])),
            "second_cell_ms": median(milliseconds(answer["second_cell"])),
            "memory": memory,
            "charged_bytes": charged,
        }

    def _where(self, server=None):
        server = server or self._server
        return ["--address", server.address, "--cgroup-parent", server.cgroup_parent, "--template", server.template]

    def _run(self, command, *arguments):
        return self._client.run(command, *self._where(), *arguments)

    def _run_front(self, command, *arguments):
        return self._client.run(command, *self._where(self._server.front), *arguments)

    def _restart(self):
        self._server.restart(self._client)

    def _costs(self, command, code, expect):
        """Faults and context switches of the worker, medians: in samples of their own, so that no timed one is disturbed."""
        options = ["--count", self._sizes["costs"], "--warmup", 5, "--code", code, "--expect", expect]
        return {name: median(values) for name, values in self._run(command, *options).items()}

    def _create(self):
        answer = self._run("creates", "--count", self._sizes["create"], "--warmup", self._sizes["warmup"])
        return _creates(answer, "create")

    def _first_cell(self, code, expect, size):
        arguments = ["--count", self._sizes[size], "--warmup", self._sizes["warmup"], "--code", code, "--expect", expect]
        measured = _creates(self._run("creates", *arguments), "first_cell")
        # What the code itself takes, where nothing is new to its context any more: no pool can do better.
        again = milliseconds(self._run("cells", *arguments)["cell"])
        measured.extra["parts"]["the same cell again in a live context"] = median(again)
        measured.figures |= self._costs("first-cell-costs", code, expect)
        return measured

    def _cell(self):
        count = self._sizes["cell"]
        arguments = ["--count", count, "--warmup", 100, "--code", cells.ONE, "--expect", cells.ONE_EXPECT]
        samples = milliseconds(self._run("cells", *arguments)["cell"])
        return Measured(summary(samples) | self._costs("live-cell-costs", cells.ONE, cells.ONE_EXPECT), samples)

    def _contexts(self):
        arguments = ["--count", self._sizes["context"], "--warmup", self._sizes["warmup"]]
        answer = self._run("contexts", *arguments, "--code", cells.ONE, "--expect", cells.ONE_EXPECT)
        samples = milliseconds(answer["ready"])
        parts = {"create": median(samples), **{name: median(milliseconds(answer[name])) for name in ("cell", "delete")}}
        return Measured(summary(samples), samples, {"parts": parts})

    def _commands(self):
        arguments = ["--count", self._sizes["command"], "--warmup", self._sizes["warmup"]]
        samples = milliseconds(self._run("commands", *arguments, cells.COMMAND)["command"])
        return Measured(summary(samples), samples)

    def _first_commands(self):
        arguments = ["--count", self._sizes["create"], "--warmup", self._sizes["warmup"]]
        answer = self._run("first-commands", *arguments, cells.COMMAND)
        samples = milliseconds(answer["command"])
        figures = summary(samples) | {"hit_share": answer["from_pool"] / len(samples)}
        parts = {name: median(milliseconds(answer[name])) for name in ("create", "command", "destroy")}
        return Measured(figures, samples, {"parts": parts})

    def _small_file(self, direction):
        arguments = files.small(direction, self._sizes["file"], self._sizes["warmup"])
        samples = milliseconds(self._run("files", *arguments)["transfer"])
        return Measured(summary(samples), samples)

    def _large_file(self, direction):
        arguments = files.large(direction, self._sizes["file_bytes"], self._sizes["file_rounds"])
        answer = self._run("files", *arguments, "--supervisor-pid", self._server.pid)
        rates = files.rates(answer)
        growth = answer["supervisor_rss_peak_bytes"] - answer["supervisor_rss_before_bytes"]
        figures = {"value": median(rates), "supervisor_growth_mib": growth / 2**20, "chunk_kib": answer["chunk"] / 1024}
        return Measured(figures | {"samples": len(rates)}, rates)

    def _pauses(self, what):
        arguments = ["--count", self._sizes["pause"], "--warmup", self._sizes["warmup"], "--code", cells.BUSY]
        arguments += ["--expect", cells.DONE, "--further-code", cells.BUSY_STILL, "--further-expect", cells.BUSY_STILL_EXPECT]
        samples = milliseconds(self._run("pauses", *arguments)[what])
        return Measured(summary(samples), samples)

    def _load(self, clients, seconds):
        options = ["--clients", clients, "--seconds", seconds, "--code", cells.ONE, "--expect", cells.ONE_EXPECT]
        return self._run("load", *options)

    def _sustained(self):
        answer = self._load(16, self._sizes["load_seconds"])
        figures = {"value": _rate(answer), "failed": answer["failed"], "completed": answer["completed"]}
        samples = milliseconds(answer["first_cell"])
        if samples:
            figures |= {f"first_cell_{name}": value for name, value in summary(samples).items()}
        curve = [[clients, self._curve_point(clients)] for clients in self._sizes["curve"]]
        return Measured(figures, samples, {"rate_by_clients": curve, "first_error": answer["first_error"]})

    def _curve_point(self, clients):
        return _rate(self._load(clients, self._sizes["curve_seconds"]))

    def _burst(self):
        clients, rounds = self._sizes["burst"], self._sizes["burst_rounds"]
        code = ["--code", cells.ONE, "--expect", cells.ONE_EXPECT]
        answer = self._run("burst", "--clients", clients, "--rounds", rounds, *code)
        last = milliseconds(answer["last"])
        samples = milliseconds(answer["first_cell"])
        figures = {
            "p50": percentile(samples, 50),
            "p99": percentile(samples, 99),
            "last_max": max(last),
            "last_p50": median(last),
            "create_p99": percentile(milliseconds(answer["create"]), 99),
            "cell_p99": percentile(milliseconds(answer["cell"]), 99),
            "failed": answer["failed"],
            "unready": answer["readiness"]["unready"],
            "readiness_checked": answer["readiness"]["checked"],
            "clients": clients,
            "samples": len(samples),
        }
        return Measured(figures, samples, {"first_error": answer["first_error"] or answer["readiness"]["first_error"], "last": last})

    def _sessions(self):
        count = self._server.max_sandboxes(self._sizes["sessions"])
        first = ["--code", cells.SESSION_FIRST, "--expect", cells.SESSION_FIRST_EXPECT]
        further = ["--further-code", cells.SESSION_FURTHER, "--further-expect", cells.SESSION_FURTHER_EXPECT]
        more = ["--clients", 4, "--further-cells", self._sizes["further_cells"]]
        answer = self._run("sessions", "--sessions", count, *first, *further, *more)
        samples = milliseconds(answer["further_cell"])
        curve = _memory_curve(answer["memory"])
        after = _memory_curve([answer["memory"][0], answer["memory_after_further_cells"]])[-1]
        each = {name: value / count for name, value in after.items() if name != "sessions"}
        figures = {
            **summary(samples),
            # All included: whichever of the host's and the cgroups' accounts says more.
            "memory_mib_each": max(each["host_mib"], each["cgroup_mib"]),
            **{f"memory_{name}_each": value for name, value in each.items()},
            "processes_each": answer["processes"] / count,
            "sessions": count,
            "made_per_second": count / (answer["making"] / 1e9),
            "destroying_s": answer["destroying"] / 1e9,
        }
        return Measured(figures, samples, {"memory_by_sessions": curve})

    def _destroy(self):
        arguments = ["--count", self._sizes["reclaim"], "--code", cells.PANDAS, "--expect", cells.DONE]
        answer = self._run("reclaim", *arguments)
        samples = milliseconds(answer["acknowledged"])
        figures = summary(samples)
        for what in ("processes", "cgroups", "mounts", "memory", "all"):
            times = milliseconds(answer[what])
            figures[f"{what}_back_p50"] = median(times)
            figures[f"{what}_back_p99"] = percentile(times, 99)
        figures["memory_mib"] = median(answer["memory_bytes"]) / 2**20
        figures["mount_namespaces_seen"] = median(answer["mount_namespaces_seen"])
        return Measured(figures, samples, {"all_back": milliseconds(answer["all"])})

    def _output(self):
        size = self._sizes["output_bytes"]
        code = ["--code", cells.flood(size), "--bytes", size, "--supervisor-pid", self._server.pid]
        answers = [self._run("output", *code) for _ in range(self._sizes["output_rounds"])]
        rates = [answer["bytes"] / 2**20 / (answer["elapsed"] / 1e9) for answer in answers]
        growth = [answer["supervisor_rss_peak_bytes"] - answer["supervisor_rss_before_bytes"] for answer in answers]
        figures = {"value": median(rates), "supervisor_growth_mib": max(growth) / 2**20, "samples": len(rates)}
        return Measured(figures, rates)

    def _beside_attack(self):
        arguments = ["--count", self._sizes["attack"], "--warmup", self._sizes["warmup"]]
        arguments += ["--code", cells.ONE, "--expect", cells.ONE_EXPECT]
        idle = median(milliseconds(self._run("creates", *arguments)["first_cell"]))
        attacker = self._client.attack(*self._where(), "--code", cells.HOSTILE)
        try:
            measured = _creates(self._run("creates", *arguments), "first_cell")
            measured.figures |= self._costs("first-cell-costs", cells.ONE, cells.ONE_EXPECT)
            attack = attacker.finish()
        finally:
            attacker.close()
        measured.figures["attack_rounds"] = attack["rounds"]
        measured.extra["attack_ends"] = attack["ends"]
        measured.references["first-cell-idle"] = idle
        return measured

    def _paced_cells(self, count):
        arguments = ["--count", count, "--warmup", self._sizes["warmup"], "--pause-us", 5000]
        return milliseconds(self._run("cells", *arguments, "--code", cells.ONE, "--expect", cells.ONE_EXPECT)["cell"])

    def _cells_beside(self, code):
        """The same cells before, beside and after the attack: what is idle is before and after together."""
        count = self._sizes["beside"]
        idle = self._paced_cells(count // 2)
        attacker = self._client.attack(*self._where(), "--code", code)
        try:
            samples = self._paced_cells(count)
            attack = attacker.finish()
        finally:
            attacker.close()
        # What the attack left is gone.
        self._run("creates", "--count", 1)
        idle += self._paced_cells(count - count // 2)
        figures = summary(samples) | {"attack_rounds": attack["rounds"]}
        references = {"cell-idle": percentile(idle, 50), "cell-idle-p99": percentile(idle, 99)}
        return Measured(figures, samples, {"attack_ends": attack["ends"]}, references)

    def _full_ends(self):
        full = ["--code", cells.FULL, "--expect", cells.FULL_EXPECT]
        alone = median(milliseconds(self._run("full-ends", *full, "--count", 1, "--rounds", self._sizes["full_alone"])["all"]))
        attacker = self._client.attack(*self._where(), "--code", cells.HOSTILE)
        try:
            answer = self._run("full-ends", *full, "--count", self._sizes["full"], "--rounds", self._sizes["full_rounds"])
            attacker.finish()
        finally:
            attacker.close()
        samples = milliseconds(answer["all"])
        figures = {f"{part}_p50": median(milliseconds(answer[part])) for part in ("acknowledged", "processes", "cgroups", "mounts")}
        figures |= {"value": median(samples), "memory_mib": median(answer["memory_bytes"]) / 2**20}
        figures |= {"process_count": median(answer["process_count"]), "samples": len(samples)}
        return Measured(figures, samples, {}, {"full-end-idle": alone})

    def _idle(self):
        # Until what earlier rows left behind has settled.
        self._run("creates", "--count", 1)
        time.sleep(min(3, self._sizes["idle_seconds"]))
        before = cpu.descendants(self._server.pid)
        share = cpu.share_of_a_core(before, self._sizes["idle_seconds"])
        went_or_came = set(before) ^ set(cpu.descendants(self._server.pid))
        figures = {"value": share * 100, "processes": len(before), "came_or_went": len(went_or_came)}
        return Measured(figures)


def _creates(answer, timed):
    samples = milliseconds(answer[timed])
    figures = summary(samples)
    figures["hit_share"] = answer["from_pool"] / len(samples)
    parts = {name: median(milliseconds(answer[name])) for name in ("create", "cell", "destroy") if answer[name]}
    stages = {name: median(milliseconds(times)) for name, times in answer["stages"]}
    return Measured(figures, samples, {"parts": parts, "stages": stages})


def _rate(answer):
    return answer["completed"] / (answer["elapsed"] / 1e9)


def _memory_curve(points):
    """MiB more than at the start, by the host's account (the larger of its two) and by the cgroups'."""
    start = points[0]
    curve = []
    for point in points:
        grown = max(start["available_bytes"] - point["available_bytes"], point["used_bytes"] - start["used_bytes"])
        entry = {"sessions": point["sessions"], "host_mib": grown / 2**20}
        for kind, value in point["cgroup_bytes"].items():
            entry["cgroup_mib" if kind == "usage" else f"cgroup_{kind}_mib"] = (value - start["cgroup_bytes"][kind]) / 2**20
        curve.append(entry)
    return curve

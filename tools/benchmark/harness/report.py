"""The results as JSON, and as a table: for the terminal, and in Markdown for docs/BENCHMARKS.md. Milliseconds are shown; what
is judged are ratios."""

import json
import re

from .errors import BenchError
from .reasons import memory_in_words

_BEGIN = "<!-- results: written by tools/bench --render, not by hand -->"
_END = "<!-- end of results -->"
# What a row takes more than what stands beside it: how each is worked out, its row says.
_DIFFERENCES = ("added_p50", "door_p50")
_HEADERS = ("row", "p50", "p99", "value", "rate", "memory", "faults", "switches", "met", "quiet")


def as_json(results):
    """Indented, but lists of numbers on one line, and numbers to six digits."""
    text = json.dumps(_rounded(results), indent=1)
    return re.sub(r"\[\s+(-?[\d.][^\[\]{}\"]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def terminal(results):
    lines = [_host_line(results["host"]), _noise_line(results["noise"]), ""]
    table = [_HEADERS, *(_cells(row) for row in results["rows"])]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADERS))]
    for cells, row in zip(table, [None, *results["rows"]]):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())
        if row is not None:
            lines.extend(f"    {line}" for line in _details(row))
    lines += ["", "Where a create's time goes (pool empty), medians: " + _stages(results["breakdown"]["stages_ms"])]
    lines += _page_copy_lines(results["breakdown"]["page_copies"])
    lines += [f"not measured here: {name}: {reason}" for name, reason in results["unavailable"].items()]
    met = sum(row["met"] for row in results["rows"])
    lines += ["", f"{met} of {len(results['rows'])} rows reach what is asked"]
    noisy = [row["id"] for row in results["rows"] if row["quiet"] != "yes"]
    if noisy:
        lines.append(f"the machine was not quiet for {', '.join(noisy)}: their verdicts are of little worth")
    return "\n".join(lines)


def markdown(results):
    lines = [_host_line(results["host"]) + "  ", _noise_line(results["noise"]), ""]
    lines += ["| " + " | ".join((*_HEADERS, "beside it (ratio)")) + " |", "|---" * (len(_HEADERS) + 1) + "|"]
    for row in results["rows"]:
        lines.append("| " + " | ".join((*_cells(row), _beside(row))) + " |")
    lines += ["", "What each row is, what it has to reach, and what is lacking:", ""]
    for row in results["rows"]:
        lines.append(f"- **{row['id']}**: {row['what']}. Reach: {row['reach']}.")
        if row["judged"]:
            lines.append(f"  Judged: {_judged(row)}.")
        if _differences(row):
            lines.append(f"  Of it: {_differences(row)}.")
        if len(row["repetitions"]) > 1:
            lines.append(f"  Min … median … max of {len(row['repetitions'])}: {_main_spread(row)}.")
        if not row["met"]:
            lines.append(f"  Short: {row['gap'] or 'see the reason'}. {_plain(row['reason'])}")
    lines += ["", "Where a create's time goes (pool empty), medians: " + _stages(results["breakdown"]["stages_ms"])]
    lines += [f"\n{line}" for line in _page_copy_lines(results["breakdown"]["page_copies"])]
    lines += [f"\nNot measured here: {name}: {_plain(reason)}" for name, reason in results["unavailable"].items()]
    return "\n".join(lines)


def write_into(path, results):
    """Puts the Markdown between the marks of a document."""
    with open(path) as file:
        text = file.read()
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        raise BenchError(f"{path} lacks the line {_BEGIN} or {_END}")
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    with open(path, "w") as file:
        file.write(f"{before}{_BEGIN}\n\n{markdown(results)}\n\n{_END}{after}")


def _cells(row):
    is_time = row["unit"] == "ms"
    return (
        row["id"],
        _with_unit(row.get("p50"), "ms") if is_time else "",
        _with_unit(row.get("p99"), "ms") if is_time else "",
        _with_unit(row.get("value"), row["unit"]) or _with_unit(row["figures"].get("last_max"), "ms, last of all"),
        _rate(row),
        _memory(row["figures"]),
        _faults(row["figures"]),
        _switches(row["figures"]),
        "yes" if row["met"] else "NO",
        row["quiet"],
    )


def _faults(figures):
    """Page faults from hand-out to Done; those that had to wait for a disk apart, where there were any."""
    if "minor_faults" not in figures:
        return ""
    major = figures["major_faults"]
    return f"{figures['minor_faults']:g}" + (f" + {major:g} major" if major else "")


def _switches(figures):
    """Context switches from hand-out to Done; those at which the CPU was taken apart, where there were any."""
    if "voluntary_switches" not in figures:
        return ""
    taken = figures["involuntary_switches"]
    return f"{figures['voluntary_switches']:g}" + (f" + {taken:g} forced" if taken else "")


def _judged(row):
    """'p50 ≤ 4 × grpc-echo: 3.89' or, of several repetitions, '3.5 … 3.89 … 4.2'."""
    return "; ".join(f"{text}: {_spread(values)}" for text, values in row["judged"].items())


def _differences(row):
    return ", ".join(f"{name} {row['figures'][name]:.3g} {row['unit']}" for name in _DIFFERENCES if name in row["figures"])


def _spread(values):
    """min … median … max; one number where they are the same."""
    low, _, high = shown = [f"{value:.3g}" for value in values]
    return low if low == high else " … ".join(shown)


def _main_spread(row):
    return "; ".join(f"{name} {_spread(values)} {'ms' if name != 'value' else row['unit']}" for name, values in row["spread"].items())


def _rate(row):
    if row["unit"] == "1/s":
        return _with_unit(row.get("value"), "/s")
    if row["unit"] == "ms" and row.get("p50"):
        return f"{1000 / row['p50']:.0f} /s one at a time"
    return ""


def _memory(figures):
    named = {
        "memory_mib_each": "MiB each",
        "supervisor_growth_mib": "MiB growth",
        "memory_mib": "MiB",
    }
    return ", ".join(f"{figures[name]:.1f} {text}" for name, text in named.items() if name in figures)


def _details(row):
    lines = [f"{row['what']}", f"reach: {row['reach']}"]
    if row["judged"]:
        lines.append(f"judged: {_judged(row)}")
    if _differences(row):
        lines.append(f"of it: {_differences(row)}")
    if len(row["repetitions"]) > 1:
        lines.append(f"min … median … max of {len(row['repetitions'])}: {_main_spread(row)}")
    if row["references"]:
        lines.append(f"beside: {_beside(row)}")
    if not row["met"]:
        lines += [f"gap: {row['gap']}", f"reason: {row['reason']}"]
    return lines


def _beside(row):
    parts = []
    for name, value in row["references"].items():
        ratio = row["ratios"].get(name)
        parts.append(f"{name} {value:.3g}" + (f" ({_times(ratio, row['unit'])})" if ratio is not None else ""))
    return ", ".join(parts)


def _times(ratio, unit):
    """How many times the reference; of a time that is shorter, how many times faster."""
    return f"{1 / ratio:.3g} × faster" if unit == "ms" and ratio < 1 else f"{ratio:.3g} ×"


def _with_unit(value, unit):
    return "" if value is None else f"{value:.3g} {unit}"


def _host_line(host):
    return (
        f"{host['cpu_model']}, {host['cores']} cores, {host['memory_gib']} GiB, Linux {host['kernel']}, "
        f"{host['distribution']}, cgroups {host['cgroup_mode']}; {host['date']}, revision {host['revision']}"
    )


def _noise_line(noise):
    parts = []
    for name in noise["start"]:
        start, end = noise["start"][name], noise["end"][name]
        parts.append(f"{name} {start['p50']:.3g} → {end['p50']:.3g} ms (min {start['min']:.3g} → {end['min']:.3g})")
    return "noise, p50 at the start → at the end: " + ", ".join(parts)


def _stages(stages):
    return ", ".join(f"{name} {value:.3g} ms" for name, value in stages.items()) or "not measured"


def _page_copy_lines(copies):
    if not copies:
        return []
    memory = copies["memory"]
    line = (
        f"Page copies: the first pandas cell of a context takes {copies['first_cell_ms']:.3g} ms with "
        f"{memory['first']['minor_faults']} page faults and {_mib(memory['first'])} MiB more of its own; the same cell again "
        f"{copies['second_cell_ms']:.3g} ms with {memory['second']['minor_faults']}. Fork, join and reseeding had left it with "
        f"{memory['fork']['minor_faults']} faults and {_mib(memory['fork'])} MiB."
    )
    return [line, f"Memory {memory_in_words(copies['charged_bytes'])}"]


def _mib(memory):
    return f"{memory['private_dirty_bytes'] / 2**20:.2f}"


def _plain(text):
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")

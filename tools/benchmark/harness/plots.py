"""Latency distributions and scaling curves as SVG, from the results alone."""

import os

_COMPARED = ("grpc-echo", "fork-ready", "ipykernel-cell", "bwrap-cold-pandas", "bwrap-cold-figure", "oci-cold-nothing")


def draw(results, folder):
    """Writes the plots that the results have figures for; returns their paths."""
    plt = _pyplot()
    os.makedirs(folder, exist_ok=True)
    written = []
    rows = {row["id"]: row for row in results["rows"]}
    plots = (("latency.svg", _latency), ("scaling-rate.svg", _rate), ("scaling-memory.svg", _memory))
    for name, plot in plots:
        figure, axes = plt.subplots(figsize=(9, 5.5))
        if plot(axes, rows, results["references"]):
            axes.grid(True, which="both", alpha=0.25)
            axes.legend(fontsize=8)
            figure.tight_layout()
            path = os.path.join(folder, name)
            # Without a date, the same figures make the same file.
            figure.savefig(path, metadata={"Date": None})
            written.append(path)
        plt.close(figure)
    return written


def _pyplot():
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "warren"
    import matplotlib.pyplot

    return matplotlib.pyplot


def _latency(axes, rows, references):
    curves = [(name, row["distribution"], "-") for name, row in rows.items() if "distribution" in row]
    for name in _COMPARED:
        if "distribution" in references.get(name, {}):
            curves.append((name, references[name]["distribution"], ":"))
    for name, curve, style in curves:
        axes.plot([value for _, value in curve], [percent for percent, _ in curve], style, label=name, linewidth=1.4)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds (log)")
    axes.set_ylabel("percent of samples at most that")
    axes.set_title("Latency distributions; dotted: references of the same run")
    return bool(curves)


def _rate(axes, rows, references):
    curve = rows.get("sustained-16", {}).get("series", {}).get("rate_by_clients")
    if not curve:
        return False
    axes.plot([clients for clients, _ in curve], [rate for _, rate in curve], "o-", label="create, cell, destroy")
    for name, style in (("fork-exit-rate", "--"), ("fork-exit-rate-alone", ":")):
        if name in references:
            axes.axhline(references[name]["value"], linestyle=style, color="gray", label=name)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("clients at a time")
    axes.set_ylabel("sandboxes a second")
    axes.set_title("Sustained rate over concurrency")
    return True


def _memory(axes, rows, references):
    curve = rows.get("sessions-1000", {}).get("series", {}).get("memory_by_sessions")
    if not curve:
        return False
    sessions = [point["sessions"] for point in curve]
    axes.plot(sessions, [point["host_mib"] for point in curve], "o-", label="host's memory used more")
    axes.plot(sessions, [point["cgroup_mib"] for point in curve], "s-", label="charged to Warren's cgroups more")
    axes.plot(sessions, [6 * number for number in sessions], "--", color="gray", label="6 MiB each")
    axes.set_xlabel("live sessions, each after a pandas cell")
    axes.set_ylabel("MiB")
    axes.set_title("Memory over live sessions")
    return True

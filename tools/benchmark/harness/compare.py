"""Figures beside each other: only those of one run, for nothing else can be compared."""

from .errors import BenchError
from .host import same_machine


def compare(first, second):
    """Lines for two results. Raises BenchError unless both are of the same run."""
    if first["run_id"] != second["run_id"]:
        raise BenchError(_refusal(first, second))
    rows = {row["id"]: row for row in second["rows"]}
    lines = []
    for row in first["rows"]:
        mine, other = _main(row), _main(rows.get(row["id"], {}))
        if mine is not None and other:
            lines.append(f"{row['id']}: {mine:.3g} and {other:.3g} {row['unit']}, {mine / other:.2f} ×")
    return lines


def _main(row):
    return row.get("value", row.get("p50"))


def _refusal(first, second):
    hosts = [same_machine(results["host"]) for results in (first, second)]
    where = "on the same kind of host" if hosts[0] == hosts[1] else f"on different hosts, {hosts[0]} and {hosts[1]}"
    return (
        f"these are two runs ({first['run_id']} of {first['host']['date']}, {second['run_id']} of "
        f"{second['host']['date']}), {where}: times drift from run to run, so they are not compared. Compare the ratios to the "
        "references inside each, or measure both in one run"
    )

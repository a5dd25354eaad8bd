"""A row's repetitions together: medians, spreads and the verdict."""

import statistics

from . import quiet
from .criteria import judge

# The figures that stand in the table's own columns.
_MAIN = ("p50", "p99", "value")
_PAIR = ("figures", "references")


def together(row, repetitions):
    """The row of the results, without "reason". repetitions: of repetition(), in the order in which they were measured.

    Figures and references are medians over the repetitions, "spread" has min, median and max of the main figures and, by the
    text of the criterion, of what was judged. A failed repetition makes the row fall short.
    """
    verdicts, met, gap = judge(row.criteria, [tuple(one[name] for name in _PAIR) for one in repetitions])
    figures, references = (_medians([one[name] for one in repetitions]) for name in _PAIR)
    spread = {name: spread_of([one["figures"][name] for one in repetitions]) for name in _MAIN if name in figures}
    main = figures.get("value", figures.get("p50"))
    middle = _middle(repetitions, main)
    result = {"id": row.id, "what": row.what, "unit": row.unit}
    result |= {name: figures.pop(name) for name in (*_MAIN, "samples") if name in figures}
    result |= {
        "figures": figures,
        "references": references,
        "ratios": {name: main / value for name, value in references.items() if main is not None and value},
        "reach": "; ".join(verdict.text for verdict in verdicts),
        "judged": {verdict.text: spread_of(verdict.judged) for verdict in verdicts if verdict.judged},
        "met": met,
        "gap": "could not be measured" if any(one["error"] for one in repetitions) else gap,
        "spread": spread,
        "quiet": quiet_in_words(repetitions),
        "series": middle["series"],
        "parts_ms": middle["parts_ms"],
        "repetitions": repetitions,
    }
    if "distribution" in middle:
        result["distribution"] = middle["distribution"]
    return result


def repetition(figures, references, quiet_account, error="", **more):
    """One of them, as it goes into the JSON. error: why it could not be measured; more: "series", "parts_ms", "cpu",
    "distribution", where there are any."""
    account = quiet_account and {**quiet_account, "reasons": quiet.reasons(quiet_account)}
    made = {"figures": figures, "references": references, "quiet": account, "error": error}
    return made | {"series": {}, "parts_ms": {}, "cpu": None} | more


def spread_of(values):
    """[min, median, max]."""
    return [min(values), statistics.median(values), max(values)]


def quiet_in_words(repetitions):
    """'yes', or 'NO: other processes used 43% of 2 cores'; of several repetitions, how many and what in each kind first."""
    noisy = [one["quiet"]["reasons"] for one in repetitions if one["quiet"] and one["quiet"]["reasons"]]
    if not noisy:
        return "yes" if all(one["quiet"] for one in repetitions) else "not known"
    count = f" in {len(noisy)} of {len(repetitions)}" if len(repetitions) > 1 else ""
    # The repetition with the most to say.
    return f"NO{count}: {'; '.join(max(noisy, key=len))}"


def _medians(each):
    """Name -> median of the numbers that every repetition has."""
    common = [name for name in each[0] if all(isinstance(one.get(name), (int, float)) for one in each)]
    return {name: statistics.median(one[name] for one in each) for name in common}


def _middle(repetitions, main):
    """The repetition whose main figure is nearest to the median."""
    if main is None:
        return repetitions[-1]
    return min(repetitions, key=lambda one: abs(one["figures"].get("value", one["figures"].get("p50")) - main))

"""What a row is to reach. What is a time, a rate or a share of CPU is judged by its ratio to a reference of the same run, so
that the goal holds on any machine: these criteria cannot be made without a reference. Only counts and memory have bounds in
numbers. Whether a criterion is met is always worked out from measured figures.

With several repetitions the verdict is on the median of their ratios; a count must hold in every one of them.
"""

import statistics
from dataclasses import dataclass

# The figures that a plain number may bound, and their units: they do not depend on how fast the machine is.
COUNTED = {
    "hit_share": "",
    "cached_share": "",
    "failed": "",
    "unready": "",
    "connections": "",
    "threads_grown": "",
    "processes_each": "",
    "memory_mib_each": "MiB",
    "network_kib_each": "KiB",
    "stream_kib_each": "KiB",
    "supervisor_growth_mib": "MiB",
}


@dataclass(frozen=True)
class Verdict:
    text: str
    # None: cannot be judged, for the reference or the figure could not be measured here.
    met: bool | None
    gap: str = ""
    # What was judged, one for each repetition: ratios to the reference, or the figure itself for a bound.
    judged: tuple = ()


@dataclass(frozen=True)
class _Ratio:
    figure: str
    limit: float
    reference: str

    def __post_init__(self):
        if not self.reference:
            raise ValueError(f"{self.figure}: times and rates are judged by a reference of the same run, not by a number")

    def judge(self, repetitions):
        """repetitions: pairs of figures and references by name. A Verdict."""
        ratios = []
        for figures, references in repetitions:
            missing = self._missing(figures, references)
            if missing:
                return Verdict(self.text, None, missing)
            ratios.append(self._ratio(figures[self.figure], references[self.reference]))
        middle = statistics.median(ratios)
        met = self._holds(middle)
        return Verdict(self.text, met, "" if met else self._gap(middle), tuple(ratios))

    def _missing(self, figures, references):
        if figures.get(self.figure) is None:
            return f"{self.figure} was not measured"
        if not references.get(self.reference):
            return f"the reference {self.reference} was not measured"
        return ""

    def _ratio(self, value, reference):
        return value / reference

    def _gap(self, ratio):
        return f"{self.figure} is {ratio:.3g} × {self.reference}, {self.limit:g} × asked"


class AtMost(_Ratio):
    """A figure of the row is no greater than so many times a reference."""

    @property
    def text(self):
        return f"{self.figure} ≤ {self.limit:g} × {self.reference}"

    def _holds(self, ratio):
        return ratio <= self.limit


class AtLeast(_Ratio):
    """A figure of the row is no less than so many times a reference."""

    @property
    def text(self):
        return f"{self.figure} ≥ {self.limit:g} × {self.reference}"

    def _holds(self, ratio):
        return ratio >= self.limit


class FasterThan(_Ratio):
    """A reference takes at least so many times as long as the row's figure."""

    @property
    def text(self):
        return f"{self.figure} ≥ {self.limit:g} × faster than {self.reference}"

    def _ratio(self, value, reference):
        return reference / value

    def _holds(self, ratio):
        return ratio >= self.limit

    def _gap(self, ratio):
        return f"{self.figure} is {ratio:.3g} × faster than {self.reference}, {self.limit:g} × asked"


@dataclass(frozen=True)
class _Bound:
    figure: str
    limit: float
    reference = ""

    def __post_init__(self):
        if self.figure not in COUNTED:
            raise ValueError(f"{self.figure}: only counts and memory are bound by numbers: {', '.join(COUNTED)}")

    def judge(self, repetitions):
        """As of a ratio. Memory by the median, for others on the host allocate too; a count by the worst repetition."""
        values = [figures.get(self.figure) for figures, _ in repetitions]
        if not values or None in values:
            return Verdict(self.text, None, f"{self.figure} was not measured")
        value = self._worst(values) if COUNTED[self.figure] == "" else statistics.median(values)
        met = self._holds(value)
        return Verdict(self.text, met, "" if met else f"{self.figure} is {value:.4g}, {self.limit:g} asked", tuple(values))

    @property
    def _unit(self):
        return f" {COUNTED[self.figure]}".rstrip()


class NoMore(_Bound):
    """A count or memory is no greater than a number."""

    @property
    def text(self):
        return f"{self.figure} ≤ {self.limit:g}{self._unit}"

    def _worst(self, values):
        return max(values)

    def _holds(self, value):
        return value <= self.limit


class NoLess(_Bound):
    """A count is no less than a number."""

    @property
    def text(self):
        return f"{self.figure} ≥ {self.limit:g}{self._unit}"

    def _worst(self, values):
        return min(values)

    def _holds(self, value):
        return value >= self.limit


def judge(criteria, repetitions):
    """All criteria together: their verdicts, whether all are met, and the gaps in words."""
    verdicts = [criterion.judge(repetitions) for criterion in criteria]
    met = all(verdict.met is True for verdict in verdicts)
    return verdicts, met, "; ".join(verdict.gap for verdict in verdicts if verdict.gap)

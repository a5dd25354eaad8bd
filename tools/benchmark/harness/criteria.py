"""What a row is to reach. A limit is a number of the requirement or a multiple of a reference of the same run; whether it is
met is always worked out from measured figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    text: str
    # None: cannot be judged, for the reference or the figure could not be measured here.
    met: bool | None
    gap: str = ""


@dataclass(frozen=True)
class AtMost:
    """A measured figure of the row is no greater than a number, or than so many times a reference."""

    figure: str
    limit: float
    reference: str = ""
    unit: str = ""

    def judge(self, figures, references):
        text = f"{self.figure} ≤ {_number(self.limit)}{' × ' + self.reference if self.reference else _space(self.unit)}"
        value = figures.get(self.figure)
        bound = _bound(self.limit, self.reference, references)
        missing = _missing(self.figure, value, self.reference, bound)
        if missing:
            return Verdict(text, None, missing)
        if value <= bound:
            return Verdict(text, True)
        gap = f"{self.figure} {_number(value)}{_space(self.unit)} is {value / bound:.2f} × the {_number(bound)} allowed"
        return Verdict(text, False, gap)


@dataclass(frozen=True)
class AtLeast:
    """A measured figure of the row is no less than a share of a reference, or than a number."""

    figure: str
    limit: float
    reference: str = ""
    unit: str = ""

    def judge(self, figures, references):
        text = f"{self.figure} ≥ {_number(self.limit)}{' × ' + self.reference if self.reference else _space(self.unit)}"
        value = figures.get(self.figure)
        bound = _bound(self.limit, self.reference, references)
        missing = _missing(self.figure, value, self.reference, bound)
        if missing:
            return Verdict(text, None, missing)
        if value >= bound:
            return Verdict(text, True)
        gap = f"{self.figure} {_number(value)}{_space(self.unit)} is {value / bound:.0%} of the {_number(bound)} asked"
        return Verdict(text, False, gap)


@dataclass(frozen=True)
class FasterThan:
    """A reference takes at least so many times as long as the row's figure."""

    figure: str
    factor: float
    reference: str

    def judge(self, figures, references):
        text = f"{self.figure} ≥ {_number(self.factor)} × faster than {self.reference}"
        value = figures.get(self.figure)
        other = references.get(self.reference)
        missing = _missing(self.figure, value, self.reference, other)
        if missing:
            return Verdict(text, None, missing)
        if other >= self.factor * value:
            return Verdict(text, True)
        return Verdict(text, False, f"{other / value:.1f} × faster than {self.reference}, {_number(self.factor)} × asked")


def judge(criteria, figures, references):
    """All criteria of a row: (reach, met, gap). A row is met only when each of its criteria is."""
    verdicts = [criterion.judge(figures, references) for criterion in criteria]
    reach = "; ".join(verdict.text for verdict in verdicts)
    gap = "; ".join(verdict.gap for verdict in verdicts if verdict.gap)
    return reach, all(verdict.met is True for verdict in verdicts), gap


def _bound(limit, reference, references):
    if not reference:
        return limit
    value = references.get(reference)
    return None if value is None else limit * value


def _missing(figure, value, reference, bound):
    if value is None:
        return f"{figure} was not measured"
    if bound is None:
        return f"the reference {reference} was not measured"
    return ""


def _number(value):
    return f"{value:.4g}"


def _space(unit):
    return f" {unit}" if unit else ""

"""The axes of a matplotlib chart as data: labels, units, ticks, scales, and what a position on them is.

Of figures of user code: any call may raise anything, and charts.py deals with it.
"""

import builtins
import re
import sys
from bisect import bisect_left
from datetime import date

from .json_data import number

__builtins__ = dict(vars(builtins))  # See wire.py.

MAX_TEXT = 1000
# Of one axis; matplotlib's own locators give no more either.
MAX_TICKS = 1000

# "Time (s)", "Time [s]"
_UNIT = re.compile(r"\s\(([^)]*)\)|\[([^\]]*)\]")


class TooLarge(ValueError):
    """The chart has more of something than is told of one."""


def text(value):
    """A title or label: str of at most MAX_TEXT characters."""
    return str(value)[:MAX_TEXT]


def unit(label):
    """The unit in a label, or None."""
    match = _UNIT.search(label or "")
    return (match.group(1) or match.group(2) or None) if match else None


class AxisReader:
    """One of the two axes of a chart. name: "x" or "y"."""

    def __init__(self, axes, name):
        self._axis = getattr(axes, f"{name}axis")
        self.label = text(getattr(axes, f"get_{name}label")()) or None
        self.unit = unit(self.label)
        self._own_scale = getattr(axes, f"get_{name}scale")()
        converter = _converter(self._axis)
        modules = {kind.__module__ for kind in type(converter).__mro__}
        # pandas' converters are matplotlib's too.
        self.has_dates = "matplotlib.dates" in modules
        self._has_categories = "matplotlib.category" in modules
        self._named = None

    def ticks(self):
        """(positions, labels)."""
        positions, labels = self._raw_ticks()
        if self.has_dates:
            return [self.date_at(position) for position in positions], labels
        return [number(position) for position in positions], labels

    def scale(self):
        if self.has_dates:
            return "datetime"
        if self._own_scale != "linear" or self._has_categories:
            return "categorical" if self._has_categories else self._own_scale
        # Positions that count from 0 with names that are not those numbers.
        positions, labels = self._raw_ticks()
        named = all(
            position == index and label != str(index)
            for index, (position, label) in enumerate(zip(positions, labels))
        )
        return "categorical" if named and labels else "linear"

    def name_at(self, position):
        """What is there in words: the label of the tick where ticks are names, else the position."""
        if self._named is None:
            self._named = self._named_ticks()
        if self._named:
            return self._nearest(position)
        return self.date_at(position) if self.has_dates else f"{position:g}"

    def value(self, item):
        """Of plotted data -> a number, None or text."""
        if isinstance(item, str):
            return text(item)
        if isinstance(item, date):
            return item.isoformat() if item == item else None
        if hasattr(item, "to_timestamp"):
            # pandas.Period
            return item.to_timestamp().isoformat()
        if item is None or isinstance(item, bool):
            return item
        item = number(item if isinstance(item, (int, float)) else float(item))
        return self.date_at(item) if self.has_dates and item is not None else item

    def date_at(self, position):
        """A position on an axis of dates, in ISO 8601."""
        freq = getattr(self._axis, "freq", None)
        if freq is not None:
            # pandas counts periods there.
            period = sys.modules["pandas"].Period(ordinal=int(position), freq=freq)
            return period.to_timestamp().isoformat()
        return sys.modules["matplotlib.dates"].num2date(position).isoformat()

    def _raw_ticks(self):
        positions = [float(position) for position in self._axis.get_majorticklocs()]
        if len(positions) > MAX_TICKS:
            raise TooLarge(f"{len(positions)} ticks")
        return positions, [text(label.get_text()) for label in self._axis.get_majorticklabels()]

    def _named_ticks(self):
        """Sorted (position, label); nothing where the ticks are those of a scale."""
        tickers = sys.modules["matplotlib.ticker"]
        if not (
            self._has_categories
            or isinstance(self._axis.get_major_locator(), tickers.FixedLocator)
            or isinstance(self._axis.get_major_formatter(), tickers.FixedFormatter)
        ):
            return []
        return sorted((tick, label) for tick, label in zip(*self._raw_ticks()) if label)

    def _nearest(self, position):
        at = bisect_left(self._named, (position,))
        around = self._named[max(at - 1, 0) : at + 1]
        return min(around, key=lambda tick: abs(tick[0] - position))[1]


def values_of(data):
    """The plotted data of one axis as a list of Python's own values, and of what else it holds."""
    numpy = sys.modules["numpy"]
    array = data if isinstance(data, numpy.ndarray) else numpy.asarray(data)
    if array.dtype.kind == "M":
        # Of nanoseconds tolist() makes ints.
        array = array.astype("datetime64[us]")
    return array.tolist()


def _converter(axis):
    getter = getattr(axis, "get_converter", None)
    return getter() if getter is not None else axis.converter

"""Box plots as matplotlib leaves them, a patch for each box and lines without a word of whose they are -> numbers."""

import builtins
from bisect import bisect_left
from math import isclose

from .json_data import number

__builtins__ = dict(vars(builtins))  # See wire.py.


def box_elements(patches, lines):
    """(whether the boxes lie, [(place on the axis of the labels, element without its label)]).
    patches: PathPatches; lines: the whiskers, caps, medians and outliers of them all."""
    standing = _Boxes(patches, lines, place=0)
    lying = _Boxes(patches, lines, place=1)
    # A box is a box either way, but a whisker leaves it on the axis of the values.
    if lying.whiskers > standing.whiskers:
        return True, lying.elements()
    return False, standing.elements()


class _Box:
    """low, high: on the axis of the labels."""

    def __init__(self, vertices, place):
        places, values = vertices[:, place], vertices[:, 1 - place]
        self.low, self.high = float(places.min()), float(places.max())
        self.first, self.third = float(values.min()), float(values.max())
        self.center = (self.low + self.high) / 2
        self.min, self.max = self.first, self.third
        self.median = None
        self.median_width = 0.0
        self.outliers = []

    def element(self):
        """What lies between the whiskers' ends is no outlier but a mean."""
        outliers = [value for value in self.outliers if not self.min <= value <= self.max]
        return {
            "min": number(self.min),
            "first_quartile": number(self.first),
            "median": self.median,
            "third_quartile": number(self.third),
            "max": number(self.max),
            "outliers": outliers,
        }


class _Boxes:
    """The boxes read with one axis as that of the labels. place: its column in a list of points."""

    def __init__(self, patches, lines, place):
        self._drawn = [_Box(patch.get_path().vertices, place) for patch in patches]
        self._sorted = sorted(self._drawn, key=lambda box: box.center)
        self._centers = [box.center for box in self._sorted]
        # Lines that can be whiskers of one of them.
        self.whiskers = 0
        for line in lines:
            points = line.get_xydata().tolist()
            if points:
                places, values = ([point[axis] for point in points] for axis in (place, 1 - place))
                self._take(places, values, line.get_linestyle() == "None")

    def elements(self):
        return [(box.center, box.element()) for box in self._drawn]

    def _take(self, places, values, is_dots):
        box = self._nearest((min(places) + max(places)) / 2)
        if box is None or min(places) < box.low or max(places) > box.high:
            return
        if is_dots:
            box.outliers += [value for value in values if number(value) is not None]
        elif len(places) == 2:
            self._take_segment(box, places, values)

    def _take_segment(self, box, places, values):
        width = abs(places[1] - places[0])
        if isclose(places[0], places[1]):
            self._take_whisker(box, min(values), max(values))
        elif values[0] == values[1] and box.first <= values[0] <= box.third:
            # Wider than a cap where the whisker has no length, and before the line of a mean.
            if width > box.median_width:
                box.median, box.median_width = values[0], width

    def _take_whisker(self, box, low, high):
        if isclose(high, box.first):
            box.min = low
        elif isclose(low, box.third):
            box.max = high
        else:
            return
        self.whiskers += 1

    def _nearest(self, place):
        at = bisect_left(self._centers, place)
        around = self._sorted[max(at - 1, 0) : at + 1]
        return min(around, key=lambda box: abs(box.center - place), default=None)

"""matplotlib figures -> charts as E2B's SDKs parse them, as JSON text.

A chart: {"type", "title", "elements"}, and of all but pies, supercharts and unknown ones "x_label",
"y_label", "x_unit", "y_unit". By type:
  line, scatter    elements [{"label", "points": [[x, y]]}], and "x_ticks", "x_tick_labels",
                   "x_scale", "y_..."
  bar              elements [{"label", "group", "value"}]; x is the axis of the labels, also where
                   the bars lie
  box_and_whisker  elements [{"label", "min", "first_quartile", "median", "third_quartile", "max",
                   "outliers"}], x as of bars; of boxes that are patches (patch_artist=True)
  pie              elements [{"label", "angle", "radius"}], degrees
  superchart       elements are charts, one for each of several axes in which something is drawn
  unknown          no elements
Positions are numbers, names of categories or, on an axis of dates, ISO 8601; what is no finite
number is null.

Bounds: 25,000 points, bars, wedges, boxes and outliers together, 64 axes, 1,000 ticks an axis, texts
of 1,000 characters, 1.5 MiB of JSON. A figure beyond them, or one that raises when it is looked at,
is "unknown" as a whole.
"""

import builtins
import re
import sys
import warnings

from .chart_axes import AxisReader, TooLarge, text, values_of
from .chart_boxes import box_elements
from .json_data import encode, number

__builtins__ = dict(vars(builtins))  # See wire.py.

MAX_ITEMS = 25_000
MAX_AXES = 64
MAX_BYTES = 3 * 512 * 1024

# The names that matplotlib gives to what has none.
_UNNAMED = re.compile(r"_(?:child|container)(\d+)")


def chart_text(figure):
    """The chart of a matplotlib.figure.Figure, or None where nothing is drawn in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            chart = _chart_of_figure(figure, _Budget())
            return None if chart is None else encode(chart, MAX_BYTES)
        except Exception:
            return encode(_chart("unknown", _title_of_unknown(figure)), MAX_BYTES)


class _Budget:
    """What a figure may still hold."""

    def __init__(self):
        self._left = MAX_ITEMS

    def take(self, count):
        self._left -= count
        if self._left < 0:
            raise TooLarge("points")


def _chart(kind, title, elements=()):
    return {"type": kind, "title": title, "elements": list(elements)}


def _title_of_unknown(figure):
    try:
        axes = figure.get_axes()
        return _figure_title(figure) if len(axes) > 1 else text(axes[0].get_title()) or None
    except Exception:
        return None


def _figure_title(figure):
    # get_suptitle() came with matplotlib 3.8.
    title = getattr(figure, "_suptitle", None)
    return (text(title.get_text()) or None) if title is not None else None


def _chart_of_figure(figure, budget):
    all_axes = figure.get_axes()
    if len(all_axes) > MAX_AXES:
        raise TooLarge(f"{len(all_axes)} axes")
    charts = [_chart_of_axes(axes, budget) for axes in all_axes]
    charts = [chart for chart in charts if chart is not None]
    if len(all_axes) <= 1 or not charts:
        return charts[0] if charts else None
    return _chart("superchart", _figure_title(figure), charts)


def _chart_of_axes(axes, budget):
    """None where nothing is drawn."""
    drawn = _drawn(axes)
    if not drawn:
        return None
    kind = _kind(axes, drawn)
    chart = _chart(kind, text(axes.get_title()) or None)
    if make := _MAKERS.get(kind):
        make(axes, budget, chart)
    return chart


def _drawn(axes):
    groups = (axes.lines, axes.patches, axes.collections, axes.images, axes.tables, axes.artists)
    return [artist for group in groups for artist in group]


def _kind(axes, drawn):
    if axes.name == "3d":
        return "unknown"
    patches = sys.modules["matplotlib.patches"]
    line = sys.modules["matplotlib.lines"].Line2D
    if _all_are(drawn, line):
        return "line"
    if _all_are(drawn, (patches.PathPatch, line)):
        return "box_and_whisker"
    # Marks of a level, or error bars as seaborn draws them, make no other chart of one.
    drawn = [artist for artist in drawn if not (isinstance(artist, line) and _is_mark(artist, axes))]
    if _all_are(drawn, sys.modules["matplotlib.collections"].PathCollection):
        return "scatter"
    if _all_are(drawn, patches.Wedge):
        return "pie"
    if _all_are(drawn, patches.Rectangle) and _bar_containers(axes):
        return "bar"
    return "unknown"


def _all_are(artists, kinds):
    return all(isinstance(artist, kinds) for artist in artists)


def _is_reference(line, axes):
    """axhline() and its like, which span the axes and not the data."""
    return line.get_transform() is not axes.transData


def _is_mark(line, axes):
    """A reference, two points along an axis, or nothing but an entry of the legend's."""
    if _is_reference(line, axes):
        return True
    points = line.get_xydata()
    return len(points) == 0 or len(points) == 2 and bool((points[0] == points[1]).any())


def _name(artist, unnamed):
    label = text(artist.get_label() or "")
    match = _UNNAMED.fullmatch(label)
    return f"{unnamed} {match.group(1)}" if match else label


# Each fills in a chart of its type.


def _fill_labels(chart, x, y):
    chart.update(x_label=x.label, y_label=y.label, x_unit=x.unit, y_unit=y.unit)


def _fill_ticks(chart, x, y):
    for name, axis in (("x", x), ("y", y)):
        chart[f"{name}_ticks"], chart[f"{name}_tick_labels"] = axis.ticks()
        chart[f"{name}_scale"] = axis.scale()


def _fill_line(axes, budget, chart):
    x, y = AxisReader(axes, "x"), AxisReader(axes, "y")
    _fill_labels(chart, x, y)
    _fill_ticks(chart, x, y)
    for line in axes.lines:
        xs, ys = line.get_xdata(), line.get_ydata()
        if len(xs) > 0 and not _is_reference(line, axes):
            budget.take(len(xs))
            points = _points(xs, ys, x, y)
            chart["elements"].append({"label": _name(line, "Line"), "points": points})


def _fill_scatter(axes, budget, chart):
    x, y = AxisReader(axes, "x"), AxisReader(axes, "y")
    _fill_labels(chart, x, y)
    _fill_ticks(chart, x, y)
    for collection in axes.collections:
        offsets = collection.get_offsets()
        budget.take(len(offsets))
        points = _points(offsets[:, 0], offsets[:, 1], x, y)
        chart["elements"].append({"label": _name(collection, "Group"), "points": points})


def _points(xs, ys, x, y):
    pairs = zip(values_of(xs), values_of(ys))
    return [[x.value(left), y.value(right)] for left, right in pairs]


def _bar_containers(axes):
    kind = sys.modules["matplotlib.container"].BarContainer
    return [container for container in axes.containers if isinstance(container, kind)]


def _fill_bar(axes, budget, chart):
    containers = _bar_containers(axes)
    lying = any(container.orientation == "horizontal" for container in containers)
    names, values = _labels_and_values(axes, lying)
    _fill_labels(chart, names, values)
    for container in containers:
        budget.take(len(container))
        group = _name(container, "Group")
        for bar in container:
            start, width, value = bar.get_x(), bar.get_width(), bar.get_height()
            if lying:
                start, width, value = bar.get_y(), bar.get_height(), bar.get_width()
            label = names.name_at(float(start + width / 2))
            element = {"label": label, "group": group, "value": number(float(value))}
            chart["elements"].append(element)


def _labels_and_values(axes, lying):
    readers = AxisReader(axes, "x"), AxisReader(axes, "y")
    return reversed(readers) if lying else readers


def _fill_pie(axes, budget, chart):
    wedge_kind = sys.modules["matplotlib.patches"].Wedge
    wedges = [patch for patch in axes.patches if isinstance(patch, wedge_kind)]
    budget.take(len(wedges))
    for wedge in wedges:
        # They are single precision inside.
        angle = abs(round(float(wedge.theta2) - float(wedge.theta1), 4))
        radius = number(float(wedge.r))
        chart["elements"].append({"label": _name(wedge, ""), "angle": number(angle), "radius": radius})


def _fill_boxes(axes, budget, chart):
    lines = [line for line in axes.lines if not _is_reference(line, axes)]
    budget.take(len(axes.patches) + sum(len(line.get_xdata(orig=False)) for line in lines))
    lying, boxes = box_elements(axes.patches, lines)
    names, values = _labels_and_values(axes, lying)
    _fill_labels(chart, names, values)
    for center, box in boxes:
        chart["elements"].append({"label": names.name_at(center), **box})


_MAKERS = {
    "line": _fill_line,
    "scatter": _fill_scatter,
    "bar": _fill_bar,
    "pie": _fill_pie,
    "box_and_whisker": _fill_boxes,
}

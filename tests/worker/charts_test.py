"""Figures as charts, in cells of the display style that asks for them, and as matplotlib of any version makes them."""

import json
import unittest

from driver import INTERRUPTED, OK, Worker, wire

CHART = "application/vnd.warren.chart+json"


class ChartsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker(preload=["matplotlib.pyplot"]))
        cls.worker.run("import datetime, numpy as np, matplotlib.pyplot as plt")

    def charts(self, code):
        """Of each display: its chart, or None."""
        cell = self.worker.run(code + "\nplt.show()", display_style=wire.CODE_INTERPRETER)
        self.assertEqual((cell.outcome, cell.stderr), (OK, ""))
        texts = [display.parts.get(CHART) for display in cell.displays]
        return [None if text is None else json.loads(text) for text in texts]

    def chart(self, code):
        (chart,) = self.charts(code)
        return chart

    def check_unknown(self, code, title=None):
        self.assertEqual(self.chart(code), {"type": "unknown", "title": title, "elements": []}, code)

    # Types.

    def test_line(self):
        chart = self.chart(
            "plt.plot([1, 2, 3], [4.5, float('nan'), float('inf')], label='a'); plt.plot([1, 2], [2, 2])\n"
            "plt.axhline(3); plt.title('T'); plt.xlabel('Time (s)'); plt.ylabel('U [V]')\n"
            "plt.xticks([1, 2, 3]); plt.yticks([2, 4.5])"
        )
        self.assertEqual(
            chart,
            {
                "type": "line",
                "title": "T",
                # The line along an axis is one; that across the whole plot is none.
                "elements": [
                    {"label": "a", "points": [[1, 4.5], [2, None], [3, None]]},
                    {"label": "Line 1", "points": [[1, 2], [2, 2]]},
                ],
                "x_label": "Time (s)",
                "y_label": "U [V]",
                "x_unit": "s",
                "y_unit": "V",
                "x_ticks": [1, 2, 3],
                "x_tick_labels": ["1", "2", "3"],
                "x_scale": "linear",
                "y_ticks": [2, 4.5],
                "y_tick_labels": ["2.0", "4.5"],
                "y_scale": "linear",
            },
        )

    def test_scatter(self):
        chart = self.chart("plt.scatter([1, 2], [3, 4], label='s'); plt.scatter([5], [6]); plt.plot([0, 9], [1, 1])")
        self.assertEqual(chart["type"], "scatter")
        self.assertEqual(
            chart["elements"],
            [{"label": "s", "points": [[1, 3], [2, 4]]}, {"label": "Group 1", "points": [[5, 6]]}],
        )
        self.assertEqual((chart["title"], chart["x_label"], chart["x_unit"]), (None, None, None))
        self.assertEqual(chart["y_scale"], "linear")

    def test_bars(self):
        chart = self.chart(
            "plt.bar(['a', 'b'], [2, 3], label='g'); plt.xlabel('x'); plt.ylabel('y (km)'); plt.axhline(1)"
        )
        self.assertEqual(
            chart,
            {
                "type": "bar",
                "title": None,
                "elements": [
                    {"label": "a", "group": "g", "value": 2},
                    {"label": "b", "group": "g", "value": 3},
                ],
                "x_label": "x",
                "y_label": "y (km)",
                "x_unit": None,
                "y_unit": "km",
            },
        )

    def test_bars_that_lie_have_their_labels_on_x(self):
        # Of the same length: the shapes alone do not tell that they lie.
        chart = self.chart(
            "plt.barh(['a', 'b'], [2, 2]); plt.barh(['a', 'b'], [1, 1])\n"
            "plt.xlabel('n'); plt.ylabel('names')"
        )
        self.assertEqual((chart["x_label"], chart["y_label"]), ("names", "n"))
        self.assertEqual(
            [tuple(element.values()) for element in chart["elements"]],
            [("a", "Group 0", 2), ("b", "Group 0", 2), ("a", "Group 1", 1), ("b", "Group 1", 1)],
        )

    def test_bars_in_groups_and_bars_without_names(self):
        chart = self.chart(
            "x = np.arange(2)\nplt.bar(x - .2, [1, 2], .4, label='A'); plt.bar(x + .2, [3, 4], .4, label='B')\n"
            "plt.xticks(x, ['p', 'q'])"
        )
        self.assertEqual([element["label"] for element in chart["elements"]], ["p", "q", "p", "q"])
        chart = self.chart("plt.hist([1, 2, 2, 3], bins=[0.5, 1.5, 2.5, 3.5])")
        bars = [(element["label"], element["value"]) for element in chart["elements"]]
        self.assertEqual(bars, [("1", 1), ("2", 2), ("3", 1)])

    def test_pie(self):
        chart = self.chart("plt.pie([1, 2, 3], labels=['a', 'b', 'c'], autopct='%1.0f%%', radius=2); plt.title('P')")
        self.assertEqual(
            chart,
            {
                "type": "pie",
                "title": "P",
                "elements": [
                    {"label": "a", "angle": 60, "radius": 2},
                    {"label": "b", "angle": 120, "radius": 2},
                    {"label": "c", "angle": 180, "radius": 2},
                ],
            },
        )

    BOXES = "plt.boxplot([[1, 2, 3, 4, 50], [7, 7, 7], [5, 5, 5, 6]], patch_artist=True"

    def check_boxes(self, elements):
        names = ("min", "first_quartile", "median", "third_quartile", "max", "outliers")
        self.assertEqual(
            [tuple(element[name] for name in names) for element in elements],
            [(1, 2, 3, 4, 4, [50]), (7, 7, 7, 7, 7, []), (5, 5, 5, 5.25, 5.25, [6])],
        )

    def test_boxes(self):
        chart = self.chart(self.BOXES + "); plt.xticks([1, 2, 3], ['A', 'B', 'C']); plt.ylabel('v'); plt.axhline(4)")
        self.assertEqual((chart["type"], chart["x_label"], chart["y_label"]), ("box_and_whisker", None, "v"))
        self.assertEqual([element["label"] for element in chart["elements"]], ["A", "B", "C"])
        self.check_boxes(chart["elements"])

    def test_boxes_that_lie_and_have_means(self):
        chart = self.chart(self.BOXES + ", vert=False, showmeans=True, meanline=True); plt.xlabel('v')")
        self.assertEqual((chart["x_label"], chart["y_label"]), (None, "v"))
        self.check_boxes(chart["elements"])

    def test_several_axes(self):
        chart = self.chart(
            "f, axes = plt.subplots(1, 3); f.suptitle('S'); axes[0].plot([1], [2]); axes[1].pie([1])"
        )
        self.assertEqual((chart["type"], chart["title"]), ("superchart", "S"))
        # The empty one is none.
        self.assertEqual([inner["type"] for inner in chart["elements"]], ["line", "pie"])

    def test_unknown(self):
        for code in (
            "plt.imshow([[1]])",
            "plt.fill_between([1, 2], [1, 2])",
            "plt.plot([1, 2], [3, 4]); plt.scatter([1], [2])",
            "plt.figure().add_subplot(projection='3d').plot([1], [1], [1])",
        ):
            self.check_unknown(code + "; plt.title('u')", "u")

    def test_nothing_drawn_is_no_chart(self):
        self.assertEqual(self.charts("plt.figure(); plt.subplots(); plt.subplots(2)"), [None] * 3)

    # Axes.

    def test_dates(self):
        iso = ["2024-01-01T00:00:00", "2024-01-03T12:00:00"]
        for dates in (
            "[datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 3, 12)]",
            "np.array(['2024-01-01', '2024-01-03T12'], dtype='datetime64[ns]')",
        ):
            for plot in ("plot", "scatter"):
                chart = self.chart(f"plt.{plot}({dates}, [1, 2])")
                self.assertEqual((chart["x_scale"], chart["y_scale"]), ("datetime", "linear"))
                points = chart["elements"][0]["points"]
                self.assertEqual([(x[:19], y) for x, y in points], list(zip(iso, (1, 2))))
                self.assertTrue(all(datetime_like(tick) for tick in chart["x_ticks"]), chart["x_ticks"])

    def test_categories_and_scales(self):
        chart = self.chart("plt.plot([1, 10], ['A', 'B']); plt.xscale('log')")
        self.assertEqual((chart["x_scale"], chart["y_scale"]), ("log", "categorical"))
        self.assertEqual(chart["elements"][0]["points"], [[1, "A"], [10, "B"]])
        self.assertEqual((chart["y_ticks"], chart["y_tick_labels"]), ([0, 1], ["A", "B"]))
        self.assertEqual(self.chart("plt.plot([5, 6]); plt.xticks([0, 1], ['p', 'q'])")["x_scale"], "categorical")
        self.assertEqual(self.chart("plt.plot([5, 6]); plt.xticks([0, 1])")["x_scale"], "linear")

    # Bounds, and what user code can do.

    def test_bounds(self):
        self.assertEqual(len(self.chart("plt.plot(range(25_000))")["elements"][0]["points"]), 25_000)
        for code in (
            "plt.plot(range(25_001)); plt.title('u')",
            "plt.plot(range(20_000)); plt.scatter(range(20_000), range(20_000)); plt.title('u')",
            "plt.scatter(np.zeros(25_001), np.zeros(25_001)); plt.title('u')",
            "plt.plot([1]); plt.xticks(range(1001), [''] * 1001); plt.title('u')",
            "plt.plot(range(20_000), ['%0100d' % (n % 10) for n in range(20_000)]); plt.title('u')",
        ):
            self.check_unknown(code, "u")
        many = "f, _ = plt.subplots(1, 65, squeeze=False); f.suptitle('u'); [a.plot([1]) for a in f.axes]"
        self.check_unknown(many, "u")

    def test_long_texts_are_cut(self):
        chart = self.chart("plt.plot([1], label='l' * 2000); plt.title('t' * 2000)")
        self.assertEqual((len(chart["title"]), len(chart["elements"][0]["label"])), (1000, 1000))

    def test_a_figure_that_fights_is_unknown(self):
        self.check_unknown("class F(plt.Figure):\n    def get_axes(self): raise ValueError('no')\ndisplay(F())")
        self.check_unknown("class F(plt.Figure):\n    def get_axes(self): return [object()] * 2\ndisplay(F())")

    def test_an_interrupt_ends_the_cell(self):
        cell = self.worker.run(
            "class F(plt.Figure):\n    def get_axes(self): raise KeyboardInterrupt\ndisplay(F())",
            display_style=wire.CODE_INTERPRETER,
        )
        self.assertEqual(cell.outcome, INTERRUPTED)
        self.assertEqual(self.chart("plt.plot([1])")["type"], "line")

    def test_warnings_are_nobodys_business(self):
        before = self.worker.run("import warnings\nlen(warnings.filters)").result
        self.chart("plt.plot([1, 2], label='\\N{SNOWMAN}')")
        self.assertEqual(self.worker.run("len(warnings.filters)").result, before)

    # Where it comes from.

    def test_none_in_the_other_style(self):
        cell = self.worker.run("plt.plot([1]); plt.show()")
        self.assertEqual(sorted(cell.displays[0].parts), ["image/png", "text/plain"])

    def test_without_a_show(self):
        cell = self.worker.run("plt.plot([1]);", display_style=wire.CODE_INTERPRETER)
        self.assertIn(CHART, cell.displays[0].parts)

    def test_matplotlib_is_imported_by_user_code_alone(self):
        with Worker() as worker:
            look = "import sys\n[name for name in ('matplotlib', 'numpy', 'PIL', 'pandas') if name in sys.modules]"
            worker.run("[1]", display_style=wire.CODE_INTERPRETER)
            self.assertEqual(worker.run(look).result, "[]")
            cell = worker.run(
                "import matplotlib.pyplot as plt\nplt.plot([1]);", display_style=wire.CODE_INTERPRETER
            )
            self.assertEqual(json.loads(cell.displays[0].parts[CHART])["type"], "line")


def datetime_like(tick):
    return isinstance(tick, str) and tick[4] == tick[7] == "-" and tick[10] == "T"


if __name__ == "__main__":
    unittest.main()

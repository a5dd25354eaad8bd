"""DataFrames, figures and numpy's random state, with the data-science template's own warm-up."""

import json
import os
import unittest

import reseed_test
from driver import OK, REPOSITORY, Host, Worker, wire

PNG = b"\x89PNG\r\n\x1a\n"


def warmup():
    with open(os.path.join(REPOSITORY, "rootfs/data-science/warmup.py")) as file:
        return file.read()


class DataScienceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker(preload=["pandas", "matplotlib.pyplot"]))

    def test_frame_as_text_and_html(self):
        display = self.worker.run("import pandas as pd\npd.DataFrame({'a': [1, 2]})").displays[0]
        self.assertIn(b"<table", display.parts["text/html"])
        self.assertIn(b"a\n0  1", display.parts["text/plain"])

    DATA = "application/vnd.warren.data+json"

    def data(self, code):
        """The cell's result as data, or None where it has none."""
        cell = self.worker.run("import numpy as np, pandas as pd\n" + code, display_style=wire.CODE_INTERPRETER)
        self.assertEqual((cell.outcome, cell.stderr), (OK, ""))
        text = cell.displays[0].parts.get(self.DATA)
        return None if text is None else json.loads(text)

    def test_frame_as_data(self):
        self.assertEqual(
            self.data(
                "pd.DataFrame({'t': [pd.Timestamp('2024-01-02T03:04'), pd.NaT], 'n': [1.5, np.inf], 's': ['ä', None],\n"
                "'i': pd.array([1, None], dtype='Int64'), 'c': pd.Categorical(['a', 'b']), 'd': pd.to_timedelta([1, 2], 'D'),\n"
                "'o': [{'k': float('nan')}, {1}], 7: [True, False]}, index=['x', 'y'])"
            ),
            {
                "t": ["2024-01-02T03:04:00", None],
                "n": [1.5, None],
                "s": ["ä", None],
                "i": [1, None],
                "c": ["a", "b"],
                "d": ["1 days 00:00:00", "2 days 00:00:00"],
                "o": [{"k": None}, "{1}"],
                "7": [True, False],
            },
        )
        self.assertEqual(self.data("pd.DataFrame({'a': []})"), {"a": []})
        self.assertEqual(self.data("pd.DataFrame([[1, 2]], columns=['a', 'a'])"), {"a": [2]})

    def test_what_has_no_data(self):
        for code in (
            "pd.Series([1])",
            "pd.DataFrame(np.zeros((1000, 201)))",
            "pd.DataFrame({'a': ['x' * 3_000_000]})",
            "class F(pd.DataFrame):\n    @property\n    def size(self): raise ValueError('no')\nF({'a': [1]})",
        ):
            self.assertIsNone(self.data(code), code)
        self.assertNotIn(self.DATA, self.worker.run("pd.DataFrame({'a': [1]})").displays[0].parts)

    def test_values_of_pandas_and_numpy_are_json(self):
        cell = self.worker.run(
            "import numpy as np, pandas as pd\n"
            "[pd.NaT, pd.NA, np.arange(2), np.float32(1.5), np.datetime64('2024-01-01T00:00:00.5')]",
            display_style=wire.CODE_INTERPRETER,
        )
        self.assertEqual(
            json.loads(cell.displays[0].parts["application/json"]),
            [None, None, [0, 1], 1.5, "2024-01-01T00:00:00.500000"],
        )

    def chart(self, code):
        cell = self.worker.run(code + "; plt.show()", display_style=wire.CODE_INTERPRETER)
        return json.loads(cell.displays[0].parts["application/vnd.warren.chart+json"])

    def test_plots_of_pandas(self):
        self.worker.run("import pandas as pd, matplotlib.pyplot as plt")
        days = ["2024-01-01T00:00:00", "2024-01-02T00:00:00"]
        # pandas counts periods on such an axis.
        chart = self.chart("pd.DataFrame({'v': [1, 2]}, index=pd.date_range('2024-01-01', periods=2)).plot()")
        self.assertEqual((chart["x_scale"], chart["x_ticks"]), ("datetime", days))
        self.assertEqual(chart["elements"], [{"label": "v", "points": [[days[0], 1], [days[1], 2]]}])
        chart = self.chart("pd.DataFrame({'v': [1, 2], 'w': [3, 4]}, index=['a', 'b']).plot.barh(stacked=True)")
        self.assertEqual(
            [tuple(element.values()) for element in chart["elements"]],
            [("a", "v", 1), ("b", "v", 2), ("a", "w", 3), ("b", "w", 4)],
        )

    def test_figure_appears_without_show(self):
        cell = self.worker.run(
            "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]); print('drawn')"
        )
        kinds = [event.kind for event in cell.events]
        self.assertEqual(kinds, ["stdout", "display", "done"])
        self.assertTrue(cell.displays[0].parts["image/png"].startswith(PNG))
        self.assertEqual(self.worker.run("1").displays[0].parts, {"text/plain": b"1"})

    def test_show_shows_at_once_and_once(self):
        cell = self.worker.run(
            "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show(); print('after')"
        )
        self.assertEqual([event.kind for event in cell.events], ["display", "stdout", "done"])

    def test_two_figures(self):
        cell = self.worker.run("plt.figure(); plt.plot([1]); plt.figure(); plt.plot([2]);")
        self.assertEqual(len(cell.displays), 2)

    def test_pillow_image(self):
        display = self.worker.run("from PIL import Image\nImage.new('RGB', (2, 2))").displays[0]
        self.assertTrue(display.parts["image/png"].startswith(PNG))

    def test_figure_where_matplotlib_is_imported_by_the_cell(self):
        with Worker() as worker:
            cell = worker.run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
            self.assertTrue(cell.displays[0].parts["image/png"].startswith(PNG))

    def test_warmup_leaves_no_trace(self):
        with Worker() as bare:
            names = bare.run("sorted(dir())").result
        with Worker(warmup=warmup()) as warm:
            self.assertEqual(warm.run("sorted(dir())").result, names)
            self.assertEqual(
                warm.run("import matplotlib.pyplot as plt; plt.get_fignums()").result, "[]"
            )
            self.assertEqual(
                warm.run(
                    "import threading, sys; threading.active_count(), hasattr(sys, 'last_value')"
                ).result,
                "(1, False)",
            )
            self.assertEqual(
                warm.run("import pandas; pandas.DataFrame({'a': [1]}).describe()").outcome, OK
            )

    def test_numpy_streams_are_distinct(self):
        with Host(contexts=reseed_test.CONTEXTS, warmup=reseed_test.NUMPY_WARMUP) as host:
            reseed_test.check_distinct(
                self,
                host,
                [
                    ("import numpy as np", "np.random.random()"),
                    ("import numpy as np", "np.random.normal()"),
                    ("import numpy as np", "np.random.default_rng().random()"),
                    ("import numpy_library", "numpy_library.generator.random()"),
                    ("import numpy_library", "numpy_library.state.random_sample()"),
                    ("import numpy_library", "numpy_library.other_state.random_sample()"),
                    ("import pandas as pd", "pd.Series(range(1000)).sample(5).tolist()"),
                ],
            )


if __name__ == "__main__":
    unittest.main()

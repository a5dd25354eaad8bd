"""DataFrames, figures and numpy's random state, with the data-science template's own warm-up."""

import os
import unittest

import reseed_test
from driver import OK, REPOSITORY, Host, Worker

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

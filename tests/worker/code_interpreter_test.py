"""Cells in the display style of code interpreters: lists and dicts as JSON, whole sequences, Pillow's images, and
cells of both styles in one context. The frames and figures: data_science_test.py, charts_test.py."""

import json
import os
import unittest

from driver import EXCEPTION, OK, Worker, wire

JSON = "application/json"

# Enough of Pillow for what the worker does with it; base does not promise the real one.
PILLOW = """
class Image:
    def save(self, fp, format=None, **params):
        '''Saves it.'''
        saved.append((fp, format, params))
    def show(self, title=None):
        shown.append(title)
    def __repr__(self):
        return '<image>'
saved, shown = [], []
"""


class CodeInterpreterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())

    def setUp(self):
        # Whatever a test did before: the next cell is a plain one again.
        self.addCleanup(self.check_plain)

    def check_plain(self):
        display = self.worker.run("[1, 'x']").displays[0]
        self.assertEqual(display.parts, {"text/plain": b"[1, 'x']"})
        self.assertEqual(display.metadata, {})
        self.assertIn(b"...", self.worker.run("list(range(1001))").displays[0].parts["text/plain"])

    def run_cell(self, code, **options):
        return self.worker.run(code, display_style=wire.CODE_INTERPRETER, **options)

    def parsed(self, code):
        """The JSON of the cell's result, or None."""
        cell = self.run_cell(code)
        self.assertEqual((cell.outcome, cell.stderr), (OK, ""))
        (display,) = cell.displays
        self.assertIn("text/plain", display.parts)
        self.assertEqual(display.metadata, {JSON: {"expanded": True}} if JSON in display.parts else {})
        text = display.parts.get(JSON)
        return None if text is None else json.loads(text)

    # JSON.

    def test_collections_are_json(self):
        self.assertEqual(
            self.parsed("[1, 'ä', None, True, 1.5, (2,), {'a': {}}]"),
            [1, "ä", None, True, 1.5, [2], {"a": {}}],
        )
        self.assertEqual(
            self.parsed("{1: 'a', None: 2, False: 3, 1.5: 4}"),
            {"1": "a", "null": 2, "false": 3, "1.5": 4},
        )
        self.assertEqual(self.parsed("from collections import defaultdict\ndefaultdict(list, a=[1])"), {"a": [1]})

    def test_what_json_has_no_type_for(self):
        code = "import datetime, enum, uuid\nclass E(enum.Enum):\n    A = 'a'\n"
        self.assertEqual(
            self.parsed(
                code + "[datetime.datetime(2024, 1, 2, 3), datetime.date(2024, 1, 2), datetime.time(3), "
                "E.A, uuid.UUID(int=0)]"
            ),
            ["2024-01-02T03:00:00", "2024-01-02", "03:00:00", "a", "00000000-0000-0000-0000-000000000000"],
        )
        self.assertEqual(self.parsed("[float('nan'), float('inf'), -0.5]"), [None, None, -0.5])

    def test_what_is_no_json_has_none(self):
        for code in (
            "[{1}]",
            "[object()]",
            "{(1, 2): 3}",
            "a = []; a.append(a); a",
            "[0] * 200_000",
            "['x' * 3_000_000]",
            "a = 0\nfor _ in range(65): a = [a]\na",
            "class D(dict):\n    def items(self): raise ValueError('no')\nD(a=1)",
            "42",
            "'text'",
            "(1, 2)",
        ):
            self.assertIsNone(self.parsed(code), code)

    def test_lone_surrogates_stay_json(self):
        self.assertEqual(self.parsed("['\\udc80']"), ["\udc80"])

    def test_displays_and_expressions_too(self):
        cell = self.run_cell(
            "display([1]); display([2], include=['text/plain']); display([3], exclude=['application/json'])"
        )
        self.assertEqual([JSON in display.parts for display in cell.displays], [True, False, False])
        values = self.run_cell("", user_expressions={"a": "{'b': 1}"}).values
        self.assertEqual(json.loads(values["a"].parts[JSON]), {"b": 1})

    # Text.

    def test_sequences_are_whole(self):
        text = self.run_cell("list(range(1500))").result
        self.assertEqual(json.loads(text), list(range(1500)))

    def test_a_bound_that_the_cell_sets_stays(self):
        formatter = "get_ipython().display_formatter.formatters['text/plain'].max_seq_length"
        self.run_cell(f"{formatter} = 2")
        self.assertEqual(self.worker.run("[1, 2, 3]").result, "[1, 2, ...]")
        self.worker.run(f"{formatter} = 1000")

    # One context, both styles.

    def test_styles_alternate(self):
        for _ in range(2):
            self.assertIn(JSON, self.run_cell("[1]").displays[0].parts)
            self.check_plain()

    def test_style_ends_with_a_cell_that_fails(self):
        for code in ("1/0", "raise KeyboardInterrupt", "exit()", "x = ("):
            self.assertNotEqual(self.run_cell(code).outcome, OK)
            self.check_plain()

    def test_style_ends_with_a_cell_whose_input_file_fails(self):
        cell = self.run_cell("[1]", input_files={"/proc/x": "data"})
        self.assertEqual((cell.outcome, cell.not_run), (EXCEPTION, True))
        self.check_plain()

    def test_other_styles_are_plain(self):
        self.assertNotIn(JSON, self.worker.run("[1]", display_style=wire.JUPYTER).displays[0].parts)
        self.assertNotIn(JSON, self.worker.run("[1]", display_style=77).displays[0].parts)

    def test_without_the_text_formatter(self):
        with Worker() as worker:
            worker.run("text = get_ipython().display_formatter.formatters.pop('text/plain')")
            cell = worker.run("display({'a': 'b'}, raw=True)", display_style=wire.CODE_INTERPRETER)
            self.assertEqual((cell.outcome, cell.stderr), (OK, ""))
            self.assertEqual(cell.displays[0].parts, {"a": b"b"})


class PillowTest(unittest.TestCase):
    def setUp(self):
        self.worker = self.enterContext(Worker())
        package = os.path.join(self.worker.home, "PIL")
        os.mkdir(package)
        for name, text in (("__init__", ""), ("Image", PILLOW)):
            with open(os.path.join(package, f"{name}.py"), "w") as file:
                file.write(text)

    def run_cell(self, code):
        cell = self.worker.run(code, display_style=wire.CODE_INTERPRETER)
        self.assertEqual((cell.outcome, cell.stderr), (OK, ""))
        return cell

    def texts(self, code):
        return [display.parts["text/plain"].decode() for display in self.run_cell(code).displays]

    USE = "import io\nfrom PIL.Image import Image, saved, shown\n"

    def test_shown_and_saved_in_the_cell_that_imports_it(self):
        self.assertEqual(self.texts(self.USE + "Image().show()"), ["<image>"])
        self.assertEqual(self.texts("Image().save('a.png', 'PNG', quality=3)"), ["<image>"])
        self.assertEqual(self.texts("Image().save(io.BytesIO())"), [])
        # It is saved all the same, and nobody opens a viewer.
        self.assertEqual(self.texts("saved[0], len(saved), shown"), ["(('a.png', 'PNG', {'quality': 3}), 2, [])"])

    def test_not_in_the_other_style(self):
        self.run_cell(self.USE)
        cell = self.worker.run("Image().show('t'); Image().save('b.png'); [shown, saved[0][0], Image.save.__doc__]")
        self.assertEqual((cell.result, len(cell.displays)), ("[['t'], 'b.png', 'Saves it.']", 1))
        self.assertEqual(self.worker.run("hasattr(Image.save, '__wrapped__')").result, "False")

    def test_a_method_kept_from_the_other_style_does_what_it_always_did(self):
        self.run_cell(self.USE + "show, save = Image().show, Image().save")
        cell = self.worker.run("show(); save('c.png'); len(shown), len(saved)")
        self.assertEqual((cell.result, len(cell.displays)), ("(1, 1)", 1))

    def test_what_the_cell_puts_in_its_place_stays(self):
        self.run_cell(self.USE + "Image.show = lambda self: print('mine')")
        self.assertEqual(self.worker.run("Image().show()").stdout, "mine\n")

    def test_the_import_leaves_no_trace(self):
        self.run_cell(self.USE)
        self.assertEqual(
            self.worker.run(
                "import sys, PIL.Image\n"
                "[type(loader).__name__ for loader in (PIL.Image.__loader__, PIL.Image.__spec__.loader)]"
            ).result,
            "['SourceFileLoader', 'SourceFileLoader']",
        )
        finders = "import sys\n[f for f in sys.meta_path if 'Image' in type(f).__name__]"
        self.assertEqual(self.worker.run(finders).result, "[]")
        self.run_cell("1")
        self.assertEqual(self.worker.run(finders).result, "[]")

    def test_a_cell_that_does_not_import_it_leaves_no_trace(self):
        look = "import sys\n'PIL' in sys.modules, [id(finder) for finder in sys.meta_path]"
        before = self.worker.run(look).result
        self.assertIn("False", before)
        self.run_cell("1")
        self.assertEqual(self.worker.run(look).result, before)


if __name__ == "__main__":
    unittest.main()

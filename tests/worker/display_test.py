"""Displays and results: every MIME type of the contract, and bundles that are too much."""

import json
import unittest

from driver import OK, Worker, wire

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

RICH_CLASS = (
    """
import base64
from IPython.display import *
class Rich:
    def __init__(self, **parts):
        for name, value in parts.items():
            setattr(self, f"_repr_{name}_", lambda *_, value=value, **__: value)
    def __repr__(self): return "Rich"
png = base64.b64decode(%r)
"""
    % PNG
)


class DisplayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        assert cls.worker.run(RICH_CLASS).outcome == OK

    def display(self, code):
        displays = self.worker.run(code).displays
        self.assertEqual(len(displays), 1, displays)
        return displays[0]

    def test_result_is_marked(self):
        self.assertTrue(self.display("40 + 2").is_result)
        self.assertEqual(self.display("40 + 2").parts, {"text/plain": b"42"})
        self.assertFalse(self.display("display(42)").is_result)

    def test_no_result(self):
        for code in (
            "None",
            "x = 1",
            "1;",
            "1;  # comment",
            "",
            "   \n",
            "# comment",
            "def f(): pass",
        ):
            with self.subTest(code=code):
                cell = self.worker.run(code)
                self.assertEqual(
                    ([event.kind for event in cell.events], cell.outcome), (["done"], OK)
                )

    def test_semicolon_in_a_string_is_not_the_end(self):
        self.assertEqual(self.display("'a;'").parts["text/plain"], b"'a;'")

    def test_text_types(self):
        for name, mime in (
            ("html", "text/html"),
            ("markdown", "text/markdown"),
            ("latex", "text/latex"),
            ("svg", "image/svg+xml"),
            ("javascript", "application/javascript"),
        ):
            with self.subTest(mime=mime):
                display = self.display(f"Rich({name}='<ä>')")
                self.assertEqual(display.parts, {"text/plain": b"Rich", mime: "<ä>".encode()})

    def test_json(self):
        display = self.display("Rich(json={'a': [1, None, 'ä'], 'b': {'c': True}})")
        self.assertEqual(
            json.loads(display.parts["application/json"]), {"a": [1, None, "ä"], "b": {"c": True}}
        )
        self.assertEqual(self.display("JSON([1, 2])").parts["application/json"], b"[1, 2]")

    def test_json_with_foreign_values(self):
        self.assertEqual(
            self.display("Rich(json={'a': {1, }})").parts["application/json"], b'{"a": "{1}"}'
        )

    def test_images_from_bytes_and_from_base64(self):
        raw = b"\x89PNG"
        for code in ("Rich(png=png)", "Rich(png=base64.b64encode(png).decode())", "Image(png)"):
            with self.subTest(code=code):
                self.assertTrue(self.display(code).parts["image/png"].startswith(raw))
        self.assertEqual(
            self.display("Rich(jpeg=b'\\xff\\xd8jpeg')").parts["image/jpeg"], b"\xff\xd8jpeg"
        )
        self.assertEqual(
            self.display("Rich(pdf=b'%PDF-1.4')").parts["application/pdf"], b"%PDF-1.4"
        )

    def test_mime_bundle_method(self):
        display = self.display(
            "Rich(mimebundle={'application/x-own': 'data', 'text/plain': 'own text'})"
        )
        self.assertEqual(display.parts, {"application/x-own": b"data", "text/plain": b"own text"})

    def test_raw_bundle(self):
        display = self.display("display({'text/html': '<b>', 'image/png': png}, raw=True)")
        self.assertEqual(sorted(display.parts), ["image/png", "text/html"])

    def test_formatter_registered_for_a_builtin_type(self):
        self.worker.run(
            "html = get_ipython().display_formatter.formatters['text/html']\n"
            "html.for_type(int, hex)"
        )
        self.assertEqual(self.display("255").parts["text/html"], b"0xff")
        self.worker.run("html.pop(int)")
        self.assertEqual(self.display("255").parts, {"text/plain": b"255"})

    def test_update_and_clear(self):
        cell = self.worker.run(
            "h = display('one', display_id=True); clear_output(); h.update('two')"
        )
        self.assertEqual([d.parts["text/plain"] for d in cell.displays], [b"'one'", b"'two'"])

    def test_result_is_remembered(self):
        self.worker.run("'remember'")
        self.assertEqual(self.display("_").parts["text/plain"], b"'remember'")
        self.assertEqual(self.worker.run("Out[max(Out)]").result, "'remember'")

    def test_help_is_a_display(self):
        self.assertIn(b"Return the number of items", self.display("len?").parts["text/plain"])

    # Too much, or hostile.

    def test_huge_text_is_left_out_and_said(self):
        display = self.display("'x' * 10_000_000")
        self.assertIn(b"text/plain (10,000,002 bytes)", display.parts["text/plain"])

    def test_biggest_part_goes_first(self):
        display = self.display("Rich(html='h' * 5_000_000, markdown='small')")
        self.assertEqual(sorted(display.parts), ["text/markdown", "text/plain"])
        self.assertTrue(
            display.parts["text/plain"].startswith(b"Rich\n[left out: text/html (5,000,000 bytes)")
        )

    def test_as_much_as_fits(self):
        display = self.display("Rich(html='h' * 4_000_000)")
        self.assertEqual(len(display.parts["text/html"]), 4_000_000)

    def test_many_parts_are_cut(self):
        display = self.display(
            "display({f'application/x-{i}': 'x' for i in range(1000)}, raw=True)"
        )
        self.assertEqual(len(display.parts), wire.MAX_PARTS)

    def test_long_mime_type_is_dropped(self):
        self.assertEqual(
            self.display("display({'x' * 129: 'a', 'text/plain': 'b'}, raw=True)").parts,
            {"text/plain": b"b"},
        )

    def test_repr_that_raises(self):
        cell = self.worker.run(
            "class Bad:\n    def __repr__(self): raise ValueError('no repr')\nBad()"
        )
        self.assertEqual((cell.outcome, cell.displays), (OK, []))
        self.assertIn("no repr", cell.stderr)

    def test_html_that_raises_leaves_the_text(self):
        cell = self.worker.run(
            "class Half:\n    def __repr__(self): return 'half'\n"
            "    def _repr_html_(self): 1/0\nHalf()"
        )
        self.assertEqual(cell.displays[0].parts, {"text/plain": b"half"})
        self.assertIn("ZeroDivisionError", cell.stderr)


if __name__ == "__main__":
    unittest.main()

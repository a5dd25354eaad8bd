"""What notebooks show of the Python client's answers, by IPython's own formatter."""

import base64
import html
import json
import unittest

from IPython.core.formatters import DisplayFormatter

from python_client import warren
from warren import CodeError, Execution, Result, Termination, TerminationKind
from warren.model import notebook

PNG = b"\x89PNG\r\n\x1a\nimage"
SCRIPT = "<script>alert('host')</script>"


def shown(answer, **options):
    """(data, metadata) as IPython sends them to a notebook, which takes nothing but JSON."""
    data, metadata = DisplayFormatter().format(answer, **options)
    return json.loads(json.dumps(data)), json.loads(json.dumps(metadata))


def execution(*results, stdout=b"", stderr=b"", error=None, termination=Termination(TerminationKind.EXITED)):
    return Execution(id="ex1", results=results, stdout_bytes=stdout, stderr_bytes=stderr, error=error, termination=termination,
                     usage=warren.Usage(), execution_count=1, user_expressions={}, output_files=(), missed=None)


class OfResults(unittest.TestCase):
    def test_every_representation_that_runs_nothing(self):
        texts = {"text/plain": "t", "text/markdown": "*m*", "text/latex": "$l$", "text/csv": "a,b", "image/svg+xml": "<svg/>"}
        pictures = {mime: PNG for mime in ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")}
        objects = {mime: {"a": [1]} for mime in ("application/json", "application/geo+json", "application/vnd.plotly.v1+json",
                                                 "application/vnd.vegalite.v5+json", "application/vnd.dataresource+json")}
        data, _ = shown(Result(data={**{mime: text.encode() for mime, text in texts.items()}, **pictures,
                                     **{mime: json.dumps(value).encode() for mime, value in objects.items()}}))
        self.assertEqual(data, {**texts, **objects, **{mime: base64.b64encode(PNG).decode() for mime in pictures}})

    def test_html_comes_in_a_frame_that_runs_no_scripts(self):
        result = Result(data={"text/html": f'"<b>{SCRIPT}'.encode()})
        data, _ = shown(result)
        self.assertEqual(result.html, f'"<b>{SCRIPT}')
        self.assertIn('<iframe sandbox="" ', data["text/html"])
        self.assertNotIn("<script", data["text/html"])
        self.assertEqual(html.unescape(data["text/html"].partition('srcdoc="')[2].partition('"')[0]), result.html)

    def test_what_would_run_in_the_page_does_not_come(self):
        for mime in ("application/javascript", "text/javascript", "application/vnd.bokehjs_exec.v0+json",
                     "application/vnd.holoviews_exec.v0+json", "application/x-unknown", "application/vnd.plotly.v1+json "):
            result = Result(data={mime: b"1"})
            self.assertEqual(shown(result)[0], {"text/plain": f"<{mime}>"})
            self.assertEqual(result.data[mime], b"1")

    def test_there_is_always_a_text_and_it_is_short(self):
        self.assertEqual(shown(Result(data={"image/png": PNG}))[0]["text/plain"], "<image/png>")
        self.assertEqual(shown(Result())[0], {"text/plain": "<nothing>"})

    def test_json_that_is_none_is_left_out(self):
        self.assertEqual(shown(Result(data={"application/json": b"{", "text/plain": b"t"}))[0], {"text/plain": "t"})

    def test_what_is_no_utf_8_is_shown_all_the_same(self):
        self.assertEqual(shown(Result(data={"text/plain": b"a\xff"}))[0], {"text/plain": "a\ufffd"})

    def test_metadata_go_along(self):
        _, metadata = shown(Result(data={"image/png": PNG}, metadata={"image/png": {"width": 640}}))
        self.assertEqual(metadata, {"image/png": {"width": 640}})

    def test_ipython_can_choose(self):
        data, _ = shown(Result(data={"image/png": PNG, "text/plain": b"t"}), include={"text/plain"})
        self.assertEqual(data, {"text/plain": "t"})


class OfExecutions(unittest.TestCase):
    def test_output_results_and_the_traceback_in_that_order(self):
        data, _ = shown(execution(
            Result(data={"text/plain": b"<r&1>"}), Result(data={"image/png": PNG, "text/plain": b'a "figure"'}),
            stdout=b"<out>\n", stderr=b"<err>\n",
            error=CodeError(name="E", value="v", traceback="\x1b[0;31mTraceback\x1b[0m\n<E>: v", hint="say & do")))
        self.assertEqual(set(data), {"text/plain", "text/html"})
        self.assertEqual(data["text/plain"], '<out>\n<err>\n<r&1>\na "figure"\nTraceback\n<E>: v\nsay & do')
        page = data["text/html"]
        picture = f'<img alt="a &quot;figure&quot;" src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'
        places = [page.index(part) for part in ("&lt;out&gt;\n", "&lt;err&gt;\n", "&lt;r&amp;1&gt;", picture,
                                                "Traceback\n&lt;E&gt;: v\nsay &amp; do")]
        self.assertEqual(places, sorted(places))
        self.assertNotIn("\x1b", page)

    def test_nothing_of_the_sandbox_is_markup_or_a_script_of_the_page(self):
        hostile = f'"></pre></iframe>{SCRIPT}'.encode()
        everything = {mime: hostile for mime in ("text/html", "text/plain", "image/svg+xml", "application/javascript")}
        for data in (everything, {"text/plain": hostile}, {"image/svg+xml": hostile, "text/plain": hostile},
                     {"application/javascript": hostile}):
            answer = execution(Result(data=data), stdout=hostile, stderr=hostile,
                               error=CodeError(name="E", value=hostile.decode(), traceback=hostile.decode(), hint=hostile.decode()))
            page = shown(answer)[0]["text/html"]
            self.assertNotIn("<script", page)
            self.assertEqual((page.count("</pre>"), page.count("<pre ")), (page.count("<pre "), page.count("</pre>")))
            self.assertEqual(page.count("<iframe"), page.count("</iframe>"))

    def test_the_richest_representation_is_shown(self):
        for data, part in (({"text/html": b"<b>", "image/png": PNG}, "<iframe"), ({"image/svg+xml": b"<svg/>", "image/png": PNG},
                                                                                "data:image/svg+xml;base64,PHN2Zy8+"),
                           ({"image/jpeg": PNG}, "data:image/jpeg"), ({"application/json": b"1"}, "&lt;application/json&gt;")):
            self.assertIn(part, shown(execution(Result(data=data)))[0]["text/html"])

    def test_an_end_without_an_exception_says_why(self):
        ended = Termination(TerminationKind.TIMED_OUT, message="after 1 s <b>")
        data, _ = shown(execution(stdout=b"up\n", termination=ended))
        self.assertEqual(data["text/plain"], "up\nafter 1 s <b>")
        self.assertIn("after 1 s &lt;b&gt;", data["text/html"])
        self.assertIn("the code ended as killed", shown(execution(termination=Termination(TerminationKind.KILLED)))[0]["text/html"])

    def test_one_that_says_nothing_shows_nothing(self):
        self.assertEqual(shown(execution())[0], {"text/plain": "", "text/html": ""})

    def test_an_exception_without_a_traceback_says_its_name(self):
        self.assertEqual(shown(execution(error=CodeError(name="E", value="v")))[0]["text/plain"], "E: v")

    def test_a_page_is_not_flooded(self):
        more = 7
        data, _ = shown(execution(stdout=b"x" * (notebook.SHOWN_CHARACTERS + more)))
        for mime in data:
            self.assertIn(f"… and {more} characters more", data[mime])
            self.assertLess(len(data[mime]), notebook.SHOWN_CHARACTERS + 500)


class Escapes(unittest.TestCase):
    def test_terminals_are_not_spoken_to(self):
        for escape in ("\x1b[31m", "\x1b[38;5;1m", "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;x\x1b\\", "\x1bc", "\x1b"):
            error = CodeError(traceback=f"a{escape}")
            self.assertEqual(shown(execution(error=error))[0]["text/plain"], "a", repr(escape))


if __name__ == "__main__":
    unittest.main()

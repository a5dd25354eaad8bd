"""What notebooks show of results: bundles in IPython's form, MIME type -> data, for `_repr_mimebundle_`.

What a sandbox's code makes is not to be trusted, and a notebook's page is: a script there can use its kernel. So HTML of a
sandbox comes in a frame that runs none, JavaScript does not come at all, nor do types of data that notebooks have extensions
for which run what is in it; `Result.data` has all of it as it was made, for those who trust it.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any, Iterator, Optional

if TYPE_CHECKING:
    from .execution import CodeError, Execution, Result

# Characters of one text that are shown of an execution; all of it is in the execution.
SHOWN_CHARACTERS = 100_000

_TEXTS = ("text/plain", "text/markdown", "text/latex", "text/csv", "image/svg+xml")
_BINARY = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
_JSON = re.compile(r"application/(json|geo\+json|vnd\.dataresource\+json|vnd\.(plotly|vega|vegalite)\.v\d+\+json)")
_PRE = '<pre style="margin:0;white-space:pre-wrap{}">{}</pre>'
_PLAIN, _FAILED = "", ";color:#b22222;background:#fdeeee"
# Colours and cursor movements of terminals, of which an escape is the first character.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)


def bundle_of_result(result: Result) -> dict[str, Any]:
    """All of its representations that run nothing, and always a text."""
    values = {mime: _value_of(mime, data) for mime, data in result.data.items()}
    bundle = {mime: value for mime, value in values.items() if value is not None}
    bundle.setdefault("text/plain", f"<{', '.join(result.formats) or 'nothing'}>")
    return bundle


def bundle_of_execution(execution: Execution) -> dict[str, Any]:
    """Output, results and what went wrong, as a text and as HTML."""
    return {"text/plain": "\n".join(part.rstrip("\n") for part in _text_parts(execution)),
            "text/html": "".join(_html_parts(execution))}


def _value_of(mime: str, data: bytes) -> Any:
    """As notebooks keep it: JSON as what it says, texts as text, binary data in base64. None for what is not shown."""
    if _JSON.fullmatch(mime):
        try:
            return json.loads(data)
        except ValueError:
            return None
    if mime == "text/html":
        return _frame(data.decode("utf-8", "replace"))
    if mime in _TEXTS:
        return data.decode("utf-8", "replace")
    return base64.b64encode(data).decode() if mime in _BINARY else None


def _frame(content: str) -> str:
    """HTML that is not to be trusted: an empty `sandbox` allows it nothing."""
    return (f'<iframe sandbox="" srcdoc="{html.escape(content)}" '
            'style="border:0;width:100%;height:20em;resize:vertical"></iframe>')


def _html_parts(execution: Execution) -> Iterator[str]:
    for text, style in ((execution.stdout, _PLAIN), (execution.stderr, _FAILED)):
        if text:
            yield _PRE.format(style, html.escape(_cut(text)))
    for result in execution.results:
        yield f"<div>{_html_of(result)}</div>"
    problem = _problem_of(execution)
    if problem is not None:
        yield _PRE.format(_FAILED, html.escape(_cut(problem)))


def _html_of(result: Result) -> str:
    """The richest of its representations."""
    if result.html is not None:
        return _frame(result.html)
    for mime in ("image/svg+xml", "image/png", "image/jpeg"):
        if mime in result.data:
            # As an image an SVG runs no scripts either.
            alternative = html.escape(result.text or mime)
            return f'<img alt="{alternative}" src="data:{mime};base64,{base64.b64encode(result.data[mime]).decode()}">'
    return _PRE.format(_PLAIN, html.escape(_cut(_text_of(result))))


def _text_parts(execution: Execution) -> Iterator[str]:
    yield from (_cut(text) for text in (execution.stdout, execution.stderr) if text)
    yield from (_cut(_text_of(result)) for result in execution.results)
    problem = _problem_of(execution)
    if problem is not None:
        yield _cut(problem)


def _text_of(result: Result) -> str:
    text: str = bundle_of_result(result)["text/plain"]
    return text


def _problem_of(execution: Execution) -> Optional[str]:
    """Why it is not ok."""
    if execution.error is not None:
        return _traceback_of(execution.error)
    if execution.ok:
        return None
    return execution.termination.message or f"the code ended as {execution.termination.kind.value}"


def _traceback_of(error: CodeError) -> str:
    said = _ESCAPES.sub("", error.traceback) or f"{error.name}: {error.value}"
    return f"{said}\n{error.hint}" if error.hint else said


def _cut(text: str) -> str:
    more = len(text) - SHOWN_CHARACTERS
    return text if more <= 0 else f"{text[:SHOWN_CHARACTERS]}\n… and {more} characters more"

"""Pages whose examples are run: the fenced blocks of a Markdown file, and whether what they say came."""

import contextlib
import io
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    path: str
    line: int  # Of its first line of text.
    language: str
    needs: tuple  # Parts of the server, named by a comment before it.
    text: str


def blocks(path):
    """The fenced blocks of a page, in order."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for found in re.finditer(r"^(?:<!-- needs: ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        needs = tuple(part for part in (found[1] or "").split(", ") if part)
        yield Block(path, text.count("\n", 0, found.start(3)) + 1, found[2], needs, found[3])


def printed_lines(code):
    """The lines that the comments of a Python example say: behind a print, or in a line of their own behind a loop that
    prints."""
    return [found[1] or found[2] for found in re.finditer(r"^\s*print\(.*\)  # (.*)$|^# (.*)$", code, re.MULTILINE)]


def run_python(block, names):
    """Runs a Python example with these global names: what it printed, if that has the lines of its comments in their order."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("\n" * (block.line - 1) + block.text, block.path, "exec"), names)
    lines = iter(printed.getvalue().splitlines())
    for line in printed_lines(block.text):
        # An iterator goes on behind what it found: so in this order.
        if line not in lines:
            raise AssertionError(f"{block.path}:{block.line}: {line!r} was not printed, or not in its place:\n"
                                 f"{printed.getvalue()}")


def matches(expected, actual):
    """Whether a text is what a page shows: "…" in a line stands for anything in it, a line "…" for any number of lines. How
    wide a gap is does not count, for it changes with what stands beside it."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in _without_gaps(line).split("…")) + r"\n"
    shown = "".join(_without_gaps(line) + "\n" for line in actual.splitlines())
    return re.fullmatch(pattern, shown) is not None


def _without_gaps(line):
    return re.sub(r"[ \t]+", " ", line).strip()


def transcript(block):
    """(line, command, output) for each `$ command` of a console block; lines that begin with `> ` continue a command."""
    steps = []
    for offset, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            steps.append([block.line + offset, line[2:], []])
        elif not steps:
            raise AssertionError(f"{block.path}:{block.line}: the block does not begin with a `$ command`")
        elif (line + " ").startswith("> ") and not steps[-1][2]:
            steps[-1][1] += "\n" + line[2:]
        else:
            steps[-1][2].append(line)
    return [(line, command, "".join(shown + "\n" for shown in output)) for line, command, output in steps]

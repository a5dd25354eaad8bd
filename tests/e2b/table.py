"""docs/E2B_COMPATIBILITY.md, which runs of the cases make: capability by SDK, what is not served and why, and each case.

The page is all that is kept: it is read back, one SDK's column is replaced by what its run came to, and it is written anew. So
each SDK's run is compared with its own column, whichever ran before.
"""

import re

# As they stand in the page.
CAPABILITIES = (
    "sandboxes", "list of sandboxes", "environment variables", "metrics", "pause and resume", "what happens at the timeout",
    "commands", "terminals", "git helpers", "files", "watching directories", "signed URLs", "running code", "results", "charts",
    "contexts", "languages", "network", "ports", "killed in flight", "keys and tenants", "snapshots", "forks", "templates",
    "volumes", "secrets", "MCP gateway and workload identity",
)
COLUMNS = ("e2b 2.51.0", "e2b 2.45.0", "Python 2.45.1 (replay)")

WORDS = {"passed": "passes", "failed": "FAILS", "not_applicable": "not served"}
# Whose reasons the page tells.
EXPLAINED = ("not_applicable",)
NONE = "–"

HEAD = f"""# E2B compatibility

What E2B's own SDKs, unchanged, can do with Warren ([guide](guide/e2b.md)). The page is made by the runs of `tests/e2b`, which
compare it with what came: a case that fails, or that comes out differently, fails the build. `WARREN_UPDATE_GOLDEN=1` has a run
write its column.

| column | what ran |
|---|---|
| {COLUMNS[0]} | the npm packages `e2b` 2.51.0 and `@e2b/code-interpreter` 2.8.0 (v2 endpoints), in Node.js |
| {COLUMNS[1]} | the npm packages `e2b` 2.45.0 and `@e2b/code-interpreter` 2.7.1 (v1 endpoints), in Node.js |
| {COLUMNS[2]} | no SDK: the requests of the Python package `e2b` 2.45.1, as its source builds them (`tests/e2b/python_client.py`) |

The cases come from E2B's documentation and the doc comments of its SDKs. *Not served*: the server says so at once, as an error of
the SDK's own class. {NONE}: no case for this column.

## Capabilities

Cases that pass, of those that are served.
"""
NOT_SERVED = "## What is not served\n"
CASES = "## Cases\n"


class Table:
    """cells[capability, case][column] = (outcome, reason)."""

    def __init__(self, text=""):
        self.cells = {}
        capability = None
        for line in text[text.find(CASES) if CASES in text else len(text):].splitlines():
            if line.startswith("### "):
                capability = line[4:]
            elif cells := _row(line):
                if cells[0] != "case":
                    self._read_marks(capability, cells)
        for line in text[text.find(NOT_SERVED) if NOT_SERVED in text else len(text):text.find(CASES)].splitlines():
            if (cells := _row(line)) and cells[0] != "capability":
                for column in cells[2].split(", "):
                    marks = self.cells[cells[0], cells[1]]
                    marks[column] = (marks[column][0], cells[3])

    def _read_marks(self, capability, cells):
        outcomes = {word: outcome for outcome, word in WORDS.items()}
        for column, word in zip(COLUMNS, cells[1:]):
            if word != NONE:
                self.cells.setdefault((capability, cells[0]), {})[column] = (outcomes[word], "")

    def replace(self, column, results):
        """results: those of one SDK's run, all of them."""
        if column not in COLUMNS:
            raise ValueError(f"there is no column {column!r}")
        for marks in self.cells.values():
            marks.pop(column, None)
        for result in results:
            if result["capability"] not in CAPABILITIES:
                raise ValueError(f"table.py does not know the capability {result['capability']!r}")
            reason = plain(result["reason"]) if result["outcome"] in EXPLAINED else ""
            marks = self.cells.setdefault((result["capability"], result["case"]), {})
            if column in marks:
                raise ValueError(f"two cases are called {result['capability']}: {result['case']}")
            marks[column] = (result["outcome"], reason)
        self.cells = {case: marks for case, marks in self.cells.items() if marks}

    def render(self):
        return "\n".join([HEAD, *self._summary(), "", NOT_SERVED, *self._not_served(), "", CASES, *self._cases()])

    def _of(self, capability):
        return sorted((case, marks) for (found, case), marks in self.cells.items() if found == capability)

    def _summary(self):
        lines = [_line("capability", *COLUMNS), _line(*["---"] * (1 + len(COLUMNS)))]
        every = [[] for _ in COLUMNS]
        for capability in CAPABILITIES:
            if not self._of(capability):
                continue
            outcomes = [[marks[column][0] for _, marks in self._of(capability) if column in marks] for column in COLUMNS]
            for all_of_them, some in zip(every, outcomes):
                all_of_them += some
            lines.append(_line(capability, *map(_count, outcomes)))
        return [*lines, _line("**all**", *map(_count, every))]

    def _not_served(self):
        lines = [_line("capability", "case", "column", "why"), _line(*["---"] * 4)]
        for capability in CAPABILITIES:
            for case, marks in self._of(capability):
                reasons = {}
                for column in COLUMNS:
                    outcome, reason = marks.get(column, ("", ""))
                    if outcome in EXPLAINED:
                        reasons.setdefault(reason, []).append(column)
                lines += [_line(capability, case, ", ".join(columns), reason) for reason, columns in reasons.items()]
        return lines

    def _cases(self):
        lines = []
        for capability in CAPABILITIES:
            if not self._of(capability):
                continue
            lines += [f"### {capability}", "", _line("case", *COLUMNS), _line(*["---"] * (1 + len(COLUMNS)))]
            for case, marks in self._of(capability):
                lines.append(_line(case, *(WORDS[marks[column][0]] if column in marks else NONE for column in COLUMNS)))
            lines.append("")
        return lines


def plain(reason):
    """A reason without what is different each time, as a cell of a table."""
    reason = re.sub(r"\bsb[0-9a-z]{8,}\b|\bi[0-9a-z]{20}\b", "ID", reason)
    return re.sub(r"\s+", " ", reason).replace("|", "/").strip()


def _count(outcomes):
    served = [outcome for outcome in outcomes if outcome != "not_applicable"]
    if not outcomes:
        return NONE
    if not served:
        return "not served"
    text = f"{served.count('passed')}/{len(served)}"
    return text if len(served) == len(outcomes) else f"{text}, {len(outcomes) - len(served)} not served"


def _line(*cells):
    return f"| {' | '.join(cells)} |" if cells[0] != "---" else "|" + "|".join(cells) + "|"


def _row(line):
    """The cells of a table's row; None for any other line."""
    if not line.startswith("| "):
        return None
    return [cell.strip() for cell in line.strip().strip("|").split("|")]

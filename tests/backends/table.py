"""docs/BACKENDS.md, which a run of the cases makes: capability by backend, and what a backend has not and why."""

PASSES, LACKS, FAILS = "passes", "lacks", "fails"

HEAD = """# Backends, compared

What sandboxes can do on each backend ([guide](guide/backends.md)). The page is made by a run of `tests/backends`: one client, the same
calls to one `warrend`, whose configuration alone decides which backend serves. The run compares the page with what came, and
`WARREN_UPDATE_GOLDEN=1` has it write the page. A call that a backend cannot serve must be listed in its `GetEnvironment` as
not available, with the reason, and be answered `UNIMPLEMENTED`; anything else that does not do what the contract says fails the
build. One of the server's backends cannot be reached all the while, so a sandbox id that nobody has ever heard of is `UNAVAILABLE`,
and the answer names that backend; where all can be asked, it is `NOT_FOUND`.

| column | what serves |
|---|---|
| local | this machine |
| remote | another Warren, over TLS |
| e2b | E2B's protocol, as another Warren speaks it |
| failover | a list of two, of which the first cannot be reached |

## Capabilities

Cases that pass, of all there are.
"""
# What is different where nothing is refused; the cases look for each.
DIFFERENT = """## What is different

On `e2b` the text of a result that is a string comes without its quotes, as E2B's code interpreter makes it: `"it"` is `it` there, and
`'it'` elsewhere. `GetEnvironment` has no version of Python there, and says that its list of packages is not complete.
"""
LACKING = "## What a backend has not"
NOTHING = "Nothing: every backend passes every case."


class Table:
    """Outcomes of a run. Lifecycle: add() for each case and backend -> render(), problems()."""

    def __init__(self, backends):
        self._backends = backends
        # (capability, case) -> backend -> (outcome, why), in the order in which they came.
        self._cells = {}

    def add(self, capability, case, backend, outcome, why=""):
        """why: of LACKS the feature and its reason, of FAILS what went wrong."""
        self._cells.setdefault((capability, case), {})[backend] = (outcome, why)

    def problems(self):
        """What fails the build, a text for each."""
        return [f"{capability}, {case}, on {backend}: {why}" for (capability, case), marks in self._cells.items()
                for backend, (outcome, why) in marks.items() if outcome == FAILS]

    def missing(self, backend):
        """What this backend has not, a text for each."""
        return [f"{capability}, {case}: {marks[backend][1][1]}" for (capability, case), marks in self._cells.items()
                if marks.get(backend, (None,))[0] == LACKS]

    def render(self):
        return "\n".join([HEAD, *self._counts(), "", LACKING, "", *self._lacking(), "", DIFFERENT])

    def _counts(self):
        lines = [_line("capability", *self._backends), _line(*["---"] * (1 + len(self._backends)))]
        for capability in dict.fromkeys(capability for capability, _ in self._cells):
            lines.append(_line(capability, *(self._count(capability, backend) for backend in self._backends)))
        return lines

    def _count(self, capability, backend):
        outcomes = [marks[backend][0] for (found, _), marks in self._cells.items() if found == capability and backend in marks]
        passed = outcomes.count(PASSES)
        return f"{passed}/{len(outcomes)}" if passed or not outcomes else "no"

    def _lacking(self):
        lines = []
        for (capability, case), marks in self._cells.items():
            why = {}
            for backend in self._backends:
                outcome, reason = marks.get(backend, (None, ""))
                if outcome == LACKS:
                    why.setdefault(reason, []).append(backend)
            lines += [_line(capability, case, ", ".join(backends), *reason) for reason, backends in why.items()]
        if not lines:
            return [NOTHING]
        return [_line("capability", "case", "backend", "feature", "why"), _line(*["---"] * 5), *lines]


def _line(*cells):
    return f"| {' | '.join(cells)} |" if cells[0] != "---" else "|" + "|".join(cells) + "|"

"""The contract, black box, once for each backend: what comes is docs/BACKENDS.md. Needs root.

WARREN_BACKENDS_ONLY=TEXT runs the cases whose capability or name has the text, and leaves the page alone.
"""

import concurrent.futures
import contextlib
import importlib
import os
import time
import traceback
import unittest

from four_backends import BACKENDS, SERVES, FourBackends, warren  # Finds the other modules; first.
from agent_example import expected_output, run_example
import contract
from table import FAILS, LACKS, PASSES, Table

# They note their cases at contract.
for module in ("code_cases", "process_cases", "file_cases", "sandbox_cases"):
    importlib.import_module(module)

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/BACKENDS.md")
UPDATE = os.environ.get("WARREN_UPDATE_GOLDEN") == "1"
ONLY = os.environ.get("WARREN_BACKENDS_ONLY", "")


def outcome_of(case, backend, clients, lacks):
    """What a case came to on a backend: outcome, and why. lacks: features that it has not -> why."""
    tools = contract.Tools(backend, clients)
    refused = None
    try:
        with tools:
            case.run(tools)
    except warren.Unimplemented as error:
        refused = error
    except Exception:
        return FAILS, traceback.format_exc()
    if case.feature not in lacks:
        if refused is None:
            return PASSES, ""
        return FAILS, f"UNIMPLEMENTED, and GetEnvironment does not say that it has no {case.feature or 'such thing'}: {refused}"
    if refused is None:
        return FAILS, f"it is served, and GetEnvironment says that it has no {case.feature}"
    return LACKS, (case.feature, lacks[case.feature])


class Contract(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.servers = FourBackends(cls.enterClassContext(contextlib.ExitStack()))

    def tearDown(self):
        self.assertEqual(warren.Sandbox.list(client=self.servers.operator), [])

    def lacks(self, backend):
        """Feature -> why not; each has a reason."""
        with warren.Sandbox.create(client=self.servers.clients[backend]) as sandbox:
            lacks = {feature.name: feature.reason for feature in sandbox.environment().features if not feature.available}
        self.assertNotIn("", lacks.values())
        return lacks

    def run_cases(self, backend):
        lacks, outcomes = self.lacks(backend), []
        for case in contract.CASES:
            if ONLY in case.capability or ONLY in case.name:
                begun = time.monotonic()
                outcomes.append((case, backend, *outcome_of(case, backend, self.servers.clients, lacks)))
                if ONLY or os.environ.get("WARREN_BACKENDS_TIMES"):
                    print(f"{time.monotonic() - begun:6.2f} s {backend} {case.name}: {outcomes[-1][2]}", flush=True)
        return outcomes

    def test_every_backend_does_what_the_contract_says_or_says_that_it_cannot(self):
        table = Table(BACKENDS)
        with concurrent.futures.ThreadPoolExecutor(len(BACKENDS)) as threads:
            for outcomes in threads.map(self.run_cases, BACKENDS):
                for case, backend, outcome, why in outcomes:
                    table.add(case.capability, case.name, backend, outcome, why)
        problems = table.problems()
        self.assertEqual(problems, [], "\n\n".join([*problems, self.servers.logs()]))
        # The page is of a machine whose kernel has everything.
        for what in table.missing("local"):
            print(f"\nNOT ON THIS HOST: {what}", flush=True)
        if not ONLY and not table.missing("local"):
            self.compare(table.render())

    def compare(self, came):
        if UPDATE:
            with open(PAGE, "w", encoding="utf-8") as file:
                file.write(came)
        with open(PAGE, encoding="utf-8") as file:
            self.assertEqual(file.read(), came, "docs/BACKENDS.md is not what came: WARREN_UPDATE_GOLDEN=1 writes it")

    def test_one_program_prints_the_same_by_each_backend(self):
        for backend in BACKENDS:
            with self.subTest(backend):
                before = self.served(SERVES[backend])
                self.assertEqual(run_example(self.servers.environment(backend)), (0, expected_output(), ""))
                self.assertEqual(self.served(SERVES[backend]), before + 1)

    def served(self, backend):
        """How many sandboxes it has made."""
        return next(status.creates for status in self.servers.operator.backends() if status.name == backend)


if __name__ == "__main__":
    unittest.main()

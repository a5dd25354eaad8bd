"""What cases of the contract are made of. A case is a function of a `Tools`, the same for every backend."""

import contextlib
import datetime
import unittest

from four_backends import SERVES, eventually, warren

CASES = []

# As long as something may take: none waits for it.
LONG = datetime.timedelta(hours=1)


class Case:
    """One promise of the contract. feature: the name by which a backend's GetEnvironment may say that it cannot be had there;
    then every call of the case that needs it is UNIMPLEMENTED, the first of them ends the case."""

    def __init__(self, capability, run, feature):
        self.capability, self.run, self.feature = capability, run, feature
        self.name = run.__name__.replace("_", " ")


def case(capability, feature=""):
    def decorate(run):
        CASES.append(Case(capability, run, feature))
        return run
    return decorate


class Tools(unittest.TestCase):
    """What a case has: assertions, the client of one backend, and sandboxes, which end with the case."""

    maxDiff = None

    eventually = staticmethod(eventually)

    def __init__(self, backend, clients):
        """clients: backend -> client."""
        super().__init__()
        self.backend, self.client = backend, clients[backend]
        # The name that Usage has of it.
        self.serves = SERVES[backend]
        # Of other tenants.
        self.others = [client for other, client in clients.items() if other != backend]
        self._stack = contextlib.ExitStack()

    def runTest(self):
        """unittest wants one."""

    def sandbox(self, **options):
        """A new one."""
        return self._stack.enter_context(warren.Sandbox.create(client=self.client, **options))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)


__all__ = ["CASES", "LONG", "Case", "Tools", "case", "warren"]

"""Two contexts of one zygote, with the same pid, share no random stream."""

import time
import unittest

from driver import Host

# What the zygote has used before the fork, so that there is a state to share.
WARMUP = """
import random, uuid, ssl, tempfile, secrets, multiprocessing, multiprocessing.synchronize
random.random(), uuid.uuid1(), uuid.uuid4(), ssl.RAND_bytes(8), secrets.token_bytes(8)
tempfile.mktemp(); tempfile.gettempdir()
multiprocessing.current_process().authkey
next(multiprocessing.synchronize.SemLock._rand)
import types, sys
library = sys.modules["some_library"] = types.ModuleType("some_library")
library.generator = random.Random(5)
"""

NUMPY_WARMUP = """
import sys
import numpy as np
np.random.normal()
library = sys.modules["numpy_library"] = type(sys)("numpy_library")
library.generator = np.random.default_rng(5)
library.state = np.random.RandomState(5)
library.other_state = np.random.RandomState(np.random.PCG64(5))
"""

CONTEXTS = 4


def check_distinct(test, host, expressions):
    """expressions: (set-up, expression) each; the value must be another one in every context,
    every time."""
    for setup, expression in expressions:
        with test.subTest(expression):
            for context in host.contexts:
                context.run(setup)
            for _ in range(2):
                values = [context.run(expression).result for context in host.contexts]
                test.assertNotIn(None, values)
                test.assertEqual(len(set(values)), len(values), values)


class ReseedTest(unittest.TestCase):
    def test_standard_library(self):
        with Host(contexts=CONTEXTS, warmup=WARMUP) as host:
            self.assertEqual({context.ready.value[0] for context in host.contexts}, {1})
            check_distinct(
                self,
                host,
                [
                    ("import random", "random.getrandbits(64)"),
                    ("import random", "random.sample(range(10**9), 3)"),
                    ("import some_library", "some_library.generator.getrandbits(64)"),
                    ("import uuid", "uuid.uuid4()"),
                    ("import uuid", "uuid.uuid1()"),
                    ("import ssl", "ssl.RAND_bytes(16)"),
                    ("import secrets", "secrets.token_hex()"),
                    ("import tempfile", "next(tempfile._get_candidate_names())"),
                    ("import tempfile", "tempfile.mktemp()"),
                    ("import multiprocessing", "bytes(multiprocessing.current_process().authkey)"),
                    ("from multiprocessing.synchronize import SemLock", "SemLock._make_name()"),
                ],
            )

    def test_without_any_of_it_loaded(self):
        with Host(contexts=CONTEXTS) as host:
            check_distinct(
                self,
                host,
                [
                    ("import ssl, uuid", "ssl.RAND_bytes(16)"),
                    ("", "uuid.uuid1()"),
                    ("import random", "random.random()"),
                ],
            )

    def test_reseeding_that_fails_is_reported(self):
        # The first call is the zygote's.
        warmup = (
            "import ssl\n"
            "def add(*_, calls=[]):\n    calls.append(1)\n"
            "    if calls[1:]: raise OSError(5, 'no')\n"
            "ssl.RAND_add = add"
        )
        with self.assertRaises(AssertionError) as caught:
            Host(warmup=warmup)
        self.assertIn("kind='setup_failed', value=(b'reseed', 5", str(caught.exception))

    def test_ready_says_what_the_reseeding_took(self):
        begin_ns = time.monotonic_ns()
        with Host(contexts=1) as host:
            pid, join_ns, reseed_ns = host.contexts[0].ready.value
            self.assertGreater(reseed_ns, 0)
            # In nanoseconds, and a part of the whole.
            self.assertLess(join_ns + reseed_ns, time.monotonic_ns() - begin_ns)


if __name__ == "__main__":
    unittest.main()

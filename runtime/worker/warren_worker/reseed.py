"""Fresh randomness for a forked context.

Every context of a zygote starts with the zygote's memory, and often with the same pid, so neither a
copied state nor a fork detection by getpid() (OpenSSL's, tempfile's) tells two of them apart. What
cannot change after a fork (hash seed, address layout, stack canary) is shared by one generation of
a zygote; the "exec" start mode shares nothing.
"""

import gc
import random
import sys
from os import urandom


class Reseeder:
    """Lifecycle: made in the zygote after the warm-up, when every library has its generators ->
    run() in the context."""

    def __init__(self):
        self._generators = _find_generators()
        # The first run of each of these sets things up for a while (OpenSSL reads its
        # configuration): better here.
        self.run()

    def run(self):
        random.seed()
        for reseed, generator in self._generators:
            reseed(generator)
        modules = sys.modules
        if (ssl := modules.get("ssl")) is not None:
            ssl.RAND_add(urandom(48), 48.0)
        if (uuid := modules.get("uuid")) is not None:
            uuid._last_timestamp = None
            uuid._node = None
        if (tempfile := modules.get("tempfile")) is not None:
            tempfile._name_sequence = None
            tempfile.tempdir = None
        if (process := modules.get("multiprocessing.process")) is not None:
            # The key that multiprocessing's sockets authenticate with: a secret shared with other
            # tenants otherwise.
            process.current_process().authkey = urandom(32)
        for name in ("multiprocessing.synchronize", "joblib.externals.loky.backend.synchronize"):
            if (synchronize := modules.get(name)) is not None:
                synchronize.SemLock._rand = modules["tempfile"]._RandomNameSequence()


def _find_generators():
    """(how to reseed it, generator) for every generator that a library holds, numpy's global one
    among them."""
    found = [(_reseed_random, o) for o in gc.get_objects() if type(o) is random.Random]
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        states = {id(numpy_random.mtrand._rand): numpy_random.mtrand._rand}
        for o in gc.get_objects():
            # By type(), not isinstance: that asks lazy proxies for their __class__, which makes
            # some import things.
            if issubclass(type(o), numpy_random.RandomState):
                states[id(o)] = o
            elif issubclass(type(o), numpy_random.Generator):
                found.append((_reseed_numpy_generator, o))
        found += [(_reseed_numpy_state, o) for o in states.values()]
    return found


def _reseed_random(generator):
    generator.seed()


def _reseed_numpy_state(state):
    if type(state._bit_generator).__name__ != "MT19937":
        _fresh_state(state._bit_generator)
        return
    # Eight words, twice the width of a SeedSequence's entropy. Unlike a new state, seed() drops the
    # second half of a pair of normal deviates as well.
    state.seed(memoryview(urandom(32)).cast("I").tolist())


def _reseed_numpy_generator(generator):
    _fresh_state(generator.bit_generator)


def _fresh_state(bits):
    bits.state = type(bits)().state

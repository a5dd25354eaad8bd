"""Forking: no two sandboxes share a random state, a name or a key, though they were forked from one zygote.

`plant` takes a sample in another sandbox; the probe takes its own and compares.
"""

import os
import random
import secrets
import tempfile
import uuid

from attack import Broken, probe

SHARED = "needs two forks of one zygote"


def differ(mine, theirs):
    """No value is in both samples."""
    same = set(map(str, mine)) & set(map(str, theirs))
    if same:
        raise Broken(f"both drew {sorted(same)[0][:40]}")


def draw_random(host):
    return [random.random() for _ in range(4)] + [random.getrandbits(64)]


def draw_numpy(host):
    try:
        import numpy
    except ImportError:
        return []
    return [float(number) for number in numpy.random.random(4)]


def draw_numpy_generator(host):
    try:
        import numpy
    except ImportError:
        return []
    return [float(numpy.random.default_rng().random()), float(numpy.random.RandomState().random_sample())]


def draw_uuid(host):
    return [str(uuid.uuid4()), str(uuid.uuid1())]


def draw_tls(host):
    import ssl
    return [ssl.RAND_bytes(16).hex(), ssl.RAND_bytes(16).hex()]


def draw_temporary_name(host):
    with tempfile.NamedTemporaryFile() as file:
        return [os.path.basename(file.name), os.path.basename(tempfile.mkdtemp())]


def draw_secret(host):
    return [secrets.token_hex(16), os.urandom(16).hex()]


def draw_key(host):
    import multiprocessing.process
    return [multiprocessing.process.current_process().authkey.hex()]


def draw_kernel(host):
    """The C library's own generators."""
    import ctypes
    buffer = ctypes.create_string_buffer(16)
    ctypes.CDLL(None).getentropy(buffer, 16)
    return [buffer.raw.hex()]


@probe("reseed", plant=draw_random, unconfined=SHARED)
def probe_random(host):
    """Python's random numbers differ."""
    differ(draw_random(host), host["planted"])


@probe("reseed", plant=draw_numpy, unconfined=SHARED)
def probe_numpy_random(host):
    """The random numbers of numpy's global generator differ."""
    differ(draw_numpy(host), host["planted"])


@probe("reseed", plant=draw_numpy_generator, unconfined=SHARED)
def probe_numpy_generators(host):
    """New generators of numpy's differ."""
    differ(draw_numpy_generator(host), host["planted"])


@probe("reseed", plant=draw_uuid, unconfined=SHARED)
def probe_uuid(host):
    """UUIDs differ, random ones and those from the clock."""
    differ(draw_uuid(host), host["planted"])


@probe("reseed", plant=draw_tls, unconfined=SHARED)
def probe_tls(host):
    """OpenSSL's random bytes differ, though it detects forks by a process number that both sandboxes have."""
    differ(draw_tls(host), host["planted"])


@probe("reseed", plant=draw_temporary_name, unconfined=SHARED)
def probe_temporary_names(host):
    """Temporary names differ."""
    differ(draw_temporary_name(host), host["planted"])


@probe("kernel", plant=draw_secret, unconfined=SHARED)
def probe_secrets(host):
    """Secrets and the kernel's random bytes differ."""
    differ(draw_secret(host), host["planted"])


@probe("reseed", plant=draw_key, unconfined=SHARED)
def probe_process_key(host):
    """The key that multiprocessing's sockets trust differs."""
    differ(draw_key(host), host["planted"])


@probe("kernel", plant=draw_kernel, unconfined=SHARED)
def probe_library_entropy(host):
    """The C library's entropy differs."""
    differ(draw_kernel(host), host["planted"])


@probe("reseed", plant=draw_random, order="predecessor", unconfined=SHARED)
def probe_random_of_predecessor(host):
    """Random numbers of an earlier sandbox do not come again."""
    differ(draw_random(host), host["planted"])


@probe("reseed", plant=draw_tls, order="predecessor", unconfined=SHARED)
def probe_tls_of_predecessor(host):
    """Nor do OpenSSL's random bytes."""
    differ(draw_tls(host), host["planted"])

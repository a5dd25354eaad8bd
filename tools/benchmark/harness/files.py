"""Files that are moved, the same way to a server and to the bare one beside it."""

_SMALL = 4 << 10
# Data in a message: as much as the agent of a sandbox takes at once.
_CHUNK = 256 << 10
# The file, what it needs beside its bytes, and room for the sandbox itself.
_DISK_MORE = 16 << 20
_MEMORY_MORE = 512 << 20


def small(direction, count, warmup):
    return [*_file(direction, _SMALL), "--count", count, "--warmup", warmup]


def large(direction, size, rounds):
    """In a sandbox that is made for it: it holds the file in memory."""
    limits = ["--disk-bytes", size + _DISK_MORE, "--memory-bytes", size + _DISK_MORE + _MEMORY_MORE]
    return [*_file(direction, size), *limits, "--count", rounds, "--warmup", 0]


def rates(answer):
    """MiB a second, of each transfer."""
    return [answer["bytes"] / 2**20 / (nanoseconds / 1e9) for nanoseconds in answer["transfer"]]


def _file(direction, size):
    # The bare server reads from the name how large its messages are to be.
    return ["--direction", direction, "--path", f"/tmp/{_CHUNK}", "--bytes", size, "--chunk", _CHUNK]

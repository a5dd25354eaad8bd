"""Errors for people: the text names what failed and the remedy."""


class BenchError(RuntimeError):
    pass

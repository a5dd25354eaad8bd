"""The one exception that ends a build with a message for people."""


class BuildError(Exception):
    """Says what failed and what to do about it; printed without a traceback."""

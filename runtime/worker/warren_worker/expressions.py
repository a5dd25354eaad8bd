"""user_expressions: values that a client asks for behind a cell's code. What goes wrong in one is its
value, not the cell's failure."""

import builtins

from . import errors, wire
from .displays import encode_bundle

__builtins__ = dict(vars(builtins))  # See wire.py.

# What stands for a value that was left out takes less.
_ERROR_ROOM = 512


def evaluate(shell, expressions):
    """list of (name, source), both bytes -> the encoded values for wire.done(). An interrupt passes
    through: it is meant for all of them."""
    expressions = expressions[: wire.MAX_EXPRESSIONS]
    room = wire.MAX_EXPRESSION_VALUES - _ERROR_ROOM * len(expressions)
    fields = []
    for name, source in expressions:
        name = name[: wire.MAX_EXPRESSION_NAME]
        field = _evaluate(shell, name, source)
        if len(field) > room:
            field = _too_large(name, len(field))
        else:
            room -= len(field)
        fields.append(field)
    return b"".join(fields)


def _evaluate(shell, name, source):
    try:
        with shell.builtin_trap:
            value = eval(source.decode(), shell.user_global_ns, shell.user_ns)
            bundle, metadata = shell.display_formatter.format(value)
        body = encode_bundle(bundle, False, metadata) or b""
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind, text, _ = errors.describe(error, "")
        body = wire.error_body(kind, text, errors.cut(kind + b": " + text, errors.MAX_VALUE))
        return wire.expression_value(name, error_body=body)
    return wire.expression_value(name, display_body=body)


def _too_large(name, size):
    text = b"the value takes %d bytes; those of a cell may take %d together" % (
        size,
        wire.MAX_EXPRESSION_VALUES,
    )
    body = wire.error_body(b"ValueError", text, b"ValueError: " + text)
    return wire.expression_value(name, error_body=body)

"""The languages of contexts: one class each, by its name. A new one is a module here and a line below,
and nothing anywhere else.
"""

import builtins

from .bash import BashLanguage
from .javascript import JavaScriptLanguage
from .language import Language

__builtins__ = dict(vars(builtins))  # See wire.py.

# Beside Python, which every worker speaks, and whose class needs IPython.
_OTHERS = {language.name: language for language in (BashLanguage, JavaScriptLanguage)}

PYTHON = "python"


def offered():
    """Names of what this template has all for, Python first."""
    return [PYTHON, *(name for name, language in _OTHERS.items() if language.available())]


def start(name):
    """The language of a context that is not Python's. Raises LookupError where there is none, and
    OSError where it does not start."""
    language = _OTHERS[name]
    if not language.available():
        raise LookupError(name)
    return language()


__all__ = ["PYTHON", "Language", "offered", "start"]

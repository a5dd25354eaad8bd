"""Pillow's images displayed in the cell: by show(), which has no viewer in a sandbox, and by save() to a
path, as E2B's code interpreter does."""

import builtins
import functools
import sys
from importlib.machinery import PathFinder

from IPython.display import display

__builtins__ = dict(vars(builtins))  # See wire.py.

_MODULE = "PIL.Image"


class ImageDisplays:
    """Lifecycle: (turn_on -> turn_off)*. Pillow is not imported by it: it is changed where it is there, or
    as soon as the cell imports it."""

    def __init__(self):
        self._on = False
        # (class, name, original, replacement)
        self._replaced = []

    def turn_on(self):
        self._on = True
        module = sys.modules.get(_MODULE)
        if module is None:
            sys.meta_path.insert(0, self)
        else:
            self.change(module)

    def turn_off(self):
        self._on = False
        while self._replaced:
            owner, name, original, replacement = self._replaced.pop()
            # What user code has put in its place is user code's.
            if vars(owner).get(name) is replacement:
                setattr(owner, name, original)
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def change(self, module):
        """module: PIL.Image. Does nothing behind the end of the cell, in a thread that goes on."""
        if not self._on:
            return
        image = module.Image
        self._replace(image, "show", self._showing(image.show))
        self._replace(image, "save", self._saving(image.save))

    def find_spec(self, name, path=None, target=None):
        """A finder of sys.meta_path: for the one module, what the import path has, loaded and changed."""
        if name != _MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _ChangingLoader(spec.loader, self)
        return spec

    def _replace(self, owner, name, replacement):
        self._replaced.append((owner, name, vars(owner)[name], replacement))
        setattr(owner, name, replacement)

    # Either may outlive the cell, in user code's hands: then it is the original.

    def _showing(self, original):
        @functools.wraps(original)
        def show(image, *arguments, **options):
            if not self._on:
                return original(image, *arguments, **options)
            display(image)

        return show

    def _saving(self, original):
        @functools.wraps(original)
        def save(image, fp, *arguments, **options):
            if self._on and isinstance(fp, str):
                display(image)
            return original(image, fp, *arguments, **options)

        return save


class _ChangingLoader:
    """The module's own loader, for whom the module takes it afterwards."""

    def __init__(self, loader, displays):
        self._loader = loader
        self._displays = displays

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._displays.change(module)

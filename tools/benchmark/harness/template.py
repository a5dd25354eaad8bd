"""A built template of the store, as the references need it."""

import os
import sys
from dataclasses import dataclass

from .errors import BenchError


@dataclass(frozen=True)
class Template:
    name: str
    rootfs: str
    python: str
    preload: list
    warmup: str


def load(root, store, name):
    """Raises BenchError when the template is not built."""
    rootfs = os.path.join(store, name, "rootfs")
    if not os.path.isdir(rootfs):
        raise BenchError(f"the template {name} is not in {store}: run tools/build-template {name}")
    sys.path.insert(0, os.path.join(root, "rootfs"))
    try:
        from builder.recipe import load_recipe
    finally:
        sys.path.pop(0)
    recipe, _ = load_recipe(name)
    warmup = ""
    path = os.path.join(root, "rootfs", name, "warmup.py")
    if os.path.exists(path):
        with open(path) as file:
            warmup = file.read()
    return Template(name, rootfs, recipe.python, list(recipe.preload), warmup)

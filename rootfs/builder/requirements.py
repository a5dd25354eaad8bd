"""Puts the Python packages that a recipe lists into a template's tree, resolved and verified as those of sandboxes are.

A warrend of the build's own serves the tree as it is so far, and fetches the packages into the package store; the set that this
makes is copied to where the template's Python looks for what the administrator has installed.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from .errors import BuildError

_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]+\])?==[A-Za-z0-9.!+_-]+")
_START_SECONDS = 120
_PROGRAMS = ("warren", "warrend", "warren-launcher", "warren-relay", "warren-fetcher", "warren-store", "warren-init", "warren-agent")


def check(recipe):
    """What a recipe asks for is pinned, and there is a tree of the template's own to put it into."""
    if recipe.requirements and not recipe.HasField("debian"):
        raise BuildError(f"{recipe.name}: requirements need a tree of its own, and this template uses directories of the host")
    for requirement in recipe.requirements:
        if not _PINNED.fullmatch(requirement):
            raise BuildError(f"{recipe.name}: requirement {requirement!r} is not pinned: write NAME==VERSION")


def without(recipe):
    """The recipe of the tree that they are put into: what it preloads may be among them."""
    plain = type(recipe)()
    plain.CopyFrom(recipe)
    plain.ClearField("requirements")
    plain.ClearField("preload")
    return plain


def add(recipes, recipe, manifest, root, options, report):
    """Installs them below `root`, and names all that came in the manifest.

    recipes: the module; options: programs (the prefix of warrend), package_store, package_index and package_policy.
    """
    report(f"installing {len(recipe.requirements)} Python packages and what they need")
    with tempfile.TemporaryDirectory(prefix="warren-build-") as work, _serve(recipes, recipe, manifest, root, options, work) as call:
        done = call("packages", "prefetch", "--json", "--template", recipe.name, *recipe.requirements)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        result = events[-1] if events and events[-1]["type"] == "done" else None
        if done.returncode != 0 or result is None:
            raise BuildError(f"the packages of the recipe: {done.stderr.strip()}")
        digest = result.get("set_digest")
        if digest:
            _copy(pathlib.Path(options.package_store) / "sets" / digest / "tree", root, recipe.python, manifest.python_version)
    for package in result.get("packages", []):
        manifest.python_packages.add(name=package["name"], version=package["version"])
    manifest.python_packages_digest = digest or ""


@contextlib.contextmanager
def _serve(recipes, recipe, manifest, root, options, work):
    """A function that runs `warren` against a server which has the tree as its one template."""
    os.chmod(work, 0o711)
    prefix, store = os.path.join(work, "prefix"), os.path.join(work, "templates")
    _make_prefix(recipes, recipe, options.programs, prefix)
    _make_store(recipes, recipe, manifest, root, prefix, store)
    address = f"unix://{work}/run/warren.sock"
    command = [f"{prefix}/bin/warrend", "--listen", address, "--runtime-dir", f"{work}/run", "--cgroup-parent", f"warren-build-{os.getpid()}",
               "--templates", store, "--default-template", recipe.name, "--package-store", str(options.package_store)]
    for flag in ("package_policy", "package_index"):
        for value in getattr(options, flag) or ():
            command += ["--" + flag.replace("_", "-"), value]
    environment = dict(os.environ, WARREN_ADDRESS=address)

    def call(*arguments):
        return subprocess.run([f"{prefix}/bin/warren", *arguments], capture_output=True, text=True, env=environment, check=False)

    with open(f"{work}/log", "w+", encoding="utf-8", errors="replace") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while call("templates").returncode != 0:
                if server.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise BuildError(f"warrend does not serve the new tree:\n{log.read()[-2000:]}")
                time.sleep(0.1)
            yield call
        finally:
            server.terminate()
            server.wait()


def _make_prefix(recipes, recipe, programs, prefix):
    """The programs, and a share directory whose one template is this one."""
    if not os.path.exists(f"{programs}/bin/warrend"):
        raise BuildError(f"{programs} has no warrend: build it (tools/build-template does), or name it with --programs")
    os.makedirs(f"{prefix}/share/warren/rootfs/{recipe.name}")
    os.mkdir(f"{prefix}/bin")
    # Copies: a program looks for what belongs to it where it lies itself, and not where a link to it does.
    for program in _PROGRAMS:
        shutil.copy2(f"{programs}/bin/{program}", f"{prefix}/bin/{program}")
    for entry in os.listdir(f"{programs}/share/warren"):
        if entry != "rootfs":
            os.symlink(f"{programs}/share/warren/{entry}", f"{prefix}/share/warren/{entry}")
    recipes.save_recipe(without(recipe), pathlib.Path(f"{prefix}/share/warren/rootfs/{recipe.name}/recipe.textproto"))


def _make_store(recipes, recipe, manifest, root, prefix, store):
    place = pathlib.Path(store) / recipe.name
    place.mkdir(parents=True)
    os.symlink(root, place / "rootfs")
    source = pathlib.Path(f"{prefix}/share/warren/rootfs/{recipe.name}/recipe.textproto")
    shutil.copy(source, place)
    sofar = recipes.template_pb2.TemplateManifest()
    sofar.CopyFrom(manifest)
    sofar.recipe_digest = recipes.file_digest(source)
    recipes.save_manifest(sofar, place / "manifest.textproto")


def _copy(tree, root, python, version):
    """The set's files, root's and writable for root, to /usr/local as Debian has it."""
    minor = ".".join(version.split(".")[:2])
    site = pathlib.Path(root) / f"usr/local/lib/python{minor}/dist-packages"
    programs = pathlib.Path(root) / "usr/local/bin"
    for path in sorted(tree.rglob("*")):
        if not path.is_file():
            continue
        inside = path.relative_to(tree)
        target = programs / inside.relative_to("bin") if inside.parts[0] == "bin" else site / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise BuildError(f"{target.relative_to(root)} is there already: a Debian package of the recipe has it")
        shutil.copyfile(path, target)
        os.chmod(target, 0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o111 else 0o644)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers and tools that the package indexes do not carry, built from Go modules and kept in the user's cache folder.

``python -m playground.components build versitygw`` builds what is missing, ``list`` shows all, ``path versitygw`` prints where its program is.
From Python: ``built("versitygw")``. A recipe is a folder in components/: recipe.yml, go.mod and go.sum, and Go files when the program is ours.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import yaml

from . import toolchain
from .errors import Refusal, run_command

RECIPES = Path(__file__).resolve().parent.parent / "components"
KEYS = {"about": str, "module": str, "seconds": int, "programs": dict}
OPTIONAL = {"stamp": str}


@dataclasses.dataclass(frozen=True)
class Component:
    """A recipe: what to build, and where the result is kept.

    ``programs`` maps a program's name to its Go package. ``version`` is that of the recipe's module in go.mod; ``stamp`` is the Go variable
    that is set to it, for programs whose source does not know their version.
    """

    name: str
    version: str
    about: str
    seconds: int
    programs: t.Mapping[str, str]
    recipe: Path
    stamp: str = ""

    @property
    def folder(self) -> Path:
        """Where its programs are once they are built; another recipe or machine type gives another folder."""
        return cache_folder() / f"{self.name}-{self.version}-{self.digest()}"

    @property
    def is_built(self) -> bool:
        return self.folder.is_dir()  # it comes into being whole

    def digest(self) -> str:
        """First 12 hex digits of SHA-256 over names and contents of the recipe's files, and the type of machine."""
        digest = hashlib.sha256(f"{platform.system()} {platform.machine()}\n".encode())
        for path in sorted(path for path in self.recipe.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(self.recipe)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()[:12]

    def program(self, name: str | None = None) -> Path:
        """Path of one of its programs; of the one with the component's name, or its only one, when no name is given.

        :raises Refusal: when it is not built, or has no such program.
        """
        wanted = name or (self.name if self.name in self.programs or len(self.programs) > 1 else next(iter(self.programs)))
        if wanted not in self.programs:
            raise Refusal(f"{self.name}: program {wanted}", expected=f"one of {', '.join(self.programs)}", found=wanted, remedy="Name one.")
        if not self.is_built:
            raise Refusal(
                self.name,
                expected=f"to be built, in {self.folder}",
                found="no such folder",
                remedy=f"Run make components ONLY={self.name}.",
            )
        return self.folder / wanted


def cache_folder() -> Path:
    """$XDG_CACHE_HOME or ~/.cache, and below it ours."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"  # the standard ignores a relative one
    return base / "governed-delivery" / "components"


def names(recipes: Path = RECIPES) -> list[str]:
    """Every component that has a recipe."""
    return sorted(path.parent.name for path in recipes.glob("*/recipe.yml"))


def component(name: str, recipes: Path = RECIPES) -> Component:
    """Read one recipe.

    :raises Refusal: when there is none of this name, or it is not as it must be.
    """
    if name not in names(recipes):
        raise Refusal(f"component {name}", expected=f"one of {', '.join(names(recipes))}", found=repr(name), remedy="Name one of these.")
    folder = recipes / name
    read = yaml.safe_load((folder / "recipe.yml").read_text(encoding="utf-8"))
    if not isinstance(read, dict) or {**OPTIONAL, **{key: type(value) for key, value in read.items()}} != {**OPTIONAL, **KEYS}:
        raise Refusal(
            f"{name}/recipe.yml",
            expected="the keys "
            + ", ".join(f"{key} ({kind.__name__})" for key, kind in KEYS.items())
            + "".join(f", and perhaps {key} ({kind.__name__})" for key, kind in OPTIONAL.items()),
            found=repr(read),
            remedy="Look at another recipe.",
        )
    versions = re.search(
        rf"^(?:require )?\s*{re.escape(read['module'])} v(\S+)", (folder / "go.mod").read_text(encoding="utf-8"), re.MULTILINE
    )
    if versions is None or not (folder / "go.sum").is_file():
        raise Refusal(f"{name}/go.mod", expected=f"a version of {read['module']}, and a go.sum beside it", found="none", remedy="Add it.")
    return Component(name, versions[1], read["about"], read["seconds"], read["programs"], folder, read.get("stamp", ""))


def built(name: str, recipes: Path = RECIPES) -> Component:
    """A component with its programs, built first when they are not there. Two at once build once.

    :raises Unavailable: when this machine cannot have it: no module proxy, no toolchain, no room.
    :raises Refusal: for anything else that is wrong.
    """
    wanted = component(name, recipes)
    if wanted.is_built:
        return wanted
    try:
        with _locked(wanted):
            if not wanted.is_built:  # somebody else may have been quicker
                _build(wanted)
    except OSError as error:
        kind = toolchain.Unavailable if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM) else Refusal
        raise kind(
            str(error.filename or wanted.folder.parent),
            expected=f"a place to build and keep {name}",
            found=error.strerror or str(error),
            remedy="Make room, or name another folder with XDG_CACHE_HOME.",
        ) from error
    return wanted


@contextlib.contextmanager
def _locked(wanted: Component) -> t.Iterator[None]:
    """Hold the component's lock; the system lets go of it when we are killed."""
    parent = wanted.folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / f".{wanted.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"{wanted.name}: somebody else is building it, waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(wanted: Component) -> None:
    """Build in a folder beside the target and move it there in one step. The caller holds the lock."""
    go = toolchain.go()
    parent = wanted.folder.parent
    for left in parent.glob(f".unfinished-{wanted.name}-*"):  # of a build that was killed: we hold its lock
        shutil.rmtree(left, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".unfinished-{wanted.name}-", dir=parent))
    log = parent / f"{wanted.name}.log"
    stamps = {wanted.stamp: f"v{wanted.version}"} if wanted.stamp else {}
    tell(f"{wanted.name} {wanted.version}: building with Go {go.version}, about {wanted.seconds} s when nothing is cached; {log}")
    started = time.monotonic()
    try:
        with log.open("w", encoding="utf-8", buffering=1) as output:
            for program, package in wanted.programs.items():
                toolchain.build(
                    go, package, recipe=wanted.recipe, target=unfinished / program, cache=parent / ".go", log=output, stamps=stamps
                )
        unfinished.chmod(0o755)  # mkdtemp's 0700 would close it to the account that a server runs as
        unfinished.rename(wanted.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    tell(f"{wanted.name} {wanted.version}: built in {time.monotonic() - started:.0f} s, {size(wanted.folder)}")


def tell(line: str) -> None:
    """A line on standard error: standard output is for ``path`` and ``list``."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def size(folder: Path) -> str:
    """The size of all files of a folder in MB."""
    return f"{sum(path.stat().st_size for path in folder.rglob('*')) / 1e6:.0f} MB"


def table() -> str:
    """All components as aligned lines."""
    rows = [("component", "version", "state", "what it is")]
    for name in names():
        one = component(name)
        rows.append((one.name, one.version, size(one.folder) if one.is_built else "not built", one.about))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.components", description="Real parts, built from Go modules.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build what is not there yet; prints the folders")
    build.add_argument("names", nargs="*", metavar="NAME", help="of: " + ", ".join(names()))
    commands.add_parser("list", help="all components, and which of them are built")
    path = commands.add_parser("path", help="print where a built program is; fails when it is not built")
    path.add_argument("name", metavar="NAME")
    path.add_argument("program", metavar="PROGRAM", nargs="?")
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        print(table())
    elif chosen.command == "path":
        print(component(chosen.name).program(chosen.program))
    elif not chosen.names:
        raise Refusal("make components", expected="ONLY=name", found="no name", remedy=f"Name one of {', '.join(names())}.")
    else:
        for wanted in [component(name) for name in chosen.names]:  # all names are looked at before the first is built
            print(built(wanted.name).folder)
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))

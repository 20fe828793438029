# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A folder of code as one digest, so that an approval holds for exactly these bytes."""

from __future__ import annotations

import hashlib
import pathlib
import typing as t

PASSED_OVER = frozenset({"__pycache__", ".git", ".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


def digest(folders: t.Iterable[pathlib.Path], root: pathlib.Path) -> str:
    """SHA-256 over the lines ``<SHA-256 of the file> <path below root>`` of every file in the folders, sorted by path.

    A symbolic link counts as what it points to; compiled Python and caches are passed over.
    """
    files = sorted({path for folder in folders for path in _files(folder)})
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(root).as_posix()}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(folder: pathlib.Path) -> t.Iterator[pathlib.Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name in PASSED_OVER or path.suffix in (".pyc", ".swp") or path.name.endswith("~"):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a playbook of a project knows: the words in it and in every file that it imports or includes by name."""

from __future__ import annotations

import pathlib
import re

COLLECTION = "governed.delivery."
IMPORTED = re.compile(r"^[\s-]*(?:ansible\.builtin\.)?import_playbook:\s*([\w./-]+)\s*$", re.MULTILINE)
INCLUDED = re.compile(r"^[\s-]*(?:ansible\.builtin\.)?(?:include|import)_tasks:\s*(?:file:\s*)?([\w./-]+)\s*$", re.MULTILINE)
COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
WORD = re.compile(r"[A-Za-z_]\w*")


def find(project: pathlib.Path, playbook: str) -> pathlib.Path | None:
    """The playbook's file, or None when the project has none of that path."""
    path = (project / playbook).resolve()
    return path if path.is_file() and path.is_relative_to(project.resolve()) else None


def words_of(path: pathlib.Path, collection: pathlib.Path) -> set[str]:
    """Every word in the playbook and the files it pulls in, but for comments: a variable that is not among them is nothing to it.

    :param collection: the root of this collection, for playbooks that are imported by their full name.
    """
    found: set[str] = set()
    seen: set[pathlib.Path] = set()
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = COMMENT.sub("", path.read_text(encoding="utf-8"))
        found.update(WORD.findall(text))
        waiting.extend(_imported(name, path.parent, collection) for name in IMPORTED.findall(text))
        waiting.extend(path.parent / name for name in INCLUDED.findall(text))
    return found


def _imported(name: str, beside: pathlib.Path, collection: pathlib.Path) -> pathlib.Path:
    return collection / "playbooks" / f"{name.removeprefix(COLLECTION)}.yml" if name.startswith(COLLECTION) else beside / name

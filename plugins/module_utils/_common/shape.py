# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Taking a mapping that a person wrote apart, with the path of whatever is wrong in it."""

from __future__ import annotations

import difflib
import re
import typing as t

from . import words
from .errors import Refusal

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def wrong(path: str, expected: str, found: object, remedy: str) -> Refusal:
    return Refusal(
        path, expected=expected, found=found if isinstance(found, str) else words.described(found), remedy=remedy, code="plan_shape"
    )


def mapping(found: object, path: str, *, required: t.Sequence[str] = (), optional: t.Sequence[str] = ()) -> dict[str, t.Any]:
    """``found`` as a mapping that has every required key and no key that is not named here."""
    known = [*required, *optional]
    if not isinstance(found, t.Mapping):
        raise wrong(path, f"a mapping with {_listed(known)}", words.described(found), "Write it as a mapping.")
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else "Remove it, or correct its name."
            raise wrong(f"{path}.{key}", f"one of the keys {_listed(known)}", f"the unknown key {str(key)!r}", remedy)
    missing = [key for key in required if key not in found]
    if missing:
        raise wrong(path, f"the key {missing[0]}", f"only {_listed(sorted(found))}", "Add it.")
    return {str(key): found[key] for key in found}


def sequence(found: object, path: str, *, empty: bool = False) -> list[t.Any]:
    """``found`` as a list, by default with at least one entry."""
    if not isinstance(found, (list, tuple)):
        raise wrong(path, "a list", words.described(found), "Write it as a list, even of one.")
    if not found and not empty:
        raise wrong(path, "at least one entry", "an empty list", "Add one.")
    return list(found)


def text(found: object, path: str) -> str:
    """``found`` as text that is not empty."""
    if not isinstance(found, str) or not found.strip():
        raise wrong(path, "text", words.described(found), "Write a few words.")
    return str(found)


def name(found: object, path: str) -> str:
    """``found`` as a name: a lower-case letter, then lower-case letters, digits and underscores."""
    if not isinstance(found, str) or not NAME.match(found):
        raise wrong(path, "a name of lower-case letters, digits and underscores", words.described(found), "Rename it.")
    return str(found)


def number(found: object, path: str) -> float:
    """``found`` as a finite number."""
    if not words.is_number(found):
        raise wrong(path, "a finite number", words.described(found), "Write a number, without quotes.")
    return words.plain(found)


def unique(names: t.Sequence[str], path: str) -> None:
    """Refuses the first name that stands twice."""
    for index, value in enumerate(names):
        if value in names[:index]:
            raise wrong(f"{path}[{index}]", "every name once", f"{value!r} a second time", "Rename or remove one of the two.")


def _listed(keys: t.Sequence[str]) -> str:
    return ", ".join(str(key) for key in keys) or "no keys"

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. in-toto Statement v1: what one entry of a ledger says, about what."""

from __future__ import annotations

import json
import re
import typing as t

from .._common.errors import Refusal
from .canonical import canonical

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = re.compile(r"https://governed\.delivery/([a-z][a-z0-9_]{0,63})/v1")
SHA256 = re.compile(r"[0-9a-f]{64}")
KEYS = {"_type", "subject", "predicateType", "predicate"}

Statement = dict[str, t.Any]


def statement(kind: str, predicate: t.Mapping[str, t.Any], subjects: t.Mapping[str, str]) -> Statement:
    """A statement of that kind (``started``, ``approval`` …) about the subjects, names with their SHA-256 as hex.

    A predicate that says when has ``at``, a time with zone as ISO 8601; numbers beyond 2^53 are text.

    :raises Refusal: that makes no statement.
    """
    made = {
        "_type": TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
        "predicateType": f"https://governed.delivery/{kind}/v1",
        "predicate": dict(predicate),
    }
    check(made)
    return made


def kind(found: Statement) -> str:
    """What ``statement`` was told."""
    matched = PREDICATE.fullmatch(str(found["predicateType"]))
    return matched.group(1) if matched else ""


def check(found: t.Any) -> None:
    """Nothing, for a statement of this collection.

    :raises Refusal: it is none; the message says which part.
    """
    if not isinstance(found, dict) or found.keys() != KEYS:
        raise _refusal("a statement", f"the keys {', '.join(sorted(KEYS))}", _keys(found))
    if found["_type"] != TYPE:
        raise _refusal("_type", TYPE, repr(found["_type"])[:80])
    if not isinstance(found["predicateType"], str) or not PREDICATE.fullmatch(found["predicateType"]):
        raise _refusal("predicateType", "https://governed.delivery/<kind>/v1", repr(found["predicateType"])[:80])
    if not isinstance(found["predicate"], dict):
        raise _refusal("predicate", "a mapping", type(found["predicate"]).__name__)
    if not isinstance(found["subject"], list) or not found["subject"]:
        raise _refusal("subject", "at least one name with its digest", repr(found["subject"])[:80])
    for one in found["subject"]:
        if not _is_subject(one):
            raise _refusal("subject", "a name, and digest.sha256 as 64 hexadecimal digits", repr(one)[:120])


def parse(payload: bytes) -> Statement:
    """The statement that the bytes are the canonical form of; so no key stands in it twice.

    :raises Refusal: they are not.
    """
    try:
        found = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise _refusal("a statement", "JSON", str(problem)) from problem
    if canonical(found) != payload:
        twice = _twice(payload)
        raise _refusal(
            "a statement", "canonical JSON (RFC 8785)", f"the key {twice!r} twice" if twice else "the same content otherwise written"
        )
    check(found)
    return t.cast("Statement", found)


def _is_subject(one: t.Any) -> bool:
    if not isinstance(one, dict) or one.keys() != {"name", "digest"} or not isinstance(one["name"], str) or not one["name"]:
        return False
    digest = one["digest"]
    if not isinstance(digest, dict) or digest.keys() != {"sha256"} or not isinstance(digest["sha256"], str):
        return False
    return SHA256.fullmatch(digest["sha256"]) is not None


def _twice(payload: bytes) -> str:
    """The first key that stands twice in a mapping, if one does."""
    found: list[str] = []

    def pairs(items: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
        names = [name for name, _value in items]
        found.extend(name for place, name in enumerate(names) if name in names[:place])
        return dict(items)

    json.loads(payload, object_pairs_hook=pairs)
    return found[0] if found else ""


def _no_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is no JSON")


def _keys(found: t.Any) -> str:
    return ", ".join(sorted(map(str, found)))[:120] or "nothing" if isinstance(found, dict) else type(found).__name__


def _refusal(thing: str, expected: str, found: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy="Correct what is recorded.", code="statement_shape")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The acceptance pack of a plan: which files it has, and what its ``pack.json`` says.

In a pack: ``pack.json`` lists all others; ``ledger/`` is the whole ledger up to one checkpoint as C2SP tlog-tiles publishes it, with a tlog-proof of
each entry about the plan; ``attachments/sha256/`` is what those entries attach; ``people.json`` says who might sign; ``index.html`` is for people.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from .._common import shape
from .._common.errors import Refusal
from .._ledger import canonical
from . import decision

FORMAT = "governed.delivery/acceptance-pack/v1"
MANIFEST, PEOPLE, PAGE = "pack.json", "people.json", "index.html"
LEDGER, PROOFS, ATTACHMENTS = "ledger/", "ledger/proofs/", "attachments/sha256/"
CHECKPOINT, KEY = "ledger/checkpoint", "ledger.vkey"
NAME = re.compile(
    r"pack\.json|people\.json|index\.html|ledger/checkpoint|ledger\.vkey|ledger/proofs/\d{9}\.tlog-proof"
    r"|ledger/tile/(?:entries|\d)/(?:x\d{3}/)*\d{3}(?:\.p/\d{1,3})?|attachments/sha256/[0-9a-f]{64}"
)
MOST_FILES = 100_000
MOST_FILE_BYTES = 64 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024  # of all files together: they are held in memory

Files = t.Mapping[str, bytes]
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class StageEnd:
    """Where a stage stands under the plan's digest, and the entry that says so; none for a stage that has not run."""

    name: str
    outcome: str
    entry: int | None


@dataclasses.dataclass(frozen=True)
class About:
    """What a pack is about; all of it follows from the ledger. ``root`` is hexadecimal."""

    plan: str
    title: str
    plan_digest: str
    origin: str
    size: int
    root: str
    accepted: bool
    stages: tuple[StageEnd, ...]


@dataclasses.dataclass(frozen=True)
class Listed:
    """A file of the pack."""

    name: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """``pack.json``. ``made_at`` is UTC; ``code`` names the plugins that made the page, byte for byte."""

    about: About
    made_at: str
    code: str
    files: tuple[Listed, ...]

    def content(self) -> bytes:
        """Canonical JSON."""
        return canonical.canonical({"format": FORMAT, **dataclasses.asdict(self)})


def proof_name(index: int) -> str:
    return f"{PROOFS}{index:09d}.tlog-proof"


def listed(files: Files) -> tuple[Listed, ...]:
    """Every file but ``pack.json``, by name."""
    names = sorted(name for name in files if name != MANIFEST)
    return tuple(Listed(name, len(files[name]), hashlib.sha256(files[name]).hexdigest()) for name in names)


def refusal(thing: str, expected: str, found: str, remedy: str = "Ask whoever made the pack for another copy.") -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="pack_refused")


def loads(content: bytes, thing: str) -> t.Any:
    """JSON from somebody else.

    :raises Refusal: it is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise refusal(thing, "JSON", str(problem)[:120] or "too deep") from problem


def parse(content: bytes) -> Manifest:
    """What ``pack.json`` says.

    :raises Refusal: it is none of this format, or not written as we write it.
    """
    found = loads(content, MANIFEST)
    if isinstance(found, dict) and found.get("format") != FORMAT:
        remedy = "Verify it with the release of the collection that made it."
        raise refusal(f"{MANIFEST}: format", FORMAT, repr(found.get("format"))[:80], remedy)
    top = shape.mapping(found, MANIFEST, required=("format", "about", "made_at", "code", "files"))
    decision.moment(top["made_at"], f"{MANIFEST}: made_at")
    manifest = Manifest(
        _about(top["about"]),
        top["made_at"],
        _digest(top["code"], f"{MANIFEST}: code"),
        tuple(
            _listed(entry, f"{MANIFEST}: files[{index}]") for index, entry in enumerate(shape.sequence(top["files"], f"{MANIFEST}: files"))
        ),
    )
    if manifest.content() != content:
        raise refusal(MANIFEST, "canonical JSON (RFC 8785)", "the same content otherwise written, or a key twice")
    return manifest


def _about(found: object) -> About:
    path = f"{MANIFEST}: about"
    entries = shape.mapping(found, path, required=[field.name for field in dataclasses.fields(About)])
    stages = []
    for index, entry in enumerate(shape.sequence(entries["stages"], f"{path}.stages")):
        where = f"{path}.stages[{index}]"
        spelt = shape.mapping(entry, where, required=("name", "outcome", "entry"))
        place = None if spelt["entry"] is None else _count(spelt["entry"], f"{where}.entry")
        stages.append(StageEnd(shape.name(spelt["name"], f"{where}.name"), shape.text(spelt["outcome"], f"{where}.outcome"), place))
    if not isinstance(entries["accepted"], bool):
        raise shape.wrong(f"{path}.accepted", "true or false", entries["accepted"], "Correct it.")
    return About(
        shape.name(entries["plan"], f"{path}.plan"),
        shape.text(entries["title"], f"{path}.title"),
        _digest(entries["plan_digest"], f"{path}.plan_digest"),
        shape.text(entries["origin"], f"{path}.origin"),
        _count(entries["size"], f"{path}.size"),
        _digest(entries["root"], f"{path}.root"),
        entries["accepted"],
        tuple(stages),
    )


def _listed(found: object, path: str) -> Listed:
    entries = shape.mapping(found, path, required=("name", "bytes", "sha256"))
    name = shape.text(entries["name"], f"{path}.name")
    if not NAME.fullmatch(name) or name == MANIFEST:
        raise shape.wrong(f"{path}.name", "a file of a pack", entries["name"], "Ask for another copy.")
    return Listed(name, _count(entries["bytes"], f"{path}.bytes"), _digest(entries["sha256"], f"{path}.sha256"))


def _count(found: object, path: str) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**53:
        raise shape.wrong(path, "a whole number of at least 0", found, "Correct it.")
    return found


def _digest(found: object, path: str) -> str:
    if not isinstance(found, str) or not DIGEST.fullmatch(found):
        raise shape.wrong(path, "64 lower-case hexadecimal digits", found, "Correct it.")
    return found

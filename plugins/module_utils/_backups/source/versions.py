# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which version of an S3 object counts at the cut, and what its other versions say about it. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common import words
from ..findings import Finding
from .place import Item
from .write_once import is_write_once

NO_VERSION = "null"  # S3's name of the version of an object that was put while the bucket kept none


@dataclasses.dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker, as S3 lists it; ``written`` in epoch seconds."""

    identifier: str
    written: float
    is_latest: bool = False
    is_marker: bool = False
    size: int = 0
    etag: str = ""


def as_of(path: str, versions: t.Sequence[Version], until: float) -> tuple[Item | None, list[Finding]]:
    """The version that counts, None without any, and what is wrong with the object.

    A write-once object's first version counts. A later one of the same size and tag is the same bytes put again, as an archive command
    does behind a crash, and no fault. Of an object that is rewritten by design the newest counts.

    :param versions: all of that path, in the server's order: newest first.
    """
    seen = sorted((one for one in versions if one.written <= until), key=_newest_first)
    real = [one for one in seen if not one.is_marker]
    if not real:
        return None, []
    is_once = is_write_once(path)
    chosen = real[-1] if is_once else real[0]
    others = [one for one in real if (one.size, one.etag) != (chosen.size, chosen.etag)] if is_once else []
    findings: list[Finding] = []
    if others:
        found = ", ".join(f"{one.identifier} of {words.iso(one.written)}" for one in others)
        expected = f"one version, {chosen.identifier} of {words.iso(chosen.written)}"
        findings.append(Finding("OBJECT_REPLACED", path, expected=expected, found=f"also {found}"))
    if seen[0].is_marker:
        expected = f"not to be deleted; version {chosen.identifier} is still there"
        findings.append(Finding("DELETE_MARKER", path, expected=expected, found=f"a delete marker of {words.iso(seen[0].written)}"))
    is_pinned = chosen.identifier != NO_VERSION or len(versions) > 1
    return Item(path, chosen.size, chosen.written, chosen.identifier if is_pinned else None, chosen.etag.strip('"')), findings


def _newest_first(version: Version) -> tuple[bool, int]:
    """A sort key. The latest is who the server says it is: versitygw dates a version by when it was put aside, a moment behind what replaced it.

    Within a second, which is as much as S3 tells, the server's own order stays.
    """
    return not version.is_latest, -int(version.written)

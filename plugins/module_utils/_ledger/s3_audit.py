# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What somebody did to a ledger's bucket beside the ledger: later versions, delete markers, missing locks.

None of it changes what the ledger reads, and verification does not see it. It reads only; one listing, and one request an immutable object.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import itertools
import re
import typing as t

from . import tiles
from .s3 import ATTACHMENTS, HEAD, S3Store
from .s3_bucket import COMPLIANCE, Version

TILES = "tile/"
BUNDLE = re.compile(r"tile/entries/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?\Z")
AT_ONCE = 8

Problem = t.Literal["overwritten", "delete_marker", "gone", "not_locked", "beyond_head", "not_versioned", "no_object_lock"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as the ledger left it; ``path`` is empty when it is about the whole bucket."""

    path: str
    problem: Problem
    detail: str


def audit(store: S3Store) -> list[Finding]:
    """Everything that is not as it should be, by path.

    :raises Refusal: the bucket cannot be read, or its head is gone.
    """
    guards = store.bucket.guards
    if not guards.is_versioned:
        return [Finding("", "not_versioned", "the bucket keeps no versions: what was overwritten or deleted cannot be told")]
    findings = [] if guards.has_lock else [Finding("", "no_object_lock", "the bucket has no object lock: versions can be deleted")]
    kept: list[Version] = []
    listed = itertools.chain(store.bucket.versions(ATTACHMENTS), store.bucket.versions(HEAD), store.bucket.versions(TILES))
    last = 0
    for path, group in itertools.groupby(listed, key=_path):
        versions = list(group)
        last = max(last, _entries_up_to(path))
        findings += _history(path, versions)
        kept += [version for version in versions if not version.is_marker][-1:] if path != HEAD else []
    head = store.head()  # after the listing: what is appended meanwhile is not beyond it
    size = head.size if head else 0
    if last > size:
        findings.append(Finding(HEAD, "beyond_head", f"there are entries up to {last}, the head says {size}: it was taken back"))
    if guards.has_lock:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for version, retention in zip(kept, pool.map(store.bucket.retention, kept), strict=True):
                findings += _lock(version, retention)
    return sorted(findings, key=_place)


def _history(path: str, versions: t.Sequence[Version]) -> t.Iterator[Finding]:
    real = [version for version in versions if not version.is_marker]
    for marker in (version for version in versions if version.is_marker):
        yield Finding(path, "delete_marker", f"deleted at {marker.written.isoformat()}, version {marker.identifier}")
    if path == HEAD:  # each commit overwrites it
        return
    if not real:
        yield Finding(path, "gone", "only delete markers are left")
    for later in real[:-1]:
        yield Finding(
            path, "overwritten", f"at {later.written.isoformat()}, version {later.identifier}; the first is {real[-1].identifier}"
        )


def _lock(version: Version, retention: tuple[str, datetime.datetime] | None) -> t.Iterator[Finding]:
    mode, until = retention or ("none", None)
    if mode != COMPLIANCE or until is None:
        yield Finding(version.path, "not_locked", f"retention: {mode}")
    elif until <= datetime.datetime.now(datetime.UTC):
        yield Finding(version.path, "not_locked", f"retention ended at {until.isoformat()}")


def _entries_up_to(path: str) -> int:
    """How many entries a ledger has at least that has this bundle; 0 for any other path."""
    found = BUNDLE.match(path)
    if found is None:
        return 0
    index = int(found[1].replace("x", "").replace("/", ""))
    return index * tiles.WIDTH + (int(found[2]) if found[2] else tiles.WIDTH)


def _path(version: Version) -> str:
    return version.path


def _place(finding: Finding) -> tuple[str, str]:
    return finding.path, finding.problem

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where backups lie, as it was at one moment: a directory or an S3 bucket behind one door.

Layout below a place, for the engines whose files are ours::

    backups/<label>/…           what pg_basebackup (plain or tar) or pg_dump (-Fd) wrote
    wal/<segment>, <timeline>.history, *.backup    the archive
    manifests/<label>.json      the signed manifest of a backup, of every engine

A pgBackRest repository lies at the top of its place (backup/<stanza>/…, archive/<stanza>/…), with manifests/ beside it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..findings import Finding

BACKUPS, WAL, MANIFESTS = "backups/", "wal/", "manifests/"


@dataclasses.dataclass(frozen=True)
class Lock:
    """Retention of one version: COMPLIANCE or GOVERNANCE, and its end in epoch seconds."""

    mode: str
    until: float


@dataclasses.dataclass(frozen=True)
class Item:
    """One object as it was at the cut. ``path`` is below the place; ``version`` pins it where the store keeps versions."""

    path: str
    size: int
    written: float  # epoch seconds, the store's own clock
    version: str | None = None
    etag: str | None = None
    sha256: str | None = None  # hex, where the store knows it


@dataclasses.dataclass(frozen=True)
class Listing:
    """Everything below a prefix at the cut, by path in order, and what is wrong with it."""

    items: t.Mapping[str, Item]
    findings: tuple[Finding, ...] = ()


class Reader(t.Protocol):
    """Bytes of one object."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Place(t.Protocol):
    """A directory or a bucket. Methods raise ``findings.Stopped`` with NO_CREDENTIALS, ACCESS_DENIED, NOT_FOUND, TLS, TIMEOUT or SOURCE_UNREADABLE."""

    def describe(self) -> dict[str, str]:
        """Kind and name, for people and the ledger; no secrets."""

    def listing(self, prefix: str, until: float) -> Listing:
        """What was there at ``until`` (epoch seconds): nothing younger, and of overwritten write-once objects the first version."""

    def open(self, item: Item) -> Reader:
        """Exactly that version's bytes; OBJECT_REPLACED or FILE_MISSING where they are not to be had any more."""

    def lock(self, item: Item, /) -> Lock | None:
        """The retention of that version; None without."""

    def put(self, path: str, content: bytes) -> None:
        """Keep a new object; never over other bytes (OBJECT_REPLACED then)."""

    def put_file(self, path: str, file: str) -> None:
        """The same from a local file."""

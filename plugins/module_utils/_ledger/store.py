# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where a ledger is kept: what every store does, a directory as well as a bucket."""

from __future__ import annotations

import dataclasses
import typing as t

from . import checkpoint


class Missing(Exception):
    """The store has no object of that path."""


class HeadMoved(Exception):
    """Somebody else appended since: read again, decide again. Nothing was written."""


@dataclasses.dataclass(frozen=True)
class Head:
    """The end of a ledger: how many entries, their root, and the signed note that says so, byte for byte."""

    size: int
    root: bytes
    note: bytes


@dataclasses.dataclass(frozen=True)
class Commit:
    """Entries to append in one step, and the signed checkpoint of the tree with them; all tiles follow from these."""

    entries: tuple[bytes, ...]
    note: bytes


class Store(t.Protocol):
    """Objects by path as in C2SP tlog-tiles, and one head that only a comparison moves.

    Reading writes nothing. What ``commit`` returned survives a power cut; when it raises, the ledger is as it was.
    """

    def head(self) -> Head | None:
        """The last commit's; None for an empty ledger. Its signature is not looked at."""

    def commit(self, after: Head | None, commit: Commit) -> Head:
        """Append, if the head is still ``after``.

        :raises HeadMoved: it is another.
        :raises Refusal: the store cannot be written.
        """

    def read(self, path: str) -> bytes:
        """A tile or an entry bundle of the head that was last asked for, or any before.

        :raises Missing: there is none.
        """

    def attach(self, content: bytes) -> str:
        """Keep what is too large for an entry; its SHA-256 as hex, which the entry names."""

    def attachment(self, digest: str) -> bytes:
        """What was attached, checked against its digest.

        :raises Missing: there is none.
        :raises Refusal: it was changed.
        """


def head_of(note: bytes) -> Head:
    """The head that a signed note tells of.

    :raises checkpoint.Malformed: it is no checkpoint.
    """
    found = checkpoint.parse_note(note)
    return Head(found.size, found.root, note)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is remembered of a change, so that one that was cut is ended by the next run, and any is taken back byte for byte."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from ..._common.errors import Refusal


@dataclasses.dataclass(frozen=True)
class Journal:
    """Digests of contents, which the target keeps by them.

    ``original`` is what was there before our first change; empty once somebody else has changed it in between, so that it is nobody's to bring
    back whole. ``previous`` is what was there before the last change, ``applied`` what it made. ``finished`` says that the collector has taken it
    on and was seen to do what was foretold.
    """

    original: str
    previous: str
    applied: str
    finished: bool

    def dumped(self) -> bytes:
        return (json.dumps(dataclasses.asdict(self), sort_keys=True, indent=2) + "\n").encode()


class Target(t.Protocol):
    """Where a configuration lies: a file, or a key of a ConfigMap."""

    @property
    def place(self) -> str:
        """How people call it."""

    def read(self) -> bytes:
        """Its content now.

        :raises Refusal: it is not there.
        """

    def replace(self, content: bytes, former: bytes) -> None:
        """Replace the content in one step.

        :raises Refusal: it is no longer ``former``, or cannot be written.
        """

    def journal(self) -> Journal | None:
        """What was remembered; None when nothing was."""

    def remember(self, journal: Journal, contents: t.Sequence[bytes] = ()) -> None:
        """Keep the contents, then the journal that names them."""

    def kept(self, wanted: str) -> bytes:
        """The content of this digest.

        :raises Refusal: it is not there.
        """

    def forget(self) -> None:
        """Remove the journal and all contents."""


def digest(content: bytes) -> str:
    """SHA-256 in hex digits."""
    return hashlib.sha256(content).hexdigest()


def loaded(content: bytes, place: str) -> Journal:
    """A journal as it was dumped.

    :raises Refusal: it is none.
    """
    try:
        read = json.loads(content)
        return Journal(str(read["original"]), str(read["previous"]), str(read["applied"]), read["finished"] is True)
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(
            place,
            expected="what this module wrote there",
            found="something else",
            remedy="Look at the collector's configuration, and remove it when the configuration is as it should be.",
            code="journal_damaged",
        ) from error


def checked(content: bytes, wanted: str, place: str) -> bytes:
    """The content, when it is the one of this digest.

    :raises Refusal: it is not.
    """
    if digest(content) != wanted:
        raise Refusal(
            place,
            expected=f"the former configuration with SHA-256 {wanted[:12]}…",
            found=f"{digest(content)[:12]}…",
            remedy="Bring the configuration back from its repository.",
            code="journal_damaged",
        )
    return content

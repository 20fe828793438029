# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What an S3 ledger's head says, and the staged commit behind it, as JSON. Pure.

A staged commit is named by its digest, which the head holds: who finds a head without its tiles makes them from there. A nonce makes each
attempt its own, so that a writer whose answer was lost knows its commit from another's of the same words.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import secrets

from .checkpoint import Malformed
from .store import Commit, Head, head_of


@dataclasses.dataclass(frozen=True)
class Staged:
    """A commit before it counts. ``after`` is the digest of the staged commit before it, empty for the first."""

    after: str
    nonce: str
    commit: Commit
    head: Head

    @property
    def old_size(self) -> int:
        """How many entries the ledger had before."""
        return self.head.size - len(self.commit.entries)


@dataclasses.dataclass(frozen=True)
class Pointer:
    """What the head object says: the signed checkpoint, and the digest of the staged commit that brought it."""

    head: Head
    digest: str

    @property
    def path(self) -> str:
        return staged_path(self.head.size, self.digest)


def staged_path(size: int, digest: str) -> str:
    return f"staging/{size}-{digest}"


def stage(after: str, commit: Commit) -> tuple[bytes, Pointer]:
    """A new attempt: the staged object's bytes, and the head that would make it count."""
    content = _json(
        {
            "after": after,
            "nonce": secrets.token_hex(16),
            "note": commit.note.decode(),
            "entries": [base64.b64encode(entry).decode() for entry in commit.entries],
        }
    )
    return content, Pointer(head_of(commit.note), hashlib.sha256(content).hexdigest())


def encode_pointer(pointer: Pointer) -> bytes:
    return _json({"note": pointer.head.note.decode(), "staged": pointer.digest})


def decode_pointer(content: bytes) -> Pointer:
    """:raises Malformed: it is no head."""
    try:
        read = json.loads(content)
        return Pointer(head_of(read["note"].encode()), str(read["staged"]))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Malformed(f"the head is no JSON object with note and staged: {problem}") from problem


def decode_staged(content: bytes, digest: str) -> Staged:
    """:raises Malformed: it has another digest, or is no staged commit."""
    if hashlib.sha256(content).hexdigest() != digest:
        raise Malformed("its digest is not the one in the head")
    try:
        read = json.loads(content)
        entries = tuple(base64.b64decode(entry, validate=True) for entry in read["entries"])
        commit = Commit(entries, read["note"].encode())
        return Staged(str(read["after"]), str(read["nonce"]), commit, head_of(commit.note))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Malformed(f"no JSON object with after, nonce, note and entries: {problem}") from problem


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

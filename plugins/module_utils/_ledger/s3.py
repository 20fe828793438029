# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A ledger in an S3 bucket.

A commit puts ``staging/<size>-<digest>`` (entries and checkpoint) and then moves the object ``head`` by compare-and-swap: that is the commit.
Bundles, tiles and the public ``checkpoint`` follow. Whoever finds a head ahead of the checkpoint makes the missing files from staging, before
the next commit; a reader only in its memory. Immutable objects are written once, with COMPLIANCE retention where the bucket has object
lock, and read by their first version, so that no later version and no delete marker changes what is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import typing as t

from .._common.errors import Refusal
from . import merkle, tiles
from .checkpoint import Malformed, parse_note
from .s3_bucket import Bucket, Conflict, Place
from .s3_staging import Pointer, Staged, decode_pointer, decode_staged, encode_pointer, stage, staged_path
from .store import Commit, Head, HeadMoved, Missing, head_of
from .tree import Tree

HEAD = "head"
CHECKPOINT = "checkpoint"
ATTACHMENTS = "attachments/sha256/"
UNKNOWN = {"s3_unreachable", "s3_server_error"}  # after these a write may have happened


class S3Store:
    """The ``Store`` of a ``Place``. Not for several threads at once."""

    def __init__(self, place: Place) -> None:
        self.bucket = Bucket(place)
        self._seen: Pointer | None = None  # the head that was last asked for
        self._made: tuple[str, dict[str, bytes]] = ("", {})  # files made in memory, of the staged commit with that digest
        self._edge: tuple[Head, tiles.Edge] | None = None  # of the last commit of ours

    def head(self) -> Head | None:
        found = self._current()
        self._seen = found[0] if found else None
        return self._seen.head if self._seen else None

    def commit(self, after: Head | None, commit: Commit) -> Head:
        """See ``Store``. When it returns, the entries are in the ledger, though perhaps their files are left to the next one.

        :raises Refusal: with code ``ledger_unknown`` when the server did not say whether it counts: read before trying again.
        """
        found = self._current()
        if (found[0].head if found else None) != after:
            raise HeadMoved
        self.bucket.retention_days()  # asked before anything is written
        if found:
            self._finish(found[0])
        old = self._edge[1] if self._edge and self._edge[0] == after else self._load(after.size if after else 0)
        edge, files = self._grown(old, commit)
        content, pointer = stage(found[0].digest if found else "", commit)
        self.bucket.put_once(pointer.path, content)
        self._move(pointer, found[1] if found else None)
        self._edge = (pointer.head, edge)
        with contextlib.suppress(Refusal):  # it counts already; the next commit finishes it, or says why it cannot
            self._publish(pointer.head, files)
        return pointer.head

    def read(self, path: str) -> bytes:
        try:
            return self.bucket.first(path)
        except Missing:
            files = self._files_of_seen()
            if path not in files:
                raise
            return files[path]

    def attach(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.bucket.put_once(ATTACHMENTS + digest, content, locked=True)
        return digest

    def attachment(self, digest: str) -> bytes:
        content = self.bucket.first(ATTACHMENTS + digest)
        if hashlib.sha256(content).hexdigest() != digest:
            raise self._damaged(ATTACHMENTS + digest, "bytes with another digest")
        return content

    def _current(self) -> tuple[Pointer, str] | None:
        """The head and the tag of its object; None for a ledger that never had one."""
        found = self._head_object()
        if found is None and self._has_traces():
            found = self._head_object()  # somebody may just have made the first commit
            if found is None:
                raise self._damaged(HEAD, "that it was deleted")
        return found

    def _head_object(self) -> tuple[Pointer, str] | None:
        try:
            got = self.bucket.get(HEAD)
            return decode_pointer(got.content), got.etag
        except Missing:
            return None
        except Malformed as problem:
            raise self._damaged(HEAD, str(problem)) from problem

    def _has_traces(self) -> bool:
        """Whether there was a head once."""
        if self.bucket.guards.is_versioned:
            return any(version.path == HEAD for version in self.bucket.versions(HEAD, page=1))
        try:
            self.bucket.get(CHECKPOINT)
        except Missing:
            return False
        return True

    def _load(self, size: int) -> tiles.Edge:
        try:
            return tiles.load(size, self.bucket.first)
        except (Missing, Malformed) as problem:
            raise self._damaged("tile/", str(problem)) from problem

    def _grown(self, old: tiles.Edge, commit: Commit) -> tuple[tiles.Edge, dict[str, bytes]]:
        """The edge after a commit and the files that it makes, known to lead to its root: what is locked cannot be mended.

        :raises Refusal: they do not; what is kept was changed.
        """
        edge, files = tiles.extend(old, commit.entries)
        expected = head_of(commit.note)
        if (edge.size, _root(edge)) != (expected.size, expected.root):
            raise self._damaged("tile/", f"tiles that do not lead to the root of the checkpoint of size {expected.size}")
        return edge, files

    def _move(self, pointer: Pointer, tag: str | None) -> None:
        """Move the head by compare-and-swap. An answer that was lost, or a repetition that met its own write, is cleared up by looking."""
        try:
            self.bucket.put(HEAD, encode_pointer(pointer), over=tag)
        except Conflict:
            if not self._counts(pointer):
                raise HeadMoved from None
        except Refusal as refusal:
            if refusal.code not in UNKNOWN:
                raise
            try:
                counts = self._counts(pointer)
            except Refusal:
                counts = False
            if not counts:
                raise Refusal(
                    f"{self.bucket.place}{HEAD}",
                    expected="an answer whether the entries were appended",
                    found=refusal.found,
                    remedy="They may still be. Read the ledger before trying again.",
                    code="ledger_unknown",
                ) from refusal

    def _counts(self, pointer: Pointer) -> bool:
        """Whether that commit is in the ledger: it is the head, or one behind it."""
        found = self._current()
        if found is None:
            return False
        size, digest = found[0].head.size, found[0].digest
        while size > pointer.head.size:
            staged = self._staged(size, digest)
            size, digest = staged.old_size, staged.after
        return (size, digest) == (pointer.head.size, pointer.digest)

    def _staged(self, size: int, digest: str) -> Staged:
        path = staged_path(size, digest)
        try:
            return decode_staged(self.bucket.first(path), digest)
        except Missing as problem:
            raise self._damaged(path, "nothing") from problem
        except Malformed as problem:
            raise self._damaged(path, str(problem)) from problem

    def _finish(self, pointer: Pointer) -> None:
        """Make the files of a head that a writer left without, if they are not all there.

        :raises HeadMoved: it is not the head any more.
        :raises Refusal: the public checkpoint is ahead of it; somebody put an old head back.
        """
        with contextlib.suppress(Missing, Malformed):
            public = self.bucket.get(CHECKPOINT).content
            if public == pointer.head.note:
                return
            if (ahead := parse_note(public).size) > pointer.head.size:
                found = self._current()
                if found is None or found[0] != pointer:
                    raise HeadMoved
                raise self._damaged(HEAD, f"one of {pointer.head.size} entries, though {ahead} were published")
        self._publish(pointer.head, self._files_of(pointer))

    def _files_of_seen(self) -> dict[str, bytes]:
        """What a reader may find missing: the files of the last commit, when nobody has finished it yet."""
        if self._seen is None:
            self.head()
        return self._files_of(self._seen) if self._seen else {}

    def _files_of(self, pointer: Pointer) -> dict[str, bytes]:
        if self._made[0] != pointer.digest:
            staged = self._staged(pointer.head.size, pointer.digest)
            self._made = (pointer.digest, self._grown(self._load(staged.old_size), staged.commit)[1])
        return self._made[1]

    def _publish(self, head: Head, files: t.Mapping[str, bytes]) -> None:
        """Bundles and tiles, and when all are there the public checkpoint, which never goes back."""
        for path, content in files.items():
            self.bucket.put_once(path, content, locked=True)
        while not self._is_public(head):
            continue

    def _is_public(self, head: Head) -> bool:
        """Try to make it the public checkpoint, unless that is as far already; False when somebody else changed it meanwhile."""
        tag = None
        with contextlib.suppress(Missing, Malformed):  # a malformed one is overwritten: it is but a copy
            there = self.bucket.get(CHECKPOINT)
            tag = there.etag
            if parse_note(there.content).size >= head.size:
                return True
        try:
            self.bucket.put(CHECKPOINT, head.note, over=tag)
        except Conflict:
            return False
        return True

    def _damaged(self, path: str, found: str) -> Refusal:
        return Refusal(
            f"{self.bucket.place}{path}",
            expected="what this ledger wrote there",
            found=found,
            remedy="Nothing was written now. Audit the bucket: earlier versions are the evidence of what was there.",
            code="ledger_damaged",
        )


def _root(edge: tiles.Edge) -> bytes:
    rows = {
        tiles.path(level, (edge.size >> (8 * level)) // tiles.WIDTH, len(row)): b"".join(row) for level, row in enumerate(edge.rows) if row
    }

    def read(path: str) -> bytes:
        try:
            return rows[path]
        except KeyError:
            raise Missing(path) from None

    return merkle.root(Tree(read, edge.size).edge(edge.size))

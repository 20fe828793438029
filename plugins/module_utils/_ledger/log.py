# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A ledger: signed statements in a Merkle tree under a signed checkpoint, appended by comparison with the head.

log = Log(DirectoryStore(directory), [key.verifier], signer=key)
while True:
    head = log.head()
    entries = log.read(0, head)
    ...                                                    # decide from what is there
    try:
        log.append([statement("started", {...}, {...})], after=head)
    except HeadMoved:                                      # somebody else appended: read and decide again
        continue
    break
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import typing as t

from .._common.errors import Refusal
from . import checkpoint, envelope, merkle, note, statement, tiles
from .canonical import canonical
from .checkpoint import Checkpoint, Malformed
from .keys import SigningKey, VerifierKey
from .statement import Statement
from .store import Commit, Head, HeadMoved, Missing, Store
from .tree import Tree

PROOF = "c2sp.org/tlog-proof@v1"

__all__ = ["Entry", "Head", "HeadMoved", "Log"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A statement, its place in the ledger, and the envelope as it is kept."""

    index: int
    statement: Statement
    raw: bytes


class Log:
    """The ledger in a store.

    :param keys: whose checkpoints are believed; at least one of them has to have signed.
    :param signer: signs statements and checkpoints; without one, nothing can be appended.
    :param origin: name of the log, by default that of the first key.
    """

    def __init__(self, store: Store, keys: t.Sequence[VerifierKey], *, signer: SigningKey | None = None, origin: str = "") -> None:
        self.store = store
        self.keys = tuple(keys)
        self.signer = signer
        self.origin = origin or self.keys[0].name
        self._believed: Head | None = None
        self._edge: tuple[Head, list[bytes]] | None = None

    def head(self) -> Head | None:
        """The end of the ledger as its checkpoint says; None when nothing was ever appended.

        :raises Refusal: no known key has signed the checkpoint, or it is another log's.
        """
        head = self.store.head()
        if head is not None and head != self._believed:
            self._believe(head)
            self._believed = head
        return head

    def read(self, start: int = 0, head: Head | None = None) -> list[Entry]:
        """The entries from that index to the head (by default the present one), each proven to be in the tree of its checkpoint.

        :raises Refusal: they are not, or one is no statement.
        """
        head = self.head() if head is None else head
        if head is None or start >= head.size:
            return []
        with self._sound():
            edge = Tree(self.store.read, head.size).edge(start)
            raw = self._entries(start, head.size)
        merkle.grow(edge, start, map(merkle.leaf_hash, raw))
        if merkle.root(edge) != head.root:
            raise self._damaged(f"entries from {start} on whose tree has another root than the checkpoint of {head.size} entries")
        self._edge = (head, edge)
        return [self._entry(index, content) for index, content in enumerate(raw, start)]

    def append(self, statements: t.Sequence[Statement], after: Head | None) -> Head:
        """Sign the statements and append them in one step, if the head still is ``after``; the first gets the index ``after.size``.

        :raises HeadMoved: it is not: read, decide again.
        :raises Refusal: one is no statement or too large, the store cannot be written, or its tree is damaged; nothing was appended.
        """
        if self.signer is None or not statements:
            raise ValueError("appending takes a signer and at least one statement")
        size = 0 if after is None else after.size
        entries = tuple(self._sealed(content, self.signer) for content in statements)
        edge = self._edge_of(after)
        grown = merkle.grow(edge, size, map(merkle.leaf_hash, entries))
        text = Checkpoint(self.origin, grown, merkle.root(edge)).text()
        head = self.store.commit(after, Commit(entries, note.sign(text, self.signer)))
        self._edge, self._believed = (head, edge), head
        return head

    def inclusion_proof(self, index: int, head: Head) -> list[bytes]:
        """That the entry is in the head's tree (RFC 6962, 2.1.1).

        :raises Refusal: there is no such entry, or the tiles are damaged.
        """
        if not 0 <= index < head.size:
            remedy = "Name an entry that is there."
            raise Refusal(f"entry {index}", expected=f"an index below {head.size}", found=str(index), remedy=remedy, code="no_such_entry")
        with self._sound():
            return merkle.inclusion_proof(index, head.size, Tree(self.store.read, head.size).node)

    def consistency_proof(self, old: int, head: Head) -> list[bytes]:
        """That the head's tree goes on from the tree of its first ``old`` entries (RFC 6962, 2.1.2); what a witness asks for.

        :raises Refusal: the head is smaller, or the tiles are damaged.
        """
        if old > head.size:
            remedy = "Part of the ledger is missing: restore it from a copy."
            raise Refusal(self.origin, expected=f"at least {old} entries", found=f"{head.size}", remedy=remedy, code="ledger_cut")
        with self._sound():
            return merkle.consistency_proof(old, head.size, Tree(self.store.read, head.size).node)

    def prove(self, index: int) -> str:
        """A C2SP tlog-proof of the entry against the present checkpoint: with the entry's bytes and the log's key, all that anybody needs.

        :raises Refusal: there is no such entry, or the tiles do not have the checkpoint's root.
        """
        head = self.head()
        if head is None:
            raise Refusal(self.origin, expected="entries", found="none", remedy="Append something first.", code="no_such_entry")
        proof = self.inclusion_proof(index, head)
        with self._sound():
            leaf = Tree(self.store.read, head.size).node(0, index)
        if not merkle.includes(leaf, index, head.size, proof, head.root):
            raise self._damaged("tiles that do not have the checkpoint's root")
        hashes = "".join(f"{base64.b64encode(step).decode()}\n" for step in proof)
        return f"{PROOF}\nindex {index}\n{hashes}\n{head.note.decode()}"

    def _believe(self, head: Head) -> None:
        try:
            text = note.verify(head.note, self.keys).text
            origin = checkpoint.parse(text).origin
        except (Malformed, note.Untrusted) as problem:
            raise Refusal(
                f"{self.origin}: checkpoint",
                expected="a checkpoint signed by " + " or ".join(key.label for key in self.keys),
                found=str(problem),
                remedy="Use the ledger's own key; if it is, somebody else has written this ledger: verify it, and keep what you find.",
                code="ledger_untrusted",
            ) from problem
        if origin != self.origin:
            remedy = "Name the directory of the right ledger."
            raise Refusal(f"{self.origin}: checkpoint", expected=self.origin, found=origin, remedy=remedy, code="ledger_untrusted")

    def _edge_of(self, head: Head | None) -> list[bytes]:
        """The range of the head's tree, to be grown; never one that is not the checkpoint's."""
        if head is None:
            return []
        if self._edge is not None and self._edge[0].root == head.root and self._edge[0].size == head.size:
            return list(self._edge[1])
        with self._sound():
            edge = Tree(self.store.read, head.size).edge(head.size)
        if merkle.root(edge) != head.root:
            raise self._damaged("tiles that do not have the checkpoint's root")
        return edge

    def _entries(self, start: int, end: int) -> list[bytes]:
        found: list[bytes] = []
        for index in range(start // tiles.WIDTH, -(-end // tiles.WIDTH)):
            width = min(tiles.WIDTH, end - index * tiles.WIDTH)
            entries = tiles.read_entries(self.store.read, index, width)
            if len(entries) < width:
                raise Malformed(f"a bundle {tiles.path('entries', index, width)} of {len(entries)} entries")
            found += entries
        return found[start % tiles.WIDTH :]

    def _sealed(self, content: Statement, key: SigningKey) -> bytes:
        statement.check(content)
        entry = envelope.seal(canonical(content), key)
        if len(entry) > tiles.MOST_ENTRY_BYTES:
            raise Refusal(
                f"statement {statement.kind(content)}",
                expected=f"at most {tiles.MOST_ENTRY_BYTES} bytes with its signature",
                found=f"{len(entry)} bytes",
                remedy="Attach what is large, and name it by its digest.",
                code="statement_too_large",
            )
        return entry

    def _entry(self, index: int, raw: bytes) -> Entry:
        try:
            return Entry(index, statement.parse(envelope.unseal(raw).payload), raw)
        except (Malformed, Refusal) as problem:
            raise self._damaged(f"entry {index}, which is no statement: {problem}") from problem

    @contextlib.contextmanager
    def _sound(self) -> t.Iterator[None]:
        try:
            yield
        except Missing as problem:
            raise self._damaged(f"no {problem}") from problem
        except Malformed as problem:
            raise self._damaged(str(problem)) from problem

    def _damaged(self, found: str) -> Refusal:
        return Refusal(
            self.origin,
            expected="a ledger whose entries and tiles belong to its checkpoint",
            found=found,
            remedy="Verify the ledger with governed.delivery.ledger, and restore what it names from a copy.",
            code="ledger_damaged",
        )

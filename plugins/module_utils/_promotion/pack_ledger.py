# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The ledger that lies in a pack: read like any other, written never."""

from __future__ import annotations

import dataclasses
import typing as t

from .._common.errors import Refusal
from .._ledger import canonical, keys, note, tiles
from .._ledger.checkpoint import Malformed
from .._ledger.keys import VerifierKey
from .._ledger.log import Log
from .._ledger.store import Commit, Head, Missing, head_of
from . import pack
from .evidence import ATTACHED, Evidence, Statement
from .pack import Files


class PackStore:
    """The files of a pack as a store."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def head(self) -> Head | None:
        """What ``ledger/checkpoint`` says.

        :raises Refusal: it says nothing.
        """
        try:
            return head_of(self.files[pack.CHECKPOINT])
        except (KeyError, Malformed) as problem:
            raise pack.refusal(pack.CHECKPOINT, "a signed checkpoint", str(problem)) from problem

    def read(self, path: str) -> bytes:
        """A tile or bundle.

        :raises Missing: there is none.
        """
        return self._file(f"{pack.LEDGER}{path}")

    def attachment(self, digest: str) -> bytes:
        """What was attached.

        :raises Missing: there is none.
        """
        return self._file(f"{pack.ATTACHMENTS}{digest}")

    def commit(self, after: Head | None, commit: Commit) -> Head:
        """Nothing is ever written into a pack."""
        raise pack.refusal("pack", "to be read", f"{len(commit.entries)} entries to append behind {after.size if after else 0}")

    def attach(self, content: bytes) -> str:
        """Nothing is ever written into a pack."""
        raise pack.refusal("pack", "to be read", f"an attachment of {len(content)} bytes")

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise Missing(name)
        return self.files[name]


@dataclasses.dataclass(frozen=True)
class Case:
    """Every statement of a ledger, its place its index; those of ``plan`` with what they attach."""

    plan: str
    statements: tuple[Statement, ...]
    head: Head
    key: VerifierKey

    def ours(self, *types: str) -> t.Iterator[tuple[int, Statement]]:
        """The plan's statements of these types, or all of them, with their places."""
        for index, said in enumerate(self.statements):
            if said.get("plan") == self.plan and (not types or said.get("type") in types):
                yield index, said


def read(files: Files, plan: str) -> Case:
    """The case that the pack makes.

    :raises Refusal: the ledger is not whole, or an attachment is missing or no JSON.
    """
    key = key_of(files)
    store = PackStore(files)
    log = Log(store, [key])
    reading = Evidence(log).read()
    statements = tuple(_whole(said, index, store) if said.get("plan") == plan else said for index, said in enumerate(reading.statements))
    if reading.head is None:
        raise pack.refusal("ledger", "entries", "none")
    return Case(plan, statements, reading.head, key)


def key_of(files: Files) -> VerifierKey:
    """The ledger's key as it lies in the pack.

    :raises Refusal: it is none.
    """
    return keys.parse_verifier(files.get(pack.KEY, b"").decode(errors="replace").removesuffix("\n"), pack.KEY)


def collect(log: Log, plan: str) -> dict[str, bytes]:
    """The ledger's part of a pack about the plan: entries, tiles, checkpoint, key, proofs and attachments.

    :raises Refusal: the ledger is damaged or empty, or an attachment is missing.
    """
    head = log.head()
    if head is None:
        remedy = "Promote first, or name another directory."
        raise Refusal(log.origin, expected="a ledger with statements", found="none", remedy=remedy, code="no_evidence")
    entries = log.read(0, head)
    signer = note.verify(head.note, log.keys).signers[0]
    files = {pack.CHECKPOINT: head.note, pack.KEY: f"{signer.text()}\n".encode()}
    files.update(tree([entry.raw for entry in entries]))
    for entry in entries:
        if entry.statement["predicate"].get("plan") == plan:
            for digest in attached(entry.statement["predicate"]).values():
                files[f"{pack.ATTACHMENTS}{digest}"] = _attachment(log, digest)
    return {**files, **proofs(files, plan)}


def tree(entries: t.Sequence[bytes]) -> dict[str, bytes]:
    """Bundles and tiles of the entries, by name in the pack."""
    return {f"{pack.LEDGER}{path}": content for path, content in tiles.extend(tiles.Edge(), entries)[1].items()}


def proofs(files: Files, plan: str) -> dict[str, bytes]:
    """A tlog-proof of each entry about the plan, against the pack's checkpoint, by name in the pack."""
    log = Log(PackStore(files), [key_of(files)])
    found = (entry for entry in log.read() if entry.statement["predicate"].get("plan") == plan)
    return {pack.proof_name(entry.index): log.prove(entry.index).encode() for entry in found}


def people(case: Case) -> bytes:
    """Who might sign for each run that was started, as canonical JSON."""
    told = [
        {"entry": index, "stage": str(said.get("stage")), "people": here(said).get("people", [])} for index, said in case.ours("started")
    ]
    return canonical.canonical(told)


def here(said: Statement) -> t.Mapping[str, t.Any]:
    """What a run was started with besides the plan: hosts, people, calendar and the rest of ``resolved``'s ``stage``."""
    resolved = said.get("resolved")
    found = resolved.get("stage") if isinstance(resolved, dict) else None
    return found if isinstance(found, dict) else {}


def attached(predicate: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Digests of what a statement attaches, by what it is; whatever else stands there is no attachment of ours."""
    found = predicate.get("attached")
    named = found.items() if isinstance(found, dict) else ()
    return {key: digest for key, digest in named if key in ATTACHED and isinstance(digest, str) and pack.DIGEST.fullmatch(digest)}


def kinds_attached(case: Case) -> dict[str, int]:
    """Digest of everything the plan's statements attach, and the first entry that does."""
    found: dict[str, int] = {}
    for index, said in case.ours():
        for digest in attached(said).values():
            found.setdefault(digest, index)
    return found


def _whole(said: Statement, index: int, store: PackStore) -> Statement:
    try:
        more = {
            key: pack.loads(store.attachment(digest), f"entry {index} ({said.get('type')}): {key}")
            for key, digest in attached(said).items()
        }
    except Missing as problem:
        raise pack.refusal(f"entry {index} ({said.get('type')})", f"its attachment {problem}", "no such file in the pack") from problem
    return {**said, **more}


def _attachment(log: Log, digest: str) -> bytes:
    try:
        return log.store.attachment(digest)
    except Missing as problem:
        remedy = "Restore the attachment from a copy of the ledger."
        raise Refusal(f"attachment {digest}", expected="to be kept", found="nothing", remedy=remedy, code="attachment_missing") from problem

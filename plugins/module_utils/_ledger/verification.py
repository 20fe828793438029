# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether a ledger is what its log once signed: every entry, every tile, every signature, in one pass.

What cannot be seen from the ledger alone, a cut tail or a history written anew with the right key, takes checkpoints that were kept elsewhere.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._common.errors import Refusal
from . import checkpoint, envelope, merkle, note, statement, tiles
from .checkpoint import Checkpoint, Malformed
from .keys import VerifierKey
from .store import Head, Missing, Store
from .tree import Tree

# What is wrong, by the number that a program leaves with; 15, 17 and 18 belong to the records of capabilities.
EXIT_CODES: t.Mapping[str, int] = {
    "ok": 0,
    "mismatch": 10,  # an entry, a tile and the root do not belong together
    "cut": 11,  # fewer entries than a trusted checkpoint has
    "fork": 12,  # another history than a trusted checkpoint's
    "signature": 13,  # a checkpoint or an entry is signed by no known key, or wrongly
    "order": 14,  # an entry is missing at the end of a bundle, or older than the one before it
    "object": 16,  # a file is missing or cannot be read
    "form": 19,  # an entry is not canonical, or no statement
}
SKEW_SECONDS = 300.0
_PARENT = 8  # a complete bundle is one node of this level


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong, and the first entry that it is about; None when no single one can be named."""

    kind: str
    entry: int | None
    reason: str


@dataclasses.dataclass(frozen=True)
class Report:
    """What was found. ``checked`` entries were hashed; ``statements`` says whether they were read and their signatures checked as well."""

    fault: str
    first_bad_entry: int | None
    reason: str
    origin: str
    size: int
    root: str
    checked: int
    statements: bool
    signers: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.fault]

    def as_dict(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "signers": list(self.signers), "exit_code": self.exit_code}


@dataclasses.dataclass(frozen=True)
class Policy:
    """Whom to believe, and how much to check.

    :param keys: of the log: its checkpoints and entries.
    :param origin: name of the log, by default that of the first key.
    :param trusted: signed checkpoints of this log, kept elsewhere.
    :param witnesses: cosignature keys, of which at least one has to have cosigned; none, and no cosignature is needed.
    :param statements: read every statement and check its signature, not only the tree.
    :param only_new: begin at the largest trusted checkpoint instead of the first entry.
    :param skew_seconds: how much older than one before it an entry may say it is.
    """

    keys: tuple[VerifierKey, ...]
    origin: str = ""
    trusted: tuple[bytes, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()
    statements: bool = True
    only_new: bool = False
    skew_seconds: float = SKEW_SECONDS


class _Found(Exception):
    """A fault that ends the look."""

    def __init__(self, kind: str, entry: int | None, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(kind, entry, reason)


def verify(store: Store, policy: Policy) -> Report:
    """The whole ledger, streaming; reads, and writes nothing."""
    origin = policy.origin or policy.keys[0].name
    try:
        head = store.head()
    except Refusal as refusal:
        return _report(origin, None, Fault("object", None, str(refusal)), 0, policy)
    if head is None:
        return _report(origin, None, Fault("cut" if policy.trusted else "object", 0, "there is no checkpoint"), 0, policy)
    try:
        signers = _signers(head, origin, policy)
        trusted = _trusted(origin, policy)
        if trusted and trusted[-1].size > head.size:
            raise _Found("cut", head.size, f"{head.size} entries, but a trusted checkpoint has {trusted[-1].size}")
    except _Found as found:
        fault = found.fault
        if fault.kind == "signature" and policy.statements:
            fault = dataclasses.replace(fault, entry=_first_unsigned(store, head, policy))
        return _report(origin, head, fault, 0, policy)
    start = trusted[-1].size // tiles.WIDTH * tiles.WIDTH if policy.only_new and trusted else 0
    look = _Pass(store, head, trusted, policy, start)
    fault_found = look.run()
    if fault_found is not None and fault_found.kind in ("fork", "mismatch") and start:
        look = _Pass(store, head, trusted, policy, 0)  # only the whole tells a damaged tile from another history
        fault_found = look.run()
    return _report(origin, head, fault_found, head.size - look.start, policy, signers)


class _Pass:
    """One pass over bundles and tiles from ``start``, a multiple of 256."""

    def __init__(self, store: Store, head: Head, trusted: t.Sequence[Checkpoint], policy: Policy, start: int) -> None:
        self.read = store.read
        self.head = head
        self.trusted = [one for one in trusted if one.size >= start]
        self.start = start
        self.tree = Tree(store.read, head.size)
        self.edge: list[bytes] = []  # complete bundles only: nodes of level 8 and above
        self.parents: list[bytes] = []
        self.reader = _Statements(policy) if policy.statements else None
        self.fork: Fault | None = None
        self.vouched = 0
        self.leaves: list[bytes] = []  # of the last bundle, while it is partial

    def run(self) -> Fault | None:
        """The first fault; what is wrong with the tree goes before what is wrong with a statement."""
        try:
            self._begin()
            for index in range(self.start // tiles.WIDTH, -(-self.head.size // tiles.WIDTH)):
                self._bundle(index)
            self._upper()
            if merkle.root(self._edge_at(self.head.size)) != self.head.root:
                raise _Found("mismatch", None, f"the tree of the {self.head.size} entries has another root than the checkpoint")
        except _Found as found:
            if found.fault.entry is not None or self.reader is None or self.reader.fault is None:
                return found.fault
            return dataclasses.replace(
                found.fault, entry=self.reader.fault.entry, reason=f"{found.fault.reason}; {self.reader.fault.reason}"
            )
        return self.fork or (None if self.reader is None else self.reader.fault)

    def _begin(self) -> None:
        try:
            self.edge = self.tree.edge(self.start)
        except (Missing, Malformed) as problem:
            raise _Found("object", None, f"a tile is missing or too short: {problem}") from problem

    def _bundle(self, index: int) -> None:
        """One bundle against its hashes, and its root into the edge."""
        begin = index * tiles.WIDTH
        width = min(tiles.WIDTH, self.head.size - begin)
        row = self._row(0, index)
        entries = self._entries(index, width)
        self.leaves = [merkle.leaf_hash(entry) for entry in entries]
        if self.leaves != row:
            raise self._difference(begin, self.leaves, row)
        for one in self.trusted:
            if begin < one.size <= begin + width or one.size == begin == 0:
                self._compare(one, begin)
        if self.reader is not None:
            self.reader.read(begin, entries)
        if width == tiles.WIDTH:
            parent = merkle.complete_root(row)
            self.parents.append(parent)
            merkle.grow(self.edge, index, [parent])
            self.leaves = []

    def _compare(self, one: Checkpoint, begin: int) -> None:
        """A trusted checkpoint within this bundle."""
        edge = list(self.edge)
        merkle.grow(edge, begin, self.leaves[: one.size - begin])
        if merkle.root(edge) == one.root:
            self.vouched = one.size
        elif self.fork is None:
            reason = f"the first {one.size} entries are not those of the trusted checkpoint; those before {self.vouched} are"
            self.fork = Fault("fork", self.vouched, reason if self.vouched else reason.split(";", maxsplit=1)[0])

    def _edge_at(self, size: int) -> list[bytes]:
        edge = list(self.edge)
        merkle.grow(edge, size // tiles.WIDTH * tiles.WIDTH, self.leaves)
        return edge

    def _upper(self) -> None:
        """The tiles above the leaves' against what the entries make."""
        level, first, hashes = 1, self.start >> _PARENT, self.parents
        while hashes:
            above = []
            for index in range(first // tiles.WIDTH, -(-(first + len(hashes)) // tiles.WIDTH)):
                row = self._row(level, index)
                skipped = max(0, first - index * tiles.WIDTH)
                made = hashes[max(0, index * tiles.WIDTH - first) :][: tiles.WIDTH - skipped]
                for place, (one, other) in enumerate(zip(made, row[skipped:], strict=True)):
                    if one != other:
                        entry = (index * tiles.WIDTH + skipped + place) << (8 * level)
                        raise _Found(
                            "mismatch", entry, f"{tiles.path(level, index, len(row))} does not follow from the entries from {entry} on"
                        )
                if len(row) == tiles.WIDTH:
                    above.append(merkle.complete_root(row))
            level, first, hashes = level + 1, first // tiles.WIDTH, above

    def _row(self, level: int, index: int) -> list[bytes]:
        width = tiles.width_at(level, index, self.head.size)
        path, entry = tiles.path(level, index, width), (index * tiles.WIDTH) << (8 * level)
        try:
            return tiles.read_hashes(self.read, level, index, width)
        except (Missing, OSError) as problem:
            raise _Found("object", entry, f"{path} cannot be read") from problem
        except Malformed as problem:
            raise _Found("mismatch", entry, str(problem)) from problem

    def _entries(self, index: int, width: int) -> list[bytes]:
        path = tiles.path("entries", index, width)
        try:
            return tiles.read_entries(self.read, index, width, strict=False)
        except (Missing, OSError) as problem:
            raise _Found("object", index * tiles.WIDTH, f"{path} cannot be read") from problem

    def _difference(self, begin: int, leaves: t.Sequence[bytes], row: t.Sequence[bytes]) -> _Found:
        for place, (one, other) in enumerate(zip(leaves, row, strict=False)):
            if one != other:
                return _Found("mismatch", begin + place, f"entry {begin + place} is not the one whose hash the tree has")
        missing = begin + len(leaves)
        return _Found("order", missing, f"entry {missing} is missing: its bundle ends before it")


class _Statements:
    """What every entry has to be for itself, and in its turn; remembers the first that is not."""

    def __init__(self, policy: Policy) -> None:
        self.keys = policy.keys
        self.skew = datetime.timedelta(seconds=policy.skew_seconds)
        self.latest: datetime.datetime | None = None
        self.fault: Fault | None = None

    def read(self, begin: int, entries: t.Sequence[bytes]) -> None:
        for index, entry in enumerate(entries, begin):
            if self.fault is None:
                try:
                    self._one(index, entry)
                except _Found as found:
                    self.fault = found.fault

    def _one(self, index: int, entry: bytes) -> None:
        try:
            sealed = envelope.unseal(entry)
            content = statement.parse(sealed.payload)
            at = _moment(content["predicate"].get("at"))
        except (Malformed, Refusal, ValueError) as problem:
            raise _Found("form", index, f"entry {index}: {problem}") from problem
        if not sealed.signers(self.keys):
            raise _Found("signature", index, f"entry {index} is signed by no known key, or wrongly")
        if at is not None:
            if self.latest is not None and at < self.latest - self.skew:
                raise _Found("order", index, f"entry {index} says {at.isoformat()}, but one before it {self.latest.isoformat()}")
            self.latest = at if self.latest is None else max(at, self.latest)


def _moment(text: t.Any) -> datetime.datetime | None:
    """A predicate's ``at``, if it has one.

    :raises ValueError: it is no time with a zone.
    """
    if text is None:
        return None
    found = datetime.datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    return found


def _signers(head: Head, origin: str, policy: Policy) -> tuple[str, ...]:
    try:
        signers = _signed(head.note, origin, policy.keys, "the checkpoint")[1]
        witnesses = note.verify(head.note, policy.witnesses).signers if policy.witnesses else ()
    except note.Untrusted as problem:
        raise _Found("signature", None, f"the checkpoint: {problem}") from problem
    return tuple(key.label for key in (*signers, *witnesses))


def _trusted(origin: str, policy: Policy) -> list[Checkpoint]:
    """The trusted checkpoints, smallest first."""
    found = [_signed(one, origin, policy.keys, "a trusted checkpoint")[0] for one in policy.trusted]
    return sorted(found, key=lambda one: one.size)


def _signed(content: bytes, origin: str, keys: t.Sequence[VerifierKey], what: str) -> tuple[Checkpoint, tuple[VerifierKey, ...]]:
    try:
        verified = note.verify(content, keys)
        found = checkpoint.parse(verified.text)
    except note.Untrusted as problem:
        raise _Found("signature", None, f"{what}: {problem}") from problem
    except Malformed as problem:
        raise _Found("form", None, f"{what}: {problem}") from problem
    if found.origin != origin:
        raise _Found("signature", None, f"{what} is that of {found.origin}, and not of {origin}")
    return found, verified.signers


def _first_unsigned(store: Store, head: Head, policy: Policy) -> int | None:
    """The first entry that no known key has signed, once the checkpoint was not."""
    reader = _Statements(policy)
    for index in range(-(-head.size // tiles.WIDTH)):
        width = min(tiles.WIDTH, head.size - index * tiles.WIDTH)
        try:
            reader.read(index * tiles.WIDTH, tiles.read_entries(store.read, index, width, strict=False))
        except (Missing, OSError):
            return None
        if reader.fault is not None:
            return reader.fault.entry
    return None


def _report(origin: str, head: Head | None, fault: Fault | None, checked: int, policy: Policy, signers: tuple[str, ...] = ()) -> Report:
    found = fault or Fault("ok", None, "")
    size, root = (0, "") if head is None else (head.size, head.root.hex())
    return Report(found.kind, found.entry, found.reason, origin, size, root, checked, policy.statements, signers)

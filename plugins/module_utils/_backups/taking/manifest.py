# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The manifest of a backup: what the source held, at which point, and which files are the backup; signed, beside it.

A DSSE envelope over an in-toto statement ``backup_manifest``, as the ledger's entries are. It is believed only when a key that the reader pinned
has signed it: one that stands beside the backup proves nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ..._common.errors import Refusal
from ..._ledger import envelope, keys
from ..._ledger.canonical import canonical, digest
from ..._ledger.checkpoint import Malformed
from ..._ledger.statement import kind, parse, statement
from ..findings import Stopped, stop
from ..source import hashing
from ..source.place import BACKUPS, MANIFESTS, Item, Place

KIND = "backup_manifest"
LARGEST = 1 << 30  # bytes; a manifest of a million tables and objects is smaller
ENGINES = ("pg_dump", "basebackup", "pgbackrest")


@dataclasses.dataclass(frozen=True)
class File:
    """One file of the backup. ``version`` pins it where the place keeps versions."""

    size: int
    sha256: str
    version: str | None


@dataclasses.dataclass(frozen=True)
class Anchor:
    """The point at which the content was captured. ``lsn`` is null for a dump, whose own snapshot it is."""

    method: str  # snapshot, slot, standby, none
    lsn: str | None
    exact: bool
    taken: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a manifest says, and who says it. Times are ISO 8601 with zone."""

    predicate: t.Mapping[str, t.Any]
    sha256: str  # of the envelope's bytes
    signer: str  # the key's label

    @property
    def label(self) -> str:
        return str(self.predicate["label"])

    @property
    def engine(self) -> str:
        return str(self.predicate["engine"])

    @property
    def started(self) -> str:
        return str(self.predicate["backup"]["started"])

    @property
    def stopped(self) -> str:
        return str(self.predicate["backup"]["stopped"])

    @property
    def start_lsn(self) -> str | None:
        return t.cast("str | None", self.predicate["backup"]["start_lsn"])

    @property
    def stop_lsn(self) -> str | None:
        return t.cast("str | None", self.predicate["backup"]["stop_lsn"])

    @property
    def bytes(self) -> int:
        return int(self.predicate["backup"]["bytes"])

    @property
    def files(self) -> dict[str, File]:
        """By path below the place."""
        return {path: File(one["size"], one["sha256"], one["version"]) for path, one in self.predicate["backup"]["files"].items()}

    @property
    def anchor(self) -> Anchor:
        found = self.predicate["anchor"]
        return Anchor(found["method"], found["lsn"], found["exact"], found["taken"])

    @property
    def cluster(self) -> t.Mapping[str, t.Any]:
        """``system_identifier``, ``server_version``, ``timeline``, ``data_checksums``, ``settings``."""
        return t.cast("t.Mapping[str, t.Any]", self.predicate["cluster"])

    @property
    def system_identifier(self) -> str:
        return str(self.cluster["system_identifier"])

    @property
    def server_version(self) -> int:
        return int(self.cluster["server_version"])

    @property
    def strong(self) -> bool:
        """Whether rows were summed by SHA-256: what they are compared with has to be summed alike."""
        return self.predicate.get("checksum") == "sha256"

    @property
    def databases(self) -> t.Mapping[str, t.Mapping[str, t.Any]]:
        """As ``content.capture`` gives them."""
        return t.cast("t.Mapping[str, t.Mapping[str, t.Any]]", self.predicate["databases"])


def path(label: str) -> str:
    """Where the manifest of that backup lies, below its place."""
    return f"{MANIFESTS}{label}.json"


def seal(predicate: t.Mapping[str, t.Any], key: keys.SigningKey) -> bytes:
    """The manifest's bytes: the predicate as a signed statement about the backup's files.

    :raises Refusal: there is something in it that is no plain data.
    """
    subject = {f"{BACKUPS}{predicate['label']}": digest(predicate["backup"]["files"])}
    return envelope.seal(canonical(statement(KIND, predicate, subject)), key)


def put(place: Place, predicate: t.Mapping[str, t.Any], key: keys.SigningKey) -> Manifest:
    """Sign it and keep it beside the backup, as the last of its files: a backup without one is not taken for whole.

    :raises Stopped: OBJECT_REPLACED, there is another already; or as the place's ``put``.
    """
    sealed = seal(predicate, key)
    place.put(path(str(predicate["label"])), sealed)
    return Manifest(dict(predicate), hashlib.sha256(sealed).hexdigest(), key.verifier.label)


def is_there(place: Place, label: str, until: float) -> bool:
    """Whether a backup of that label has a manifest, whoever signed it."""
    return path(label) in place.listing(path(label), until).items


def read(place: Place, label: str, trusted: t.Sequence[keys.VerifierKey], until: float) -> Manifest:
    """The manifest of that backup as it was at ``until`` (epoch seconds), signed by a trusted key.

    :raises Stopped: NO_MANIFEST; MANIFEST_FORGED, it was changed, replaced, is about something else, or nobody who is trusted has signed it;
        or as the place's methods.
    """
    listing = place.listing(path(label), until)
    item = listing.items.get(path(label))
    if item is None:
        raise stop("NO_MANIFEST", path(label), expected="a manifest beside the backup", found="none")
    for finding in listing.findings:
        if finding.code == "OBJECT_REPLACED" and finding.about == item.path:
            raise stop("MANIFEST_FORGED", item.path, expected="to have been written once", found=finding.found)
    return open_sealed(_content(place, item), label, trusted)


def open_sealed(sealed: bytes, label: str, trusted: t.Sequence[keys.VerifierKey]) -> Manifest:
    """What the bytes say, when a trusted key has signed just that about just this backup.

    :raises Stopped: MANIFEST_FORGED.
    """
    try:
        found = envelope.unseal(sealed)
        signers = found.signers(trusted)
        if not signers:
            claimed = ", ".join(sorted(name for name, _signature in found.signatures))
            raise _forged(
                label, f"a signature of {', '.join(one.label for one in trusted) or 'a trusted key'}", f"{claimed}, or a bad signature"
            )
        said = parse(found.payload)
    except (Malformed, Refusal) as problem:
        raise _forged(label, "a signed manifest", str(problem)) from problem
    predicate = said["predicate"]
    if kind(said) != KIND or predicate.get("label") != label:
        raise _forged(label, f"a manifest of {label}", f"{kind(said)} of {predicate.get('label')}")
    problem_ = _wrong_shape(predicate)
    if problem_:
        raise _forged(label, "a manifest with all its parts", problem_)
    return Manifest(predicate, hashlib.sha256(sealed).hexdigest(), signers[0].label)


PARTS: t.Mapping[str, tuple[str, ...]] = {
    "cluster": ("system_identifier", "server_version", "timeline", "data_checksums", "settings"),
    "backup": ("started", "stopped", "start_lsn", "stop_lsn", "bytes", "files"),
    "anchor": ("method", "lsn", "exact", "taken"),
}


def _wrong_shape(predicate: t.Mapping[str, t.Any]) -> str | None:
    if predicate.get("engine") not in ENGINES or not isinstance(predicate.get("databases"), dict):
        return "no engine or databases"
    for part, names in PARTS.items():
        found = predicate.get(part)
        missing = [name for name in names if not isinstance(found, dict) or name not in found]
        if missing:
            return f"no {part}.{missing[0]}"
    return None


def _content(place: Place, item: Item) -> bytes:
    if item.size > LARGEST:
        raise stop("MANIFEST_FORGED", item.path, expected=f"at most {LARGEST:,} bytes", found=f"{item.size:,}")
    return hashing.content(place, item)


def _forged(label: str, expected: str, found: str) -> Stopped:
    return stop("MANIFEST_FORGED", path(label), expected=expected, found=found[:300])

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where the ledger and its keys are, for everything that runs on the controller.

In the evidence directory: ``ledger/`` (tiles), ``ledger.key`` (signs; whoever has it can write the ledger), ``ledger.vkey`` (verifies; give it
to everybody). The first statement makes all three. On a real platform the key lies elsewhere, people pin the verifier key, and the tiles
may lie in a bucket whose owner cannot rewrite them.
"""

from __future__ import annotations

import json
import pathlib
import secrets
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups.report.runs import Entry
from ansible_collections.governed.delivery.plugins.module_utils._common import files
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, merkle, statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger import options as ledger_options
from ansible_collections.governed.delivery.plugins.module_utils._ledger.canonical import canonical, digest
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import SigningKey, VerifierKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Head, Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3 import S3Store
from ansible_collections.governed.delivery.plugins.module_utils._ledger.s3_bucket import Place
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import HeadMoved, Missing, Store
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Evidence

OPTIONS = ledger_options.OPTIONS
LARGE = ("rows", "tables")  # of a validation's record
LARGEST = 16_384  # bytes of one of them within an entry


def evidence(options: t.Mapping[str, t.Any], *, writes: bool) -> Evidence:
    """The ledger that the options name.

    :param writes: whether statements will be kept. A ledger that is not there yet is made then, with its key.
    :raises Refusal: a key is missing, exposed or not the ledger's.
    """
    return Evidence(log(options, writes=writes))


def log(options: t.Mapping[str, t.Any], *, writes: bool) -> Log:
    """The same as a bare log."""
    directory = pathlib.Path(options["directory"]).absolute()
    store: Store = S3Store(Place(**options["s3"])) if options.get("s3") else DirectoryStore(directory / "ledger")
    key_file = pathlib.Path(options.get("key_file") or directory / "ledger.key")
    signer = _signer(directory, key_file, store) if writes else None
    return Log(store, _verifiers(options, directory, key_file, signer), signer=signer)


def say(log: Log, kind: str, predicate: t.Mapping[str, t.Any], subjects: t.Mapping[str, str] | None = None) -> int:
    """Append one statement that stands on nothing said before it; again whenever somebody else was quicker.

    What grows with the number of tables (``LARGE``) is attached when it is too much for an entry, and named by its digest; ``entries`` brings it back.

    :param log: one that ``writes``.
    :param subjects: names with their SHA-256 as hex; the predicate itself when there are none.
    :return: its index in the ledger.
    :raises Refusal: it is no statement, or the ledger cannot be written.
    """
    small = attached(log, predicate)
    said = statement.statement(kind, small, subjects or {kind: digest(small)})
    while True:
        head = log.head()
        try:
            return log.append([said], after=head).size - 1
        except HeadMoved:
            continue


def attached(log: Log, predicate: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The predicate, with what is large in it kept beside the log."""
    large = {key: content for key in LARGE if key in predicate and len(content := canonical(predicate[key])) > LARGEST}
    if not large:
        return dict(predicate)
    kept = {key: log.store.attach(content) for key, content in large.items()}
    return {**{key: value for key, value in predicate.items() if key not in large}, "attached": kept}


def _whole(log: Log, predicate: dict[str, t.Any]) -> dict[str, t.Any]:
    named = {key: named for key, named in predicate.get("attached", {}).items() if key in LARGE}
    try:
        return {**predicate, **{key: json.loads(log.store.attachment(name)) for key, name in named.items()}}
    except Missing as problem:
        raise Refusal(
            f"attachment {problem}",
            expected="to be kept beside the ledger",
            found="nothing",
            remedy="Restore it from a copy of the ledger.",
            code="attachment_missing",
        ) from problem


def entries(log: Log, head: Head | None = None) -> tuple[Entry, ...]:
    """Every statement up to that head, by default the present one, oldest first, as ``_backups`` reads them.

    :raises Refusal: the ledger is damaged, or not signed by its key.
    """
    return tuple(
        Entry(one.index, merkle.leaf_hash(one.raw).hex(), statement.kind(one.statement), _whole(log, one.statement["predicate"]))
        for one in log.read(0, head)
    )


def _signer(directory: pathlib.Path, key_file: pathlib.Path, store: Store) -> SigningKey:
    begins = store.head() is None
    if not keys.is_there(key_file) and not begins:
        raise Refusal(
            str(key_file),
            expected="the key of the ledger that is there",
            found="no such file",
            remedy="Name the ledger's key with promotion_ledger_key. A new key would make every earlier statement unbelievable.",
            code="key_missing",
        )
    signer = keys.ensured(key_file, f"delivery-{secrets.token_hex(4)}")
    published = directory / "ledger.vkey"
    if begins and not published.exists():  # those who only read are not told where the key is
        files.replace(published, f"{signer.verifier.text()}\n".encode(), "evidence_directory")
    return signer


def _verifiers(
    options: t.Mapping[str, t.Any], directory: pathlib.Path, key_file: pathlib.Path, signer: SigningKey | None
) -> list[VerifierKey]:
    """Pinned ones; else the signer's; else the one that lies beside the ledger; else, for a ledger that is not there yet, any."""
    pinned = [keys.parse_verifier(str(text)) for text in options.get("verifier_keys") or []]
    if pinned:
        return pinned
    if signer is not None:
        return [signer.verifier]
    published = directory / "ledger.vkey"
    if published.exists():
        return [keys.parse_verifier(published.read_text(encoding="utf-8").strip(), str(published))]
    if key_file.exists():
        return [keys.read(key_file).verifier]
    return [keys.new("nobody").verifier]

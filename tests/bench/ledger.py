# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: appending beside a bare loop that writes the same bytes, and verifying beside a bare loop that hashes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import sys
import tempfile
import time
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._ledger import envelope, keys, merkle, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.canonical import canonical
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import SigningKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.statement import Statement, statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, verify

from .result import BUILD, Options, Result, in_turns

RECORDS = 50_000  # at most
BATCH = 100
SAMPLE = 2000  # records that a part's cost is measured on
KEY_NAME = "bench.example/ledger"


def told(number: int) -> Statement:
    """Some 700 bytes, as a verified capability's statement has them."""
    measure = {"name": "foreground_p95_change", "value": "0.041", "unit": "ms", "samples": 26871, "at": "2026-03-30T10:00:00.000+00:00"}
    predicate = {
        "run": "sprint_36-stage-20260330T100000",
        "stage": "stage",
        "host": "pg-stage-1.example.com",
        "capability": "hot_table_partitioning",
        "number": number,
        "by": "release-captain",
        "at": "2026-03-30T10:00:00.000+00:00",
        "measures": [measure],
        "verdicts": [{"measure": "foreground_p95_change", "verdict": "PASS", "needed": "at most 0.5 ms"}],
    }
    return statement("verified", predicate, {"plan sprint_36": "a" * 64})


@contextlib.contextmanager
def ground() -> t.Iterator[pathlib.Path]:
    """A directory on the disk that the repository is on."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="ledger-") as directory:
        yield pathlib.Path(directory)


def filled(directory: pathlib.Path, key: SigningKey, statements: t.Sequence[Statement]) -> float:
    """Append them all; statements a second, from mappings to acknowledged."""
    log = Log(DirectoryStore(directory), [key.verifier], signer=key)
    head = None
    begun = time.perf_counter()
    for begin in range(0, len(statements), BATCH):
        head = log.append(statements[begin : begin + BATCH], head)
    return len(statements) / (time.perf_counter() - begun)


def written(path: pathlib.Path, batches: t.Sequence[bytes], count: int) -> float:
    """The same bytes at the end of a file, with fdatasync after each batch; records a second."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
    try:
        begun = time.perf_counter()
        for batch in batches:
            os.write(descriptor, batch)
            os.fdatasync(descriptor)
        return count / (time.perf_counter() - begun)
    finally:
        os.close(descriptor)


def costs(key: SigningKey, statements: t.Sequence[Statement]) -> dict[str, float]:
    """Microseconds a record of the parts that need no disk."""
    payloads = [canonical(one) for one in statements]
    entries = [envelope.seal(payload, key) for payload in payloads]

    def each(work: t.Callable[[], object]) -> float:
        begun = time.perf_counter()
        work()
        return round((time.perf_counter() - begun) / len(statements) * 1e6, 1)

    return {
        "canonical": each(lambda: [canonical(one) for one in statements]),
        "sign_and_seal": each(lambda: [envelope.seal(payload, key) for payload in payloads]),
        "tree": each(lambda: merkle.grow([], 0, map(merkle.leaf_hash, entries))),
        "tiles": each(lambda: tiles.extend(tiles.Edge(), entries)),
    }


def ledger_append(options: Options) -> Result:
    key = keys.new(KEY_NAME)
    statements = [told(number) for number in range(min(options.rows, RECORDS))]
    entries = [envelope.seal(canonical(one), key) for one in statements]
    batches = [tiles.encode_bundle(entries[begin : begin + BATCH]) for begin in range(0, len(entries), BATCH)]
    turns = iter(range(10**6))
    with ground() as directory:

        def ours() -> float:
            say("append")
            return filled(directory / f"ledger-{next(turns)}", key, statements)

        def peer() -> float:
            say("write and fdatasync")
            return written(directory / f"raw-{next(turns)}", batches, len(entries))

        conditions = {
            **circumstances("statements/s from mapping to acknowledged: canonical form, signature, tree, fdatasync, tiles; one process"),
            "peer": "the finished bytes to the end of a file, fdatasync a batch: nothing is computed",
            "records": len(entries),
            "batch": BATCH,
            "statement_bytes": len(canonical(statements[0])),
            "entry_bytes": len(entries[0]),
            "microseconds_a_record": costs(key, statements[:SAMPLE]),
        }
        return in_turns("ledger_append", ours, peer, options.times, "ours >= 10000", conditions)


def ledger_verify(options: Options) -> Result:
    key = keys.new(KEY_NAME)
    statements = [told(number) for number in range(min(options.rows, RECORDS))]
    with ground() as directory:
        filled(directory, key, statements)
        entries = [entry.raw for entry in Log(DirectoryStore(directory), [key.verifier]).read()]

        def ours(*, with_statements: bool = False) -> float:
            say("verify")
            begun = time.perf_counter()
            report = verify(DirectoryStore(directory), Policy((key.verifier,), statements=with_statements))
            if (report.fault, report.checked) != ("ok", len(entries)):
                raise RuntimeError(f"{report.fault}: {report.reason}")
            return len(entries) / (time.perf_counter() - begun)

        def peer() -> float:
            begun = time.perf_counter()
            for entry in entries:
                hashlib.sha256(entry).digest()
            return len(entries) / (time.perf_counter() - begun)

        conditions = {
            **circumstances("leaves/s: entries hashed, every tile and the root compared, the checkpoint's signature; one process"),
            "peer": "SHA-256 of every entry from memory, and nothing else",
            "records": len(entries),
            "entry_bytes": len(entries[0]),
            "with_statements": round(ours(with_statements=True)),
        }
        return in_turns("ledger_verify", ours, peer, options.times, "ours >= 50000", conditions)


def circumstances(unit: str) -> dict[str, t.Any]:
    return {"unit": unit, "cores": os.cpu_count(), "load_average_before": round(os.getloadavg()[0], 2)}


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


BENCHES = (ledger_append, ledger_verify)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger under two writers that are killed at random moments: all that was acknowledged is there, once, and the tree verifies."""

from __future__ import annotations

import collections
import multiprocessing
import pathlib
import random
import tempfile
import time
import typing as t
from multiprocessing.connection import Connection

from ansible_collections.governed.delivery.plugins.module_utils._ledger import journal, keys
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import SigningKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.statement import statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import HeadMoved
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, verify

from .passes import Tally
from .phases import Broken

POINTS_A_LEDGER = 12
SECONDS = 0.25  # the longest that a writer lives
LARGEST_BATCH = 120
SMALL_JOURNAL = 40 * journal.PAGE  # begins anew every few commits, so that kills fall on that as well
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"

Batch = tuple[int, int, int]  # writer, its number of the batch, entries


def run(points: int, seed: int, say: t.Callable[[str], None], tally: Tally) -> None:
    """So many kills of a writer, shared over new ledgers, counted in ``tally``.

    :raises Broken: a ledger does not verify, or a batch is there by half.
    """
    chance = random.Random(f"{seed}/ledger")
    left = points
    while left:
        share = min(left, POINTS_A_LEDGER)
        started = time.monotonic()
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD, prefix="faults-ledger-") as directory:
            entries = _ledger(pathlib.Path(directory), share, chance, tally)
        say(f"ledger: {share} kills, {entries} entries, {tally.lost} lost, {tally.doubled} doubled; {time.monotonic() - started:.1f} s")
        left -= share


def _ledger(directory: pathlib.Path, points: int, chance: random.Random, tally: Tally) -> int:
    """Kills on one ledger; how many entries it has in the end."""
    key = keys.new("faults.example/ledger")
    kept = chance.choice([SMALL_JOURNAL, journal.CAPACITY])
    whole, journal.CAPACITY = journal.CAPACITY, kept
    acknowledged: list[Batch] = []
    entries = 0
    try:
        for point in range(points):
            acknowledged += _killed(directory, key, 2 * point, chance, tally)
            entries = _compared(directory, key, acknowledged, tally)
    finally:
        journal.CAPACITY = whole
    return entries


def _killed(directory: pathlib.Path, key: SigningKey, writer: int, chance: random.Random, tally: Tally) -> list[Batch]:
    """Two writers side by side, one of them killed, then the other; what they said is kept."""
    context = multiprocessing.get_context("fork")
    running = []
    for number in (writer, writer + 1):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_write, args=(directory, key, number, chance.random(), theirs))
        process.start()
        theirs.close()
        running.append((process, ours))
    time.sleep(chance.random() * SECONDS)
    running[0][0].kill()
    time.sleep(chance.random() * SECONDS / 4)
    running[1][0].kill()
    tally.points["append"] += 1
    tally.kills["SIGKILL of a writer"] += 2
    said: list[Batch] = []
    for process, connection in running:
        process.join()
        if process.exitcode != -9:
            raise Broken(f"a writer ended by itself, with {process.exitcode}")
        said += _heard(connection)
    tally.transactions += len(said)
    return said


def _heard(connection: Connection) -> list[Batch]:
    found: list[Batch] = []
    try:
        while connection.poll():
            found.append(connection.recv())
    except (EOFError, OSError):  # the writer was killed; a message cut in the middle was never said
        pass
    return found


def _write(directory: pathlib.Path, key: SigningKey, writer: int, seed: float, heard: Connection) -> None:
    chance = random.Random(seed)
    log = Log(DirectoryStore(directory / "ledger"), [key.verifier], signer=key)
    number = 0
    while True:
        count = chance.choice([1, 2, 10, LARGEST_BATCH])
        made = [
            statement("done", {"writer": writer, "batch": number, "place": place, "count": count}, {"x": "0" * 64})
            for place in range(count)
        ]
        try:
            log.append(made, log.head())
        except HeadMoved:
            continue
        heard.send((writer, number, count))
        number += 1


def _compared(directory: pathlib.Path, key: SigningKey, acknowledged: t.Sequence[Batch], tally: Tally) -> int:
    """Count what is lost and doubled; how many entries there are."""
    store = DirectoryStore(directory / "ledger")
    entries = Log(store, [key.verifier]).read()
    found = collections.Counter(
        (one["writer"], one["batch"], one["place"], one["count"]) for one in (entry.statement["predicate"] for entry in entries)
    )
    batches = collections.Counter((writer, batch, count) for writer, batch, _place, count in found)
    tally.doubled += sum(times - 1 for times in found.values())
    tally.lost += sum(count for writer, batch, count in acknowledged if batches[writer, batch, count] != count)
    halves = [one for one, there in batches.items() if there != one[2]]
    if halves:
        raise Broken(f"of the batch {halves[0]} only {batches[halves[0]]} entries are there")
    if entries:
        report = verify(store, Policy((key.verifier,), statements=False))
        if report.fault != "ok":
            raise Broken(f"the ledger does not verify: {report.fault}, {report.reason}")
    return len(entries)

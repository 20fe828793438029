# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the ledger says of validations: each run with its end, drills of another kind, and what people accepted."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..findings import ORDER
from . import records
from .records import Record

# Kinds of statements.
STARTED, FINISHED, ABORTED, ACCEPTED, FAILED_OVER = (
    "restore_started",
    "restore_finished",
    "restore_aborted",
    "restore_accepted",
    "failover_finished",
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A statement of the ledger: its index, the hash of its leaf (RFC 6962, hex), its kind and what it says."""

    index: int
    leaf: str
    kind: str
    said: Record


@dataclasses.dataclass(frozen=True)
class Run:
    """One validation. ``verdict`` is PASS, FAIL, ERROR or INCONCLUSIVE; a run that was cut is an ERROR, and has no numbers."""

    name: str
    night: datetime.date
    verdict: str
    codes: tuple[str, ...]
    why: str
    at: datetime.datetime | None  # its end, or what is known of it
    record: Record
    entry: Entry

    @property
    def is_drill(self) -> bool:
        """Whether it ran at full speed."""
        return records.part(self.record, "rto").get("is_drill") is True

    def number(self, *keys: str) -> float | None:
        return records.number(self.record, *keys)


def who(entries: t.Iterable[Entry]) -> list[tuple[str, str]]:
    """The clusters and engines that were validated, in order."""
    found = {
        (str(one.said.get("cluster", "")), str(one.said.get("engine", ""))) for one in entries if one.kind in (STARTED, FINISHED, ABORTED)
    }
    return sorted(pair for pair in found if pair[0])


def fold(entries: t.Iterable[Entry], cluster: str, engine: str, today: datetime.date) -> tuple[Run, ...]:
    """The runs of one cluster by one engine, in order of the ledger. One of tonight that has not ended may still be running, and is left out."""
    begun: dict[str, Entry] = {}
    ended: dict[str, Entry] = {}
    for one in entries:
        name = str(one.said.get("run", ""))
        if one.kind == STARTED and _is(one, cluster, engine):
            begun.setdefault(name, one)
        elif one.kind in (FINISHED, ABORTED) and (name in begun or _is(one, cluster, engine)):
            # The first end counts: a later one would be somebody's second thought.
            ended.setdefault(name, one)
    found = [_run(name, begun.get(name), ended.get(name)) for name in dict.fromkeys([*begun, *ended])]
    runs = [run for run in found if run is not None and (run.name in ended or run.night < today)]
    return tuple(sorted(runs, key=lambda run: run.entry.index))


def unended(entries: t.Iterable[Entry]) -> tuple[str, ...]:
    """The runs that began and of which nobody has said how they ended, oldest first."""
    open_runs: dict[str, None] = {}
    for one in entries:
        name = str(one.said.get("run", ""))
        if one.kind == STARTED:
            open_runs[name] = None
        elif one.kind in (FINISHED, ABORTED):
            open_runs.pop(name, None)
    return tuple(open_runs)


def acceptance(entries: t.Iterable[Entry], cluster: str, engine: str) -> Record | None:
    """What a person accepted last of that cluster by that engine: ``run``, ``by``, ``reason``, ``rows`` by table."""
    found = [one.said for one in entries if one.kind == ACCEPTED and _is(one, cluster, engine)]
    return found[-1] if found else None


def accepted(entries: t.Iterable[Entry], cluster: str, engine: str) -> dict[str, int] | None:
    """Rows by table of the last run that a person accepted; None where nobody has accepted any."""
    said = acceptance(entries, cluster, engine)
    return None if said is None else {str(table): int(rows) for table, rows in records.part(said, "rows").items()}


def last_pass(entries: t.Iterable[Entry], cluster: str, engine: str, *, now: float, within: float) -> Entry | None:
    """The last run of that cluster by that engine, if it passed and ended at most so many seconds ago. A red one is never passed over."""
    ends = [one for one in entries if one.kind in (FINISHED, ABORTED) and _is(one, cluster, engine)]
    if not ends or ends[-1].kind != FINISHED or ends[-1].said.get("verdict") != "PASS":
        return None
    at = records.moment(ends[-1].said.get("at"))
    return ends[-1] if at is not None and 0 <= now - at.timestamp() <= within else None


def _is(one: Entry, cluster: str, engine: str) -> bool:
    return (str(one.said.get("cluster", "")), str(one.said.get("engine", ""))) == (cluster, engine)


def _run(name: str, begun: Entry | None, ended: Entry | None) -> Run | None:
    """None for one that belongs to no night."""
    said = {**(begun.said if begun else {}), **(ended.said if ended else {})}
    at = records.moment(said.get("at"))
    night = records.day(said.get("night")) or (at.astimezone(datetime.UTC).date() if at else None)
    entry = ended or begun
    if night is None or entry is None:
        return None
    if ended is None:
        return Run(name, night, "ERROR", ("ABORTED",), "it began and never ended", at, {}, entry)
    if ended.kind == ABORTED:
        return Run(name, night, "ERROR", ("ABORTED",), str(said.get("reason") or "it was cut"), at, {}, entry)
    verdict = said.get("verdict") if said.get("verdict") in ORDER else "ERROR"
    findings = [one for one in said.get("findings") or () if isinstance(one, t.Mapping) and one.get("verdict") != "PASS"]
    codes = tuple(dict.fromkeys(str(one.get("code", "")) for one in findings))
    why = "; ".join(f"{one.get('about')}: expected {one.get('expected')}, found {one.get('found')}" for one in findings[:3])
    return Run(name, night, str(verdict), codes, why, at, ended.said, entry)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which tables of a big database are checked fully tonight, and how the others are sampled. Pure.

Counts stay full; a sample saves the dear part, the text of rows. A physical copy is sampled by blocks (TABLESAMPLE SYSTEM picks the same ones on both
sides), a logical one by a hash of the primary key (rows lie elsewhere there, but have the same key). No key stands in a manifest. See docs/adr/0093.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import typing as t

if t.TYPE_CHECKING:
    from .content import Sampling
    from .inventory import Table

Kind: t.TypeAlias = "t.Literal['logical', 'physical']"


@dataclasses.dataclass(frozen=True)
class Sample:
    """``percent`` of a table's blocks or keys, picked by ``seed``."""

    method: t.Literal["blocks", "keys"]
    percent: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Coverage:
    """``ratio`` of the bytes that were checked fully within the time; ``oldest_days`` since the last full check of the table that waits longest,
    null when one never had any."""

    ratio: float
    oldest_days: int | None


def due(sizes: t.Mapping[str, int], last_full: t.Mapping[str, datetime.date], today: datetime.date, days: int) -> frozenset[str]:
    """The tables to check fully today, so that each is at least every ``days`` days, and every day has its share of the bytes.

    Those that are due must be; then follow those that wait longest, up to an equal share.

    :param sizes: bytes by table.
    """
    waiting = sorted(sizes, key=lambda name: (last_full.get(name, datetime.date.min), name))
    share = sum(sizes.values()) / days
    chosen: set[str] = set()
    taken = 0
    for name in waiting:
        must = name not in last_full or (today - last_full[name]).days >= days
        if not must and taken >= share:
            break
        if last_full.get(name) == today:
            continue
        chosen.add(name)
        taken += sizes[name]
    return frozenset(chosen)


def coverage(sizes: t.Mapping[str, int], last_full: t.Mapping[str, datetime.date], today: datetime.date, days: int) -> Coverage:
    """How much was checked fully within ``days`` days. Nothing at all is covered wholly."""
    total = sum(sizes.values())
    recent = sum(size for name, size in sizes.items() if name in last_full and (today - last_full[name]).days <= days)
    ages = [(today - last_full[name]).days if name in last_full else None for name in sizes]
    known = [age for age in ages if age is not None]
    oldest = None if len(known) < len(ages) else max(known, default=0)
    return Coverage(recent / total if total else 1.0, oldest)


def seed_of(label: str) -> int:
    """Another sample for each backup, the same one whenever it is asked for."""
    return int.from_bytes(hashlib.sha256(label.encode()).digest()[:4], "big") >> 1


def rotating(
    kind: Kind,
    *,
    percent: float,
    label: str,
    today: datetime.date,
    days: int,
    last_full: t.Mapping[str, t.Mapping[str, datetime.date]],
    small: int,
) -> Sampling:
    """Sample what is larger than ``small`` bytes and not due. What cannot be sampled (no primary key, no heap) is checked fully.

    :param last_full: the day of the last full check by database and table.
    """

    def choose(database: str, tables: t.Mapping[str, Table]) -> dict[str, Sample]:
        samples = {
            name: sample for name, table in tables.items() if table.bytes > small and (sample := _sample(kind, table, percent, label))
        }
        full = due({name: tables[name].bytes for name in samples}, last_full.get(database, {}), today, days)
        return {name: sample for name, sample in samples.items() if name not in full}

    return choose


def as_captured(databases: t.Mapping[str, t.Mapping[str, t.Any]]) -> Sampling:
    """The samples that stand in a manifest: what the copy has to be read with, to be compared."""

    def choose(database: str, tables: t.Mapping[str, Table]) -> dict[str, Sample]:
        captured = databases.get(database, {})
        entries = {**captured.get("tables", {}), **captured.get("materialized_views", {})}
        return {
            name: Sample(entry["sample"]["method"], entry["sample"]["percent"], entry["sample"]["seed"])
            for name, entry in entries.items()
            if name in tables and "sample" in entry
        }

    return choose


def last_full(databases: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, dict[str, datetime.date]]:
    """The days of the last full checks, as a manifest's tables say in ``full``."""
    return {
        database: {name: datetime.date.fromisoformat(entry["full"]) for name, entry in found.get("tables", {}).items() if entry.get("full")}
        for database, found in databases.items()
    }


def _sample(kind: Kind, table: Table, percent: float, label: str) -> Sample | None:
    if kind == "physical":
        return Sample("blocks", percent, seed_of(label)) if table.heap else None
    return Sample("keys", percent, seed_of(label)) if table.key else None

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shift in phases that may be cut off anywhere, and how far it is: read from the database, where alone it is remembered."""

from __future__ import annotations

import dataclasses
import typing as t

from psycopg import errors, sql

from tests.support.documents import Connection

LAYOUT = [
    {"method": "hash", "column": "tenant_id", "modulus": 2},
    {"method": "range", "column": "created_at", "interval": "month", "start": "2025-01-01", "end": "2025-03-01", "default": True},
]


@dataclasses.dataclass(frozen=True)
class Phase:
    """One module's part. ``kills`` is how often a pass cuts it off; ``leads_to`` the shift's state once it is through."""

    name: str
    module: str
    leads_to: str
    kills: int
    options: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


_COMPARE = {"workers": 2, "ranges_each": 3, "duty_percent": 20}

THERE_AND_BACK = (
    Phase("partition", "pg_partition", "expanded", 2, {"partition_by": LAYOUT, "minimum_rows": 1}),
    Phase("mirror", "pg_mirror", "mirrored", 2, {"range_rows": 20, "baseline_seconds": 0}),
    # The writers' latencies are all noise: they must not steer the copy.
    Phase("backfill", "pg_backfill", "copied", 4, {"workers": 2, "copy_seconds": 0.5, "hold_seconds": 0.5, "p95_floor_ms": 10000}),
    Phase("reconcile", "pg_reconcile", "verified", 2, _COMPARE),
    Phase("cutover", "pg_cutover", "live", 2, {"slower_reads": "allow"}),
    Phase("reconcile after cutover", "pg_reconcile", "live", 1, _COMPARE),
    Phase("rollback", "pg_cutover", "verified", 2, {"state": "rolled_back"}),
)
REMOVAL = (
    Phase("mirror removal", "pg_mirror", "expanded", 1, {"state": "absent"}),
    Phase("partition removal", "pg_partition", "absent", 1, {"state": "absent"}),
)


class Broken(Exception):
    """The shift is not where it must be after a fault: something started over, was forgotten, or cannot go on."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Committed work. Within a phase no number may ever fall."""

    state: str
    planned: int = 0
    done: int = 0
    copied: int = 0
    compared: int | None = None

    @classmethod
    def read(cls, connection: Connection) -> Progress:
        """How far the shift is; ``absent`` when there is none."""
        installed = connection.execute("SELECT to_regclass('governed_delivery.job') IS NOT NULL").fetchone()
        if installed is None or not installed[0]:
            return cls("absent")
        job = connection.execute("SELECT id, state, verify_cursor FROM governed_delivery.job WHERE state <> 'contracted'").fetchone()
        if job is None:
            return cls("absent")
        query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE done), coalesce(sum(copied), 0)::bigint FROM {} WHERE number > 0").format(
            sql.Identifier("governed_delivery", f"range_{job[0]}")
        )
        try:
            planned, done, copied = connection.execute(query).fetchone() or (0, 0, 0)
        except errors.UndefinedTable:  # not made yet, or removed just now
            return cls(job[1], compared=job[2])
        return cls(job[1], planned, done, copied, job[2])

    def follows(self, earlier: Progress, phase: Phase) -> None:
        """:raises Broken: when work that was committed earlier in the phase is gone."""
        if self.state not in (earlier.state, phase.leads_to):
            raise Broken(f"{phase.name}: the shift went from {earlier.state} to {self.state} instead of {phase.leads_to}")
        if phase in REMOVAL:
            return
        for name in ("planned", "done", "copied"):
            before, now = getattr(earlier, name), getattr(self, name)
            if now < before:
                raise Broken(f"{phase.name}: ranges or rows {name} fell from {before} to {now}")
        if self.compared is not None and earlier.compared is not None and self.compared < earlier.compared:
            raise Broken(f"{phase.name}: ranges compared fell from {earlier.compared} to {self.compared}")

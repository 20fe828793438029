# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The work of the module pg_partition_info: where a shift is, and what was measured on the way."""

from __future__ import annotations

import typing as t

from .._common.frame import Context, Outcome
from .._common.postgres.connect import connect
from .._common.postgres.driver import sql
from .._common.ranks import percentile
from . import catalog, feed, mirror, ranges, state
from .failures import explained
from .pace import Comparison, compare
from .table import TABLE_SPEC, table_of

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .feed import Slot
    from .state import Job

SPEC = TABLE_SPEC


@explained
def work(context: Context) -> Outcome:
    """Read everything, write nothing."""
    table = table_of(context.parameters)
    with connect(context.parameters, application="pg_partition_info") as connection:
        job = state.find(connection, table) or state.contracted(connection, table)
        if job is None:
            return Outcome(changed=False, facts={"state": "absent"})
        has_ranges = job.state not in (state.EXPANDED, state.CONTRACTED)
        progress = ranges.progress(connection, job) if has_ranges else ranges.Progress(0, 0, 0)
        slots = feed.saved(connection, job)
        events = state.events(connection, job)
        facts: dict[str, t.Any] = {
            "state": job.state,
            "target_key": list(job.target_key),
            "layout": job.layout,
            "epoch": job.epoch,
            "ranges": progress.ranges,
            "ranges_done": progress.done,
            "rows_copied": progress.copied,
            "rows_compared": job.verify_rows,
            "mismatches": job.verify_mismatches,
            "verified_at": job.verified_at.isoformat() if job.verified_at else None,
            "verified_minutes_ago": _minutes_since(connection, job.verified_at),
            "mirror_missing": mirror.missing(connection, job) if has_ranges else [],
            "default_rows": _default_rows(connection, job),
            "partitions": len(catalog.leaf_oids(connection, job.target_oid)),
            "events": events,
            "foreground": _foreground(slots),
            "timeline": _timeline(slots),
        }
        return Outcome(changed=False, facts=facts)


def _minutes_since(connection: Connection, moment: t.Any) -> float | None:
    """By the server's clock, which stamped it."""
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp() - %s::timestamptz)::float8 / 60", (moment,)).fetchone()
    return round(row[0], 2) if row and row[0] is not None else None


def _default_rows(connection: Connection, job: Job) -> int:
    """Rows that no declared partition took, at any level."""
    query = """
        SELECT n.nspname::text, c.relname::text FROM pg_partition_tree(%s) p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.isleaf AND p.level > 0 AND EXISTS (
          SELECT FROM pg_partition_ancestors(p.relid) a JOIN pg_class d ON d.oid = a.relid WHERE pg_get_expr(d.relpartbound, d.oid) = 'DEFAULT')
    """
    total = 0
    for schema, name in connection.execute(query, (job.target_oid,)).fetchall():
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))).fetchone()
        total += row[0] if row else 0
    return total


def _foreground(slots: t.Sequence[tuple[str, Slot]]) -> dict[str, t.Any]:
    """What the application felt: each phase against its baselines, all in milliseconds."""

    def milliseconds(phase: str, kind: str) -> list[list[float]]:
        return [slot.milliseconds for name, slot in slots if (name, slot.kind) == (phase, kind)]

    copying, holding, before = milliseconds("copy", "copy"), milliseconds("copy", "hold"), milliseconds("before", "before")
    samples = [value for _phase, slot in slots for value in slot.milliseconds]
    copied = [slot for phase, slot in slots if (phase, slot.kind) == ("copy", "copy")]
    seconds = sum(slot.ended - slot.started for phase, slot in slots if phase == "copy")
    return {
        "copy": _as_data(compare(copying, holding, interleaved=True)),
        "copy_since_before": _as_data(compare(copying, before)),
        "cutover": _as_data(compare(milliseconds("cutover", "swap"), milliseconds("cutover", "hold"))),
        "copy_rows_per_second": round(sum(slot.rows for slot in copied) / seconds) if seconds else None,
        "longest_ms": max(samples, default=None),
        "failed": sum(slot.failed for _phase, slot in slots),
        "samples": len(samples),
    }


def _as_data(comparison: Comparison | None) -> dict[str, t.Any] | None:
    if comparison is None:
        return None
    return {
        "baseline_ms": round(comparison.baseline, 4),
        "p95_ms": round(comparison.with_copy, 4),
        "change_ms": round(comparison.change, 4),
        "interval_ms": [round(comparison.low, 4), round(comparison.high, 4)],
        "noise_ms": [round(comparison.noise_low, 4), round(comparison.noise_high, 4)],
        "samples": comparison.samples,
    }


def _timeline(slots: t.Sequence[tuple[str, Slot]]) -> list[dict[str, t.Any]]:
    return [
        {
            "phase": phase,
            "kind": slot.kind,
            "started": round(slot.started, 3),
            "ended": round(slot.ended, 3),
            "p95_ms": percentile(slot.milliseconds, 95),
            "samples": len(slot.milliseconds),
            "failed": slot.failed,
            "rows": slot.rows,
        }
        for phase, slot in slots
    ]

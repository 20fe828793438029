# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. How much would have been lost: by data, never by what an archiver says of itself."""

from __future__ import annotations

import dataclasses

from .. import heartbeat
from ..findings import Finding
from . import goals
from .checks import Look
from .target import Target
from .validation import Validation


@dataclasses.dataclass(frozen=True)
class Point:
    """Seconds from the newest data in the copy to the cut, how it is known, and beats that were written and are not in the copy."""

    seconds: float
    method: str
    lost_heartbeats: int | None = None


def by_heartbeat(run: Validation, target: Target) -> Point | None:
    """From the heartbeat in the copy; HEARTBEAT_MISSING where there is none."""
    with target.connect(run.wish.heartbeat_database) as session:
        beat = heartbeat.read(session)
    if beat is None:
        missing = Finding("HEARTBEAT_MISSING", "the copy", "the table governed_delivery.heartbeat with a row", "none")
        run.checks.note("heartbeat", Look("no heartbeat in the copy", (missing,)), 0.0)
        return None
    offset = run.pulse.clock_offset if run.pulse else 0.0
    lost = max(0, run.pulse.seq - beat.seq) if run.pulse else None
    stale = goals.beating(run.pulse.age, run.wish.heartbeat_period) if run.pulse else ()
    run.checks.note("heartbeat", Look(f"number {beat.seq} is the newest in the copy", stale), 0.0)
    return Point(run.t0 + offset - beat.epoch, "heartbeat", lost)


def judge(run: Validation, point: Point | None, worst: float | None) -> None:
    """Keep it, and compare it with the goal."""
    run.known["rpo"] = {
        "goal_seconds": run.wish.rpo_at_most,
        "seconds": None if point is None else round(point.seconds, 3),
        "worst_24h_seconds": None if worst is None else round(worst, 3),
        "lost_heartbeats": None if point is None else point.lost_heartbeats,
        "method": None if point is None else point.method,
    }
    found = goals.recovery_point(None if point is None else point.seconds, worst, run.wish.rpo_at_most)
    said = "-" if point is None else f"{point.seconds:.1f} s"
    run.checks.note("recovery point", Look(f"{said}; largest gap in the archive {'-' if worst is None else f'{worst:.1f} s'}", found), 0.0)

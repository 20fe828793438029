# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Recovery time and recovery point, judged. Pure."""

from __future__ import annotations

import typing as t

from ..findings import Finding

LATE_BEATS = 3
WHOLE_SECOND = 1.0  # S3 tells when an object came in whole seconds


def recovery_time(seconds: float, at_most: float | None) -> tuple[Finding, ...]:
    """GOAL_RTO when it took too long."""
    if at_most is None or seconds <= at_most:
        return ()
    return (Finding("GOAL_RTO", "recovery time", f"at most {at_most:g} s", f"{seconds:.1f} s"),)


def recovery_point(seconds: float | None, worst: float | None, at_most: float | None) -> tuple[Finding, ...]:
    """GOAL_RPO when this night's loss, or the largest gap of the day, is too much; CUT_LEAK when the copy is younger than the cut."""
    if seconds is not None and seconds < -WHOLE_SECOND:
        return (Finding("CUT_LEAK", "recovery point", "data no younger than the cut", f"data {-seconds:.1f} s younger"),)
    if at_most is None:
        return ()
    named = (("recovery point", seconds), ("worst upload gap", worst))
    return tuple(
        Finding("GOAL_RPO", about, f"at most {at_most:g} s", f"{found:.1f} s") for about, found in named if found and found > at_most
    )


def beating(seconds_since_beat: float, period: float) -> tuple[Finding, ...]:
    """HEARTBEAT_STALE when the primary's own heartbeat had stopped at the cut: then a late one in the copy says nothing."""
    if seconds_since_beat <= LATE_BEATS * period:
        return ()
    found = f"the last one {seconds_since_beat:.1f} s before the cut"
    return (Finding("HEARTBEAT_STALE", "the primary's heartbeat", f"one every {period:g} s", found),)


def shrunk(accepted: t.Mapping[str, int], rows: t.Mapping[str, int], max_percent: float) -> tuple[Finding, ...]:
    """SHRUNK for tables that lost more than that share of their rows since the last run that a person accepted, or all of them, or are gone."""
    found = []
    for table, before in sorted(accepted.items()):
        now = rows.get(table)
        if before > 0 and (now is None or now < before * (1 - max_percent / 100) or now == 0):
            said = "no such table" if now is None else f"{now:,} rows"
            found.append(Finding("SHRUNK", table, f"at most {max_percent:g} % fewer rows than the accepted {before:,}", said))
    return tuple(found)

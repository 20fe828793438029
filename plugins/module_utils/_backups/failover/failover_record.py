# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a rehearsed failover puts on record: the statement ``failover_finished``, its measures and its timeline. Pure."""

from __future__ import annotations

import typing as t

from ..findings import Finding, verdict
from .failover import Drill, Observed

DETECTION = "from the order to promote; detection and decision are not in it"


def record(
    about: t.Mapping[str, str], drill: Drill, seen: Observed, found: t.Sequence[Finding], cleanup: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """The predicate of ``failover_finished``. What could not be measured is null.

    :param about: run, at, started, night, cluster.
    """
    kept = seen.kept
    return {
        **about,
        "verdict": verdict(found),
        "findings": [one.as_dict() for one in found],
        "source": "backup" if drill.wanted.backup else "initdb",
        "replication": drill.wanted.replication,
        "failover_seconds": seen.failover_seconds,
        "goal_seconds": drill.seconds_at_most,
        "phases": dict(seen.phases.seconds),
        "writes": {
            "acknowledged": kept and kept.acknowledged,
            "lost": kept and kept.lost,
            "lost_seconds": kept and kept.lost_seconds,
            "lost_at_most": drill.lost_at_most,
            "in_doubt": kept and kept.in_doubt,
            "differing": kept and kept.differing,
            "writers": drill.writers,
            "partition_seconds": drill.partition_seconds,
        },
        "read_ok": seen.read_ok,
        "timeline": {"before": seen.timelines[0], "after": seen.timelines[1]},
        "cleanup": dict(cleanup),
        "versions": {"server": seen.server_version},
    }


def measures(kept: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The measures of a record; a value that could not be observed is null and has no samples."""
    writes, phases = kept["writes"], kept["phases"]
    read_ok = kept["read_ok"]
    rows = (
        ("failover_seconds", kept["failover_seconds"], "s", 1, f"first acknowledged write on the new primary, {DETECTION}"),
        ("failover_promote_seconds", phases.get("promote"), "s", 1, f"end of recovery, {DETECTION}"),
        ("failover_first_write_seconds", phases.get("first_write"), "s", 1, "one row with its commit, behind the end of recovery"),
        (
            "failover_lost_writes",
            writes["lost"],
            "rows",
            writes["acknowledged"],
            f"acknowledged commits that are missing, {kept['replication']}",
        ),
        ("failover_read_ok", None if read_ok is None else int(read_ok), "1", 1, "the row just written, read back in full"),
        ("failover_rejoin_seconds", phases.get("rejoin"), "s", 1, "pg_rewind of the old primary, until it has all of the new one"),
    )
    return [
        {"name": name, "value": value, "unit": unit, "samples": 0 if value is None else samples, "at": kept["at"], "how": how}
        for name, value, unit, samples, how in rows
    ]


def timeline(seen: Observed) -> dict[str, t.Any]:
    """The phases as a report draws them."""
    phases = [{"name": name, "stage": "failover", "started": began, "ended": ended} for name, began, ended in seen.phases.spans]
    return {"phases": phases, "series": [], "marks": []}

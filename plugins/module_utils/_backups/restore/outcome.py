# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The record of one validation: what goes into the ledger, and the measures, the timeline and the table made from it."""

from __future__ import annotations

import time
import typing as t

from ..._common import words
from ..findings import verdict
from .validation import Validation

Record = dict[str, t.Any]
# A number that was not measured is null, never 0.
UNKNOWN: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "backup": {
        "label": None,
        "started": None,
        "stopped": None,
        "bytes": None,
        "files": None,
        "start_lsn": None,
        "stop_lsn": None,
        "age_seconds": None,
    },
    "source": {"kind": None, "name": None, "objects": None, "objects_sha256": None, "lock_mode": None, "lock_until": None},
    "manifest": {"sha256": None, "signer": None, "method": None, "anchor_lsn": None, "exact": None},
    "target": {"requested": None, "reached_lsn": None, "reached_time": None, "timeline": None},
    "rpo": {"goal_seconds": None, "seconds": None, "worst_24h_seconds": None, "lost_heartbeats": None, "method": None},
    "bytes": {"fetched": None, "wal": None, "database": None},
    "tables": {"compared": 0, "matched": 0, "sampled": 0, "rows": 0, "excluded": {}, "mismatches": []},
    "coverage": {"ratio": None, "oldest_days": None},
    "cleanup": {"ok": None, "bytes": None},
    "versions": {"server": None, "tools": None},
}


def record(run: Validation) -> Record:
    """Everything that is known of a run at its end; plain data for the ledger, without row data and secrets."""
    wish, ended = run.wish, time.time()
    found = list(run.checks.findings)
    return {
        "run": wish.run,
        "night": wish.night,
        "cluster": wish.cluster,
        "engine": wish.engine,
        "verdict": verdict(found),
        "findings": [one.as_dict() for one in found],
        "started": words.iso(run.started),
        "at": words.iso(ended),
        "t0": words.iso(run.t0),
        **{part: {**empty, **run.known.get(part, {})} for part, empty in UNKNOWN.items()},
        "rto": _recovery_time(run),
        "rates": _rates(run),
        "checks": run.checks.results,
        "verify_seconds": round(run.checks.seconds, 3),
        "rows": run.known.get("rows", {}),
    }


def _recovery_time(run: Validation) -> dict[str, t.Any]:
    """Null where the run did not come to its first query."""
    phases = {name: round(seconds, 3) for name, seconds in run.phases.seconds.items()}
    seconds = round(run.phases.total, 3) if run.recovered else None
    slept = round(run.rate.slept_seconds, 3)
    return {
        "goal_seconds": run.wish.rto_at_most,
        "seconds": seconds,
        "phases": phases,
        "throttle_sleep_seconds": slept,
        "unthrottled_estimate_seconds": None if seconds is None else round(seconds - slept, 3),
        "is_drill": run.wish.is_drill,
    }


def _rates(run: Validation) -> dict[str, t.Any]:
    phases, amounts = run.phases.seconds, run.known.get("bytes", {})
    return {
        "fetch_bytes_per_second": _rate(amounts.get("fetched"), phases.get("fetch")),
        "replay_bytes_per_second": _rate(amounts.get("wal"), phases.get("replay")),
        "cap_bytes_per_second": run.rate.bytes_per_second,
        "worst_second_bytes": run.rate.worst_second,
    }


def _rate(amount: float | None, seconds: float | None) -> int | None:
    return None if not amount or not seconds else round(amount / seconds)


def measures(record: Record) -> list[dict[str, t.Any]]:
    """What a plan can set goals for. A number that was not measured is null."""
    rto, rpo, tables = record["rto"], record["rpo"], record["tables"]
    compared = tables["compared"]
    checks = record["checks"]
    failed = sum(one["result"] == "failed" for one in checks)
    about = f"{record['engine']} {record['backup'].get('label') or 'none'}, run {record['run']}"
    found = (
        ("rto_seconds", rto["seconds"], "s", 1, f"{', '.join(rto['phases'])} of {about}; without detection and decision"),
        ("rpo_seconds", rpo["seconds"], "s", 1, f"cut minus the newest {rpo['method'] or 'heartbeat'} in {about}"),
        ("rpo_worst_24h", rpo["worst_24h_seconds"], "s", 1, "largest gap between arrivals in the archive, in the day before the cut"),
        ("tables_compared", compared, "tables", compared, "row by row checksums at the manifest's anchor"),
        (
            "tables_differing",
            len(tables["mismatches"]) if compared else None,
            "tables",
            compared,
            "their checksums or counts are not the manifest's",
        ),
        ("rows_compared", tables["rows"] if compared else None, "rows", tables["rows"], "read from the heap of the restored copy"),
        ("backup_age_seconds", record["backup"].get("age_seconds"), "s", 1, "cut minus the backup's own stop time"),
        ("checks_failed", failed if checks else None, "checks", len(checks), "checks whose result is failed"),
        ("restore_passed", {"PASS": 100, "FAIL": 0}.get(record["verdict"]), "%", 1, f"the verdict, {record['verdict']}"),
    )
    return [
        {"name": name, "value": value, "unit": unit, "samples": samples if value is not None else 0, "at": record["at"], "how": how}
        for name, value, unit, samples, how in found
    ]


def timeline(spans: t.Sequence[tuple[str, float, float]]) -> dict[str, t.Any]:
    """The phases of the recovery, for a report."""
    phases = [{"name": f"restore: {name}", "started": began, "ended": ended} for name, began, ended in spans]
    return {"phases": phases, "series": [], "marks": []}


def rows(record: Record) -> list[tuple[str, str, str, str]]:
    """The table at the end of a run: what, result, seconds, in words."""
    rto, rpo = record["rto"], record["rpo"]
    phases = [("phase", name, f"{seconds:.2f}", "") for name, seconds in rto["phases"].items()]
    goals = [
        ("goal", "RTO", _seconds(rto["seconds"]), f"at most {_seconds(rto['goal_seconds'])} s"),
        ("goal", "RPO", _seconds(rpo["seconds"]), f"at most {_seconds(rpo['goal_seconds'])} s, by {rpo['method'] or 'nothing'}"),
        ("goal", "worst upload gap", _seconds(rpo["worst_24h_seconds"]), f"at most {_seconds(rpo['goal_seconds'])} s, in the day before"),
    ]
    checks = [(one["result"], one["name"], f"{one['seconds']:.2f}", one["detail"]) for one in record["checks"]]
    found = [
        (one["verdict"], one["code"], "", f"{one['about']}: expected {one['expected']}, found {one['found']}") for one in record["findings"]
    ]
    return [*phases, *goals, *checks, *found]


def _seconds(found: float | None) -> str:
    return "-" if found is None else words.number(found)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of validations, as the ledger keeps them."""

from __future__ import annotations

import datetime
import typing as t

PHASES = ("locate", "provision", "fetch", "to_consistent", "replay", "promote", "first_query")


def finding(code: str, verdict: str) -> dict[str, str]:
    return {"code": code, "verdict": verdict, "about": "public.orders", "expected": "12,000 rows", "found": "11,998 rows"}


def record(
    night: str = "2026-10-01",
    *,
    verdict: str = "PASS",
    findings: t.Sequence[t.Mapping[str, str]] = (),
    gigabytes: float = 40.0,
    wal_gigabytes: float = 3.0,
    loss: float | None = 41.5,
    gap: float | None = 75.0,
    is_drill: bool = False,
    **changed: t.Any,
) -> dict[str, t.Any]:
    """A run whose recovery time is 6 s, 1 s for 250 MB fetched and 1 s for 100 MB replayed."""
    started = datetime.datetime.fromisoformat(f"{night}T02:00:00+00:00")
    fetched, wal = round(gigabytes * 1e9), round(wal_gigabytes * 1e9)
    seconds = (1.0, 1.0, fetched / (1e9 if is_drill else 250e6), 1.0, wal / 100e6, 2.0, 1.0)
    rto = sum(seconds)
    ended = started + datetime.timedelta(seconds=2 * rto)
    return {
        "run": f"run-{night}",
        "at": ended.isoformat(),
        "started": started.isoformat(),
        "night": night,
        "cluster": "shop",
        "engine": "pgbackrest",
        "verdict": verdict,
        "findings": [dict(one) for one in findings],
        "t0": started.isoformat(),
        "backup": {
            "label": f"{night.replace('-', '')}-010000F",
            "started": started.isoformat(),
            "stopped": started.isoformat(),
            "bytes": fetched,
            "files": 2210,
            "start_lsn": "0/2000028",
            "stop_lsn": "0/2000100",
            "age_seconds": 3600,
            "system_identifier": "7381932837461928374",
            "server_version": 160014,
        },
        "manifest": {"sha256": "ab" * 32, "signer": "backup+0011", "method": "standby", "anchor_lsn": "0/3000000", "exact": True},
        "source": {
            "kind": "s3",
            "name": "shop-backups/pg",
            "objects": 3310,
            "objects_sha256": "cd" * 32,
            "lock_mode": "COMPLIANCE",
            "lock_until": (ended + datetime.timedelta(days=28)).isoformat(),
        },
        "target": {"requested": "latest", "reached_lsn": "0/5000000", "reached_time": started.isoformat(), "timeline": 1},
        "rto": {
            "goal_seconds": 900.0,
            "seconds": rto,
            "phases": dict(zip(PHASES, seconds, strict=True)),
            "throttle_sleep_seconds": 12.0,
            "unthrottled_estimate_seconds": 120.0,
            "is_drill": is_drill,
        },
        "rpo": {
            "goal_seconds": 300.0,
            "seconds": loss,
            "worst_24h_seconds": gap,
            "lost_heartbeats": loss and round(loss),
            "method": "heartbeat",
        },
        "bytes": {"fetched": fetched, "wal": wal, "database": fetched * 3},
        "rates": {
            "fetch_bytes_per_second": 250e6,
            "replay_bytes_per_second": 100e6,
            "cap_bytes_per_second": None if is_drill else 250e6,
            "worst_second_bytes": 251e6,
        },
        "checks": [
            {"name": "files", "result": "ok", "seconds": 2.0, "detail": "2,210 files"},
            {"name": "amcheck", "result": "ok", "seconds": 4.0, "detail": ""},
        ],
        "tables": {"compared": 41, "matched": 41, "sampled": 3, "excluded": {"public.sessions": "unlogged"}, "mismatches": []},
        "coverage": {"ratio": 0.97, "oldest_days": 12},
        "verify_seconds": rto,
        "cleanup": {"ok": True, "bytes": fetched},
        "versions": {"collection": "0.1.0", "server": "16.14", "tools": "16.14"},
        **changed,
    }

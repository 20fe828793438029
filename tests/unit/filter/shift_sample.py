# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of the modules as a real shift gave them, shortened; times are seconds from ``START``."""

from __future__ import annotations

import typing as t

START = 1774864800.0  # 2026-03-30T10:00:00Z


def change(value: float, baseline: float, samples: int) -> dict[str, t.Any]:
    noise = {"noise_ms": [-0.1, 0.1], "p95_ms": baseline + value}
    return {"change_ms": value, "baseline_ms": baseline, "interval_ms": [value - 0.2, value + 0.2], "samples": samples, **noise}


def slot(phase: str, kind: str, started: float, ended: float, p95: float | None = 1.5, rows: int = 0) -> dict[str, t.Any]:
    times = {"started": START + started, "ended": START + ended}
    return {"phase": phase, "kind": kind, "p95_ms": p95, "samples": 100, "failed": 0, "rows": rows, **times}


def event(what: str, at: float, **detail: t.Any) -> dict[str, t.Any]:
    return {"at": START + at, "what": what, "detail": detail}


READS = [
    {"name": "by the old key alone", "old_ms": 0.05, "new_ms": 0.9, "rounds": 60, "slower": True},
    {"name": "by the new key", "old_ms": 0.05, "new_ms": 0.05, "rounds": 60, "slower": False},
]

LIVE: dict[str, t.Any] = {
    "state": "live",
    "ranges": 306,
    "ranges_done": 306,
    "rows_copied": 30600,
    "mirror_missing": [],
    "default_rows": 7,
    "events": [
        event("expanded", 0),
        event("mirrored", 12),
        event("copied", 30, rows=30600),
        event("verified", 33, rows=30616),
        event("compared", 33, rows=30616, mismatches=0, repaired=0, seconds=2.0),
        event("shadow reads", 40, reads=READS),
        event("live", 50, locked_ms=2.6, waits=1),
        event("compared", 61, rows=30616, mismatches=0, repaired=0, seconds=1.0),
    ],
    "foreground": {
        "copy": change(0.04, 1.4, 4000),
        "copy_since_before": change(0.3, 1.1, 3500),
        "cutover": change(-0.05, 1.6, 900),
        "copy_rows_per_second": 12000,
        "longest_ms": 58.2,
        "failed": 2,
        "samples": 5000,
    },
    "timeline": [
        slot("before", "before", 1, 10),
        slot("copy", "copy", 13, 17, rows=20000),
        slot("copy", "hold", 17, 18, p95=None),
        slot("copy", "copy", 18, 29, rows=10600),
        slot("cutover", "hold", 41, 46),
        slot("cutover", "swap", 50, 55),
    ],
}

COMPARISON: dict[str, t.Any] = {"finished": True, "rows_compared": 30616, "mismatches": 3}
REHEARSAL: dict[str, t.Any] = {"rows": 20000, "mismatches": 1, "default_rows": 4, "shadow_reads": READS}

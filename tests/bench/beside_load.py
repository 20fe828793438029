# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside the demo's foreground load: how fast the throttled copy is and what the load feels of it, and how long a swap locks."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from playground import connection as connection_file

from .ground import Ground, prepared, say
from .result import Options, Result

RATE = 300  # transactions a second
COPY_SECONDS = 60
SWAPS = 30  # there and back
P95_PERCENT, P95_FLOOR_MS = 5.0, 0.5


@contextlib.contextmanager
def foreground(ground: Ground) -> t.Iterator[tuple[Path, dict[str, t.Any]]]:
    """The load in a process of its own. Gives its feed and a mapping that holds the load's own summary once it has ended."""
    summary: dict[str, t.Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        connection_file.write(where / "connection.yml", ground.database.module_parameters())
        feed, pid = where / "feed.csv", ["--pid", str(where / "pid")]
        arguments = ["--connection", str(where / "connection.yml"), "--feed", str(feed), "--rate", str(RATE)]
        run("start", *pid, *arguments)
        try:
            yield feed, summary
        finally:
            summary.update(run("stop", *pid))


def run(*arguments: str) -> dict[str, t.Any]:
    done = subprocess.run([sys.executable, "-m", "playground.foreground", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    answer: dict[str, t.Any] = json.loads(done.stdout)
    return answer


def felt(summary: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the load says about itself."""
    return {
        "transactions": sum(summary["transactions"].values()),
        "failures": summary["failures"],
        "unexpected": summary["unexpected"],
        "longest_ms": summary["latency_ms"]["longest"],
        "lateness_p95_ms": summary["lateness_ms"]["p95"],
    }


def throttled_copy(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        conditions = ground.conditions("rows/s", load=f"{RATE} transactions a second")
        with foreground(ground) as (feed, summary):
            say("the baseline before the mirror")
            ground.modules.call("pg_mirror", feed_file=str(feed), baseline_seconds=20)
            say(f"the throttled copy, at most {COPY_SECONDS} s")
            answer = ground.modules.call("pg_backfill", feed_file=str(feed), max_seconds=COPY_SECONDS)
        info = ground.modules.call("pg_partition_info")
    copy = info["foreground"]["copy"] or {}
    rates = [slot["rows"] / (slot["ended"] - slot["started"]) for slot in info["timeline"] if slot["kind"] == "copy"]
    allowed = max(P95_PERCENT / 100 * copy["baseline_ms"], P95_FLOOR_MS) if copy else None
    rate = answer["rows_per_second"]
    return Result(
        name="throttled_copy",
        ours=rate,
        peer=None,
        ratio=None,
        goal=f"ours >= 10000, and change_ms of p95 <= allowed_ms, the larger of {P95_PERCENT:g} % and {P95_FLOOR_MS:g} ms",
        n=len(rates),
        spread=(round(min(rates)), round(max(rates))) if rates else None,
        conditions={
            **conditions,
            "p95": copy,
            "p95_since_before_the_mirror": info["foreground"]["copy_since_before"],
            "allowed_ms": allowed,
            "met": bool(copy) and rate >= 10_000 and copy["change_ms"] <= (allowed or 0),
            "duty_percent_at_the_end": answer["duty_percent"],
            "load_felt": felt(summary),
        },
    )


def cutover(options: Options) -> Result:
    with prepared(options) as ground:
        ground.expand()
        ground.mirror()
        ground.modules.call("pg_backfill", workers=2, max_duty_percent=100)
        ground.connection.execute("VACUUM (ANALYZE) app.docs_partitioned")
        ground.modules.call("pg_reconcile", workers=2)
        conditions = ground.conditions("ms that the name is locked", load=f"{RATE} transactions a second")
        locked: list[float] = []
        waits = 0
        with foreground(ground) as (_feed, summary):
            for turn in range(SWAPS):
                for state in ("live", "rolled_back"):
                    answer = ground.modules.call("pg_cutover", state=state, slower_reads="allow")
                    locked.append(answer["locked_ms"])
                    waits += answer["waits"]
                say(f"swap {2 * turn + 2} of {2 * SWAPS}: {locked[-2]} ms there, {locked[-1]} ms back")
        again = ground.modules.call("pg_reconcile", workers=2, again=True)
    return Result(
        name="cutover",
        ours=round(statistics.median(locked), 2),
        peer=None,
        ratio=None,
        goal="no failed transaction, no difference; research: median 2.6 ms, longest 5 ms",
        n=len(locked),
        spread=(min(locked), max(locked)),
        conditions={**conditions, "waits": waits, "mismatches": again["mismatches"], "load_felt": felt(summary)},
    )


BENCHES = (throttled_copy, cutover)

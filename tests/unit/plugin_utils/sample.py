"""A promotion of sprint 36 as its evidence might tell it: a steady load, two spikes, every phase that there is."""

from __future__ import annotations

import math
import random
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._promotion import verdict
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Reading, Statement
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Plan
from ansible_collections.governed.delivery.plugins.plugin_utils import plan_files

START = 1774864800.0  # 2026-03-30 10:00:00 UTC
HOW = "p95 of copy slots minus p95 of interleaved hold slots, application feed; interval from 2,000 bootstrap draws over slots"

Phases = list[tuple[str, float, float]]
DEV: Phases = [("rehearse layout", 0, 4), ("rehearse copy", 4, 13), ("rehearse routes", 13, 16), ("shadow reads", 16, 21)]
STAGE: Phases = [("baseline", 30, 60), ("create layout", 60, 61), ("mirror", 61, 64), ("baseline with mirror", 64, 94), ("copy", 94, 252)]
STAGE += [("index", 252, 266), ("analyze", 266, 269), ("reconcile", 269, 291)]
PROD: Phases = [("baseline", 300, 330), ("shadow reads", 330, 342), ("wait for locks", 342, 344), ("cutover", 344, 344.0026)]
PROD += [("observe", 344.0026, 374), ("reconcile", 374, 396)]


def plan() -> Plan:
    return plan_files.load("sprint_36", {})


def timeline(stage: str, phases: Phases, later: float = 0.0, seed: int = 1) -> dict[str, t.Any]:
    """Phases, a p95 every second with two spikes, rows copied, and a few marks; all of it ``later`` seconds later."""
    drawn = random.Random(seed)
    start = START + later
    first, last = phases[0][1], phases[-1][2]
    p95 = []
    for second in range(math.floor(first), math.ceil(last)):
        value = 0.72 + drawn.gauss(0, 0.035) + (0.17 if second >= 61 else 0) + 0.03 * math.sin(second / 9)
        value = 14.2 if second == 140 else 6.1 if second == 253 else value
        p95.append([start + second, None if second in (200, 201) else round(value, 3)])
    series = [{"name": "foreground p95", "unit": "ms", "points": p95, "baseline": 0.89 if stage == "prod" else 0.72}]
    marks = []
    if stage == "stage":
        rows = [[start + second, round(2_020_656 * (second - 94) / 158)] for second in range(94, 253, 2)]
        series.append({"name": "rows copied", "unit": "rows", "points": rows})
        marks = [
            {"name": "mirror on", "at": start + 62.4, "detail": "3 triggers"},
            {"name": "copied", "at": start + 252, "detail": "2,020,656 rows"},
        ]
    if stage == "prod":
        marks = [{"name": "cutover", "at": start + 344.001, "detail": "2.6 ms lock"}, {"name": "mirror back on", "at": start + 344.002}]
    return {
        "phases": [{"name": name, "stage": stage, "started": start + started, "ended": start + ended} for name, started, ended in phases],
        "series": series,
        "marks": marks,
    }


def measure(
    name: str, value: float | None, samples: int, unit: str = "1", how: str = "", interval: list[float] | None = None
) -> dict[str, t.Any]:
    at = "2026-03-30T10:05:00+00:00"
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "samples": samples,
        "at": at,
        "how": how,
        **({"interval": interval} if interval else {}),
    }


MEASURES: dict[str, list[dict[str, t.Any]]] = {
    "dev": [
        measure("rehearsed_rows", 100_000, 1, "rows", "rows copied into the rehearsal's partitions"),
        measure("rehearsal_mismatches", 0, 100_000, how="rows of the sample that differ after the copy"),
        measure("rehearsal_default_rows", 0, 100_000, how="rows of the sample that no declared partition took"),
        measure("shadow_reads_slower", 0, 12, how="of the 12 most frequent reads, how many got slower than 1.5 times"),
    ],
    "stage": [
        measure("rows_copied", 2_020_656, 2_020_656, "rows", "rows the copy wrote, counted by the state table"),
        measure("reconcile_mismatches", 0, 2_020_656, how="rows that differ between both tables, by checksums of ranges in one snapshot"),
        measure("foreground_p95_before", 0.72, 9_012, "ms", "p95 before the mirror"),
        measure("foreground_p95_baseline", 0.89, 13_400, "ms", "p95 of hold slots, mirror on"),
        measure("foreground_p95_change", 0.04, 26_871, "ms", HOW, [-0.05, 0.11]),
        measure("foreground_p95_change_since_before", 0.21, 26_871, "ms", "p95 of copy slots minus p95 before the mirror", [0.12, 0.28]),
        measure("foreground_failed", 0, 69_000, how="transactions of the feed that ended in an error"),
        measure("foreground_longest_wait", 61.3, 69_000, "ms", "longest transaction of the feed"),
    ],
    "prod": [
        measure("reconcile_mismatches", 0, 2_031_112, how="rows that differ between both tables, by checksums of ranges in one snapshot"),
        measure("cutover_lock_ms", 2.6, 1, "ms", "from the first lock on the live table to the commit"),
        measure("cutover_foreground_p95_baseline", 0.89, 9_002, "ms"),
        measure("cutover_foreground_p95_change", 0.02, 3_104, "ms", "p95 of 10 s around the swap minus p95 before", [-0.09, 0.14]),
        measure("foreground_failed", 0, 28_800, how="transactions of the feed that ended in an error"),
        measure("shadow_reads_slower", 0, 12, how="of the 12 most frequent reads, how many got slower than 1.5 times"),
    ],
}


def statements(
    *, stages: t.Sequence[str] = ("dev", "stage", "prod"), changed: t.Mapping[str, t.Any] | None = None, apart: float = 0.0
) -> list[Statement]:
    """The statements of the runs; ``changed`` replaces values of measures by name, ``apart`` puts seconds between the stages."""
    sprint = plan()
    kept: list[Statement] = []
    for index, (name, phases) in enumerate({"dev": DEV, "stage": STAGE, "prod": PROD}.items()):
        if name not in stages:
            continue
        about = {"run": f"run-{name}", "plan": sprint.name, "plan_digest": sprint.digest, "stage": name, "by": "release-captain"}
        at = f"2026-03-30T10:0{index + 1}:00.000+00:00"
        measures = [{**one, "value": (changed or {}).get(one["name"], one["value"])} for one in MEASURES[name]]
        goals = [goal.as_dict() for goal in sprint.stage(name).verifications[0].goals]
        judged = [found.as_dict() for found in verdict.judge(measures, goals)]
        seen = {"host": "database", "capability": "hot_table_partitioning", "measures": measures, "verdicts": judged}
        kept.append({**about, "type": "started", "at": at, "plan_content": dict(sprint.content)})
        kept.append({**about, **seen, "type": "verified", "at": at, "timeline": timeline(name, phases, index * apart)})
        if all(found["verdict"] == "PASS" for found in judged):
            kept.append({**about, "type": "promoted", "at": at, "verdicts": judged})
        else:
            reasons = " ".join(f"{found['verdict']} {found['reason']}" for found in judged if found["verdict"] != "PASS")
            kept.append({**about, "type": "undone", "at": at, "capability": "hot_table_partitioning", "host": "database"})
            kept.append({**about, "type": "not_promoted", "at": at, "reason": reasons})
            break
    return kept


def reading(**options: t.Any) -> Reading:
    return Reading(tuple(statements(**options)))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The quarter's report in words: what page, Markdown and terminal share."""

from __future__ import annotations

import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups.report import quarter as quarters
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import records
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Quarter
from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import scales
from .promotion_parts import listed

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def size(value: float | None, per: str = "") -> str:
    """``40400000000`` as ``40.4 GB``; a dash for nothing."""
    if value is None:
        return "-"
    factor, unit = next(((factor, unit) for factor, unit in _SIZES if abs(value) >= factor), (1.0, "B"))
    return f"{words.number(value / factor)} {unit}{per}"


def title(found: Quarter) -> str:
    return f"Restores of {found.wanted.cluster} in {found.wanted.period.name}"


def sentence(found: Quarter) -> str:
    """The outcome, in one or two sentences."""
    counts = found.counts
    due = counts["planned"] - counts["ahead"]
    if not due:
        return "No night of this period is over yet."
    others = [f"{counts[name]} {name}" for name in ("failed", "error", "inconclusive", "missing") if counts[name]]
    nights = f"{counts['passed']} of {due} planned nights proved that the backup restores" + (f"; {', '.join(others)}" if others else "")
    ahead = f" {counts['ahead']} nights are still ahead." if counts["ahead"] else ""
    unmet = [goal.name[:1].lower() + goal.name[1:] for goal in found.goals if goal.result != quarters.MET]
    goals = "Every goal is met." if not unmet else f"Not met: {listed(unmet)}."
    return f"{nights}.{ahead} {goals}"


def budget(found: Quarter) -> list[str]:
    """Where the recovery time goes, and when it crosses its goal."""
    model, ahead = found.model, found.forecast
    if model is None or not found.points:
        return [f"{len(found.points)} measured recoveries are too few for a model."]
    last = found.points[-1]
    parts = {
        "what does not depend on size": model.fixed,
        "fetching": model.fetch * last.fetched,
        "replaying the log": model.replay * last.wal,
    }
    eater = max(parts, key=lambda name: parts[name])
    shares = ", ".join(f"{name} {scales.duration(value)}" for name, value in parts.items() if value > 0)
    lines = [
        f"By least squares over {model.points} recoveries, the last one splits into {shares}.",
        f"Most of the budget goes to {eater}; recoveries scatter by {words.number(round(model.deviation, 1))} s around the model.",
    ]
    goal = words.lasting(found.wanted.rto)
    if ahead.growth is not None:
        lines.append(f"The backup grows by {size(ahead.growth)} a day.")
    if ahead.day is None:
        lines.append(f"No day on which growth crosses the goal of {goal}: {ahead.why_not}.")
    else:
        early = f", at two standard deviations on {ahead.earliest}" if ahead.earliest and ahead.earliest != ahead.day else ""
        lines.append(f"If growth goes on like this, the recovery time crosses {goal} on {ahead.day}{early}.")
    return lines


def exclusions(found: Quarter) -> list[str]:
    """What the numbers leave out, in words."""
    tables: dict[str, str] = {}
    sampled, inexact = 0, 0
    for run in found.runs:
        part = records.part(run.record, "tables")
        tables.update({str(name): str(reason) for name, reason in records.part(part, "excluded").items()})
        sampled += (records.number(part, "sampled") or 0) > 0
        inexact += records.part(run.record, "manifest").get("exact") is False
    throttled = [run for run in found.runs if not run.is_drill and (run.number("rates", "cap_bytes_per_second") or 0) > 0]
    lines = [
        "The recovery time begins when the restore is ordered. Noticing a disaster and deciding to restore are not in it.",
        "A night has the worst verdict of its runs: a retry that passes does not turn a failed night into a proved one.",
        "A night goes by its date in UTC.",
    ]
    if found.wanted.engine == "pg_dump":
        lines.append("A dump has no write-ahead log: what is lost is everything since the dump's snapshot.")
    else:
        lines.append("One night's loss is one draw; the longest gap between uploads in 24 hours is the bound that is judged beside it.")
    if throttled:
        lines.append(f"{len(throttled)} runs were held to a rate limit. Their recovery time counts as measured, with the limit in it.")
    if sampled:
        lines.append(f"{sampled} runs compared some tables by a sample; a sample proves nothing about the rows that are not in it.")
    if inexact:
        lines.append(f"{inexact} runs had no exact point to compare at.")
    lines += [f"{name} is not compared: {reason}." for name, reason in sorted(tables.items())]
    return lines


def controls(found: Quarter, signers: t.Sequence[str]) -> list[tuple[str, str, str]]:
    """Control, what it asks for, what shows it here. The mapping is ours; an auditor judges it."""
    counts = found.counts
    return [
        (
            "ISO/IEC 27001:2022, Annex A 8.13",
            "backup copies are maintained and regularly tested",
            f"{counts['done']} restores in {counts['planned'] - counts['ahead']} nights, each compared with its source",
        ),
        (
            "SOC 2, A1.3",
            "recovery plan procedures are tested",
            f"recovery time and loss against their goals; {len(found.failures)} failures with cause, action and re-test",
        ),
        (
            "DORA, Regulation (EU) 2022/2554, Articles 11, 12 and 25",
            "backup, restoration and recovery are tested, with recovery time and recovery point objectives",
            f"goal table; {len(found.drills)} full-speed drills; {len(found.failovers)} rehearsed failovers",
        ),
        (
            "All three",
            "evidence that can be checked later",
            f"a ledger signed by {', '.join(signers) or 'nobody'}, with an entry for each run",
        ),
    ]


def data(found: Quarter, ledger: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a program may want to read from the page."""
    wanted = found.wanted
    return {
        "period": {
            "name": wanted.period.name,
            "first": str(wanted.period.first),
            "last": str(wanted.period.last),
            "today": str(wanted.today),
        },
        "cluster": wanted.cluster,
        "engine": wanted.engine,
        "standing": found.standing,
        "in_the_way": list(found.in_the_way),
        "nights": found.counts,
        "goals": goals(found),
        "failures": [
            {"run": one.name, "night": str(one.day), "state": one.state, "codes": list(one.run.codes) if one.run else [], "open": one.open}
            for one in found.failures
        ],
        "runs": [
            {"run": run.name, "night": str(run.night), "verdict": run.verdict, "entry": run.entry.index, "leaf": run.entry.leaf}
            for run in found.runs
        ],
        "ledger": dict(ledger),
    }


def goals(found: Quarter) -> list[dict[str, t.Any]]:
    """The goal table, for programs; seconds."""
    return [
        {
            "name": one.name,
            "limit": one.limit,
            "result": one.result,
            "n": one.n,
            "of": one.of,
            "worst": one.worst,
            "p50": one.p50,
            "p95": one.p95,
        }
        for one in found.goals
    ]

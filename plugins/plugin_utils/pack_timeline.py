# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A promotion over its real time, as a chart: runs, decisions of people, and soak credited beside time elapsed."""

from __future__ import annotations

import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._promotion import pack_conditions, state
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_conditions import Soaking
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_verification import Story

from .charts import Baseline, Mark, Phase, Series
from .timelines import Timeline

UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))  # the largest of which the soak has two


def overview(story: Story) -> Timeline:
    """Everything under the plan's digest."""
    soaking = pack_conditions.soaking(story.case, story.plan, story.runs)
    unit, size = _unit(soaking)
    return Timeline(
        tuple(_phases(story)),
        tuple(series for one in soaking for series in _series(story, one, unit, size)),
        tuple(_marks(story)),
    )


def seconds(found: object) -> float | None:
    """A statement's ``at`` as epoch seconds, if it is a time."""
    try:
        return state.moment(str(found)).timestamp()
    except (ValueError, OverflowError):
        return None


def _phases(story: Story) -> t.Iterator[Phase]:
    """Each run of a stage, from its first statement to its last."""
    for run, begun in story.runs.begun.items():
        if begun.plan.digest != story.plan.digest:
            continue
        said = [seconds(one.get("at")) for _index, one in story.case.ours(*state.TAKES, *state.IN_RUN) if str(one.get("run")) == run]
        moments = [moment for moment in said if moment is not None]
        if moments:
            yield Phase(f"run {begun.stage.name}", "", min(moments), max(moments))


def _marks(story: Story) -> t.Iterator[Mark]:
    for _index, said in story.case.ours("approval"):
        signed = said.get("signed")
        moment = seconds(said.get("at"))
        if isinstance(signed, dict) and moment is not None and signed.get("plan_digest") == story.plan.digest:
            yield Mark(f"{said.get('by')}: {signed.get('decision')} {signed.get('stage')}", moment)


def _series(story: Story, one: Soaking, unit: str, size: float) -> t.Iterator[Series]:
    """What was credited, and what went by, at each observation; both begin anew where the credit was lost."""
    at = {index: seconds(said.get("at")) for index, said in story.case.ours("soak")}
    lost = {finding.index for finding in one.found.findings if finding.kind == "reset"}
    credited: dict[float, float | None] = {}
    elapsed: dict[float, float | None] = {}
    credit, first = 0.0, None
    steps = [(interval.start, 0.0) for interval in one.found.intervals[:1]]
    steps += [(interval.end, interval.credited) for interval in one.found.intervals] + [(index, 0.0) for index in lost]
    for index, earned in sorted(steps):
        moment = at.get(index)
        if moment is None:
            continue
        if index in lost:
            credit, first = 0.0, None
        first = moment if first is None else first
        credit += earned
        credited[moment], elapsed[moment] = credit / size, (moment - first) / size
    if credited:
        until = max(credited)
        needed = (Baseline(one.needed / size, min(credited), until),)
        yield Series(f"soak of {one.stage} credited", unit, tuple(sorted(credited.items())), needed)
        yield Series(f"{one.stage} elapsed", unit, tuple(sorted(elapsed.items())))


def _unit(soaking: t.Sequence[Soaking]) -> tuple[str, float]:
    longest = max((one.needed for one in soaking), default=0.0)
    return next(((unit, size) for unit, size in UNITS if longest >= 2 * size), ("s", 1.0))

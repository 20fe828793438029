# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the report of a promotion and the acceptance pack both show of it."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import words
from ansible_collections.governed.delivery.plugins.module_utils._promotion.plan import Headline, Plan

from . import bullets, charts, pages, scales, stories, timelines
from .markup import Markup, joined, tag
from .stories import Judged, StageStory
from .timelines import Timeline

_CHIPS = {
    "PASS": ("pass", "\u2713"),
    "FAIL": ("fail", "\u2715"),
    "INCONCLUSIVE": ("open", "?"),
    "ERROR": ("error", "!"),
    "cut": ("open", "\u2026"),
}


def chip(result: str) -> Markup:
    """A verdict by word, sign and colour."""
    class_, sign = _CHIPS.get(result, ("none", ""))
    return tag(
        "span", tag("span", sign, aria_hidden="true") if sign else None, {"cut": "not ended"}.get(result, result), class_=f"chip {class_}"
    )


def moment(found: str) -> str:
    """``2026-03-30T10:15:00.123+00:00`` as ``2026-03-30 10:15 UTC``; anything else as it is."""
    try:
        moment = datetime.datetime.fromisoformat(found)
    except ValueError:
        return found
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo else found


def listed(names: t.Sequence[str]) -> str:
    """``dev, stage and prod``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def summary(told: t.Sequence[StageStory]) -> str:
    """Where the promotion stands, in a few words."""
    passed = [story.stage.name for story in itertools.takewhile(lambda story: story.passed, told)]
    if len(passed) == len(told):
        return f"promoted through {listed(passed)}"
    halted = told[len(passed)]
    if halted.result == "not run":
        return f"promoted to {listed(passed)}; {halted.stage.name} has not run" if passed else "no stage has run"
    if halted.result == "cut":
        return f"{halted.stage.name} has not ended, or was cut"
    return f"stopped at {halted.stage.name}: {halted.result}"


def figures(plan: Plan, told: t.Sequence[StageStory]) -> Markup | None:
    """The plan's headline measures, large."""
    by_name = {story.stage.name: story for story in told}
    found = [_figure(headline, by_name[headline.stage]) for headline in plan.headlines if by_name[headline.stage].result != "not run"]
    return tag("ul", *found, class_="figures") if found else None


def _figure(headline: Headline, story: StageStory) -> Markup:
    measure, verdict = story.measured(headline.measure)
    value = (measure or {}).get("value")
    unit = str((measure or {}).get("unit") or "")
    if words.is_number(value):
        number: object = joined([words.number(value), tag("span", f" {unit}", class_="unit") if unit not in words.COUNTS else None])
    else:
        number = tag("span", "not measured", class_="unit")
    result = str((verdict or {}).get("verdict", ""))
    needed = (verdict or {}).get("needed")
    said = f"{headline.stage}: {needed}, {result}" if needed else headline.stage
    return tag(
        "li",
        tag("span", number, class_="number"),
        tag("span", headline.label, class_="label"),
        tag("span", said, class_="needed"),
        class_=_CHIPS.get(result, (None, ""))[0],
    )


def timeline(told: t.Sequence[StageStory]) -> Markup | None:
    """What the application felt over all stages, every phase marked."""
    timeline = timelines.merged([story.timeline for story in told])
    notes = [tag("p", f"A timeline could not be read: {problem}", class_="note open") for story in told for problem in story.unreadable]
    if timeline.is_empty:
        return joined(notes) if notes else None
    first, *others = charts_of(timeline, "chart")
    return tag("section", tag("h2", "Timeline"), first, keys(timeline), *others, *notes)


def charts_of(timeline: Timeline, identity: str) -> t.Iterator[Markup]:
    """One chart a unit, for curves of different units share no axis; the first is the large one. ``identity`` is unique on the page."""
    units = dict.fromkeys(series.unit for series in timeline.series if series.points)
    for index, unit in enumerate(units):
        series = tuple(series for series in timeline.series if series.unit == unit and series.points)
        title = f"{listed([one.name for one in series])} over time"
        chart = charts.Chart(
            title[:1].upper() + title[1:], _described(series, timeline), unit, series, timeline.phases, timeline.marks, small=index > 0
        )
        yield tag(
            "figure",
            tag("h3", chart.title),
            tag("div", charts.line_chart(chart, f"{identity}-{index}"), class_="scroll", tabindex="0"),
            tag("figcaption", chart.description),
        )


def _described(series: t.Sequence[charts.Series], timeline: Timeline) -> str:
    """What the picture shows, for those who cannot see it."""
    parts = []
    for one in series:
        values = sorted(value for _moment_, value in one.points if value is not None)
        if values:
            told = f"{one.name}: {len(values):,} points, median {_rounded(values[len(values) // 2], one.unit)}, highest {_rounded(values[-1], one.unit)}"
            parts.append(f"{told}, baseline {charts.told_baselines(one)}" if one.baselines else told)
    phases = f"{len(timeline.phases)} phases, shaded and numbered" if timeline.phases else ""
    marks = f"{len(timeline.marks)} moments, lettered" if timeline.marks else ""
    return ". ".join(part for part in [*parts, "; ".join(part for part in (phases, marks) if part)] if part) + "."


def _rounded(value: float, unit: str) -> str:
    return words.quantity(float(f"{value:.3g}") if abs(value) < 1000 else round(value), unit)


def keys(timeline: Timeline) -> Markup | None:
    """Numbers and letters of the chart, spelt out."""
    if not timeline.phases and not timeline.marks:
        return None
    start = min([phase.started for phase in timeline.phases] + [mark.at for mark in timeline.marks] + [_first(timeline)])
    entries = [
        tag(
            "li",
            tag("b", number),
            tag(
                "span",
                _named(phase),
                tag("span", f" {scales.clock(phase.started - start)}, {scales.duration(phase.ended - phase.started)}", class_="soft"),
            ),
        )
        for number, phase in enumerate(timeline.phases, 1)
    ]
    entries += [
        tag(
            "li",
            tag("b", charts.letter_of(index), class_="letter"),
            tag(
                "span",
                mark.name,
                tag("span", f" {scales.clock(mark.at - start)}{', ' + mark.detail if mark.detail else ''}", class_="soft"),
            ),
        )
        for index, mark in enumerate(timeline.marks)
    ]
    return tag("ul", *entries, class_="keys")


def _named(phase: charts.Phase) -> str:
    return f"{phase.group} \u00b7 {phase.name}" if phase.group else phase.name


def _first(timeline: Timeline) -> float:
    return min((series.points[0][0] for series in timeline.series if series.points), default=float("inf"))


def stage(story: StageStory) -> Markup:
    """A stage's goals beside what was measured."""
    several_hosts = len({judged.host for judged in story.judged}) > 1
    return tag(
        "section",
        tag("h2", f"{story.stage.name} ", chip(story.result)),
        tag("p", f"{moment(story.at)}, by {story.by}.", class_="soft small") if story.at else None,
        joined(_goals(judged, several_hosts) for judged in story.judged),
    )


def halt(story: StageStory) -> Markup | None:
    """Why a stage did not pass, and how the way back went."""
    if story.passed or not story.reason:
        return None
    missed = [found for judged in story.judged for found in judged.verdicts if found.get("verdict") != "PASS"]
    reasons = [f"{found.get('verdict')} {found.get('reason')}" for found in missed] or [story.reason]
    why = tag("div", *[tag("p", tag("b", f"{story.stage.name}: "), reason) for reason in reasons], class_="note fail")
    return joined([why, *[_way_back(found) for found in story.ways_back]])


def _way_back(found: t.Mapping[str, t.Any]) -> Markup:
    if found.get("type") == "undone":
        return tag("p", f"{found.get('capability')} was undone, and could be applied anew.", class_="note")
    return tag("p", f"NOT UNDONE, see to it by hand. {found.get('reason')}", class_="note fail")


def _goals(judged: Judged, several_hosts: bool) -> Markup:
    columns = [("Verdict", ""), ("Goal", ""), ("Needed", ""), ("Measured", ""), ("", ""), ("Samples", "right")]
    caption = f"{judged.capability} on {judged.host}" if several_hosts else judged.capability
    return pages.table(columns, [_goal(found) for found in judged.verdicts], caption, style="goals")


def _goal(found: t.Mapping[str, t.Any]) -> list[object]:
    result = str(found.get("verdict", ""))
    notes = [str(found[key]) for key in ("how", "why") if found.get(key)]
    needed = joined([str(found.get("needed") or ""), tag("span", found["limit_from"], class_="how") if found.get("limit_from") else None])
    return [
        chip(result),
        joined([str(found.get("measure", "")).replace("_", " "), *[tag("span", note, class_="how") for note in notes]]),
        needed,
        joined(tag("span", part, class_="together") for part in _split(str(found.get("measured") or ""))),
        _bullet(found),
        words.number(found["samples"]) if words.is_number(found.get("samples")) else "",
    ]


def _split(measured: str) -> list[str]:
    """Value and interval, so that a line breaks between them and nowhere else."""
    value, bracket, rest = measured.partition(" [")
    return [value, f" {bracket.strip()}{rest}"] if bracket else [value]


def _bullet(found: t.Mapping[str, t.Any]) -> Markup | None:
    value, limit, ends = found.get("value"), found.get("limit"), found.get("interval")
    if not words.is_number(value) or not words.is_number(limit):
        return None
    is_interval = isinstance(ends, list) and len(ends) == 2 and all(words.is_number(end) for end in ends)
    return bullets.bullet(value, str(found.get("bound")), limit, (ends[0], ends[1]) if is_interval and ends else None)


def variables(plan: Plan) -> Markup | None:
    """The plan's numbers and their reasons."""
    if not plan.variables:
        return None
    rows = [[tag("code", variable.name), words.quantity(variable.value, variable.unit), variable.why] for variable in plan.variables]
    return tag(
        "section", tag("h2", "What the plan counts as good enough"), pages.table([("Variable", ""), ("Value", "right"), ("Why", "")], rows)
    )


def runs(plan: Plan, statements: t.Sequence[t.Mapping[str, t.Any]]) -> Markup | None:
    """How every run of the plan ended, the latest first."""
    endings = stories.endings(plan, statements)
    if not endings:
        return None
    rows = [
        [
            moment(ending.at),
            ending.stage,
            ending.outcome,
            ending.by,
            tag("code", ending.digest[:12]),
            "" if ending.digest == plan.digest else "another plan",
        ]
        for ending in reversed(endings)
    ]
    columns = [("Ended", ""), ("Stage", ""), ("Outcome", ""), ("By", ""), ("Plan digest", ""), ("", "")]
    return tag("section", tag("h2", "All runs"), pages.table(columns, rows))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The timeline that a verify door may set, read into what a chart draws."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import shape

from .charts import Baseline, Mark, Phase, Series


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Phases and marks in order of time, and curves with their points in order of time."""

    phases: tuple[Phase, ...] = ()
    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(point for series in self.series for point in series.points)


EMPTY = Timeline()


def parse(found: object, stage: str) -> Timeline:
    """A timeline as docs/architecture.md spells it; phases without a stage belong to ``stage``.

    :raises Refusal: it names the path of what is wrong.
    """
    entries = shape.mapping(found, "timeline", optional=("phases", "series", "marks"))

    def each(key: str) -> t.Iterator[tuple[str, t.Any]]:
        for index, entry in enumerate(shape.sequence(entries.get(key) or [], f"timeline.{key}", empty=True)):
            yield f"timeline.{key}[{index}]", entry

    return merged(
        [
            Timeline(
                tuple(_phase(entry, path, stage) for path, entry in each("phases")),
                tuple(_series(entry, path) for path, entry in each("series")),
                tuple(_mark(entry, path) for path, entry in each("marks")),
            )
        ]
    )


def merged(timelines: t.Sequence[Timeline]) -> Timeline:
    """Several timelines as one, earlier stages first.

    A later stage may tell the earlier ones' story again: what stands in more than one is kept once, and belongs to the first.
    """
    phases: dict[tuple[str, float], Phase] = {}
    for phase in itertools.chain.from_iterable(timeline.phases for timeline in timelines):
        first = phases.setdefault((phase.name, phase.started), phase)
        if phase.ended > first.ended:
            phases[phase.name, phase.started] = dataclasses.replace(first, ended=phase.ended)
    marks = {(mark.name, mark.at): mark for timeline in timelines for mark in timeline.marks}
    curves: dict[tuple[str, str], list[Series]] = {}
    for series in itertools.chain.from_iterable(timeline.series for timeline in timelines):
        curves.setdefault((series.name, series.unit), []).append(series)
    return Timeline(
        tuple(sorted(phases.values(), key=lambda phase: (phase.started, -phase.ended))),
        tuple(_one(parts) for parts in curves.values()),
        tuple(sorted(marks.values(), key=lambda mark: mark.at)),
    )


def _one(parts: t.Sequence[Series]) -> Series:
    points = dict(itertools.chain.from_iterable(part.points for part in parts))
    return Series(
        parts[0].name, parts[0].unit, tuple(sorted(points.items())), _in_turn([line for part in parts for line in part.baselines])
    )


def _in_turn(baselines: t.Sequence[Baseline]) -> tuple[Baseline, ...]:
    """Baselines one after the other: where they overlap, an equal one goes on and another one begins where the former ended."""
    kept: list[Baseline] = []
    for baseline in sorted(baselines, key=lambda line: (line.started, line.ended)):
        if kept and baseline.started <= kept[-1].ended and baseline.value == kept[-1].value:
            kept[-1] = dataclasses.replace(kept[-1], ended=max(kept[-1].ended, baseline.ended))
            continue
        started = max([baseline.started, *(line.ended for line in kept)])
        if started < baseline.ended or not kept:
            kept.append(dataclasses.replace(baseline, started=started))
    return tuple(kept)


def _phase(found: object, path: str, stage: str) -> Phase:
    entries = shape.mapping(found, path, required=("name", "started", "ended"), optional=("stage",))
    started, ended = shape.number(entries["started"], f"{path}.started"), shape.number(entries["ended"], f"{path}.ended")
    if ended < started:
        raise shape.wrong(f"{path}.ended", f"no earlier than its start, {started}", ended, "Write epoch seconds.")
    return Phase(shape.text(entries["name"], f"{path}.name"), str(entries.get("stage") or stage), started, ended)


def _mark(found: object, path: str) -> Mark:
    entries = shape.mapping(found, path, required=("name", "at"), optional=("detail",))
    return Mark(shape.text(entries["name"], f"{path}.name"), shape.number(entries["at"], f"{path}.at"), str(entries.get("detail") or ""))


def _series(found: object, path: str) -> Series:
    entries = shape.mapping(found, path, required=("name", "points"), optional=("unit", "baseline"))
    points: dict[float, float | None] = {}
    for index, point in enumerate(shape.sequence(entries["points"], f"{path}.points", empty=True)):
        where = f"{path}.points[{index}]"
        if not isinstance(point, (list, tuple)) or len(point) != 2:
            raise shape.wrong(where, "epoch seconds and a value", point, "Write [seconds, value].")
        moment, value = point
        points[shape.number(moment, where)] = None if value is None else shape.number(value, where)
    given = entries.get("baseline")
    baselines: tuple[Baseline, ...] = ()
    if given is not None and points:
        baselines = (Baseline(shape.number(given, f"{path}.baseline"), min(points), max(points)),)
    return Series(shape.text(entries["name"], f"{path}.name"), str(entries.get("unit") or ""), tuple(sorted(points.items())), baselines)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A line chart over time as inline SVG: phases as bands, marks as lines, spikes clipped and said so.

Colours are those of Okabe and Ito, which the colour-blind tell apart; line style and labels carry the meaning, too.
Classes are styled by ``STYLE``, which the page has to hold once.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import scales
from .markup import Markup, joined, tag
from .scales import TimeScale

WIDTH = 860.0
LEFT, RIGHT = 60.0, WIDTH - 16.0
HEIGHT, SMALL_HEIGHT = 250.0, 130.0  # of the plot
LANE, ROW, MOST_ROWS = 22.0, 16.0, 6
FEW = 90  # up to so many points are drawn as dots, too
GAP = 5  # so many usual steps without a point are a gap in the curve
CHIP = 20.0  # room of a phase's number

STYLE = """
.chart { display: block; width: 100%; height: auto; font: 12px/1.2 "Segoe UI", -apple-system, Roboto, "Liberation Sans", Arial, sans-serif; }
.chart text { fill: var(--ink); }
.chart .soft { fill: var(--soft); }
.chart .small { font-size: 11px; }
.chart .strong { font-weight: 600; }
.chart .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .axis { stroke: var(--soft); stroke-width: 1; fill: none; }
.chart .band { fill: var(--band-a); }
.chart .band.other { fill: var(--band-b); }
.chart .lane { fill: var(--lane-a); }
.chart .lane.other { fill: var(--lane-b); }
.chart .mark { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 2 3; }
.chart .marked { fill: var(--mark); font-weight: 600; }
.chart .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.chart .baseline { fill: none; stroke: var(--ink); stroke-width: 1.4; stroke-dasharray: 7 4; }
.chart .series-0 { stroke: var(--series-0); } .chart .dot-0 { fill: var(--series-0); }
.chart .series-1 { stroke: var(--series-1); } .chart .dot-1 { fill: var(--series-1); }
.chart .series-2 { stroke: var(--series-2); } .chart .dot-2 { fill: var(--series-2); }
.chart .series-3 { stroke: var(--series-3); } .chart .dot-3 { fill: var(--series-3); }
"""
COLOURS = 4


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What the series is compared with, from one moment to another (epoch seconds)."""

    value: float
    started: float
    ended: float


@dataclasses.dataclass(frozen=True)
class Series:
    """A curve: points of epoch seconds and value; ``None`` is a gap."""

    name: str
    unit: str
    points: tuple[tuple[float, float | None], ...]
    baselines: tuple[Baseline, ...] = ()


@dataclasses.dataclass(frozen=True)
class Phase:
    """A named stretch of time, in epoch seconds; ``group`` is the stage it belongs to."""

    name: str
    group: str
    started: float
    ended: float


@dataclasses.dataclass(frozen=True)
class Mark:
    """A named moment, in epoch seconds."""

    name: str
    at: float
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Chart:
    """All that one chart shows; phases and marks in order of time, which numbers and letters them.

    ``small`` is for a chart beneath another one that spells out the same marks.
    """

    title: str
    description: str
    unit: str
    series: tuple[Series, ...]
    phases: tuple[Phase, ...] = ()
    marks: tuple[Mark, ...] = ()
    small: bool = False


@dataclasses.dataclass(frozen=True)
class _Plot:
    """The area of the curves."""

    time: TimeScale
    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        return self.bottom - (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * (self.bottom - self.top)


def line_chart(chart: Chart, identity: str) -> Markup:
    """The chart as one ``svg`` element; ``identity`` begins the ids inside and has to be unique on the page.

    The chart needs at least one point, phase or mark.
    """
    time = scales.time_scale(_extents(chart), LEFT, RIGHT)
    groups = _groups(chart, time)
    lanes = _lanes(chart.phases, time)
    labels = _mark_labels(chart.marks, time, letters_only=chart.small)
    lanes_top = 6.0 + (18.0 if groups else 0.0)
    labels_top = lanes_top + LANE * (max(lanes, default=-1) + 1) + 4
    values = [value for series in chart.series for _moment, value in series.points if value is not None]
    anchors = [baseline.value for series in chart.series for baseline in series.baselines]
    steps = scales.round_steps(scales.clipped_top(values, anchors) * 1.02, min([*values, *anchors, 0.0]), 3 if chart.small else 5)
    rows = max((label.row for label in labels), default=-1) + 1
    top = labels_top + ROW * rows + 18
    plot = _Plot(time, top, top + (SMALL_HEIGHT if chart.small else HEIGHT), steps[0], steps[-1])
    legend, height = _legend(chart, plot, any(value > plot.high for value in values))
    return tag(
        "svg",
        tag("title", chart.title, id=f"{identity}-title"),
        tag("desc", chart.description, id=f"{identity}-desc"),
        _bands(chart.phases, plot),
        _value_axis(plot, steps, chart.unit),
        _time_axis(plot),
        joined(_group(name, left, right) for name, left, right in groups),
        joined(
            _lane(number, phase, lane, lanes_top, time) for number, (phase, lane) in enumerate(zip(chart.phases, lanes, strict=True), 1)
        ),
        joined(_curve(series, index % COLOURS, plot, few=0 if chart.small else FEW) for index, series in enumerate(chart.series)),
        joined(_mark(label, labels_top, plot) for label in labels),
        joined(_spikes(series, index % COLOURS, plot) for index, series in enumerate(chart.series)),
        legend,
        class_="chart",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
    )


def _extents(chart: Chart) -> list[tuple[float, float]]:
    """Stretches of time that the chart has to show; neighbouring points count as one stretch."""
    extents = [(phase.started, max(phase.started, phase.ended)) for phase in chart.phases]
    extents += [(mark.at, mark.at) for mark in chart.marks]
    for series in chart.series:
        moments = sorted(moment for moment, _value in series.points)
        longest = _usual_step(moments) * GAP
        extents += [(moment, moment) for moment in moments]
        extents += [(first, second) for first, second in itertools.pairwise(moments) if second - first <= longest]
    return extents


def _usual_step(moments: t.Sequence[float]) -> float:
    """The median distance of neighbouring points, in seconds."""
    steps = sorted(second - first for first, second in itertools.pairwise(moments))
    return steps[len(steps) // 2] if steps else 1.0


def _width(text: str, size: float = 12.0) -> float:
    """About how wide a text is; rather too wide, for fonts differ."""
    return len(text) * size * 0.58


# --- what stands above the plot -----------------------------------------------------------------------------------------------


def _groups(chart: Chart, time: TimeScale) -> list[tuple[str, float, float]]:
    """Stages and where they lie, if the phases belong to any."""
    found: dict[str, list[float]] = {}
    for phase in chart.phases:
        if phase.group:
            ends = found.setdefault(phase.group, [phase.started, phase.ended])
            ends[:] = [min(ends[0], phase.started), max(ends[1], phase.ended)]
    placed: list[tuple[str, float, float]] = []
    for name, (started, ended) in sorted(found.items(), key=lambda group: group[1][0]):
        left, right = time.position(started), time.position(ended)
        if placed and left < placed[-1][1] + _width(placed[-1][0]) + 8:
            left = placed[-1][1] + _width(placed[-1][0]) + 8
        placed.append((name, left, max(right, left)))
    return placed


def _group(name: str, left: float, right: float) -> Markup:
    ruled = left + _width(name) + 8
    line = tag("line", class_="axis", x1=ruled, x2=right - 8, y1=13.0, y2=13.0) if right - 8 > ruled else None
    return joined([tag("text", name, class_="strong", x=left, y=17.0), line])


def _chip(phase: Phase, time: TimeScale) -> tuple[float, float]:
    """From where to where the chip of a phase reaches: as long as the phase, but wide enough for its number."""
    left = min(time.position(phase.started), RIGHT - CHIP)
    return left, max(time.position(phase.ended), left + CHIP)


def _lanes(phases: t.Sequence[Phase], time: TimeScale) -> list[int]:
    """A lane for every phase, so that no two chips of a lane overlap."""
    ends: list[float] = []
    lanes = []
    for phase in phases:
        left, right = _chip(phase, time)
        lane = next((index for index, end in enumerate(ends) if end <= left + 0.5), len(ends))
        ends[lane : lane + 1] = [right]
        lanes.append(lane)
    return lanes


def _lane(number: int, phase: Phase, lane: int, top: float, time: TimeScale) -> Markup:
    """A phase's chip: its number, and its name where that fits."""
    left, right = _chip(phase, time)
    width = right - left - 1.5
    y = top + lane * LANE
    told = f"{number} {phase.name}"
    fits = _width(told, 11) + 10 <= width
    return tag(
        "g",
        tag("title", f"{number} {phase.name}: {scales.duration(max(0.0, phase.ended - phase.started))}"),
        tag("rect", class_=_alternating("lane", number), x=left, y=y, width=width, height=LANE - 3, rx=3),
        tag(
            "text",
            told if fits else number,
            class_="small",
            x=left + (5 if fits else width / 2),
            y=y + 13.5,
            text_anchor=None if fits else "middle",
        ),
    )


@dataclasses.dataclass(frozen=True)
class _Label:
    """A mark's label: where its line stands, in which row it is, and from where to where it reaches."""

    text: str
    line: float
    row: int
    left: float
    right: float


def _mark_labels(marks: t.Sequence[Mark], time: TimeScale, letters_only: bool) -> list[_Label]:
    """A label for every mark that meets neither another label nor another mark's line.

    All get their letter first, then as many words as there is room for. Where not even a letter has room, it joins the letter before it.
    """
    placed: list[_Label] = []
    texts: list[tuple[str, ...]] = []
    for index, mark in enumerate(marks):
        letter, line = letter_of(index), time.position(mark.at)
        free = _first_free(letter, line, placed)
        if free is None:
            before = placed[-1]
            joined_text = f"{before.text} {letter}"
            placed[-1] = dataclasses.replace(before, text=joined_text, right=before.left + _width(joined_text, 11))
            texts[-1] = ()
            placed.append(dataclasses.replace(before, text="", line=line, left=before.left, right=before.left))
            texts.append(())
        else:
            placed.append(free)
            texts.append((f"{letter} {mark.name}, {mark.detail}", f"{letter} {mark.name}") if mark.detail else (f"{letter} {mark.name}",))
    if not letters_only:
        for index, label in enumerate(placed):
            others = placed[:index] + placed[index + 1 :]
            longer = (_first_free(text, label.line, others) for text in texts[index])
            placed[index] = next((found for found in longer if found is not None), label)
    return placed


def _first_free(text: str, line: float, others: t.Sequence[_Label]) -> _Label | None:
    """The place for a label in the highest row that has one, beside its line, to the right if possible."""
    for row in range(MOST_ROWS):
        for left in (line + 4, line - 4 - _width(text, 11)):
            label = _Label(text, line, row, left, left + _width(text, 11))
            if _is_free(label, others):
                return label
    return None


def _is_free(label: _Label, placed: t.Sequence[_Label]) -> bool:
    """A line runs from its label's row down to the plot, so it must meet no label of its own row or of those below."""
    if label.left < LEFT or label.right > RIGHT + 12:
        return False
    for other in placed:
        same_row = other.row == label.row and label.left < other.right + 6 and other.left < label.right + 6
        our_line_meets = other.row >= label.row and other.left - 2 <= label.line <= other.right + 2
        their_line_meets = label.row >= other.row and label.left - 2 <= other.line <= label.right + 2
        if same_row or our_line_meets or their_line_meets:
            return False
    return True


def _mark(label: _Label, top: float, plot: _Plot) -> Markup:
    y = top + ROW * label.row
    return joined(
        [
            tag("line", class_="mark", x1=label.line, x2=label.line, y1=y, y2=plot.bottom),
            tag("text", label.text, class_="small marked halo", x=label.left, y=y + 11) if label.text else None,
        ]
    )


def letter_of(index: int) -> str:
    """``A`` to ``Z``, then ``A1`` and so on."""
    return chr(ord("A") + index % 26) + (str(index // 26) if index >= 26 else "")


# --- the plot -----------------------------------------------------------------------------------------------------------------


def _alternating(name: str, number: int) -> str:
    return f"{name} other" if number % 2 == 0 else name


def _bands(phases: t.Sequence[Phase], plot: _Plot) -> Markup:
    return joined(
        tag(
            "rect",
            class_=_alternating("band", number),
            x=plot.time.position(phase.started),
            y=plot.top,
            width=max(1.5, plot.time.position(phase.ended) - plot.time.position(phase.started)),
            height=plot.bottom - plot.top,
        )
        for number, phase in enumerate(phases, 1)
    )


def _value_axis(plot: _Plot, steps: t.Sequence[float], unit: str) -> Markup:
    parts = [
        joined(
            [
                tag("line", class_="grid", x1=LEFT, x2=RIGHT, y1=plot.y(step), y2=plot.y(step)),
                tag("text", scales.compact(step), class_="soft", x=LEFT - 8, y=plot.y(step) + 4, text_anchor="end"),
            ]
        )
        for step in steps
    ]
    return joined([*parts, tag("text", unit, class_="soft", x=LEFT - 8, y=plot.top - 9, text_anchor="end")])


def _time_axis(plot: _Plot) -> Markup:
    time = plot.time
    parts = []
    for moment in time.ticks(apart=72):
        x = time.position(moment)
        parts.append(tag("line", class_="axis", x1=x, x2=x, y1=plot.bottom, y2=plot.bottom + 5))
        anchor = "end" if x > RIGHT - 14 else "middle"
        parts.append(tag("text", scales.clock(moment - time.start), class_="soft", x=x, y=plot.bottom + 18, text_anchor=anchor))
    for span in time.spans:
        parts.append(tag("line", class_="axis", x1=span.left, x2=span.right, y1=plot.bottom, y2=plot.bottom))
    for before, after in itertools.pairwise(time.spans):
        parts.append(_cut(before.right, after.left, scales.duration(after.started - before.ended), plot))
    style = "h:mm:ss" if time.spans[-1].ended - time.start >= 3600 else "mm:ss"
    parts.append(tag("text", f"time since the start ({style})", class_="soft small", x=RIGHT, y=plot.bottom + 34, text_anchor="end"))
    return joined(parts)


def _cut(left: float, right: float, length: str, plot: _Plot) -> Markup:
    """Where the time axis leaves something out, and how much."""
    middle, y = (left + right) / 2, plot.bottom
    zigzag = f"M{left:.1f} {y:.1f}H{middle - 5:.1f}L{middle - 2:.1f} {y - 6:.1f}L{middle + 2:.1f} {y + 6:.1f}L{middle + 5:.1f} {y:.1f}H{right:.1f}"
    text = tag("text", f"{length} left out", class_="soft small", transform=f"translate({middle + 4:.1f} {y - 12:.1f}) rotate(-90)")
    return joined([tag("path", class_="axis", d=zigzag), text])


def _curve(series: Series, colour: int, plot: _Plot, few: int) -> Markup:
    parts: list[Markup] = []
    for run in _runs(series, plot):
        if len(run) == 1 or len(series.points) <= few:
            parts += [tag("circle", class_=f"dot-{colour}", cx=x, cy=y, r=2.4) for x, y in run]
        if len(run) > 1:
            parts.append(tag("path", class_=f"curve series-{colour}", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)))
    for baseline in series.baselines:
        x1, x2, y = plot.time.position(baseline.started), plot.time.position(baseline.ended), plot.y(baseline.value)
        parts.append(tag("line", class_="baseline", x1=x1, x2=x2, y1=y, y2=y))
    return joined(parts)


def _runs(series: Series, plot: _Plot) -> list[list[tuple[float, float]]]:
    """Stretches of the curve in user units, broken where observations are missing, with no more than four points in a unit of width."""
    moments = [moment for moment, _value in series.points]
    longest = _usual_step(moments) * GAP
    runs: list[list[tuple[float, float]]] = []
    before: float | None = None
    for moment, value in series.points:
        if value is None:
            before = None
            continue
        if before is None or moment - before > longest:
            runs.append([])
        runs[-1].append((plot.time.position(moment), plot.y(value)))
        before = moment
    return [_thinned(run) for run in runs]


def _thinned(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """First, lowest, highest and last point of every unit of width: nothing else could be seen."""
    kept: list[tuple[float, float]] = []
    for _column, group in itertools.groupby(run, key=lambda point: int(point[0])):
        points = list(group)
        chosen = {0, len(points) - 1}
        chosen.add(min(range(len(points)), key=lambda index: points[index][1]))
        chosen.add(max(range(len(points)), key=lambda index: points[index][1]))
        kept.extend(points[index] for index in sorted(chosen))
    return kept


def _spikes(series: Series, colour: int, plot: _Plot) -> Markup:
    """A triangle for what lies beyond the axis, with the highest value of its neighbourhood where there is room."""
    beyond = sorted((plot.time.position(moment), value) for moment, value in series.points if value is not None and value > plot.high)
    clusters: list[list[tuple[float, float]]] = []
    for point in beyond:
        if clusters and point[0] - clusters[-1][0][0] < 14:
            clusters[-1].append(point)
        else:
            clusters.append([point])
    parts: list[Markup] = []
    free_from = 0.0
    for cluster in clusters:
        x, highest = max(cluster, key=lambda point: point[1])
        parts.append(tag("path", class_=f"dot-{colour}", d=f"M{x - 5:.1f} {plot.top + 2:.1f}h10l-5 -9z"))
        told = words.number(float(f"{highest:.3g}"))
        if x - 6 >= free_from and x + 8 + _width(told, 11) <= RIGHT:
            parts.append(tag("text", told, class_="small halo", x=x + 7, y=plot.top + 3))
            free_from = x + 14 + _width(told, 11)
    return joined(parts)


def told_baselines(series: Series) -> str:
    """The values of the baselines, in order of time: ``0.72 ms, then 0.89 ms``."""
    ordered = sorted(series.baselines, key=lambda baseline: baseline.started)
    return ", then ".join(dict.fromkeys(words.quantity(float(f"{baseline.value:.3g}"), series.unit) for baseline in ordered))


def _legend(chart: Chart, plot: _Plot, clipped: bool) -> tuple[Markup, float]:
    """Names of the lines below the plot, and the height of the whole chart."""
    entries: list[tuple[str, str]] = []
    for index, series in enumerate(chart.series):
        entries.append((f"curve series-{index % COLOURS}", series.name))
        if series.baselines:
            entries.append(("baseline", f"baseline {told_baselines(series)}"))
    x, y = LEFT, plot.bottom + 54
    parts: list[Markup] = []
    for class_, name in entries:
        room = 34 + _width(name) + 22
        if x > LEFT and x + room > RIGHT:
            x, y = LEFT, y + 20
        parts.append(tag("line", class_=class_, x1=x, x2=x + 26, y1=y - 4, y2=y - 4))
        parts.append(tag("text", name, x=x + 34, y=y))
        x += room
    if clipped:
        note = f"\u25b2 beyond the axis; the highest value is written beside it ({chart.unit})"
        if x > LEFT and x + _width(note) > RIGHT:
            x, y = LEFT, y + 20
        parts.append(tag("text", note, class_="soft", x=x, y=y))
    return joined(parts), y + 12

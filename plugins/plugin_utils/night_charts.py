# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Charts by night as inline SVG: bars in parts, curves, a calendar, and time against size; each with its goal as a line.

Colours are those of Okabe and Ito; shapes, signs and labels carry the meaning, too. Classes are styled by ``STYLE`` beside ``charts.STYLE``.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import scales
from .markup import Markup, joined, tag

Day = datetime.date

WIDTH = 860.0
LEFT, RIGHT = 60.0, WIDTH - 16.0
TOP, HEIGHT = 22.0, 210.0
CELL, CELL_GAP = 22.0, 4.0
COLOURS = 7
MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)  # not by locale: the page is the same everywhere

# State of a night: its class, its sign, what it says.
STATES: t.Mapping[str, tuple[str, str, str]] = {
    "PASS": ("pass", "\u2713", "passed"),
    "FAIL": ("fail", "\u2715", "failed"),
    "INCONCLUSIVE": ("open", "?", "inconclusive"),
    "ERROR": ("error", "!", "error"),
    "missing": ("missing", "\u2013", "missing"),
    "ahead": ("ahead", "", "still ahead"),
    "unplanned": ("unplanned", "", "not planned"),
}

STYLE = """
.chart .goal { stroke: var(--mark); stroke-width: 1.6; stroke-dasharray: 7 4; }
.chart .goal-text { fill: var(--mark); font-weight: 600; }
.chart .gone { stroke: var(--mark); stroke-width: 1.6; fill: none; }
.chart .model { stroke: var(--ink); stroke-width: 1.4; fill: none; }
.chart .ahead-line { stroke: var(--ink); stroke-width: 1.4; stroke-dasharray: 2 4; fill: none; }
.chart .part-0 { fill: #999999; } .chart .part-1 { fill: #cc79a7; } .chart .part-2 { fill: #0072b2; } .chart .part-3 { fill: #56b4e9; }
.chart .part-4 { fill: #d55e00; } .chart .part-5 { fill: #e69f00; } .chart .part-6 { fill: #009e73; }
.chart .cell { stroke: var(--paper); stroke-width: 1; }
.chart .cell.pass { fill: #009e73; } .chart .cell.fail { fill: #c0390b; } .chart .cell.open { fill: #e6a700; } .chart .cell.error { fill: #8a3f8e; }
.chart .cell.missing { fill: var(--paper); stroke: var(--mark); stroke-width: 2; } .chart .cell.ahead { fill: var(--grid); }
.chart .cell.unplanned { fill: none; stroke: var(--grid); }
.chart .sign { fill: #ffffff; font-weight: 700; } .chart .sign.missing { fill: var(--mark); } .chart .sign.open { fill: #1b2330; }
"""


@dataclasses.dataclass(frozen=True)
class Bar:
    """A night's bar: its parts in order, each a number of ``parts`` and a value."""

    day: Day
    parts: tuple[tuple[int, float], ...]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A name, and a value for each night that has one."""

    name: str
    points: tuple[tuple[Day, float], ...]


@dataclasses.dataclass(frozen=True)
class Limit:
    """A goal: what it says, and where it lies."""

    label: str
    value: float


@dataclasses.dataclass(frozen=True)
class Nights:
    """What all charts by night share: the first and the last day, nights that are missing, the unit, and the goal."""

    first: Day
    last: Day
    unit: str
    missing: tuple[Day, ...] = ()
    limit: Limit | None = None
    top: float | None = None  # of the axis, where the unit has one


@dataclasses.dataclass(frozen=True)
class _Plot:
    nights: Nights
    steps: tuple[float, ...]

    @property
    def bottom(self) -> float:
        return TOP + HEIGHT

    @property
    def step(self) -> float:
        """Width of a night."""
        return (RIGHT - LEFT) / ((self.nights.last - self.nights.first).days + 1)

    def x(self, day: Day) -> float:
        return LEFT + ((day - self.nights.first).days + 0.5) * self.step

    def y(self, value: float) -> float:
        return _height(value, self.steps)


def bars(title: str, description: str, nights: Nights, parts: t.Sequence[str], found: t.Sequence[Bar], identity: str) -> Markup:
    """Bars in parts. ``identity`` begins the ids inside and has to be unique on the page, here and below."""
    plot = _plot(nights, [sum(value for _part, value in one.parts) for one in found])
    legend, height = _legend([(f"part-{index % COLOURS}", name) for index, name in enumerate(parts)], plot)
    return _svg(title, description, identity, height, _axes(plot), joined(_bar(one, parts, plot) for one in found), _over(plot), legend)


def curves(title: str, description: str, nights: Nights, found: t.Sequence[Curve], identity: str) -> Markup:
    """Curves with a dot a night; a night without a value breaks the curve."""
    plot = _plot(nights, [value for curve in found for _day, value in curve.points])
    legend, height = _legend([(f"dot-{index}", curve.name) for index, curve in enumerate(found)], plot)
    drawn = joined(_curve(curve, index, plot) for index, curve in enumerate(found))
    return _svg(title, description, identity, height, _axes(plot), drawn, _over(plot), legend)


def calendar(title: str, description: str, states: t.Mapping[Day, str], first: Day, last: Day, identity: str) -> Markup:
    """A column a week, a row a weekday, a sign for each state of ``STATES``."""
    monday = first - datetime.timedelta(days=first.weekday())
    left, top, pitch = 46.0, 24.0, CELL + CELL_GAP
    cells, months = [], []
    for number in range((last - monday).days + 1):
        day = monday + datetime.timedelta(days=number)
        if day < first:
            continue
        x, y = left + number // 7 * pitch, top + number % 7 * pitch
        state = states.get(day, "unplanned")
        class_, sign, says = STATES[state]
        mark = tag("text", sign, class_=f"sign {class_}", x=x + CELL / 2, y=y + CELL / 2 + 4.5, text_anchor="middle") if sign else None
        box = tag("rect", class_=f"cell {class_}", x=x, y=y, width=CELL, height=CELL, rx=4)
        cells.append(tag("g", tag("title", f"{day.isoformat()}: {says}"), box, mark))
        if day.day == 1 or day == first:
            column = x if day.weekday() == 0 or day == first else x + pitch
            months.append(tag("text", f"{MONTHS[day.month - 1]} {day.year}", class_="soft small", x=column, y=14.0))
    rows = [
        tag("text", name, class_="soft small", x=left - 8, y=top + index * pitch + 15, text_anchor="end")
        for index, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
    ]
    height = top + 7 * pitch + 6
    edge = left + ((last - monday).days // 7 + 1) * pitch + 30
    counted = {state: sum(one == state for one in states.values()) for state in STATES}
    legend: list[Markup | None] = []
    for line, state in enumerate(state for state in STATES if counted[state]):
        class_, sign, says = STATES[state]
        y = top + line * pitch
        legend.append(tag("rect", class_=f"cell {class_}", x=edge, y=y, width=CELL, height=CELL, rx=4))
        legend.append(
            tag("text", sign, class_=f"sign {class_}", x=edge + CELL / 2, y=y + CELL / 2 + 4.5, text_anchor="middle") if sign else None
        )
        legend.append(tag("text", f"{counted[state]} {says}", x=edge + CELL + 8, y=y + 15.5))
    return _svg(title, description, identity, height, joined(rows), joined(months), joined(cells), joined(legend))


def scatter(
    title: str,
    description: str,
    points: t.Sequence[tuple[float, float]],
    line: t.Sequence[tuple[float, float]],
    limit: Limit,
    names: tuple[str, str],
    identity: str,
) -> Markup:
    """Dots of ``(x, y)``, a line through ``line``, drawn on as dots beyond the last dot; ``names`` are those of the axes."""
    across = [x for x, _y in [*points, *line]]
    ticks = scales.round_steps(max(across), 0.0, 8)
    steps = tuple(scales.round_steps(max([limit.value, *[y for _x, y in points]]) * 1.05))
    known = max(x for x, _y in points)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + point[0] / ticks[-1] * (RIGHT - LEFT), _height(min(point[1], steps[-1]), steps)

    body = [_value_axis(steps, names[1])]
    for tick in ticks:
        x = place((tick, 0.0))[0]
        body.append(tag("line", class_="axis", x1=x, x2=x, y1=TOP + HEIGHT, y2=TOP + HEIGHT + 5))
        body.append(
            tag("text", scales.compact(tick), class_="soft", x=x, y=TOP + HEIGHT + 18, text_anchor="end" if x > RIGHT - 14 else "middle")
        )
    body.append(tag("line", class_="axis", x1=LEFT, x2=RIGHT, y1=TOP + HEIGHT, y2=TOP + HEIGHT))
    body.append(tag("text", names[0], class_="soft small", x=RIGHT, y=TOP + HEIGHT + 34, text_anchor="end"))
    for class_, part in (("model", [one for one in line if one[0] <= known]), ("ahead-line", [one for one in line if one[0] >= known])):
        if len(part) > 1:
            body.append(tag("path", class_=class_, d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in map(place, part))))
    body += [tag("circle", class_="dot-0", cx=x, cy=y, r=3.0) for x, y in map(place, points)]
    body.append(_limit(limit, steps))
    return _svg(title, description, identity, TOP + HEIGHT + 42, *body)


def _svg(title: str, description: str, identity: str, height: float, *body: object) -> Markup:
    return tag(
        "svg",
        tag("title", title, id=f"{identity}-title"),
        tag("desc", description, id=f"{identity}-desc"),
        *body,
        class_="chart",
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
    )


def _plot(nights: Nights, values: t.Sequence[float]) -> _Plot:
    highest = max([*values, nights.limit.value if nights.limit else 0.0], default=1.0)
    return _Plot(nights, tuple(scales.round_steps(nights.top or highest * 1.05 or 1.0)))


def _height(value: float, steps: t.Sequence[float]) -> float:
    return TOP + HEIGHT - value / steps[-1] * HEIGHT


def _axes(plot: _Plot) -> Markup:
    return joined([_value_axis(plot.steps, plot.nights.unit), _day_axis(plot)])


def _value_axis(steps: t.Sequence[float], unit: str) -> Markup:
    parts: list[Markup] = []
    for step in steps:
        y = _height(step, steps)
        parts.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT, y1=y, y2=y))
        parts.append(tag("text", scales.compact(step), class_="soft", x=LEFT - 8, y=y + 4, text_anchor="end"))
    return joined([*parts, tag("text", unit, class_="soft", x=LEFT - 8, y=TOP - 9, text_anchor="end")])


def _day_axis(plot: _Plot) -> Markup:
    """A tick a Monday, with its date where there is room."""
    parts = [tag("line", class_="axis", x1=LEFT, x2=RIGHT, y1=plot.bottom, y2=plot.bottom)]
    end = 0.0
    for number in range((plot.nights.last - plot.nights.first).days + 1):
        day = plot.nights.first + datetime.timedelta(days=number)
        if day.weekday() != 0 and number > 0:
            continue
        x = plot.x(day)
        parts.append(tag("line", class_="axis", x1=x, x2=x, y1=plot.bottom, y2=plot.bottom + 5))
        if x - end >= 44:
            parts.append(tag("text", f"{day.day} {MONTHS[day.month - 1]}", class_="soft", x=x, y=plot.bottom + 18, text_anchor="middle"))
            end = x
    return joined(parts)


def _bar(night: Bar, parts: t.Sequence[str], plot: _Plot) -> Markup:
    width = max(1.5, min(26.0, plot.step * 0.78))
    x, below = plot.x(night.day) - width / 2, 0.0
    drawn = []
    for part, value in night.parts:
        top = plot.y(below + value)
        drawn.append(tag("rect", class_=f"part-{part % COLOURS}", x=x, y=top, width=width, height=plot.y(below) - top))
        below += value
    said = ", ".join(f"{parts[part]} {scales.duration(value)}" for part, value in night.parts)
    return tag("g", tag("title", f"{night.day.isoformat()}: {scales.duration(below)} ({said})"), *drawn)


def _curve(curve: Curve, colour: int, plot: _Plot) -> Markup:
    drawn, run = [], list[tuple[float, float]]()
    before: Day | None = None
    for day, value in [*sorted(curve.points), (None, 0.0)]:
        if day is None or (before is not None and (day - before).days > 1):
            if len(run) > 1:
                drawn.append(tag("path", class_=f"curve series-{colour}", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)))
            run = []
        if day is not None:
            run.append((plot.x(day), plot.y(value)))
            drawn.append(tag("circle", class_=f"dot-{colour}", cx=run[-1][0], cy=run[-1][1], r=2.4))
        before = day
    return joined(drawn)


def _over(plot: _Plot) -> Markup:
    """What lies above bars and curves: nights that are missing, and the goal."""
    parts = []
    for day in plot.nights.missing:
        x, y, size = plot.x(day), plot.bottom - 9, 3.5
        cross = f"M{x - size:.1f} {y - size:.1f}L{x + size:.1f} {y + size:.1f}M{x - size:.1f} {y + size:.1f}L{x + size:.1f} {y - size:.1f}"
        parts.append(tag("g", tag("title", f"{day.isoformat()}: missing"), tag("path", class_="gone", d=cross)))
    return joined([*parts, _limit(plot.nights.limit, plot.steps) if plot.nights.limit else None])


def _limit(limit: Limit, steps: t.Sequence[float]) -> Markup:
    y = _height(limit.value, steps)
    return joined(
        [
            tag("line", class_="goal", x1=LEFT, x2=RIGHT, y1=y, y2=y),
            tag("text", limit.label, class_="small goal-text halo", x=RIGHT, y=y - 5, text_anchor="end"),
        ]
    )


def _legend(entries: t.Sequence[tuple[str, str]], plot: _Plot) -> tuple[Markup, float]:
    """Below the axis, in as many rows as it takes; the chart's height with it."""
    x, y = LEFT, plot.bottom + 42
    parts: list[Markup] = []
    shown = [*entries, *([("gone", "missing night")] if plot.nights.missing else [])]
    for class_, name in shown:
        width = 26 + len(name) * 7.0
        if x + width > RIGHT:
            x, y = LEFT, y + 18
        if class_ == "gone":
            parts.append(tag("path", class_="gone", d=f"M{x + 1:.1f} {y - 8:.1f}l8 8m-8 0l8 -8"))
        else:
            parts.append(tag("rect", class_=class_, x=x, y=y - 9, width=10.0, height=10.0, rx=2))
        parts.append(tag("text", name, class_="small", x=x + 15, y=y))
        x += width
    return joined(parts), y + 10

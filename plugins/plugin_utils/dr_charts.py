# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The pictures of the quarter's report, each with what it shows in words."""

from __future__ import annotations

import datetime
import statistics
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups.report import quarter as quarters
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import records
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Quarter
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.runs import Run
from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import dr_words, night_charts
from .markup import Markup, tag
from .night_charts import Bar, Curve, Limit, Nights

PHASES = ("locate", "provision", "fetch", "to_consistent", "replay", "promote", "first_query")
SPOKEN = tuple(name.replace("_", " ") for name in PHASES)
GIGABYTE = 1e9


def nights(found: Quarter) -> Markup:
    """The calendar of verdicts, missing nights among them."""
    period = found.wanted.period
    counts = found.counts
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    states = {night.day: night.state for night in found.nights}
    chart = night_charts.calendar("Verdict of every night", told, states, period.first, period.last, "calendar")
    text = f"Of {counts['planned']} planned nights, {counts['done']} have a run on record."
    if counts["missing"]:
        text += " A missing night has none: nobody knows whether that backup restores."
    return _section("Nights", chart, text)


def recovery_time(found: Quarter) -> Markup | None:
    """Bars by phase against the goal: the slowest run of each night that has numbers."""
    slowest: dict[datetime.date, tuple[float, Run]] = {}
    for run in found.runs:
        seconds = run.number("rto", "seconds")
        if seconds is not None and not run.is_drill and seconds >= slowest.get(run.night, (0.0, run))[0]:
            slowest[run.night] = (seconds, run)
    found_bars = [Bar(day, _parts(run)) for day, (_seconds, run) in sorted(slowest.items())]
    if not found_bars:
        return None
    limit = Limit(f"goal {words.lasting(found.wanted.rto)}", found.wanted.rto)
    title = "Recovery time by night, in its phases"
    chart = night_charts.bars(title, f"{len(found_bars)} nights", _nights(found, "s", limit), SPOKEN, found_bars, "recovery-time")
    return _section(
        "Recovery time",
        chart,
        "Each bar is a night's recovery from the order to the first answered query; the dashed line is what was promised.",
    )


def _parts(run: Run) -> tuple[tuple[int, float], ...]:
    phases = records.part(records.part(run.record, "rto"), "phases")
    measured = [(index, records.number(phases, name)) for index, name in enumerate(PHASES)]
    return tuple((index, value) for index, value in measured if value is not None)


def loss(found: Quarter) -> Markup | None:
    """Loss and the longest upload gap against the goal."""
    curves = _curves(found, {"loss, by heartbeat": ("rpo", "seconds"), "longest upload gap in 24 hours": ("rpo", "worst_24h_seconds")})
    if not curves:
        return None
    limit = Limit(f"goal {words.lasting(found.wanted.rpo)}", found.wanted.rpo)
    chart = night_charts.curves("Loss by night", f"{len(curves)} curves", _nights(found, "s", limit), curves, "loss")
    return _section(
        "Loss",
        chart,
        "What a restore at that moment would have lost, and the longest time of the day before in which nothing was archived.",
    )


def growth(found: Quarter) -> Markup | None:
    """Recovery time against size, with the model drawn on to its goal."""
    if not found.points:
        return None
    told = [tag("p", line) for line in dr_words.budget(found)]
    model = found.model
    line: list[tuple[float, float]] = []
    if model is not None:
        wal = statistics.median(point.wal for point in found.points)
        sizes = [point.fetched for point in found.points]
        ends = [0.0, *sorted(sizes)]
        if model.fetch > 0:
            crossing = (found.wanted.rto - model.fixed - model.replay * wal) / model.fetch
            ends.append(min(max(crossing, *sizes), max(sizes) * 3))
        line = [(end / GIGABYTE, model.seconds(end, wal)) for end in ends]
    dots = [(point.fetched / GIGABYTE, point.seconds) for point in found.points]
    limit = Limit(f"goal {words.lasting(found.wanted.rto)}", found.wanted.rto)
    title = "Recovery time against what has to be fetched"
    chart = night_charts.scatter(title, f"{len(dots)} recoveries", dots, line, limit, ("GB fetched", "s"), "growth")
    return _section(
        "Growth", chart, "A dot is a recovery, the line the model at the median amount of log; dotted where nothing was measured.", *told
    )


def coverage_and_throughput(found: Quarter) -> Markup | None:
    """How much of the content was checked whole, and how fast bytes came."""
    parts: list[Markup] = []
    rates = _curves(
        found,
        {"fetch": ("rates", "fetch_bytes_per_second"), "replay of the log": ("rates", "replay_bytes_per_second")},
        divided=1e6,
    )
    if rates:
        chart = night_charts.curves("Throughput by night", "fetch and replay", _nights(found, "MB/s"), rates, "throughput")
        parts.append(_figure(chart, "Fetching and replaying, of runs at the usual rate."))
    whole = _curves(found, {"tables checked whole within the coverage period": ("coverage", "ratio")}, divided=0.01)
    if whole:
        chart = night_charts.curves("Coverage by night", "share of tables", _nights(found, "%", top=100.0), whole, "coverage")
        ages = [age for run in found.runs if (age := run.number("coverage", "oldest_days")) is not None]
        oldest = f" No table's last whole check was ever older than {words.number(max(ages))} days." if ages else ""
        parts.append(_figure(chart, f"The share of tables that were compared whole, not only by a sample.{oldest}"))
    return tag("section", tag("h2", "Throughput and coverage"), *parts) if parts else None


def _curves(found: Quarter, wanted: t.Mapping[str, tuple[str, str]], divided: float = 1.0) -> list[Curve]:
    """A curve for each name that has values: the largest of each night's usual runs."""
    curves = []
    for name, keys in wanted.items():
        largest: dict[datetime.date, float] = {}
        for run in found.runs:
            value = run.number(*keys)
            if value is not None and not run.is_drill:
                largest[run.night] = max(value / divided, largest.get(run.night, 0.0))
        if largest:
            curves.append(Curve(name, tuple(sorted(largest.items()))))
    return curves


def _nights(found: Quarter, unit: str, limit: Limit | None = None, top: float | None = None) -> Nights:
    period = found.wanted.period
    missing = tuple(night.day for night in found.nights if night.state == quarters.MISSING)
    return Nights(period.first, period.last, unit, missing, limit, top)


def _section(heading: str, chart: Markup, caption: str, *told: object) -> Markup:
    return tag("section", tag("h2", heading), *told, _figure(chart, caption))


def _figure(chart: Markup, caption: str) -> Markup:
    return tag("figure", tag("div", chart, class_="scroll", tabindex="0"), tag("figcaption", caption))

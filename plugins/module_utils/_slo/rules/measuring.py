# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the rules are worth, as measures: pages a day before and after over the same days, and what is missing."""

from __future__ import annotations

import math
import pathlib
import typing as t

from ..._common import runbooks, web
from ..._common.prometheus import answers, promql
from ..._common.prometheus.grid import Grid, written
from ..._common.web import Server, Unusable
from ..catalog.catalog import Catalog
from ..catalog.slo import Slo
from . import backtest, history, names, recording, windows
from .saved_history import Saved

MINUTES_A_DAY = 24 * 60
PAGES = ("pages_per_day_before", "pages_per_day_after", "pages_per_day_change")
Measure = dict[str, t.Any]


def measures(server: Server, catalog: Catalog, *, days: int, former_pages: str, runbooks_directory: str | None) -> list[Measure]:
    """``pages_per_day_before``, ``pages_per_day_after``, ``pages_per_day_change``, ``slos_without_runbook`` and ``undefined_series``.

    What could not be observed is null, and ``how`` says why. Both numbers of pages are about the same days and the same events.

    :param days: how far to look back, 1 to 7.
    :param former_pages: selector of the former alerts' ``ALERTS`` that woke somebody.
    """
    try:
        now = answers.clock(web.ask(server, "/api/v1/query", {"query": "time()"}))
    except Unusable as why:
        here = written(0)
        without = _without_runbook(catalog, runbooks_directory, here)
        return [*_nothing_of_pages(here, str(why)), without, _null("undefined_series", "1", here, str(why))]
    moments = history.grid(now, days)
    at = written(moments.end)
    return [
        *_pages(server, catalog, moments, former_pages),
        _without_runbook(catalog, runbooks_directory, at),
        _undefined(server, catalog, at),
    ]


def of_history(saved: Saved, catalog: Catalog, *, runbooks_directory: str | None) -> list[Measure]:
    """The same of a history in a file; what the series are, it cannot say."""
    at = written(saved.end * 1000)
    recorded = [(slo, saved.events[slo.id]) for slo in catalog.slos if slo.id in saved.events]
    missing = [slo.id for slo in catalog.slos if slo.id not in saved.events]
    where = f" of a history in a file ({saved.origin})"
    return [
        *(
            _nothing_of_pages(at, f"no events of {', '.join(missing)} in the history")
            if missing
            else _reckoned(recorded, saved.pages, "the former alerts", catalog, at, where)
        ),
        _without_runbook(catalog, runbooks_directory, at),
        _null("undefined_series", "1", at, "a history in a file, which has no series"),
    ]


def _pages(server: Server, catalog: Catalog, moments: Grid, former_pages: str) -> list[Measure]:
    at = written(moments.end)
    try:
        recorded = [(slo, events) for slo in catalog.slos for events in history.events(server, slo, moments)]
        before = history.started(server, former_pages, moments)
    except Unusable as why:
        return _nothing_of_pages(at, str(why))
    return _reckoned(recorded, before, former_pages, catalog, at)


def _nothing_of_pages(at: str, why: str) -> list[Measure]:
    return [_null(name, "1/d", at, why) for name in PAGES]


def _reckoned(
    recorded: t.Sequence[tuple[Slo, backtest.Events]], before: int, former: str, catalog: Catalog, at: str, where: str = ""
) -> list[Measure]:
    minutes = max((_observed(events) for _slo, events in recorded), default=0)
    if not minutes:
        return _nothing_of_pages(at, "no events of any service level in these days")
    after = sum(len(backtest.firings(slo, windows.PAGE, events)) for slo, events in recorded if slo.pages)
    for slo in catalog.slos:
        if slo.absent == "page":
            after += backtest.absences(slo, [events for other, events in recorded if other is slo])
    spoken = f"in {minutes} observed minutes{where}"
    ours = f"pages of the rules of {len(catalog.slos)} service levels, reckoned over what was recorded"
    told = {
        "pages_per_day_before": (before, f"{before} times {former} began, {spoken}"),
        "pages_per_day_after": (after, f"{after} {ours} {spoken}"),
        "pages_per_day_change": (after - before, f"{after} {ours}, less {before} times that {former} began, {spoken}"),
    }
    return [_measure(name, count * MINUTES_A_DAY / minutes, "1/d", minutes, at, how) for name, (count, how) in told.items()]


def _observed(events: backtest.Events) -> int:
    return sum(1 for total in events.windows[names.BASE].total if not math.isnan(total))


def _without_runbook(catalog: Catalog, directory: str | None, at: str) -> Measure:
    folder = None if directory is None else pathlib.Path(directory)
    without = [slo.id for slo in catalog.slos if not slo.runbook or (folder is not None and runbooks.problem(folder, slo.runbook))]
    how = f"service levels without a runbook{'' if folder is None else f', page and anchor looked up in {folder}'}: {', '.join(without) or 'none'}"
    return _measure("slos_without_runbook", len(without), "1", len(catalog.slos), at, how)


def _undefined(server: Server, catalog: Catalog, at: str) -> Measure:
    """Selectors that no series of the last day answers. Of bad events only the metric is asked for: there may have been none."""
    wanted = {selector: slo.id for slo in catalog.slos for selector in _asked(slo)}
    missing = []
    try:
        for selector, slo_id in sorted(wanted.items()):
            found = answers.vector(web.ask(server, "/api/v1/query", {"query": f"count(last_over_time({selector}[1d]))"}))
            if not found:
                missing.append(f"{selector} of {slo_id}")
    except Unusable as why:
        return _null("undefined_series", "1", at, str(why))
    return _measure(
        "undefined_series",
        len(missing),
        "1",
        len(wanted),
        at,
        f"selectors without a series in the last day: {'; '.join(missing) or 'none'}",
    )


def _asked(slo: Slo) -> list[str]:
    part, total, is_good = recording.part_and_total(slo)
    return [total, part if is_good else promql.plain_selector(part).name]


def _measure(name: str, value: float, unit: str, samples: int, at: str, how: str) -> Measure:
    return {"name": name, "value": value, "unit": unit, "samples": samples, "at": at, "how": how}


def _null(name: str, unit: str, at: str, why: str) -> Measure:
    return {"name": name, "value": None, "unit": unit, "samples": 0, "at": at, "how": f"not measured: found {why}"}

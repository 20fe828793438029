# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``promql_measure`` does."""

from __future__ import annotations

import time
import typing as t

from ..._common import shape, web, words
from ..._common.argument_spec import ArgumentSpec
from ..._common.errors import Refusal, Refusals
from ..._common.frame import Context, Outcome
from ..._common.prometheus import answers
from ..._common.prometheus.grid import spelt
from ..._common.web import Answer, Server, Unusable
from . import lookback, measures, queries
from .queries import Query

LONG_AGO = "1"  # epoch seconds of a moment before any data

SPEC = ArgumentSpec(
    options={
        **web.OPTIONS,
        "queries": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "query": {"type": "str", "required": True},
                "unit": {"type": "str", "default": "1"},
                "window": {"type": "str", "default": "30m"},
                "step": {"type": "str", "default": "15s"},
                "lookback": {"type": "str"},
                "coverage_at_least": {"type": "float", "default": 95.0},
                "reduce": {"type": "str", "default": "last"},
            },
        },
        "precheck": {"type": "bool", "default": False},
        "not_before": {"type": "float"},
        "ready_path": {"type": "str", "default": "/-/ready"},
        "clock_tolerance": {"type": "float", "default": 60.0},
    },
    mutually_exclusive=web.EXCLUSIVE,
    required_together=web.TOGETHER,
)


def work(context: Context) -> Outcome:
    """Measure, or only look whether it can be measured.

    :raises Refusal: an option is not as it must be.
    :raises Refusals: only of a precheck: whatever stands in the way.
    """
    told = context.parameters
    for name in ("clock_tolerance", "not_before"):
        if told[name] is not None and (not words.is_number(told[name]) or told[name] <= 0):
            raise shape.wrong(name, "a number above 0", words.described(told[name]), "Correct it.")
    asked = queries.parse(told["queries"])
    server = web.server(told)
    if server.authorization is not None and server.url.startswith("http://"):
        context.warn("The credentials for Prometheus go unencrypted over http.")
    if told["precheck"]:
        precheck(server, told, asked)
        return Outcome(False, {"measures": [], "series": []})
    found, drawn = observe(server, told, asked, wait=not context.check_mode)
    return Outcome(False, {"measures": found, "series": drawn})


def precheck(server: Server, told: t.Mapping[str, t.Any], asked: t.Sequence[Query]) -> None:
    """Look whether the server is ready, and whether every query can be asked and answers nothing where there is nothing.

    :raises Refusals: what stands in the way.
    """
    try:
        clock(server, told)
        own = _own_lookback(server)
    except Unusable as why:
        raise Refusals([_refused(server.url, "a Prometheus that is ready", why, "Wait for it, or correct url and credentials.")]) from why
    refusals = []
    for query in asked:
        try:
            _refuse(server, query, own)
        except Unusable as why:
            refusals.append(_refused(f"queries.{query.name}", "one that can be measured", why, "Correct it."))
    if refusals:
        raise Refusals(refusals)


def observe(
    server: Server, told: t.Mapping[str, t.Any], asked: t.Sequence[Query], *, wait: bool
) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """A measure for every query, and the curves of those that answered. Whatever goes wrong makes the value null and stands in ``how``."""
    not_before = None if told["not_before"] is None else round(told["not_before"] * 1000)
    try:
        now = clock(server, told)
        if wait and not_before is not None and (seconds := _until(asked, now, not_before)) > 0:
            time.sleep(seconds)
            now = clock(server, told)
        own = _own_lookback(server)
    except Unusable as why:
        here = round(time.time() * 1000)
        return [measures.not_measured(query, here, str(why)) for query in asked], []
    found, drawn = [], []
    for query in asked:
        moments = query.moments(now)
        try:
            _refuse(server, query, own)
            form = {
                "start": spelt(moments.start),
                "end": spelt(moments.end),
                "step": str(query.step),
                "lookback_delta": f"{query.lookback}s",
            }
            points = answers.points(_ask(server, "/api/v1/query_range", query.expression, form), moments)
        except Unusable as why:
            found.append(measures.not_measured(query, moments.end, str(why)))
        else:
            found.append(measures.measure(query, moments, points, not_before))
            drawn.append(measures.series(query, points.values))
    return found, drawn


def clock(server: Server, told: t.Mapping[str, t.Any]) -> int:
    """The clock of a server that is ready, in milliseconds.

    :raises Unusable: it is not ready (still reading its write-ahead log, for one), or its clock is too far from ours.
    """
    if told["ready_path"]:
        ready = web.ask(server, "/" + told["ready_path"].lstrip("/"))
        if ready.status != 200:
            raise Unusable(f"HTTP {ready.status} from {told['ready_path']}: the server is not ready", "not_ready")
    now = answers.clock(_instant(server, "time()"))
    apart = now / 1000 - time.time()
    if abs(apart) > told["clock_tolerance"]:
        raise Unusable(f"a clock that is {apart:+.0f} s from ours, or an answer from a cache", "clock")
    return now


def _refuse(server: Server, query: Query, own: float | None) -> None:
    """:raises Unusable: whatever is wrong with the query is known without looking at data."""
    lookback.refuse_longer(query, own)
    answers.refuse_made_up(_instant(server, query.expression, LONG_AGO))


def _own_lookback(server: Server) -> float | None:
    """How old a sample may be there, in seconds; None when each request can say it."""
    nonsense = _ask(server, "/api/v1/query", "time()", {"lookback_delta": lookback.NONSENSE})
    return None if lookback.is_obeyed(nonsense) else lookback.of_server(web.ask(server, "/api/v1/status/flags"))


def _until(asked: t.Sequence[Query], now: int, not_before: int) -> float:
    """Seconds until no window reaches back before that moment; never longer than the longest window and what rounding adds."""
    needed = max(query.window + 2 * query.step for query in asked)
    return min((not_before - now) / 1000 + needed, needed)


def _instant(server: Server, expression: str, moment: str | None = None) -> Answer:
    return _ask(server, "/api/v1/query", expression, {} if moment is None else {"time": moment})


def _ask(server: Server, path: str, expression: str, form: t.Mapping[str, str]) -> Answer:
    return web.ask(server, path, {"query": expression, "timeout": f"{max(1, round(server.timeout))}s", **form})


def _refused(thing: str, expected: str, why: Unusable, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=str(why), remedy=remedy, code=f"promql_{why.code}")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample traces of a small shop in OTLP/JSON lines, as the collector's file exporter writes them; the same seed gives the same bytes.

``python -m playground.traces ordinary --traces 20000 --seed 1 --out ordinary.jsonl`` writes an ordinary time, ``incident`` one with ten times the
errors and everything slower. A gateway calls search, docs and cart, and these their databases. A part of the failed requests answers 5xx
without an error status, settlements come long after their trace seemed to be over, and a reindexing now and then makes a giant trace.
"""

from __future__ import annotations

import argparse
import dataclasses
import heapq
import itertools
import json
import math
import random
import sys
import typing as t
from pathlib import Path

from .errors import run_command

SERVER, CLIENT, CONSUMER = 2, 3, 5  # kinds of spans
ERROR = 2  # the status of a span
OK = 200
SAMPLED = 1  # the flag
BEGIN = 1_774_864_800.0  # 2026-03-30T10:00:00Z
NANOSECONDS = 1_000_000_000
LARGEST_EXPORT = 512  # spans, as SDKs send them
SECONDS_BETWEEN_EXEMPLARS = 7.0  # for each service and route, as the Prometheus Java client marks them

Span: t.TypeAlias = "dict[str, t.Any]"
Value: t.TypeAlias = "str | int | bool"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """How a time goes: share of requests that fail, how many times as long all takes, share of requests that take ten times as long again."""

    failing: float
    slowdown: float
    crawling: float


@dataclasses.dataclass(frozen=True)
class Route:
    """What is asked of the gateway: how often, who answers, with how many queries, in how many seconds as a median."""

    method: str
    route: str
    weight: float
    service: str = ""
    queries: tuple[int, int] = (0, 0)
    seconds: float = 0.002
    settled: float = 0.0  # share with a settlement after the answer


SCENARIOS = {"ordinary": Scenario(0.01, 1.0, 0.004), "incident": Scenario(0.10, 3.0, 0.02)}
ROUTES = (
    Route("GET", "/search", 0.40, "search", (1, 3), 0.06),
    Route("GET", "/docs/{page}", 0.36, "docs", (1, 2), 0.03),
    Route("POST", "/cart", 0.1395, "cart", (2, 4), 0.05, settled=0.2),
    Route("GET", "/health", 0.10),
    Route("POST", "/docs/reindex", 0.0005, "docs", (300, 900), 2.0),
)
SILENT = 0.3  # share of failed requests that answer 503 and set no status
MISSING = 0.03  # share of requests that ask for what is not there: 404 is not an error
FAILED_SETTLEMENTS = 0.02
SETTLEMENT_SECONDS = (5.0, 40.0)  # after the answer
PODS = 3


def lines(name: str, *, traces: int, seed: int = 1, rate: float = 50.0) -> t.Iterator[str]:
    """The traces of a scenario, a service's export a line, in the order of arrival: what ended in a second is exported at its end.

    :param traces: how many.
    :param rate: traces a second; they begin as a Poisson process.
    """
    randomness = random.Random(f"{name} {seed}")
    shop = _Shop(randomness, SCENARIOS[name])
    pending: list[tuple[float, int, str, Span]] = []  # by their end
    order = itertools.count()
    now = tick = 0.0
    for _number in range(traces):
        now += randomness.expovariate(rate)
        for end, service, span in shop.trace(now):
            heapq.heappush(pending, (end, next(order), service, span))
        while tick + 1 <= now:
            tick += 1
            yield from _exported(pending, tick)
    yield from _exported(pending, math.inf)


class _Shop:
    """Makes traces, one after the other."""

    def __init__(self, randomness: random.Random, scenario: Scenario) -> None:
        self.randomness = randomness
        self.scenario = scenario
        self.marked: dict[tuple[str, str], float] = {}  # when a service and route last had an exemplar

    def trace(self, begin: float) -> t.Iterator[tuple[float, str, Span]]:
        """The spans of one trace, each with its end in seconds and its service."""
        chance = self.randomness
        route = chance.choices(ROUTES, [route.weight for route in ROUTES])[0]
        code, status = self._answer(route)
        took = chance.lognormvariate(math.log(route.seconds * self.scenario.slowdown), 0.5)
        took *= 10 if chance.random() < self.scenario.crawling else 1
        title = f"{route.method} {route.route}"
        path = route.route.replace("{page}", f"page-{chance.randrange(40)}")
        asked: dict[str, Value] = {"http.request.method": route.method, "url.path": path, "http.response.status_code": code}
        trace = _Trace(chance)

        root = trace.span("", SERVER, title, begin, took, {**asked, **self._marks("gateway", route, begin)}, status)
        yield begin + took, "gateway", root
        if not route.service:
            return
        call = trace.span(
            root["spanId"], CLIENT, route.method, begin + 0.02 * took, 0.95 * took, {**asked, "server.address": route.service}, 0
        )
        yield begin + 0.97 * took, "gateway", call
        attributes = {**asked, **self._marks(route.service, route, begin)}
        answer = trace.span(call["spanId"], SERVER, title, begin + 0.04 * took, 0.9 * took, attributes, status)
        yield begin + 0.94 * took, route.service, answer

        queries = chance.randint(*route.queries)
        each = 0.85 * took / queries
        query = f"SELECT {route.service}"
        statement: dict[str, Value] = {"db.system.name": "postgresql", "db.collection.name": route.service, "db.query.summary": query}
        for number in range(queries):
            start = begin + 0.06 * took + number * each
            failed = status if number == queries - 1 else 0
            yield start + each, route.service, trace.span(answer["spanId"], CLIENT, query, start, each, statement, failed)
        if code == OK and chance.random() < route.settled:
            later = begin + took + chance.uniform(*SETTLEMENT_SECONDS)
            message: dict[str, Value] = {"messaging.system": "postgresql", "messaging.destination.name": "settlements"}
            failed = ERROR if chance.random() < FAILED_SETTLEMENTS else 0
            yield later + 0.05, "settlement", trace.span(answer["spanId"], CONSUMER, "process settlements", later, 0.05, message, failed)

    def _answer(self, route: Route) -> tuple[int, int]:
        """The HTTP status of a request, and the status of its spans."""
        if not route.service:
            return OK, 0
        if self.randomness.random() < self.scenario.failing:
            return (503, 0) if self.randomness.random() < SILENT else (500, ERROR)
        return (404, 0) if self.randomness.random() < MISSING else (OK, 0)

    def _marks(self, service: str, route: Route, begin: float) -> dict[str, Value]:
        """The route of a server span, and whether an exemplar points to it."""
        if begin - self.marked.get((service, route.route), -math.inf) < SECONDS_BETWEEN_EXEMPLARS:
            return {"http.route": route.route}
        self.marked[service, route.route] = begin
        return {"http.route": route.route, "exemplar": "true"}


class _Trace:
    """Makes the spans of one trace."""

    def __init__(self, randomness: random.Random) -> None:
        self.randomness = randomness
        self.trace_id = f"{randomness.getrandbits(128) or 1:032x}"

    def span(
        self, parent: str, kind: int, title: str, start: float, seconds: float, attributes: t.Mapping[str, Value], status: int
    ) -> Span:
        """A span; one of a query that fails has the exception as an event."""
        made: Span = {
            "traceId": self.trace_id,
            "spanId": f"{self.randomness.getrandbits(64) or 1:016x}",
            "parentSpanId": parent,
            "flags": SAMPLED,
            "name": title,
            "kind": kind,
            "startTimeUnixNano": _nanoseconds(start),
            "endTimeUnixNano": _nanoseconds(start + seconds),
            "attributes": _attributes(attributes),
            "status": {"code": status} if status else {},
        }
        if status and kind == CLIENT:
            about = {"exception.type": "OperationalError", "exception.message": "canceling statement due to statement timeout"}
            made["events"] = [{"timeUnixNano": made["endTimeUnixNano"], "name": "exception", "attributes": _attributes(about)}]
        return made


def _exported(pending: list[tuple[float, int, str, Span]], until: float) -> t.Iterator[str]:
    """Take what ended by then out of ``pending``; a line for each service, or several when there is much."""
    ended: dict[str, list[Span]] = {}
    while pending and pending[0][0] <= until:
        _end, _order, service, span = heapq.heappop(pending)
        ended.setdefault(service, []).append(span)
    for service, spans in ended.items():
        for begin in range(0, len(spans), LARGEST_EXPORT):
            yield json.dumps(_export(service, spans[begin : begin + LARGEST_EXPORT]), separators=(",", ":"))


def _export(service: str, spans: t.Sequence[Span]) -> dict[str, t.Any]:
    pod = int(spans[0]["spanId"], 16) % PODS
    resource: dict[str, Value] = {
        "service.name": service,
        "service.version": "2026.3",
        "service.instance.id": f"{service}-{pod}",
        "deployment.environment.name": "stage",
        "k8s.pod.name": f"{service}-{pod}",
    }
    scoped = [{"scope": {"name": "playground.shop", "version": "1"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": scoped}]}


def _attributes(told: t.Mapping[str, Value]) -> list[dict[str, t.Any]]:
    return [{"key": key, "value": _value(value)} for key, value in told.items()]


def _value(value: Value) -> dict[str, t.Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _nanoseconds(seconds: float) -> str:
    return str(int((BEGIN + seconds) * NANOSECONDS))


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.traces", description="Sample traces in OTLP/JSON lines.")
    parser.add_argument("scenario", choices=sorted(SCENARIOS))
    parser.add_argument("--traces", type=int, default=20_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other traces (%(default)s)")
    parser.add_argument("--rate", type=float, default=50.0, help="traces a second (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    chosen = parser.parse_args(arguments)
    with chosen.out.open("w", encoding="utf-8") as file:
        for line in lines(chosen.scenario, traces=chosen.traces, seed=chosen.seed, rate=chosen.rate):
            file.write(line + "\n")
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))

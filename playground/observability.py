# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playground's shop tells of itself: recorded traces, a collector's configuration, a catalogue of service levels, a history of its requests.

``python -m playground.observability make`` writes them, ``remove`` deletes them. No collector and no Prometheus runs on a playground: the traces are
replayed, and the history is made up, by seed. Both say so wherever they are measured.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import sys
import time
import typing as t
from pathlib import Path

from . import connection, traces
from .errors import run_command

FOLDER = connection.REPOSITORY / "build" / "playground" / "observability"
SEED = 36
TRACES = 4000
MINUTES = 2 * 24 * 60
SKETCH_FACTOR, SKETCH_PENDING = 2, 5  # the sprint plan's alert: burn above 2 for 5 minutes, one window
COLLECTOR = """\
# The shop's collector, as it was before the sprint: it keeps every trace.
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:4317"}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}
  batch: {}
exporters:
  otlp: {endpoint: "${env:TRACES_BACKEND}"}  # said by the service's unit
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [otlp]
"""
CATALOG = """\
# The shop's service levels: sprint 25's catalogue, in full.
service: gateway
tier: "1"
owner: team-edge
runbook: docs/runbooks/slo_burn.md#fast
slos:
  - name: availability
    objective: "99.9"
    sli:
      ratio: {bad: 'http_requests_total{job="gateway",code=~"5.."}', total: 'http_requests_total{job="gateway"}'}
---
service: docs-api
tier: "2"
owner: team-docs
runbook: docs/runbooks/slo_burn.md#fast
slos:
  - name: availability
    objective: "99.9"
    sli:
      ratio: {bad: 'http_requests_total{job="docs-api",code=~"5.."}', total: 'http_requests_total{job="docs-api"}'}
"""


class Level(t.NamedTuple):
    """A service level's traffic: requests a minute, share that fails on an ordinary minute, and what may fail of them all."""

    requests: int
    failing: float
    budget: float


LEVELS = {"gateway-availability": Level(600, 0.0002, 0.001), "docs-api-availability": Level(40, 0.0004, 0.001)}


def history(start: int, seed: int = SEED) -> dict[str, t.Any]:
    """Two days of requests minute by minute: one outage, hours of flapping, short spikes; and when the sprint plan's own alert would have woken somebody.

    :param start: epoch seconds, a whole minute.
    """
    chance = random.Random(seed)
    slos: dict[str, dict[str, list[int]]] = {}
    pages: list[int] = []
    for slo_id, level in LEVELS.items():
        bad, total = [], []
        for minute in range(MINUTES):
            requests = max(1, round(chance.gauss(level.requests, math.sqrt(level.requests))))
            total.append(requests)
            bad.append(sum(chance.random() < _failing(level, minute) for _request in range(requests)))
        slos[slo_id] = {"bad": bad, "total": total}
        pages += [start + 60 * minute for minute in _sketched_pages(bad, total, level.budget)]
    return {"version": 1, "start": start, "origin": "made up by the playground", "slos": slos, "pages": sorted(pages)}


def _failing(level: Level, minute: int) -> float:
    hour, of_hour = divmod(minute, 60)
    if hour == 9 and 20 <= of_hour < 45:
        return 0.5  # an outage of 25 minutes
    if 30 <= hour < 34 and minute % 14 < 6:
        return 0.03  # four hours of flapping: six minutes bad, eight good
    if hour in (3, 15, 22, 40, 44) and of_hour < 3:
        return 0.1  # spikes of three minutes
    return level.failing


def _sketched_pages(bad: t.Sequence[int], total: t.Sequence[int], budget: float) -> t.Iterator[int]:
    """Minutes at which the plan's sketch begins to fire: one window of five minutes, and nothing against flapping or few requests."""
    since: int | None = None
    for minute in range(len(total)):
        window = slice(max(0, minute - 4), minute + 1)
        if sum(bad[window]) / sum(total[window]) <= SKETCH_FACTOR * budget:
            since = None
            continue
        since = minute if since is None else since
        if minute - since == SKETCH_PENDING:
            yield minute


def make(folder: Path = FOLDER) -> None:
    """Everything, new."""
    remove(folder)
    folder.mkdir(parents=True)
    (folder / "collector.yaml").write_text(COLLECTOR, encoding="utf-8")
    (folder / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    for scenario in traces.SCENARIOS:
        with (folder / f"{scenario}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in traces.lines(scenario, traces=TRACES, seed=SEED))
    start = (int(time.time()) // 60 - MINUTES) * 60
    (folder / "history.json").write_text(json.dumps(history(start)), encoding="utf-8")


def remove(folder: Path = FOLDER) -> None:
    """Delete it; nothing happens when it is not there."""
    shutil.rmtree(folder, ignore_errors=True)


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.observability", description="What the playground's shop tells of itself.")
    parser.add_argument("command", choices=["make", "remove"])
    options = parser.parse_args(arguments)
    make() if options.command == "make" else remove()
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))

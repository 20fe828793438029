# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real collectors keep: one run asks a collector for many configurations of tail sampling at once, each in its own pipeline; and traffic for them."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import typing as t
from pathlib import Path

from playground import collector
from playground.errors import Refusal

from . import background, replayed_spans

Raw: t.TypeAlias = "dict[str, t.Any]"


def configuration(folder: Path, samplings: t.Mapping[str, Raw]) -> Raw:
    """A collector's configuration in which all that comes goes to each of them; what ``name`` keeps is in ``name.jsonl``."""
    return {
        "receivers": {"otlp": {"protocols": {"http": {}}}},
        "processors": {f"tail_sampling/{name}": sampling for name, sampling in samplings.items()},
        "exporters": {f"file/{name}": {"path": str(folder / f"{name}.jsonl")} for name in samplings},
        "service": {
            "pipelines": {
                f"traces/{name}": {"receivers": ["otlp"], "processors": [f"tail_sampling/{name}"], "exporters": [f"file/{name}"]}
                for name in samplings
            }
        },
    }


def kept(
    folder: Path, samplings: t.Mapping[str, Raw], sent: t.Sequence[t.Sequence[str]], *, version: str, pause: float = 3.0
) -> dict[str, set[str]]:
    """The trace ids that a real collector keeps, by the name of the configuration.

    :param sent: requests in OTLP/JSON, in parts; it waits ``pause`` seconds after each of them.
    """
    with collector.serving(folder, configuration(folder, samplings), version=version) as running:
        for part in sent:
            collector.send(running.url, part)
            time.sleep(pause)
    return {name: trace_ids(folder / f"{name}.jsonl") for name in samplings}


def trace_ids(path: Path) -> set[str]:
    """Those of a file that a collector's file exporter wrote."""
    return {span["traceId"] for line in path.read_text(encoding="utf-8").splitlines() for span in spans(line)}


def spans(line: str) -> t.Iterator[Raw]:
    """The spans of a request."""
    for resource in json.loads(line).get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            yield from scope.get("spans", ())


def export(number: int, *, is_silent: bool = False) -> str:
    """One trace of one span; each tenth has failed.

    :param is_silent: it shows in the attributes alone, and no span has a status, as of many HTTP servers' own instrumentation.
    """
    now = time.time_ns()
    failed = number % 10 == 0
    span = {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "GET /docs",
        "kind": 2,
        "startTimeUnixNano": str(now - 1_000_000),
        "endTimeUnixNano": str(now),
        "status": {"code": 2 if failed and not is_silent else 0},
        "attributes": replayed_spans.values({"http.response.status_code": 503 if failed else 200}),
    }
    return json.dumps(replayed_spans.request(span, service__name="docs"))


@contextlib.contextmanager
def traffic(url: str, *, is_silent: bool = False) -> t.Iterator[None]:
    """Some hundred traces a second, as long as this lasts; while the collector is away they are lost."""

    def flow(over: threading.Event) -> None:
        number = 0
        while not over.wait(0.02):
            number += 1
            with contextlib.suppress(OSError, Refusal):
                collector.send(url, [export(number + more, is_silent=is_silent) for more in range(10)])

    with background.meanwhile(flow):
        yield

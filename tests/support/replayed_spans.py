# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded spans for a replay, as short as a test wants them."""

from __future__ import annotations

import itertools
import json
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp import reading

Raw: t.TypeAlias = "dict[str, t.Any]"
BEGIN = 1_774_864_800
NANOSECONDS = 1_000_000_000


def values(attributes: t.Mapping[str, t.Any]) -> list[Raw]:
    kinds = {bool: "boolValue", float: "doubleValue", str: "stringValue", int: "intValue"}
    return [
        {"key": key, "value": {kinds[type(value)]: str(value) if kinds[type(value)] == "intValue" else value}}
        for key, value in attributes.items()
    ]


def span(
    trace: int, ended: float, *, lasting: float = 0.1, root: bool = True, status: int = 0, more: Raw | None = None, **attributes: t.Any
) -> Raw:
    """A span that ended so many seconds after the beginning. ``__`` in an attribute's name stands for a dot."""
    end = BEGIN * NANOSECONDS + round(ended * NANOSECONDS)
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{trace:08x}{round(ended * 1000):08x}",
        "parentSpanId": "" if root else f"{trace:016x}",
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": str(end - round(lasting * NANOSECONDS)),
        "endTimeUnixNano": str(end),
        "attributes": values({key.replace("__", "."): value for key, value in attributes.items()}),
        "status": {"code": status} if status else {},
        **(more or {}),
    }


def request(*spans: Raw, **resource: t.Any) -> Raw:
    """An export request of one resource; its service is ``shop`` unless said otherwise."""
    attributes = {"service.name": "shop", **{key.replace("__", "."): value for key, value in resource.items()}}
    return {
        "resourceSpans": [
            {"resource": {"attributes": values(attributes)}, "scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}
        ]
    }


def in_order(*spans: Raw) -> list[Raw]:
    """A request a span, by the time at which they end."""
    return [request(one) for one in sorted(spans, key=lambda one: int(one["endTimeUnixNano"]))]


def spans(requests: t.Iterable[Raw | str]) -> t.Iterator[t.Any]:
    """As they are read from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.jsonl"
        lines = (one if isinstance(one, str) else json.dumps(one) for one in requests)
        path.write_text("".join(itertools.chain.from_iterable((line, "\n") for line in lines)), encoding="utf-8")
        yield from reading.read([path])

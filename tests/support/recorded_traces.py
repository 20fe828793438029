# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded traces of a shop, written as the collector's file exporter does: gateway, docs-api, database. Each way to break one has a name."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

Raw = dict[str, t.Any]
START = 1_774_864_800 * 10**9
SERVER, CLIENT = 2, 3
WHOLE = "whole"
BROKEN = ("lost", "parent", "nameless", "times", "two_roots", "no_database", "unlabelled")


def attributes(**values: str) -> list[Raw]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in values.items()]


def span(trace: int, number: int, parent: int, name: str, kind: int, more: list[Raw] | None = None) -> Raw:
    start = START + trace * 10**6 + number * 1000
    return {
        "traceId": f"{trace + 1:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**6),
        "attributes": more or [],
    }


def trace(number: int, kind: str = WHOLE, route: str = "/checkout") -> list[tuple[str, list[Raw]]]:
    """One request's spans by service."""
    label = {"db__system__name": "postgresql", "db__collection__name": "docs", "db__operation__name": "SELECT"}
    if kind == "unlabelled":
        del label["db__collection__name"]
    gateway = [span(number, 1, 0, f"GET {route}", SERVER, attributes(http__route=route)), span(number, 2, 1, "GET", CLIENT)]
    served = [
        span(number, 3, 9 if kind == "parent" else 2, "GET /docs", SERVER),
        span(number, 4, 3, "SELECT docs", CLIENT, attributes(**label)),
    ]
    if kind == "two_roots":
        gateway.append(span(number, 5, 0, "GET", CLIENT))
    if kind == "times":
        served[0]["endTimeUnixNano"] = "1"
    if kind == "no_database":
        served.pop()
    if kind == "lost":
        served = [{**one, "traceId": f"{number + 1 + 10**9:032x}"} for one in served]
        served[0]["parentSpanId"] = ""
    return [("gateway", gateway), ("unknown_service:java" if kind == "nameless" else "docs-api", served)]


def request(parts: t.Iterable[tuple[str, list[Raw]]], scope: list[Raw] | None = None) -> Raw:
    """An export request."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(service__name=service)},
                "scopeSpans": [{"scope": {"name": "shop", "attributes": scope or []}, "spans": spans}],
            }
            for service, spans in parts
        ]
    }


def write(path: Path, requests: t.Iterable[Raw]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in requests), encoding="utf-8")
    return path

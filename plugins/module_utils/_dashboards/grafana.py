# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A dashboard as Grafana 11.6 takes it: the same definition gives the same bytes."""

from __future__ import annotations

import json
import re
import typing as t

from .definitions import Dashboard, Panel, Query, Row, Threshold, Variable

SCHEMA = 41  # Grafana 11.6
COLUMNS = 24
HEIGHTS: t.Mapping[str, int] = {"stat": 5, "timeseries": 8, "table": 8, "bargauge": 8}
WIDTHS: t.Mapping[str, int] = {"stat": 6, "timeseries": 12, "table": 12, "bargauge": 12}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUCKET = re.compile(r"_bucket\b")
MARKER = "Written by governed.delivery; change its definition instead."

Json = dict[str, t.Any]


def text(dashboard: Dashboard) -> str:
    """The file, with sorted keys."""
    return json.dumps(document(dashboard), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def document(dashboard: Dashboard) -> Json:
    """The dashboard as JSON. It names no server: the data source and where runbooks are, are variables of it."""
    return {
        "annotations": {"list": []},
        "description": f"{dashboard.about} {MARKER}",
        "editable": False,
        "graphTooltip": 1,
        "links": [],
        "panels": _panels(dashboard),
        "refresh": "1m",
        "schemaVersion": SCHEMA,
        "tags": ["governed.delivery"],
        "templating": {"list": [_datasource(), _runbooks(), *(_choice(variable) for variable in dashboard.variables)]},
        "time": {"from": f"now-{dashboard.since}", "to": "now"},
        "timezone": "utc",
        "title": dashboard.title,
        "uid": dashboard.uid,
    }


def description(panel: Panel) -> str:
    """What the panel says of itself; one that waits says for what, so that nobody takes emptiness for calm."""
    waits = f" No data yet: it waits for the capability {' and '.join(panel.needs)}." if panel.needs else ""
    return panel.about + waits


def title(panel: Panel) -> str:
    return f"{panel.title} (waits for {', '.join(panel.needs)})" if panel.needs else panel.title


def _panels(dashboard: Dashboard) -> list[Json]:
    """Rows from top to bottom; in each, panels from left to right, in a new line when the next is too wide or of another height."""
    drawn: list[Json] = []
    top = 0
    for row in dashboard.rows:
        drawn.append(_row(row, len(drawn) + 1, top))
        top += 1
        left = tallest = 0
        for panel in row.panels:
            width, height = WIDTHS[panel.kind], HEIGHTS[panel.kind]
            if left + width > COLUMNS or (left and height != tallest):
                top, left, tallest = top + tallest, 0, 0
            drawn.append(_panel(panel, len(drawn) + 1, {"x": left, "y": top, "w": width, "h": height}))
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return drawn


def _row(row: Row, number: int, top: int) -> Json:
    place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
    return {"collapsed": False, "gridPos": place, "id": number, "panels": [], "title": row.title, "type": "row"}


def _panel(panel: Panel, number: int, place: Json) -> Json:
    links = [{"targetBlank": True, "title": "Runbook", "url": f"${{runbooks}}/{panel.runbook}"}] if panel.runbook else []
    return {
        "datasource": SOURCE,
        "description": description(panel),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "gridPos": place,
        "id": number,
        "links": links,
        "options": _options(panel.kind),
        "targets": [_target(query, panel, index) for index, query in enumerate(panel.queries)],
        "title": title(panel),
        "type": panel.kind,
    }


def _target(query: Query, panel: Panel, index: int) -> Json:
    at_once = panel.kind != "timeseries"
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "exemplar": bool(BUCKET.search(query.expression)) and not at_once,
        "expr": query.expression,
        "format": "table" if panel.kind == "table" else "time_series",
        "instant": at_once,
        "legendFormat": query.legend or "__auto",
        "range": not at_once,
        "refId": chr(ord("A") + index),
    }


def _defaults(panel: Panel) -> Json:
    found: Json = {"unit": panel.unit, "noValue": f"waits for {', '.join(panel.needs)}" if panel.needs else "no data"}
    if panel.maximum is not None:
        found["max"] = panel.maximum
    if panel.thresholds:
        found["color"] = {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"}
        found["thresholds"] = {"mode": "absolute", "steps": [_step(step) for step in panel.thresholds]}
        if panel.kind == "timeseries":
            found["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return found


def _step(step: Threshold) -> Json:
    return {"color": step.color, "value": step.at}


def _options(kind: str) -> Json:
    """What differs from Grafana's defaults."""
    if kind == "timeseries":
        return {
            "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if kind == "table":
        return {"cellHeight": "sm", "showHeader": True}
    return (
        {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        if kind == "stat"
        else {"displayMode": "basic"}
    )


def _datasource() -> Json:
    return {"label": "Data source", "name": "datasource", "query": "prometheus", "type": "datasource"}


def _runbooks() -> Json:
    """A text that each Grafana sets for itself, so that no address stands in the file."""
    return {"hide": 0, "label": "Runbooks", "name": "runbooks", "query": "", "type": "textbox"}


def _choice(variable: Variable) -> Json:
    return {
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "datasource": SOURCE,
        "includeAll": True,
        "label": variable.label,
        "multi": True,
        "name": variable.name,
        "query": {"query": f"label_values({variable.metric}, {variable.label})", "refId": variable.name},
        "refresh": 2,
        "sort": 1,
        "type": "query",
    }

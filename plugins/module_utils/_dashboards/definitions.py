# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Dashboards and alerts as people write them: rows of panels, each with its queries, thresholds and runbook."""

from __future__ import annotations

import dataclasses
import re

from .._common import shape, words

KINDS = ("stat", "timeseries", "table", "bargauge")
COLORS = ("green", "yellow", "orange", "red", "blue", "text", "transparent")
SEVERITIES = ("page", "ticket")
DURATION = re.compile(r"\d+[smhd]\Z")
RUNBOOK = re.compile(r"[\w./-]+\.md(#[\w-]+)?\Z")
LONGEST_NAME = 30  # a uid of Grafana has at most 40 characters


@dataclasses.dataclass(frozen=True)
class Query:
    expression: str
    legend: str


@dataclasses.dataclass(frozen=True)
class Threshold:
    """From ``at`` on; None is the lowest."""

    at: float | None
    color: str


@dataclasses.dataclass(frozen=True)
class Panel:
    """``unit`` as Grafana names it (s, ms, percentunit, short, bytes, reqps); ``runbook`` is a page of ours and perhaps an anchor in it.

    ``needs`` are the capabilities without which the panel has nothing to show.
    """

    title: str
    about: str
    kind: str
    unit: str
    queries: tuple[Query, ...]
    thresholds: tuple[Threshold, ...]
    runbook: str
    needs: tuple[str, ...]
    maximum: float | None


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclasses.dataclass(frozen=True)
class Variable:
    """A choice of the label's values that the metric has."""

    name: str
    label: str
    metric: str


@dataclasses.dataclass(frozen=True)
class Dashboard:
    name: str
    title: str
    about: str
    since: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        """Stays the same while the name does."""
        return f"governed-{self.name.replace('_', '-')}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)


@dataclasses.dataclass(frozen=True)
class Alert:
    """``lasting`` is Prometheus' ``for``."""

    name: str
    plan: str
    expression: str
    lasting: str
    severity: str
    summary: str
    runbook: str
    needs: tuple[str, ...]


def dashboards(found: object) -> list[Dashboard]:
    """
    :raises Refusal: it names the path of what is wrong.
    """
    parsed = [_dashboard(entry, f"dashboards[{index}]") for index, entry in enumerate(shape.sequence(found, "dashboards", empty=True))]
    shape.unique([dashboard.name for dashboard in parsed], "dashboards")
    return parsed


def alerts(found: object) -> list[Alert]:
    """
    :raises Refusal: it names the path of what is wrong.
    """
    parsed = [_alert(entry, f"alerts[{index}]") for index, entry in enumerate(shape.sequence(found, "alerts", empty=True))]
    shape.unique([alert.name for alert in parsed], "alerts")
    return parsed


def _dashboard(found: object, path: str) -> Dashboard:
    entry = shape.mapping(found, path, required=("name", "title", "about", "rows"), optional=("since", "variables"))
    name = shape.name(entry["name"], f"{path}.name")
    if len(name) > LONGEST_NAME:
        raise shape.wrong(f"{path}.name", f"at most {LONGEST_NAME} characters", f"{len(name)}", "Shorten it.")
    path = f"dashboards.{name}"
    rows = tuple(_row(row, f"{path}.rows[{index}]") for index, row in enumerate(shape.sequence(entry["rows"], f"{path}.rows")))
    shape.unique([row.title for row in rows], f"{path}.rows")
    listed = shape.sequence(entry.get("variables", []), f"{path}.variables", empty=True)
    return Dashboard(
        name=name,
        title=shape.text(entry["title"], f"{path}.title"),
        about=shape.text(entry["about"], f"{path}.about"),
        since=_duration(entry.get("since", "7d"), f"{path}.since"),
        variables=tuple(_variable(variable, f"{path}.variables[{index}]") for index, variable in enumerate(listed)),
        rows=rows,
    )


def _row(found: object, path: str) -> Row:
    entry = shape.mapping(found, path, required=("title", "panels"))
    panels = tuple(
        _panel(panel, f"{path}.panels[{index}]") for index, panel in enumerate(shape.sequence(entry["panels"], f"{path}.panels"))
    )
    shape.unique([panel.title for panel in panels], f"{path}.panels")
    return Row(shape.text(entry["title"], f"{path}.title"), panels)


def _panel(found: object, path: str) -> Panel:
    entry = shape.mapping(
        found, path, required=("title", "about", "unit", "queries"), optional=("kind", "thresholds", "runbook", "needs", "maximum")
    )
    kind = entry.get("kind", "timeseries")
    if kind not in KINDS:
        raise shape.wrong(f"{path}.kind", "stat, timeseries, table or bargauge", words.described(kind), "Correct it.")
    queries = tuple(
        _query(query, f"{path}.queries[{index}]") for index, query in enumerate(shape.sequence(entry["queries"], f"{path}.queries"))
    )
    return Panel(
        title=shape.text(entry["title"], f"{path}.title"),
        about=shape.text(entry["about"], f"{path}.about"),
        kind=str(kind),
        unit=shape.text(entry["unit"], f"{path}.unit"),
        queries=queries,
        thresholds=_thresholds(entry.get("thresholds"), f"{path}.thresholds"),
        runbook=_runbook(entry["runbook"], f"{path}.runbook") if "runbook" in entry else "",
        needs=_needs(entry.get("needs", []), f"{path}.needs"),
        maximum=shape.number(entry["maximum"], f"{path}.maximum") if "maximum" in entry else None,
    )


def _query(found: object, path: str) -> Query:
    entry = shape.mapping(found, path, required=("expression",), optional=("legend",))
    legend = shape.text(entry["legend"], f"{path}.legend") if "legend" in entry else ""
    return Query(" ".join(shape.text(entry["expression"], f"{path}.expression").split()), legend)


def _thresholds(found: object, path: str) -> tuple[Threshold, ...]:
    """Ascending; the first has no number, as Grafana wants it."""
    if found is None:
        return ()
    steps = []
    for index, step in enumerate(shape.sequence(found, path)):
        entry = shape.mapping(step, f"{path}[{index}]", required=("color",), optional=("at",))
        if entry["color"] not in COLORS:
            raise shape.wrong(f"{path}[{index}].color", ", ".join(COLORS), words.described(entry["color"]), "Correct it.")
        steps.append(Threshold(shape.number(entry["at"], f"{path}[{index}].at") if "at" in entry else None, str(entry["color"])))
    numbers = [step.at for step in steps[1:] if step.at is not None]
    if steps[0].at is not None or len(numbers) != len(steps) - 1 or numbers != sorted(set(numbers)):
        raise shape.wrong(path, "a color without at, then others with ascending at", "another order", "Correct it.")
    return tuple(steps)


def _variable(found: object, path: str) -> Variable:
    entry = shape.mapping(found, path, required=("name", "metric"), optional=("label",))
    name = shape.name(entry["name"], f"{path}.name")
    return Variable(name, shape.text(entry.get("label", name), f"{path}.label"), shape.text(entry["metric"], f"{path}.metric"))


def _alert(found: object, path: str) -> Alert:
    entry = shape.mapping(found, path, required=("name", "plan", "expression", "severity", "summary"), optional=("runbook", "for", "needs"))
    severity = entry["severity"]
    if "runbook" not in entry and not entry.get("needs"):
        raise shape.wrong(
            path, "a runbook", "none", "Name the page, and perhaps an anchor; only an alert that waits for a capability has none yet."
        )
    if severity not in SEVERITIES:
        raise shape.wrong(f"{path}.severity", "page or ticket", words.described(severity), "Correct it.")
    return Alert(
        name=shape.text(entry["name"], f"{path}.name"),
        plan=shape.text(entry["plan"], f"{path}.plan"),
        expression=" ".join(shape.text(entry["expression"], f"{path}.expression").split()),
        lasting=_duration(entry.get("for", "0s"), f"{path}.for"),
        severity=str(severity),
        summary=shape.text(entry["summary"], f"{path}.summary"),
        runbook=_runbook(entry["runbook"], f"{path}.runbook") if "runbook" in entry else "",
        needs=_needs(entry.get("needs", []), f"{path}.needs"),
    )


def _needs(found: object, path: str) -> tuple[str, ...]:
    return tuple(shape.name(need, f"{path}[{index}]") for index, need in enumerate(shape.sequence(found, path, empty=True)))


def _duration(found: object, path: str) -> str:
    if not isinstance(found, str) or not DURATION.match(found):
        raise shape.wrong(path, "a duration like 90s, 15m, 24h, 2d", words.described(found), "Correct it.")
    return found


def _runbook(found: object, path: str) -> str:
    text = shape.text(found, path)
    if not RUNBOOK.match(text):
        raise shape.wrong(
            path, "a page and perhaps an anchor, as slo_burn.md#fast", words.described(text), "Correct it; no address of a server."
        )
    return text

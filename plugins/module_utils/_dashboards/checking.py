# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether what a dashboard or an alert asks can be answered at all: it parses, and somebody produces every metric in it."""

from __future__ import annotations

import re
import typing as t

from .._common.errors import Refusal
from .._common.prometheus import promql
from .._common.prometheus.promql import NoPromql
from . import metrics as declared
from .definitions import Alert, Dashboard
from .metrics import Metric, Metrics

# Grafana's own, with what stands for them where the query is only parsed or asked once.
BUILT_IN: t.Mapping[str, str] = {"__rate_interval": "5m", "__range": "1h", "__interval": "1m"}
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
IN_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
ALL = ".*"


def filled(expression: str, values: t.Mapping[str, str]) -> str:
    """The expression with its variables' values in place of their names; one without a value stays."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return BUILT_IN.get(name, values.get(name, found[0]))

    return VARIABLE.sub(value, expression)


def of_dashboard(dashboard: Dashboard, metrics: Metrics) -> list[Refusal]:
    """Whatever is wrong with its variables and panels."""
    found = []
    variables = {variable.name: ALL for variable in dashboard.variables}
    for variable in dashboard.variables:
        path = f"dashboards.{dashboard.name}.variables.{variable.name}"
        metric = metrics.get(variable.metric)
        if metric is None:
            found.append(_undeclared(path, variable.metric))
        elif variable.label not in metric.labels:
            found.append(_no_label(path, variable.label, [metric]))
    for row in dashboard.rows:
        for panel in row.panels:
            path = f"dashboards.{dashboard.name}.{row.title}.{panel.title}"
            problems, waits_for = [], set()
            for query in panel.queries:
                more, asked_for = of_query(query.expression, query.legend, metrics, variables, path)
                problems += more
                waits_for |= {metric.waits_for for metric in asked_for if metric.waits_for}
            found += problems or _needs(path, panel.needs, waits_for)
    return found


def of_alert(alert: Alert, metrics: Metrics) -> list[Refusal]:
    """Whatever is wrong with it."""
    path = f"alerts.{alert.name}"
    problems, asked_for = of_query(alert.expression, "", metrics, {}, path)
    return problems or _needs(path, alert.needs, {metric.waits_for for metric in asked_for if metric.waits_for})


def of_query(
    expression: str, legend: str, metrics: Metrics, variables: t.Mapping[str, str], path: str
) -> tuple[list[Refusal], list[Metric]]:
    """What is wrong with one query, and the metrics that it asks for."""
    asked = filled(expression, variables)
    try:
        selectors, grouped_by = promql.selectors(asked), promql.grouping(asked)
    except NoPromql as error:
        return [_refused(path, "PromQL", f"{error}, in {expression}", "Correct the query.", "query_invalid")], []
    unknown = sorted({found[1] or found[2] for found in VARIABLE.finditer(asked)})
    if unknown:
        return [_refused(path, "variables of the dashboard", f"${unknown[0]}", "Declare it under variables.", "variable_undeclared")], []
    problems: list[Refusal] = []
    asked_for: list[Metric] = []
    for selector in selectors:
        here = declared.selected(selector, metrics)
        if not here:
            problems.append(_undeclared(path, selector.name or "a metric by a pattern that no declared one matches"))
        problems += [
            _no_label(path, label, here)
            for label, _operator, _value in selector.matchers
            if here and label != "__name__" and not any(label in metric.labels for metric in here)
        ]
        asked_for += here
    return problems or _labels(path, [*grouped_by, *IN_LEGEND.findall(legend)], asked_for), asked_for


def _labels(path: str, wanted: t.Sequence[str], metrics: t.Sequence[Metric]) -> list[Refusal]:
    """Labels in the grouping or the legend that no metric of the query has."""
    return [_no_label(path, label, metrics) for label in dict.fromkeys(wanted) if not any(label in metric.labels for metric in metrics)]


def _needs(path: str, said: t.Collection[str], waits_for: t.Collection[str]) -> list[Refusal]:
    if set(said) == set(waits_for):
        return []
    expected = (
        f"needs: [{', '.join(sorted(waits_for))}], as its metrics are declared"
        if waits_for
        else "no needs: somebody produces all its metrics"
    )
    return [
        _refused(
            path, expected, f"[{', '.join(said)}]", "Correct it, so that the panel does not look idle while nobody measures.", "needs_wrong"
        )
    ]


def _undeclared(path: str, name: str) -> Refusal:
    return _refused(
        path,
        "metrics that are declared with who produces them",
        name,
        "Declare it in metrics.yml, or correct the query.",
        "metric_undeclared",
    )


def _no_label(path: str, label: str, metrics: t.Sequence[Metric]) -> Refusal:
    names = ", ".join(metric.name for metric in metrics)
    return _refused(path, f"labels that {names} has", label, "Correct the query, or declare the label.", "label_undeclared")


def _refused(path: str, expected: str, found: str, remedy: str, code: str) -> Refusal:
    return Refusal(path, expected=expected, found=found, remedy=remedy, code=code)

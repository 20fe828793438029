# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``grafana_dashboard`` does."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time
import typing as t

from .._common import runbooks, web, words
from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal, Refusals
from .._common.frame import Context, Outcome
from .._common.web import Server, Unusable
from . import checking, definitions, grafana, grafana_api, metrics, provisioning, resolving, rules
from .definitions import Alert, Dashboard

SERVER: t.Mapping[str, t.Any] = {"type": "dict", "mutually_exclusive": list(web.EXCLUSIVE), "required_together": list(web.TOGETHER)}

SPEC = ArgumentSpec(
    options={
        "state": {"type": "str", "choices": ["rendered", "present", "absent"], "default": "present"},
        "dashboards": {"type": "list", "elements": "dict", "required": True},
        "metrics": {"type": "list", "elements": "dict", "required": True},
        "alerts": {"type": "list", "elements": "dict", "default": []},
        "directory": {"type": "path"},
        "alerts_path": {"type": "path"},
        "runbooks": {"type": "path"},
        "runbooks_url": {"type": "str", "default": ""},
        "grafana": {**SERVER, "options": {**web.OPTIONS, "folder_uid": {"type": "str", "default": ""}}},
        "prometheus": {**SERVER, "options": dict(web.OPTIONS)},
    },
)


@dataclasses.dataclass(frozen=True)
class Change:
    """One place that is not as it should be: what it shows before and after, and what makes it so."""

    place: str
    before: str
    after: str
    make: t.Callable[[], None]


def work(context: Context) -> Outcome:
    """Check all definitions, ask Prometheus where there is one, then make the places so.

    :raises Refusals: whatever is wrong with the definitions.
    :raises Refusal: a place cannot be read or changed, or holds what is not ours.
    """
    told = context.parameters
    dashboards, alerts = definitions.dashboards(told["dashboards"]), definitions.alerts(told["alerts"])
    declared = metrics.parse(told["metrics"])
    problems = [problem for dashboard in dashboards for problem in checking.of_dashboard(dashboard, declared)]
    problems += [problem for alert in alerts for problem in checking.of_alert(alert, declared)]
    if told["runbooks"] is not None:
        problems += _missing_runbooks(pathlib.Path(told["runbooks"]), dashboards, alerts)
    if problems:
        raise Refusals(problems)
    changes = [] if told["state"] == "rendered" else list(_changes(told, dashboards, alerts))
    if not context.check_mode:
        for change in changes:
            change.make()
    facts = {
        "dashboards": [{"uid": one.uid, "title": one.title, "json": grafana.text(one)} for one in dashboards],
        "alerts": [_alert(alert) for alert in alerts],
        "differing": [change.place for change in changes],
        **_seen(told, dashboards),
    }
    before, after = ("\n".join(f"{change.place}\n{text}" for change, text in pairs) for pairs in _shown(changes))
    return Outcome(bool(changes), facts, before, after)


def _shown(changes: t.Sequence[Change]) -> tuple[list[tuple[Change, str]], list[tuple[Change, str]]]:
    return [(change, change.before) for change in changes], [(change, change.after) for change in changes]


def _changes(told: t.Mapping[str, t.Any], dashboards: t.Sequence[Dashboard], alerts: t.Sequence[Alert]) -> t.Iterator[Change]:
    """What has to be made; reads only."""
    gone = told["state"] == "absent"
    if told["directory"] is not None:
        for dashboard in dashboards:
            yield from _file(provisioning.path(told["directory"], dashboard.uid), None if gone else grafana.text(dashboard))
    if told["alerts_path"] is not None:
        yield from _file(pathlib.Path(told["alerts_path"]), None if gone else rules.text(alerts, told["runbooks_url"]))
    if told["grafana"] is not None:
        server = web.server(told["grafana"])
        for dashboard in dashboards:
            yield from _in_grafana(server, dashboard, told["grafana"]["folder_uid"], gone)


def _file(place: pathlib.Path, wanted: str | None) -> t.Iterator[Change]:
    found = provisioning.read(place)
    if wanted is None and found is not None:
        yield Change(str(place), found, "", lambda: provisioning.remove(place))
    elif wanted is not None and found != wanted:
        yield Change(str(place), found or "", wanted, lambda: provisioning.write(place, wanted))


def _in_grafana(server: Server, dashboard: Dashboard, folder_uid: str, gone: bool) -> t.Iterator[Change]:
    found = grafana_api.read(server, dashboard.uid)
    wanted = grafana.document(dashboard)
    place = f"{server.url} {dashboard.uid}"
    if gone and found is not None:
        yield Change(place, _text(found), "", lambda: grafana_api.remove(server, dashboard.uid))
    elif not gone and found != wanted:
        yield Change(place, _text(found), grafana.text(dashboard), lambda: grafana_api.write(server, dashboard.uid, wanted, folder_uid))


def _text(found: grafana.Json | None) -> str:
    return "" if found is None else json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _seen(told: t.Mapping[str, t.Any], dashboards: t.Sequence[Dashboard]) -> dict[str, t.Any]:
    """The panels as a table, with what Prometheus found for each where it was asked, and the measures."""
    found, why = None, "not measured: no prometheus was named"
    if told["prometheus"] is not None:
        try:
            found = resolving.resolve(web.server(told["prometheus"]), dashboards)
        except Unusable as problem:
            why = f"not measured: found {problem}"
    series = {(one.dashboard, one.row, one.panel): one for one in found or ()}
    panels = []
    for dashboard in dashboards:
        for row in dashboard.rows:
            for panel in row.panels:
                one = series.get((dashboard.name, row.title, panel.title))
                panels.append(
                    {
                        "dashboard": dashboard.title,
                        "row": row.title,
                        "title": panel.title,
                        "about": panel.about,
                        "kind": panel.kind,
                        "unit": panel.unit,
                        "queries": [query.expression for query in panel.queries],
                        "thresholds": [dataclasses.asdict(step) for step in panel.thresholds],
                        "runbook": panel.runbook,
                        "needs": list(panel.needs),
                        "series": None if one is None else one.series,
                    }
                )
    waiting = sum(1 for panel in panels if panel["needs"])
    return {"panels": panels, "measures": resolving.measures(found, why, len(panels), waiting, words.iso(int(time.time())))}


def _alert(alert: Alert) -> dict[str, t.Any]:
    return {
        "name": alert.name,
        "plan": alert.plan,
        "severity": alert.severity,
        "query": alert.expression,
        "for": alert.lasting,
        "runbook": alert.runbook,
        "needs": list(alert.needs),
    }


def _missing_runbooks(directory: pathlib.Path, dashboards: t.Sequence[Dashboard], alerts: t.Sequence[Alert]) -> list[Refusal]:
    named = [(f"dashboards.{one.name}.{panel.title}", panel.runbook) for one in dashboards for panel in one.panels if panel.runbook]
    named += [(f"alerts.{alert.name}", alert.runbook) for alert in alerts if alert.runbook]
    found = [(path, runbooks.problem(directory, runbook)) for path, runbook in named]
    return [
        Refusal(path, expected="a runbook that is there", found=problem, remedy="Correct it, or write the section.", code="runbook_missing")
        for path, problem in found
        if problem
    ]

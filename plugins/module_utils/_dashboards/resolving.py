# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Every query of every panel, asked of a Prometheus: does it take it, and does it find anything?"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common import web
from .._common.prometheus import answers
from .._common.web import Server, Unusable
from .checking import ALL, filled
from .definitions import Dashboard


@dataclasses.dataclass(frozen=True)
class Resolved:
    """Of one panel: how many series its queries found together, and what the server said of those that it did not take."""

    dashboard: str
    row: str
    panel: str
    waits: bool
    series: int
    invalid: tuple[str, ...]


def resolve(server: Server, dashboards: t.Iterable[Dashboard]) -> list[Resolved]:
    """
    :raises Unusable: the server cannot be asked at all.
    """
    answers.clock(web.ask(server, "/api/v1/query", {"query": "time()"}))
    found = []
    for dashboard in dashboards:
        values = {variable.name: ALL for variable in dashboard.variables}
        for row in dashboard.rows:
            for panel in row.panels:
                series, invalid = 0, []
                for query in panel.queries:
                    form = {"query": filled(query.expression, values), "timeout": f"{max(1, round(server.timeout))}s"}
                    try:
                        series += len(answers.vector(web.ask(server, "/api/v1/query", form)))
                    except Unusable as problem:
                        invalid.append(f"{query.expression}: {problem}")
                found.append(Resolved(dashboard.name, row.title, panel.title, bool(panel.needs), series, tuple(invalid)))
    return found


def measures(found: t.Sequence[Resolved] | None, why: str, panels: int, waiting: int, at: str) -> list[dict[str, t.Any]]:
    """``panels``, ``panels_waiting``, ``panels_without_data``, ``queries_invalid``.

    :param found: None when no server was asked; ``why`` says so.
    """

    def measure(name: str, value: int | None, how: str) -> dict[str, t.Any]:
        return {"name": name, "value": value, "unit": "count", "samples": panels if value is not None else 0, "at": at, "how": how}

    known = [
        measure("panels", panels, "panels of all dashboards; every query parsed, every metric declared with who produces it"),
        measure("panels_waiting", waiting, "panels that wait for a capability, and say so"),
    ]
    if found is None:
        return [*known, measure("panels_without_data", None, why), measure("queries_invalid", None, why)]
    empty = [one for one in found if not one.waits and not one.series]
    invalid = [text for one in found for text in one.invalid]
    named = ", ".join(f"{one.dashboard}: {one.panel}" for one in empty[:5])
    return [
        *known,
        measure(
            "panels_without_data",
            len(empty),
            f"panels whose metrics somebody produces, and whose queries find nothing now{': ' if named else ''}{named}",
        ),
        measure("queries_invalid", len(invalid), f"queries that Prometheus does not take{': ' if invalid else ''}{'; '.join(invalid[:3])}"),
    ]

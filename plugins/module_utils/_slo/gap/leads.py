# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where to look further: texts to paste into Prometheus and Tempo, for a service level that is over its budget."""

from __future__ import annotations

import decimal
import json
import typing as t

from ..catalog.slo import Latency, Slo
from . import asking
from .ranking import Share

# A label is an attribute whose dots became underscores, which cannot be undone by a rule; these are the usual ones.
ATTRIBUTES: t.Mapping[str, str] = {
    "route": "span.http.route",
    "http_route": "span.http.route",
    "http_request_method": "span.http.request.method",
    "rpc_method": "span.rpc.method",
    "version": "resource.service.version",
    "service_version": "resource.service.version",
}
MICROSECONDS = {"_milliseconds": 1000, "_seconds": 1_000_000}
MOST = 10


def queries(slo: Slo, window: str, shares: t.Sequence[Share]) -> dict[str, str]:
    """``bad_events``: PromQL of who brings them. ``exemplars``: a selector for ``/api/v1/query_exemplars``. ``traces``: TraceQL.

    :param window: as ``1d``.
    :param shares: contributors, the largest first; the traces asked for are those of the first.
    """
    return {"bad_events": f"topk({MOST}, {asking.bad_events(slo, window)})", "exemplars": _exemplars(slo), "traces": _traces(slo, shares)}


def _exemplars(slo: Slo) -> str:
    return slo.sli.buckets if isinstance(slo.sli, Latency) else slo.sli.bad or slo.sli.total


def _traces(slo: Slo, shares: t.Sequence[Share]) -> str:
    """Spans of servers, as those count requests; by OpenTelemetry's conventions a request that is the server's fault has the status error."""
    conditions = [f"resource.service.name = {_text(slo.service)}", "kind = server"]
    conditions.append(f"duration > {_duration(slo.sli)}" if isinstance(slo.sli, Latency) else "status = error")
    for label, value in shares[0].labels if shares else ():
        if label in ATTRIBUTES:
            conditions.append(f"{ATTRIBUTES[label]} = {_text(value)}")
    return f"{{ {' && '.join(conditions)} }}"


def _duration(sli: Latency) -> str:
    """In whole microseconds or more; the unit is the one that the histogram's name ends with, seconds when it says none."""
    name = sli.histogram.partition("{")[0]
    unit = next((unit for suffix, unit in MICROSECONDS.items() if name.endswith(suffix)), MICROSECONDS["_seconds"])
    micros = int((sli.le * unit).to_integral_value(decimal.ROUND_HALF_EVEN))
    return f"{micros // 1000}ms" if micros % 1000 == 0 else f"{micros}us"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)

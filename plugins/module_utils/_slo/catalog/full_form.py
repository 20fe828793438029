# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The full form of a catalogue: a service, who owns it, and its service levels one by one.

```yaml
service: gateway
tier: "1"
owner: team-edge
runbook: docs/runbooks/gateway.md#errors
slos:
  - name: availability
    objective: "99.9"
    window: 30d
    sli:
      ratio: {bad: 'http_requests_total{job="gateway",code=~"5.."}', total: 'http_requests_total{job="gateway"}'}
```
"""

from __future__ import annotations

import functools
import typing as t

from ..._common import shape, words
from ..._common.errors import Refusal
from . import values
from .slo import Latency, Ratio, Severity, Slo

SERVICE = ("tier", "owner", "runbook")
OPTIONAL = ("description", "window", "runbook", "owner", "tier", "group_by", "min_bad_events", "absent", "alert")


def entries(found: object) -> t.Iterator[t.Callable[[], Slo]]:
    """A call for each service level of the document, which reads it.

    :raises Refusal: what is around them is not as it must be.
    """
    given = shape.mapping(found, "document", required=("service", "slos"), optional=SERVICE)
    service = values.name(given["service"], "service")
    about = {key: given[key] for key in SERVICE if key in given}
    for index, entry in enumerate(shape.sequence(given["slos"], f"service {service}: slos")):
        yield functools.partial(slo, service, about, entry, f"service {service}: slos[{index}]")


def slo(service: str, about: t.Mapping[str, t.Any], found: object, path: str) -> Slo:
    """One service level.

    :param about: tier, owner and runbook of the service, which its own go before.
    :raises Refusal: it is not as it must be.
    """
    name = values.name(found["name"], f"{path}.name") if isinstance(found, t.Mapping) and "name" in found else ""
    own = f"slo {service}-{name}" if name else path
    given = {**about, **shape.mapping(found, own, required=("name", "objective", "sli"), optional=OPTIONAL)}
    alert = shape.mapping(given.get("alert", {}), f"{own}: alert", optional=("page", "ticket"))
    return Slo(
        id=f"{service}-{name}",
        service=service,
        name=name,
        objective=values.objective(given["objective"], f"{own}: objective"),
        window_days=values.window_days(given.get("window", "30d"), f"{own}: window"),
        sli=_sli(given["sli"], f"{own}: sli"),
        owner=_text(given, "owner", own),
        tier=_text(given, "tier", own),
        runbook=_text(given, "runbook", own),
        description=_text(given, "description", own),
        group_by=values.group_by(given.get("group_by", []), f"{own}: group_by"),
        min_bad_events=values.count(given.get("min_bad_events", "5"), f"{own}: min_bad_events"),
        absent=_severity(given.get("absent", "page"), f"{own}: absent"),
        pages=values.truth(alert.get("page", "true"), f"{own}: alert.page"),
        tickets=values.truth(alert.get("ticket", "true"), f"{own}: alert.ticket"),
    )


def _sli(found: object, path: str) -> Ratio | Latency:
    given = shape.mapping(found, path, optional=("ratio", "latency"))
    if len(given) != 1:
        raise shape.wrong(path, "either ratio or latency", words.described(found), "Write one of them.")
    if "latency" in given:
        latency = shape.mapping(given["latency"], f"{path}.latency", required=("histogram", "le"))
        histogram = values.selector(latency["histogram"], f"{path}.latency.histogram")
        if histogram.partition("{")[0].endswith("_bucket"):
            raise shape.wrong(f"{path}.latency.histogram", "the histogram's own name", histogram, "Leave _bucket out.")
        return Latency(histogram, values.positive(latency["le"], f"{path}.latency.le"))
    ratio = shape.mapping(given["ratio"], f"{path}.ratio", required=("total",), optional=("bad", "good"))
    if ("bad" in ratio) == ("good" in ratio):
        raise shape.wrong(f"{path}.ratio", "either bad or good beside total", words.described(found), "Write one of them.")
    selectors = {key: values.selector(ratio[key], f"{path}.ratio.{key}") for key in ratio}
    if len(set(selectors.values())) == 1:
        raise Refusal(
            f"{path}.ratio",
            expected="some of the events, and all of them",
            found="the same query twice",
            remedy="Name what makes an event bad, as a label.",
            code="slo_same_query",
        )
    return Ratio(**selectors)


def _severity(found: object, path: str) -> Severity:
    if found == "page":
        return "page"
    if found == "ticket":
        return "ticket"
    if found == "none":
        return "none"
    raise shape.wrong(path, "page, ticket or none", words.described(found), "Correct it.")


def _text(given: t.Mapping[str, t.Any], key: str, own: str) -> str:
    return shape.text(given[key], f"{own}: {key}").strip() if key in given else ""

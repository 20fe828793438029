# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The short form of a catalogue: numbers by service, and conventions that say which metrics they are about.

```yaml
services:
  gateway: {latency_p95_ms: 1500, availability: 99.9, owner: team-edge, runbook: docs/runbooks/gateway.md#errors}
```

``latency_p95_ms: 1500`` is the objective that 95 % of requests take 1.5 s at most. Metrics are those that OpenTelemetry's semantic conventions
name (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/), with the service as ``job``; ``conventions`` name others.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ..._common import shape
from . import full_form, values
from .slo import Slo

LATENCY = re.compile(r"latency_p(\d{2}(?:_\d{1,3})?)_ms\Z", re.ASCII)
CONVENTIONS: t.Mapping[str, str] = {
    "bad": 'http_server_request_duration_seconds_count{job="$service",http_response_status_code=~"5.."}',
    "total": 'http_server_request_duration_seconds_count{job="$service"}',
    "histogram": 'http_server_request_duration_seconds{job="$service"}',
}
SHARED = (*full_form.SERVICE, "window")


def entries(found: object) -> t.Iterator[t.Callable[[], Slo]]:
    """A call for each service level of the document, which reads it.

    :raises Refusal: what is around them is not as it must be.
    """
    given = shape.mapping(found, "document", required=("services",), optional=("conventions",))
    told = shape.mapping(given.get("conventions", {}), "conventions", optional=tuple(CONVENTIONS))
    conventions = {**CONVENTIONS, **{key: shape.text(text, f"conventions.{key}") for key, text in told.items()}}
    services = given["services"]
    if not isinstance(services, t.Mapping):
        raise shape.wrong("services", "a mapping by service", str(services), "Write name: {availability: 99.9}.")
    for name in services:
        yield from _service(values.name(name, f"services.{name}"), services[name], conventions)


def _service(service: str, found: object, conventions: t.Mapping[str, str]) -> t.Iterator[t.Callable[[], Slo]]:
    path = f"service {service}"
    latencies = [key for key in found if LATENCY.match(str(key))] if isinstance(found, t.Mapping) else []
    given = shape.mapping(found, path, optional=("availability", *latencies, *SHARED, "slos"))
    about = {key: given[key] for key in full_form.SERVICE if key in given}
    window = {"window": given["window"]} if "window" in given else {}
    metrics = {key: text.replace("$service", service) for key, text in conventions.items()}
    if "availability" in given:
        ratio = {"bad": metrics["bad"], "total": metrics["total"]}
        entry = {"name": "availability", "objective": given["availability"], "sli": {"ratio": ratio}, **window}
        yield functools.partial(full_form.slo, service, about, entry, path)
    for key in latencies:
        yield functools.partial(_latency, service, about, key, given[key], metrics["histogram"], window)
    for index, entry in enumerate(shape.sequence(given.get("slos", []), f"{path}: slos", empty=True)):
        yield functools.partial(full_form.slo, service, about, entry, f"{path}: slos[{index}]")


def _latency(
    service: str, about: t.Mapping[str, t.Any], key: str, milliseconds: object, histogram: str, window: t.Mapping[str, t.Any]
) -> Slo:
    percentile = key.removeprefix("latency_p").removesuffix("_ms").replace("_", ".")
    seconds = (values.positive(milliseconds, f"slo {service}: {key}") / 1000).normalize()
    entry = {
        "name": f"latency-p{percentile.replace('.', '-')}",
        "objective": percentile,
        "sli": {"latency": {"histogram": histogram, "le": f"{seconds:f}"}},
        **window,
    }
    return full_form.slo(service, about, entry, f"service {service}: {key}")

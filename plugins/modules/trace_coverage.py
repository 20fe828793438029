# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how many traces hold together from the gateway to the database."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: trace_coverage
short_description: Measure how many traces hold together from the gateway to the database
version_added: 0.1.0
description:
  - Reads recorded traces and tells, for each user path, how many of those that entered at its gateway are whole. One root, every parent there,
    a service name on every span, times that can be, every service of the path reached below the one before it, and a database span that names its table
    and operation.
  - Names the pairs of services between which the context is lost.
  - Asks Prometheus, where it is told to, how many of the requests that somebody else counted have a server span.
  - It has to see traces as they were before sampling. What was sampled and says so, by an attribute of the tail-sampling processor or by a threshold in its
    C(tracestate), is refused. Head sampling that leaves no trace in the data cannot be told, O(volumes) shows it.
options:
  files:
    description: OTLP as JSON, one export request a line, as the collector's file exporter writes it. They may be compressed by gzip.
    type: list
    elements: path
  paths:
    description: The paths of users.
    type: list
    elements: dict
    suboptions:
      name:
        description: Names the measure. Lower-case letters, digits and underscores.
        type: str
        required: true
      services:
        description: Values of C(service.name), the gateway first, then each service that the one before it calls.
        type: list
        elements: str
        required: true
      route:
        description: Value of C(http.route) of the gateway's server span. Any, when it is left out.
        type: str
      span:
        description: Name of the gateway's server span. Any, when it is left out.
        type: str
      database:
        description: Whether the last service has to have a database span.
        type: bool
        default: true
      external_parent:
        description: Whether who calls the gateway sends a context of its own, as a browser does, whose span nobody records.
        type: bool
        default: false
  most_spans:
    description:
      - How many spans to keep in memory, about 300 bytes each. With more in flight the oldest traces are judged as they are. When more than 1 % of the spans
        then come too late, nothing is measured.
    type: int
    default: 500000
  volumes:
    description: Server spans and requests to compare. Needs O(prometheus).
    type: list
    elements: dict
    suboptions:
      name:
        description: Names the measure.
        type: str
        required: true
      spans:
        description: PromQL that gives one series, the server spans, from span metrics that are counted before sampling.
        type: str
        required: true
      requests:
        description: PromQL that gives one series, the same requests counted by something else, as a load balancer.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Nothing is changed.
  diff_mode:
    support: none
    description: Nothing is changed.
  idempotent:
    support: full
    description: Never reports a change.
extends_documentation_fragment:
  - governed.delivery.web.prometheus
seealso:
  - module: governed.delivery.otel_tail_sampling
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Do traces of the top paths hold together?
  governed.delivery.trace_coverage:
    files: [/var/lib/otelcol/traces.json]
    paths:
      - name: checkout
        route: /checkout
        services: [gateway, docs-api]
      - name: search
        route: /search
        services: [gateway, search, docs-api]
    prometheus:
      url: https://prometheus.example.net
    volumes:
      - name: gateway
        spans: sum(increase(traces_span_metrics_calls_total{service_name="gateway",span_kind="SPAN_KIND_SERVER"}[1h]))
        requests: sum(increase(nginx_ingress_controller_requests{service="gateway"}[1h]))
  register: coverage

- name: Judge it
  governed.delivery.promotion_judge:
    measures: "{{ coverage.measures }}"
    goals:
      - {measure: trace_continuity, at_least: 90, samples_at_least: 300}
"""

RETURN = r"""
measures:
  description:
    - C(trace_continuity), which is that of the worst path, C(trace_continuity_<path>), C(database_spans_labelled), and C(trace_volume_<name>).
      From 0 to 1, with samples and the 90 % interval of Wilson; null when it could not be measured.
  returned: success
  type: list
  elements: dict
paths:
  description: How many traces entered each path, how many are whole, and why the others are not, each counted by its first reason.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Of the path.
      type: str
    entered:
      description: Traces with the gateway's server span.
      type: int
    whole:
      description: Those that hold together.
      type: int
    reasons:
      description: C(reason) and C(traces), the most frequent first.
      type: list
      elements: dict
lost_between:
  description: Pairs of services between which the context is lost, the largest loss first.
  returned: success
  type: list
  elements: dict
  contains:
    from:
      description: The service that calls.
      type: str
    to:
      description: The one that does not have the trace, C(database) for spans of a database.
      type: str
    traces:
      description: Traces that came to the first.
      type: int
    lost:
      description: Those that did not come to the second.
      type: int
orphans:
  description: Services at which traces begin that entered by no path, as they do when the context was lost before.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: Its name.
      type: str
    traces:
      description: How many begin there.
      type: int
refusals:
  description: What stands in the way, each with what to do about it.
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._tracing.coverage.work import SPEC, work


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()

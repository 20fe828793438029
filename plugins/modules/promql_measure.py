# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what Prometheus has recorded, with its coverage."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: promql_measure
short_description: Measure what Prometheus has recorded, with its coverage
version_added: 0.1.0
description:
  - Asks each query over a window that ends now, by the server's own clock, and makes one number of its points.
    It judges nothing, thresholds are the plan's.
  - The value is null, which no goal can pass, when the server cannot be reached or is not ready, answers with an error, a warning,
    no series or several, an infinite value, or fewer points than O(queries[].coverage_at_least) asks for, or none at the end of the window.
    The measure's C(how) says which.
  - A query that would answer without data, as C(or vector(0)) does, is found by asking it about a moment of 1970; its value is null, too.
  - Follows no redirect, and verifies certificates always.
options:
  url:
    description: Where Prometheus is, with its path if it has one, without C(/api/v1).
    type: str
    required: true
  queries:
    description: What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the measure. Lower-case letters, digits and underscores.
        type: str
        required: true
      query:
        description: PromQL expression that gives one series, or none.
        type: str
        required: true
      unit:
        description: Unit of the value.
        type: str
        default: "1"
      window:
        description: How far to look back, as V(90s), V(30m), V(24h) or V(2d). Two or more whole steps, at most 11000.
        type: str
        default: 30m
      step:
        description: Distance of the points. No shorter than the scrape interval, or points will be missing.
        type: str
        default: 15s
      lookback:
        description:
          - How old a sample may be to stand for a point. Twice the step when it is left out; Prometheus' own five minutes would hide gaps.
          - A server older than Prometheus 2.44, or one that is not Prometheus, may ignore it. Where its own is longer than this, the value is null.
          - Ranges in the query, as in C(rate(x[5m])), are the query's own.
        type: str
      coverage_at_least:
        description: Percentage of the window's points that have to be there. A point that is NaN is not.
        type: float
        default: 95.0
      reduce:
        description: How the points become one number. V(last), V(min), V(max), V(mean), or a percentile from V(p1) to V(p99), by nearest rank.
        type: str
        default: last
  precheck:
    description:
      - Only look whether the server is ready and every query can be asked. Fails with all that stands in the way; measures nothing.
    type: bool
    default: false
  not_before:
    description:
      - Epoch seconds of the change that is watched. Waits until no window reaches further back, and counts no older point.
      - In check mode it does not wait.
    type: float
  username:
    description: User for basic authentication.
    type: str
  password:
    description: Password of O(username).
    type: str
  token:
    description: Bearer token.
    type: str
  ca_path:
    description: File or folder of the certificates to trust, in place of the system's.
    type: path
  timeout:
    description: Seconds that one request may take from its beginning to its end.
    type: float
    default: 30.0
  tries:
    description: How often to ask when there is no answer, or HTTP 429 or 5xx.
    type: int
    default: 3
  use_proxy:
    description: Whether to go through the proxy that the environment names.
    type: bool
    default: true
  ready_path:
    description: What has to answer with HTTP 200 first. V(/ready) for Mimir; empty for a service that has no such path.
    type: str
    default: /-/ready
  clock_tolerance:
    description: Seconds that the server's clock may be from the clock here. Answers from a cache are found by it.
    type: float
    default: 60.0
attributes:
  check_mode:
    support: full
    description: Measures as always, as it changes nothing; it does not wait for O(not_before).
  diff_mode:
    support: none
    description: Nothing is changed.
  idempotent:
    support: full
    description: Never reports a change.
seealso:
  - module: governed.delivery.promotion_judge
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: How did the shop feel in the last half hour?
  governed.delivery.promql_measure:
    url: https://prometheus.example.net
    token: "{{ lookup('ansible.builtin.env', 'PROMETHEUS_TOKEN') }}"
    queries:
      - name: shop_error_ratio
        query: sum(rate(http_requests_total{job="shop",code=~"5.."}[1m])) / sum(rate(http_requests_total{job="shop"}[1m]))
        reduce: max
      - name: shop_p95
        query: histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="shop"}[1m]))) * 1000
        unit: ms
        reduce: p95
  delegate_to: localhost
  register: measured

- name: Judge it
  governed.delivery.promotion_judge:
    measures: "{{ measured.measures }}"
    goals:
      - {measure: shop_error_ratio, at_most: 0.01, samples_at_least: 114}
      - {measure: shop_p95, at_most: 200, samples_at_least: 114}
"""

RETURN = r"""
measures:
  description: A measure for each query. None after O(precheck).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the query.
      type: str
    value:
      description: The number, or null when it could not be observed.
      type: float
    unit:
      description: Its unit.
      type: str
    samples:
      description: How many points of the window were there and finite.
      type: int
    at:
      description: End of the window, by the server's clock.
      type: str
    how:
      description: How it was observed, with its coverage; or why it was not.
      type: str
series:
  description: The points of each query that answered, at most 500 of them, as a timeline takes them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the query.
      type: str
    unit:
      description: Its unit.
      type: str
    points:
      description: Pairs of epoch seconds and value.
      type: list
      elements: list
refusals:
  description: What stands in the way, each with what to do about it.
  returned: failure
  type: list
  elements: dict
  contains:
    object:
      description: What it is about.
      type: str
    expected:
      description: What has to hold.
      type: str
    found:
      description: What was there instead.
      type: str
    remedy:
      description: What to do next.
      type: str
    code:
      description: A short reason for programs.
      type: str
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._slo.prometheus.work import SPEC, work


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()

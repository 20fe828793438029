# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues: three ways to write one, and what is refused."""

from __future__ import annotations

import decimal

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal, Refusals
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog import catalog, open_slo, yaml_text
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.slo import Latency, Ratio, Slo

SPRINT_25 = """
services:
  gateway:
    latency_p95_ms: 1500
    availability: 99.9
  docs-api:
    latency_p95_ms: 1500
    availability: 99.9
"""
FULL = """
service: search
tier: "1"
owner: team-find
runbook: docs/search.md#errors
slos:
  - name: fresh
    objective: "99.950"
    window: 4w
    description: "fresh: within a minute"
    sli: {ratio: {good: 'fresh_total{age=~"a|b"}', total: 'fresh_total'}}
    group_by: [region]
    min_bad_events: 10
    absent: ticket
    alert: {page: false}
  - name: fast
    objective: 99
    sli: {latency: {histogram: 'took_seconds{job="search"}', le: 1}}
  - name: counted
    objective: 99
    sli: {latency: {histogram: 'request_count_seconds{job="search"}', le: 1}}
"""


def only(text: str) -> Slo:
    [slo] = catalog.read(text).slos
    return slo


def codes(text: str) -> list[str]:
    try:
        catalog.read(text)
    except Refusal as refusal:
        return [refusal.code]
    except Refusals as several:
        return [refusal.code for refusal in several.refusals]
    return []


def test_the_catalogue_of_sprint_25_is_read() -> None:
    found = catalog.read(SPRINT_25)
    assert [slo.id for slo in found.slos] == [
        "docs-api-availability",
        "docs-api-latency-p95",
        "gateway-availability",
        "gateway-latency-p95",
    ]
    available, fast = found.slo("gateway-availability"), found.slo("gateway-latency-p95")
    assert available is not None
    assert fast is not None
    assert available.budget == decimal.Decimal("0.001")
    assert isinstance(fast.sli, Latency)
    assert (fast.objective, fast.sli.le) == (decimal.Decimal(95), decimal.Decimal("1.5"))
    assert fast.sli.good.endswith(',le="1.5"}') or 'le="1.5"' in fast.sli.good


def test_conventions_name_other_metrics() -> None:
    slo = only("conventions: {bad: 'e{s=\"$service\"}', total: 'r{s=\"$service\"}'}\nservices: {a: {availability: 99}}")
    assert slo.sli == Ratio(total='r{s="a"}', bad='e{s="a"}')


def test_the_full_form_is_read() -> None:
    _counted, fast, fresh = catalog.read(FULL).slos
    assert (fresh.objective, fresh.window_days, fresh.group_by, fresh.min_bad_events) == (decimal.Decimal("99.95"), 28, ("region",), 10)
    assert (fresh.absent, fresh.pages, fresh.tickets, fresh.owner, fresh.tier) == ("ticket", False, True, "team-find", "1")
    assert fast.sli == Latency('took_seconds{job="search"}', decimal.Decimal(1))
    assert isinstance(fast.sli, Latency)
    assert fast.sli.good == 'took_seconds_bucket{job="search",le=~"1(\\\\.0)?"}', "Prometheus 3 writes 1.0"


@pytest.mark.parametrize("text", [SPRINT_25, FULL])
def test_openslo_brings_everything_back(text: str) -> None:
    found = catalog.read(text)
    exported = yaml_text.dump(open_slo.documents(found.slos))
    assert "apiVersion: openslo/v1" in exported
    assert catalog.read(exported) == found


SLI = "sli: {ratio: {bad: 'b', total: 't'}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {a: {availability: 100}}", ["slo_objective"]),
        ("services: {a: {availability: 0}}", ["slo_objective"]),
        ("services: {a: {availability: -1}}", ["slo_objective"]),
        ("services: {a: {availability: 99.9%}}", ["slo_objective"]),
        ("services: {a: {availability: 1e1}}", ["slo_objective"]),
        ("services: {a: {availability: }}", ["slo_objective"]),
        ("services: {a: {avail: 99}, b: {availability: 100}}", ["slo_shape"]),
        (
            f"service: a\nslos: [{{name: x, objective: 99, {SLI}}}, {{name: x, objective: 98, sli: {{ratio: {{bad: c, total: t}}}}}}]",
            ["slo_duplicate_id"],
        ),
        (f"service: a\nslos: [{{name: x, objective: 99, {SLI}}}, {{name: y, objective: 98, {SLI}}}]", ["slo_same_query"]),
        ("service: a\nslos: [{name: x, objective: 99, sli: {ratio: {bad: t, total: t}}}]", ["slo_same_query"]),
        (f"service: a\nslos: [{{name: x, objective: 99, group_by: [path], {SLI}}}]", ["slo_group_by"]),
        (f"service: a\nslos: [{{name: x, objective: 99, group_by: [q, r, s], {SLI}}}]", ["slo_group_by"]),
        (f"service: a\nslos: [{{name: x, objective: 99, windw: 30d, {SLI}}}]", ["slo_shape"]),
        (f"service: a\nslos: [{{name: x, objective: 99, window: 3d, {SLI}}}]", ["slo_shape"]),
        ("service: a\nslos: [{name: x, objective: 99, sli: {ratio: {bad: 'rate(t[5m])', total: t}}}]", ["slo_selector"]),
        ("service: a\nslos: [{name: x, objective: 99, sli: {ratio: {bad: 't{', total: t}}}]", ["slo_selector"]),
        ("services: {a: {availability: 99}, a: {availability: 98}}", ["slo_catalog_unreadable"]),
        ("a: [", ["slo_catalog_unreadable"]),
        ("apiVersion: openslo/v2\nkind: SLO", ["slo_shape"]),
        ("", ["slo_shape"]),
    ],
)
def test_what_cannot_be_kept_is_refused(text: str, expected: list[str]) -> None:
    assert codes(text)[: len(expected)] == expected


def test_a_refusal_names_the_service_level_and_all_come_at_once() -> None:
    with pytest.raises(Refusals) as raised:
        catalog.read("services: {a: {availability: 100}, b: {availability: no}}", "slo/catalog.yaml")
    assert [refusal.thing for refusal in raised.value.refusals] == [
        "slo/catalog.yaml: slo a-availability: objective",
        "slo/catalog.yaml: slo b-availability: objective",
    ]


def test_a_burn_rate_of_somebody_elses_is_not_changed_in_silence() -> None:
    exported = yaml_text.dump(open_slo.documents(catalog.read(SPRINT_25).slos)).replace("threshold: 14.4", "threshold: 9")
    assert "slo_open_slo_condition" in codes(exported)

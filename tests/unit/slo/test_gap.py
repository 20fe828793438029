# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of service levels, and what is said of each: total, the same from the same input, and never healthy without data."""

from __future__ import annotations

import dataclasses
import decimal
import typing as t
from pathlib import Path

import hypothesis.strategies as st
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import runbooks
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus import promql
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.answers import Sample
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.slo import Latency, Ratio, Slo
from ansible_collections.governed.delivery.plugins.module_utils._slo.gap import (
    actions,
    asking,
    deployments,
    leads,
    observations,
    ranking,
    report,
)
from ansible_collections.governed.delivery.plugins.module_utils._slo.gap.deployments import Deployment
from ansible_collections.governed.delivery.plugins.module_utils._slo.gap.observations import Contributor, Observation, Snapshot
from hypothesis import given

AT = 1_774_864_800
COUNTS = st.none() | st.floats(0, 1e12)
OBSERVATIONS = st.builds(
    Observation,
    bad=COUNTS,
    total=COUNTS,
    coverage=st.none() | st.floats(0, 1),
    burn=st.fixed_dictionaries(dict.fromkeys(observations.BURN_WINDOWS, COUNTS)),
    contributors=st.lists(st.builds(Contributor, st.just((("version", "1"),)), st.floats(0.1, 1e9), COUNTS), max_size=3).map(tuple),
)
OVER = Observation(20, 1000, 1, {"1h": 5, "6h": 2, "1d": 1, "3d": 0.5}, ())


def slo(name: str = "errors", objective: str = "99", tier: str = "", sli: Ratio | Latency | None = None) -> Slo:
    return Slo(f"gateway-{name}", "gateway", name, decimal.Decimal(objective), 30, sli or Ratio("t", "b"), owner="edge", tier=tier)


def ranked(*pairs: tuple[Slo, Observation]) -> list[ranking.Gap]:
    snapshot = Snapshot(AT, "1d", {level.id: seen for level, seen in pairs})
    return ranking.rank([level for level, _seen in pairs], snapshot)


def one(seen: Observation, level: Slo | None = None) -> ranking.Gap:
    [gap] = ranked((level or slo(), seen))
    return gap


@given(st.lists(OBSERVATIONS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_is_total_and_the_report_the_same(seen: list[Observation], random: t.Any) -> None:
    pairs = [(slo(f"s{index}"), one_seen) for index, one_seen in enumerate(seen)]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    snapshot = Snapshot(AT, "1d", {level.id: one_seen for level, one_seen in pairs})
    pages = {report.markdown(ranked(*order), snapshot, {}, 10, "") for order in (pairs, shuffled)}
    assert len(pages) == 1
    assert observations.load(observations.dump(snapshot), "snapshot") == snapshot


@given(OBSERVATIONS)
def test_what_was_not_seen_is_never_healthy(seen: Observation) -> None:
    gap = one(seen)
    if seen.bad is None or not seen.total or seen.coverage is None or seen.coverage < 0.95 or seen.bad > 1.01 * seen.total:
        assert (gap.status, bool(gap.why)) == (ranking.UNKNOWN, True)
    else:
        assert gap.status != ranking.UNKNOWN


def test_more_bad_events_than_events_are_a_mistake_of_the_catalogue() -> None:
    gap = one(dataclasses.replace(OVER, bad=1100.0))
    assert (gap.status, gap.excess, "do not count the same" in gap.why) == ("unknown", None, True)
    assert one(dataclasses.replace(OVER, bad=1005.0)).status == "over"


def test_excess_is_exact_and_ranks_first() -> None:
    gaps = ranked(
        (slo("few"), dataclasses.replace(OVER, bad=4.0)),
        (slo("within"), dataclasses.replace(OVER, bad=9.0)),
        (slo("some"), OVER),
        (slo("most", "99.9"), dataclasses.replace(OVER, bad=25.0)),
        (slo("dark"), dataclasses.replace(OVER, total=None)),
    )
    assert [(gap.slo.name, gap.status) for gap in gaps] == [
        ("most", "over"),
        ("some", "over"),
        ("dark", "unknown"),
        ("within", "within"),
        ("few", "too_few"),
    ]
    assert [gap.excess for gap in gaps] == [24, 10, None, -1, -6]


def test_of_equals_the_higher_tier_comes_first_and_then_the_id() -> None:
    gaps = ranked(
        *((slo(name, tier=tier), OVER) for name, tier in (("d", ""), ("c", "bronze"), ("b", "gold"), ("a", "gold"), ("e", "silver")))
    )
    assert [gap.slo.name for gap in gaps] == ["a", "b", "e", "c", "d"]
    numbered = ranked(*((slo(name, tier=tier), OVER) for name, tier in (("x", "10"), ("y", "2"))))
    assert [gap.slo.name for gap in numbered] == ["y", "x"]


def test_the_time_until_the_budget_is_spent() -> None:
    half = dataclasses.replace(OVER, bad=5.0)
    assert one(half).exhausted_in == 0.5 * 30 * 86400 / 2
    assert one(OVER).exhausted_in == 0
    assert one(dataclasses.replace(half, burn={"6h": 0.0})).exhausted_in is None
    assert one(dataclasses.replace(half, burn={})).exhausted_in is None


VERSION = Contributor((("version", "2"),), 90, None)
OLD = Contributor((("version", "1"),), 10, 10)
ROUTE = Contributor((("route", "/pay"),), 90, None)
STEADY = {"1h": 2.0, "6h": 2.1, "1d": 2.0, "3d": 1.9}


@pytest.mark.parametrize(
    ("seen", "sli", "kind"),
    [
        (dataclasses.replace(OVER, contributors=(VERSION, OLD)), None, "roll_back"),
        (dataclasses.replace(OVER, contributors=(ROUTE,)), None, "mend_contributor"),
        (dataclasses.replace(OVER, contributors=(dataclasses.replace(VERSION, bad_week_before=90.0), OLD)), None, "investigate"),
        (dataclasses.replace(OVER, burn=STEADY), None, "review_objective"),
        (OVER, Latency("h", decimal.Decimal("0.3")), "scale"),
        (OVER, None, "investigate"),
        (dataclasses.replace(OVER, coverage=0.5), None, "mend_measurement"),
        (dataclasses.replace(OVER, bad=9.0), None, "none"),
    ],
)
def test_what_is_suggested(seen: Observation, sli: Latency | None, kind: str) -> None:
    assert actions.suggested(one(seen, slo(sli=sli))).kind == kind


def test_bad_events_by_label_are_asked_for_as_the_catalogue_counts_them() -> None:
    level = dataclasses.replace(slo(sli=Ratio('t{job="a"}', good='g{job="a"}')), group_by=("route",))
    total = 'sum by (route) (increase(t{job="a"}[1d]))'
    assert asking.bad_events(level, "1d") == f'{total} - (sum by (route) (increase(g{{job="a"}}[1d])) or {total} * 0)'
    slow = dataclasses.replace(level, sli=Latency('h{job="a"}', decimal.Decimal("0.3")))
    assert 'h_bucket{job="a",le="0.3"}[1d]' in asking.bad_events(slow, "1d")


ROUTES = (ranking.Share((("http_route", '/a"b'), ("pod", "p1")), 9, 0.9, None),)


@pytest.mark.parametrize(
    ("sli", "shares", "exemplars", "traces"),
    [
        (Ratio("t", bad='b{c="5"}'), (), 'b{c="5"}', '{ resource.service.name = "gateway" && kind = server && status = error }'),
        (
            Ratio("t", good="g"),
            ROUTES,
            "t",
            '{ resource.service.name = "gateway" && kind = server && status = error && span.http.route = "/a\\"b" }',
        ),
        (
            Latency('took_seconds{a="b"}', decimal.Decimal("0.3")),
            (),
            'took_seconds_bucket{a="b"}',
            '{ resource.service.name = "gateway" && kind = server && duration > 300ms }',
        ),
        (
            Latency("took_milliseconds", decimal.Decimal("2.5")),
            (),
            "took_milliseconds_bucket",
            '{ resource.service.name = "gateway" && kind = server && duration > 2500us }',
        ),
    ],
)
def test_queries_to_look_further_with(sli: Ratio | Latency, shares: tuple[ranking.Share, ...], exemplars: str, traces: str) -> None:
    level = dataclasses.replace(slo(sli=sli), group_by=("http_route",))
    found = leads.queries(level, "1d", shares)
    assert (found["exemplars"], found["traces"]) == (exemplars, traces)
    assert promql.selectors(found["bad_events"])
    assert promql.plain_selector(found["exemplars"])


def test_the_last_three_deployments_of_the_service_within_its_period_are_told() -> None:
    went_out = [(AT - 86400 * days, "gateway", f"v{days}") for days in (31, 20, 4, 3, 1)]
    all_of_them = [Deployment(*one) for one in [*went_out, (AT - 60, "docs", "x"), (AT + 60, "gateway", "to come")]]
    snapshot = Snapshot(AT, "1d", {"gateway-errors": OVER}, deployments.ordered(all_of_them))
    gaps = ranking.rank([slo()], snapshot)
    [entry] = report.document(gaps, snapshot, {})["slos"]
    assert [one["version"] for one in entry["deployments"]] == ["v1", "v3", "v4"]
    assert "- Deployed: v1 at 2026-03-29T10:00:00+00:00, v3 at " in report.markdown(gaps, snapshot, {}, 10, "")
    assert observations.load(observations.dump(snapshot), "snapshot") == snapshot


@pytest.mark.parametrize(
    ("labels", "value"),
    [({"service": "a"}, float(AT)), ({"version": "1"}, float(AT)), ({"service": "a", "version": "1"}, float("nan"))],
)
def test_a_query_that_says_no_deployment_is_refused(labels: dict[str, str], value: float) -> None:
    with pytest.raises(Refusal, match="service and version"):
        deployments.of_samples([Sample(labels, value)], "deployments_query")


@pytest.mark.parametrize("text", ["topk(1, a)", "a`b", "a``b`"])
def test_a_query_in_markdown_ends_where_it_ends(text: str) -> None:
    span = report._code(text)
    ticks = span[: len(span) - len(span.lstrip("`"))]
    assert ticks not in span[len(ticks) : -len(ticks)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "at": "2026-03-30T10:00:00+00:00", "contributors_window": "1d", "slos": {}}',
        '{"version": 1, "at": "2026-03-30T10:00:00", "contributors_window": "1d", "slos": {}}',
        '{"version": 1, "at": "2026-03-30T10:00:00Z", "contributors_window": "1d", "slos": []}',
        '{"version": 1, "at": "2026-03-30T10:00:00Z", "contributors_window": "1d", "slos": {"a": {"bad": -1, "total": 1, "coverage": 1, "burn": {}}}}',
        '{"version": 1, "at": "2026-03-30T10:00:00Z", "contributors_window": "1d", "slos": {"a": {"bad": NaN, "total": 1, "coverage": 1, "burn": {}}}}',
    ],
)
def test_a_snapshot_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        observations.load(text, "snapshot")


@pytest.mark.parametrize(
    ("runbook", "wrong"),
    [
        ("page.md#marked", False),
        ("page.md#a-heading-of-its-own", False),
        ("page.md", False),
        ("https://wiki.example.net/page#x", False),
        ("page.md#gone", True),
        ("page.md#in-code", True),
        ("other.md", True),
        ("../page.md", True),
        ("", True),
    ],
)
def test_a_runbook_is_there_or_it_is_said_what_is_wrong(tmp_path: Path, runbook: str, wrong: bool) -> None:
    (tmp_path / "page.md").write_text('<a id="marked"></a>\n## A heading: of its own\n\n```\n# In code\n```\n')
    (tmp_path.parent / "page.md").write_text("# Outside\n")
    assert (runbooks.problem(tmp_path, runbook) is not None) is wrong

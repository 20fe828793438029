# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""slo_gap on a real Prometheus that holds what the rules record, and the comment on issue trackers that are fakes."""

from __future__ import annotations

import json
import re
import time
import typing as t
import urllib.parse
from pathlib import Path

import pytest

from playground import loopback, modules, prometheus
from tests.support import fake_apis
from tests.support.components import had_prometheus

DAY = 86400
CATALOG = """
service: gateway
tier: gold
owner: "team @edge"
runbook: slo.md#fast
slos:
  - name: availability
    objective: "99.9"
    window: 7d
    group_by: [version]
    sli: {ratio: {bad: 'errors_total{job="gateway"}', total: 'requests_total{job="gateway"}'}}
  - name: new
    objective: "99"
    window: 7d
    sli: {ratio: {bad: 'new_errors_total', total: 'new_requests_total'}}
  - name: quiet
    objective: "99.99"
    window: 7d
    sli: {ratio: {bad: 'quiet_errors_total', total: 'quiet_requests_total'}}
  - name: gone
    objective: "99"
    window: 7d
    sli: {ratio: {bad: 'gone_errors_total', total: 'gone_requests_total'}}
"""


def samples(now: int) -> t.Iterator[prometheus.SAMPLE]:
    """Seven days of five minutes: 3 of 1000 events bad, of which a new version brings most since a day; one that began yesterday; one with little."""
    last = now // 300 * 300
    labels = {slo: f'{{slo_id="gateway-{slo}",service="gateway",slo="{slo}"}}' for slo in ("availability", "new", "quiet")}
    for index in range(2016):
        at = last - 300 * index
        for slo, bad, total, points in (("availability", 3, 1000, 2016), ("new", 500, 1000, 288), ("quiet", 0.001, 1000, 2016)):
            if index < points:
                yield f"slo:bad:increase5m{labels[slo]}", at, bad
                yield f"slo:total:increase5m{labels[slo]}", at, total
    # Past now too: Prometheus forgets a sample after five minutes, and a slow test asks later.
    for at in range(last - 300, last + 1200, 60):
        for slo in labels.values():
            for window in ("1h", "6h", "1d", "3d"):
                yield f"slo:burn:ratio_rate{window}{slo}", at, 3.0
        yield 'deployment_timestamp_seconds{service="gateway",version="2"}', at, float(last - DAY)
    for index in range(8 * 288):
        at = last - 300 * index
        counted = 8 * 288 - index
        yield 'errors_total{job="gateway",version="1"}', at, float(counted)
        yield 'errors_total{job="gateway",version="2"}', at, float(max(0, 288 - index) * 9)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[prometheus.Prometheus]:
    had_prometheus()
    folder = tmp_path_factory.mktemp("gap")
    prometheus.record(folder, samples(int(time.time())))
    with prometheus.serving(folder) as running:
        yield running


@pytest.fixture
def told(server: prometheus.Prometheus, tmp_path: Path) -> dict[str, t.Any]:
    (tmp_path / "catalog.yml").write_text(CATALOG)
    (tmp_path / "slo.md").write_text('<a id="fast"></a>\n')
    return {
        "catalog": str(tmp_path / "catalog.yml"),
        "prometheus": {"url": server.url, "use_proxy": False},
        "runbooks": str(tmp_path),
        "snapshot_path": str(tmp_path / "snapshot.json"),
    }


def asked(told: t.Mapping[str, t.Any], **more: t.Any) -> modules.Result:
    answer = modules.run("slo_gap", {**told, **more})
    assert not answer["failed"], answer
    return answer


def test_what_prometheus_recorded_is_ranked(told: dict[str, t.Any]) -> None:
    answer = asked(told)
    found = {entry["slo_id"]: entry for entry in answer["slos"]}
    assert [(entry["slo_id"], entry["status"]) for entry in answer["slos"]] == [
        ("gateway-availability", "over"),
        ("gateway-new", "unknown"),
        ("gateway-gone", "unknown"),
        ("gateway-quiet", "too_few"),
    ]
    worst = found["gateway-availability"]
    assert worst["excess_bad_events"] == pytest.approx(2016 * 2, rel=0.01)
    assert worst["budget_remaining"] == pytest.approx(-2, rel=0.01)
    assert (worst["burn"], worst["exhausted_in_seconds"]) == ({"1h": 3, "6h": 3, "1d": 3, "3d": 3}, 0)
    assert (worst["suggested"], worst["runbook_problem"]) == ("roll_back", None)
    assert worst["contributors"][0]["labels"] == {"version": "2"}
    assert worst["contributors"][0]["share"] == pytest.approx(0.9, abs=0.01)
    assert re.search(r"only 14\.[23] % of the period", found["gateway-new"]["why"]), "287 or 288 of 2016 points, as the clock stands"
    assert "no data" in found["gateway-gone"]["why"]
    assert answer["freeze"]
    values = {measure["name"]: measure["value"] for measure in answer["measures"]}
    assert (values["slos_over_budget"], values["slos_unknown"], values["runbooks_broken"]) == (1, 2, 0)


def test_what_was_deployed_is_told_and_the_query_finds_who_brings_the_bad_events(
    told: dict[str, t.Any], server: prometheus.Prometheus
) -> None:
    more = {"time": "2020-01-01T00:00:00Z", "service": "gateway", "version": "1"}
    answer = asked(told, deployments_query="max by (service, version) (deployment_timestamp_seconds)", deployments=[more])
    worst = answer["slos"][0]
    assert [one["version"] for one in worst["deployments"]] == ["2"]
    measured = asked_of(server, worst["queries"]["bad_events"])
    assert [one["labels"] for one in worst["contributors"]] == measured
    refused = modules.run("slo_gap", {**told, "deployments_query": "vector(1)"})
    assert (refused["failed"], refused["refusals"][0]["object"]) == (True, "deployments_query")


def asked_of(server: prometheus.Prometheus, query: str) -> list[dict[str, str]]:
    """Labels of a query's series, the largest first."""
    found = json.loads(loopback.page(f"{server.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"))["data"]["result"]
    return [one["metric"] for one in sorted(found, key=lambda one: -float(one["value"][1]))]


def test_the_snapshot_gives_the_same_report(told: dict[str, t.Any], tmp_path: Path) -> None:
    live = asked(told, deployments_query="deployment_timestamp_seconds")
    offline = {"catalog": told["catalog"], "runbooks": told["runbooks"], "snapshot": told["snapshot_path"]}
    pages = [tmp_path / "one.md", tmp_path / "two.md"]
    for page in pages:
        assert asked(offline, markdown_path=str(page))["slos"] == live["slos"]
    assert pages[0].read_bytes() == pages[1].read_bytes() == live["markdown"].encode()
    assert not asked(offline, markdown_path=str(pages[0]))["changed"]
    assert "@edge" not in live["markdown"].replace("\\@", "")


@pytest.mark.parametrize(("kind", "project"), [("github", "shop/ops"), ("gitlab", "shop/team/ops")])
def test_one_comment_is_kept_up_to_date(told: dict[str, t.Any], kind: str, project: str) -> None:
    asked(told)
    offline = {"catalog": told["catalog"], "runbooks": told["runbooks"], "snapshot": told["snapshot_path"]}
    with fake_apis.serving() as fake:
        fake.comments = dict.fromkeys(range(1, 131), "somebody's")  # more than a page of them
        comment = {"kind": kind, "url": fake.url, "project": project, "issue": 5, "token": "t0ken", "use_proxy": False}
        assert modules.run("slo_gap", {**offline, "comment": comment}, check=True)["changed"]
        assert fake.written() == []
        assert asked(offline, comment=comment)["changed"]
        assert not asked(offline, comment=comment)["changed"]
        assert fake.comments[131].startswith("<!-- governed.delivery slo_gap default -->\n## Service levels")
        fake.comments[131] += "changed by hand"
        assert asked(offline, comment=comment)["changed"]
        assert (len(fake.comments), len(fake.written()), "changed by hand" in fake.comments[131]) == (131, 2, False)
        refused = modules.run("slo_gap", {**offline, "comment": {**comment, "token": "wrong"}})
        assert (refused["failed"], refused["refusals"][0]["code"]) == (True, "comment_refused")
        assert "wrong" not in json.dumps(refused["refusals"])


def test_nobody_is_told_when_nothing_is_wrong(tmp_path: Path) -> None:
    catalog = "service: gateway\nslos:\n  - name: quiet\n    objective: '99'\n    sli: {ratio: {bad: b_total, total: t_total}}\n"
    (tmp_path / "catalog.yml").write_text(catalog)
    seen = {"bad": 2, "total": 1000, "coverage": 1, "burn": {}}
    snapshot = {"version": 1, "at": "2026-03-30T10:00:00+00:00", "contributors_window": "1d", "slos": {"gateway-quiet": seen}}
    (tmp_path / "snapshot.json").write_text(json.dumps(snapshot))
    with fake_apis.serving() as fake:
        comment = {"kind": "github", "url": fake.url, "project": "shop/ops", "issue": 5, "token": "t0ken", "use_proxy": False}
        told = {"catalog": str(tmp_path / "catalog.yml"), "snapshot": str(tmp_path / "snapshot.json"), "comment": comment}
        assert not asked(told)["changed"]
        assert fake.comments == {}


def test_a_server_that_does_not_answer_is_refused(told: dict[str, t.Any]) -> None:
    answer = modules.run("slo_gap", {**told, "prometheus": {"url": "http://127.0.0.1:9", "tries": 1, "use_proxy": False}})
    assert (answer["failed"], answer["refusals"][0]["code"]) == (True, "prometheus_unusable")

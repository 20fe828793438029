# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""slo_rules with the real promtool, Prometheus and amtool: what is installed, and our components where they are built."""

from __future__ import annotations

import copy
import itertools
import os
import random
import shutil
import signal
import subprocess
import time
import typing as t
from decimal import Decimal
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common import web
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog import catalog, yaml_text
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.slo import Slo
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules import (
    alertmanager,
    backtest,
    bundle,
    history,
    names,
    programs,
    promtool_tests,
    record,
    recording,
    reloading,
    series,
    windows,
)
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules.series import Stretch

from playground import components, modules, prometheus
from tests.support.components import had

TEXT = "services: {gateway: {availability: 99.9, runbook: runbook.md#errors}}"
SLOS = catalog.read(TEXT).slos
GATEWAY = SLOS[0]


@pytest.fixture(scope="session", params=["installed", "component"])
def promtool(request: pytest.FixtureRequest) -> Path:
    installed = shutil.which("promtool")
    if request.param == "installed":
        if installed is None:
            pytest.skip("promtool is not installed")
        return Path(installed)
    if installed is not None and not components.component("prometheus").is_built:
        pytest.skip("prometheus: the component is not built, the installed promtool is tested")
    return had("prometheus").program("promtool")


@pytest.fixture(scope="session")
def any_promtool() -> Path:
    return Path(shutil.which("promtool") or had("prometheus").program("promtool"))


def said(promtool: Path, folder: Path, rules: t.Mapping[str, t.Any], tests: t.Mapping[str, t.Any]) -> str:
    """What promtool complains of; "" when all tests pass."""
    (folder / "rules.yml").write_text(yaml_text.dump([rules]), encoding="utf-8")
    (folder / "test.yml").write_text(yaml_text.dump([{**tests, "rule_files": ["rules.yml"]}]), encoding="utf-8")
    done = subprocess.run([str(promtool), "test", "rules", str(folder / "test.yml")], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def cases(slo: Slo, *words: str) -> dict[str, t.Any]:
    """The generated tests whose names have one of these words."""
    document = promtool_tests.document(slo, [])
    document["tests"] = [test for test in document["tests"] if not words or any(word in test["name"] for word in words)]
    assert document["tests"]
    return document


def test_the_rules_pass_their_tests(promtool: Path, tmp_path: Path) -> None:
    assert said(promtool, tmp_path, bundle.rules([GATEWAY]), cases(GATEWAY)) == ""


def test_grouped_latencies_of_another_period_pass_theirs(any_promtool: Path, tmp_path: Path) -> None:
    text = (
        "service: b\nslos: [{name: fast, objective: 99, window: 28d, group_by: [region], "
        'sli: {latency: {histogram: \'took_seconds{job="b",code!~"4.."}\', le: 1}}}]'
    )
    [slo] = catalog.read(text).slos
    assert said(any_promtool, tmp_path, bundle.rules([slo]), cases(slo, "recorded", "idle", "gone", "outage", "times")) == ""


def alert(rules: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = next(rule for rule in rules["groups"][0]["rules"] if rule.get("alert") == name)
    return found


def without_keeping(rules: dict[str, t.Any]) -> None:
    del alert(rules, windows.PAGE.name)["keep_firing_for"]


def without_floors(rules: dict[str, t.Any]) -> None:
    page = alert(rules, windows.PAGE.name)
    page["expr"] = "\n".join(line for line in page["expr"].splitlines() if "slo:bad:" not in line)


def without_long_windows(rules: dict[str, t.Any]) -> None:
    page = alert(rules, windows.PAGE.name)
    page["expr"] = (
        page["expr"].replace("slo:burn:ratio_rate1h", "slo:burn:ratio_rate5m").replace("slo:burn:ratio_rate6h", "slo:burn:ratio_rate30m")
    )


def slow_to_page(rules: dict[str, t.Any]) -> None:
    alert(rules, windows.PAGE.name)["for"] = "5m"


def deaf(rules: dict[str, t.Any]) -> None:
    alert(rules, windows.PAGE.name)["expr"] = "error_budget_burn_2x > 1"


def unguarded(rules: dict[str, t.Any]) -> None:
    for rule in rules["groups"][0]["rules"]:
        if rule.get("record", "").startswith("slo:error:"):
            rule["expr"] = rule["expr"].replace(" > 0", " >= 0")


def without_absence(rules: dict[str, t.Any]) -> None:
    rules["groups"][0]["rules"].remove(alert(rules, windows.ABSENT))


def wrong_budget(rules: dict[str, t.Any]) -> None:
    for rule in rules["groups"][0]["rules"]:
        rule["expr"] = rule["expr"].replace("/ 0.001", "/ 0.01")


@pytest.mark.parametrize(
    ("mutation", "case"),
    [
        (without_keeping, "two bursts"),
        (without_floors, "one failed"),
        (without_long_windows, "three minutes"),
        (slow_to_page, "full outage"),
        (deaf, "full outage"),
        (unguarded, "idle"),
        (without_absence, "metric gone"),
        (wrong_budget, "recorded"),
    ],
)
def test_what_is_taken_out_of_the_rules_is_missed_by_their_tests(
    any_promtool: Path, tmp_path: Path, mutation: t.Callable[[dict[str, t.Any]], None], case: str
) -> None:
    rules = copy.deepcopy(bundle.rules([GATEWAY]))
    mutation(rules)
    assert "FAILED" in said(any_promtool, tmp_path, rules, cases(GATEWAY, case))


def test_one_row_that_does_not_keep_firing_pages_at_each_turn_of_a_flap(any_promtool: Path, tmp_path: Path) -> None:
    """The number in ADR 0116."""
    rules = copy.deepcopy(bundle.rules([GATEWAY]))
    without_keeping(rules)
    page = alert(rules, windows.PAGE.name)
    page["expr"] = page["expr"].split("\nor\n", maxsplit=1)[0]
    document = cases(GATEWAY, "8 good")
    document["tests"][0]["promql_expr_test"][0]["exp_samples"][0]["value"] = 17
    assert said(any_promtool, tmp_path, rules, document) == ""


def surer(rules: dict[str, t.Any]) -> None:
    """Ask with the same certainty for an error ratio above what the row burns, not above the objective's: what ADR 0116 decided against."""
    page = alert(rules, windows.PAGE.name)
    for row in windows.PAGE.rows:
        bound = recording.of(GATEWAY, names.lower_bound(row.short))
        page["expr"] = page["expr"].replace(f"{bound} > 0.001", f"{bound} > 0.001 * {recording.of(GATEWAY, names.factor(row.long))}")


@pytest.mark.parametrize(("mutation", "minutes"), [(None, 46), (surer, 111)])
def test_two_percent_of_one_request_a_second_page_when_the_decision_says(
    any_promtool: Path, tmp_path: Path, mutation: t.Callable[[dict[str, t.Any]], None] | None, minutes: int
) -> None:
    """Seven healthy hours, then 6 of 300 requests fail in each five minutes."""
    rules = copy.deepcopy(bundle.rules([GATEWAY]))
    if mutation is not None:
        mutation(rules)
        assert rules != bundle.rules([GATEWAY])
    healthy = 420
    bad = list(itertools.accumulate([0] * (healthy + 1) + [1, 1, 1, 1, 2] * (minutes // 5 + 1)))
    good = [60 * minute - wrong for minute, wrong in enumerate(bad)]
    looks = [(healthy + minutes - 1, 0), (healthy + minutes, 1)]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": made["series"], "values": " ".join(map(str, values))}
            for made, values in zip(series.inputs(GATEWAY, [Stretch(1, Decimal(1))]), (bad, good), strict=True)
        ],
        "promql_expr_test": [
            {"expr": promtool_tests.firing(GATEWAY, "page"), "eval_time": f"{minute}m", "exp_samples": [{"value": value}]}
            for minute, value in looks
        ],
    }
    assert said(any_promtool, tmp_path, rules, {"evaluation_interval": "1m", "tests": [test]}) == ""


def story(seed: int) -> list[Stretch]:
    """Eight hours of a service that has a bad day."""
    pick = random.Random(seed)
    stretches = [Stretch(60, Decimal(1000))]
    while sum(stretch.minutes for stretch in stretches) < 480:
        ratio = pick.choice(["0", "0", "0", "0.002", "0.013", "0.02", "0.1", "1"])
        stretches.append(Stretch(pick.randint(2, 40), Decimal(pick.choice([1000, 10000])), Decimal(ratio)))
    return stretches


@pytest.mark.parametrize("seed", [1, 2])
def test_the_backtest_pages_when_promtool_says_so(promtool: Path, tmp_path: Path, seed: int) -> None:
    """What Prometheus has recorded of the story, judged by us, beside the rules themselves, evaluated by promtool."""
    stretches = story(seed)
    minutes = sum(stretch.minutes for stretch in stretches)
    end = int(time.time()) // 60 * 60
    samples: list[prometheus.SAMPLE] = []
    bad = good = Decimal(0)
    moment = end - 60 * minutes
    bad_series, good_series = (entry["series"] for entry in series.inputs(GATEWAY, stretches))
    for stretch in [Stretch(1, Decimal(0)), *stretches]:
        for _minute in range(stretch.minutes):
            bad, good = bad + stretch.events * stretch.bad, good + stretch.events * (1 - stretch.bad)
            samples += [(bad_series, moment, float(bad)), (good_series, moment, float(good))]
            moment += 60
    prometheus.record(tmp_path, samples, promtool)
    with prometheus.serving(tmp_path, server=promtool.with_name("prometheus")) as running:
        server = web.server(
            {**{name: option.get("default") for name, option in web.OPTIONS.items()}, "url": running.url, "use_proxy": False}
        )
        [events] = history.events(server, GATEWAY, history.grid(end * 1000, 1))
    fired = backtest.firings(GATEWAY, windows.PAGE, events)
    assert fired
    began = [(firing.start - end) // 60 + minutes for firing in fired]
    over = [minutes + 1 if firing.end is None else (firing.end - end) // 60 + minutes for firing in fired]
    looks = [
        *((minute, 0) for first in began for minute in [first - 1]),
        *((minute, 1) for first in began for minute in [first]),
        *((last - 1, 1) for last in over),
        *((last, 0) for last in over if last <= minutes),
    ]
    firing = promtool_tests.firing(GATEWAY, "page")
    total = f'sum(sum_over_time((count(ALERTS{{alertstate="firing",severity="page"}}))[{minutes + 1}m:1m]))'
    checks = [{"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"value": value}]} for minute, value in looks]
    checks.append({"expr": total, "eval_time": f"{minutes}m", "exp_samples": [{"value": sum(over) - sum(began)}]})
    document = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series.inputs(GATEWAY, stretches), "promql_expr_test": checks}],
    }
    assert said(promtool, tmp_path, bundle.rules([GATEWAY]), document) == ""


def options(folder: Path, running: prometheus.Prometheus, text: str = TEXT, **more: t.Any) -> dict[str, t.Any]:
    return {
        "catalog_text": text,
        "rules_file": str(folder / "rules" / "slo.yml"),
        "record": str(folder / "former.json"),
        "untested": True,
        "reload": "http",
        "prometheus": {"url": running.url, "use_proxy": False, "tries": 1},
        **more,
    }


def applied(folder: Path, running: prometheus.Prometheus, text: str = TEXT, **more: t.Any) -> modules.Result:
    return modules.run("slo_rules", options(folder, running, text, **more))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[prometheus.Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus.serving(folder, rule_files=[str(folder / "rules" / "*.yml")]) as found:
        yield found


@pytest.mark.parametrize("by", ["http", "sighup"])
def test_rules_are_read_changed_kept_and_taken_back(running: prometheus.Prometheus, by: str) -> None:
    folder = running.folder
    (folder / "pid").write_text(str(running.pid), encoding="ascii")
    told = {"reload": by, "pid_file": str(folder / "pid")}
    assert applied(folder, running, **told)["changed"]
    assert prometheus.rule_groups(running) == ["slo:gateway-availability"]
    assert not applied(folder, running, **told)["changed"]
    more = TEXT.replace("{gateway", "{docs: {availability: 99}, gateway")
    assert applied(folder, running, more, **told)["changed"]
    assert prometheus.rule_groups(running) == ["slo:docs-availability", "slo:gateway-availability"]
    before = (folder / "rules" / "slo.yml").read_bytes()

    (folder / "rules" / "broken.yml").write_text("groups: 3", encoding="utf-8")
    time.sleep(1.1)
    refused = applied(folder, running, TEXT, **told)
    (folder / "rules" / "broken.yml").unlink()
    assert (refused["failed"], refused["refusals"][0]["code"]) == (True, "slo_reload_failed"), refused
    assert (folder / "rules" / "slo.yml").read_bytes() == before
    assert prometheus.rule_groups(running) == ["slo:docs-availability", "slo:gateway-availability"]

    assert applied(folder, running, state="absent", **told)["changed"]
    assert prometheus.rule_groups(running) == []
    assert not applied(folder, running, state="absent", **told)["changed"]


def test_rules_that_were_written_but_not_read_are_read(running: prometheus.Prometheus) -> None:
    applied(running.folder, running, reload="none")
    time.sleep(1.1)
    path = running.folder / "rules" / "slo.yml"
    path.touch()
    assert applied(running.folder, running)["changed"]
    assert prometheus.rule_groups(running) == ["slo:gateway-availability"]
    assert not applied(running.folder, running)["changed"]
    applied(running.folder, running, state="absent")


def killed_at(step: int, told: dict[str, t.Any]) -> bool:
    """Run the module in a child that is killed right behind its step, a write or a reload; False when it came to its end before."""
    pid = os.fork()
    if pid == 0:
        steps = itertools.count(1)

        def then_die(call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def called(*arguments: t.Any) -> t.Any:
                answer = call(*arguments)
                if next(steps) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            return called

        patch = pytest.MonkeyPatch()
        patch.setattr(record, "put", then_die(record.put))
        patch.setattr(reloading, "reload", then_die(reloading.reload))
        modules.run("slo_rules", told)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for part in ("rules", "routes", "tests") for path in (folder / part).glob("*.yml")}


@pytest.mark.parametrize("state", ["present", "absent", "restored"])
def test_a_kill_at_any_write_is_ended_by_the_next_run_and_an_undo_brings_back_what_was_there(
    running: prometheus.Prometheus, state: str
) -> None:
    """Files of a second service are added to those of a first, or all of them removed; and an undo of that is cut, too."""
    folder = running.folder
    more = TEXT.replace("{gateway", "{docs: {availability: 99}, gateway")
    files = {"tests_directory": str(folder / "tests"), "alertmanager_file": str(folder / "routes" / "alertmanager.yml")}
    for step in itertools.count(1):
        assert not applied(folder, running, **files)["failed"]
        (folder / "former.json").unlink(missing_ok=True)
        first = contents(folder)
        assert len(first) == 4
        told: dict[str, t.Any] = {"state": state, "text": more}
        if state == "restored":
            applied(folder, running, more, **files)
        is_killed = killed_at(step, options(folder, running, **told, **files))
        if is_killed and step % 2:  # it is ended, or begun and cut once more, before it is taken back
            ended = applied(folder, running, more, **{**files, "state": "present" if state == "restored" else state})
            assert not ended["failed"], ended
            again = applied(folder, running, more, **{**files, "state": "present" if state == "restored" else state})
            assert (again["failed"], again["changed"]) == (False, False), again
        back = applied(folder, running, **{**files, "state": "restored"})
        assert not back["failed"], back
        assert contents(folder) == first, f"killed at step {step}"
        assert prometheus.rule_groups(running) == ["slo:gateway-availability"]
        assert not (folder / "former.json").exists()
        if not is_killed:
            break
    assert step > 5
    applied(folder, running, **{**files, "state": "absent"})


def test_a_kill_at_any_write_of_a_change_that_is_refused_is_taken_back(running: prometheus.Prometheus) -> None:
    """Also while the files are put back."""
    folder = running.folder
    broken = folder / "rules" / "broken.yml"
    files = {"tests_directory": str(folder / "tests"), "alertmanager_file": str(folder / "routes" / "alertmanager.yml")}
    assert not applied(folder, running, **files)["failed"]
    first = contents(folder)
    more = TEXT.replace("{gateway", "{docs: {availability: 99}, gateway")
    for step in itertools.count(1):
        (folder / "former.json").unlink(missing_ok=True)
        broken.write_text("groups: 3", encoding="utf-8")
        is_killed = killed_at(step, options(folder, running, more, **files))
        broken.unlink()
        if not is_killed:
            assert contents(folder) == first
            break
        assert not applied(folder, running, **{**files, "state": "restored"})["failed"]
        assert contents(folder) == first, f"killed at step {step}"
        assert prometheus.rule_groups(running) == ["slo:gateway-availability"]
    assert step > 8
    applied(folder, running, **{**files, "state": "absent"})


def test_a_change_that_is_refused_leaves_the_undo_of_the_one_before(running: prometheus.Prometheus) -> None:
    folder = running.folder
    applied(folder, running)
    (folder / "rules" / "broken.yml").write_text("groups: 3", encoding="utf-8")
    time.sleep(1.1)
    refused = applied(folder, running, TEXT.replace("99.9", "99"))
    (folder / "rules" / "broken.yml").unlink()
    assert refused["refusals"][0]["code"] == "slo_reload_failed", refused
    assert applied(folder, running, state="restored")["changed"]
    assert not (folder / "rules" / "slo.yml").exists()
    assert not applied(folder, running, state="restored")["changed"]


def test_amtool_sends_pages_and_tickets_where_they_belong() -> None:
    amtool = shutil.which("amtool") or str(had("alertmanager").program())
    for page, ticket in (("oncall", "tracker"), ("one", "one")):
        told = {"state": "rendered", "catalog_text": TEXT, "amtool": amtool, "page_receiver": page, "ticket_receiver": ticket}
        assert not modules.run("slo_rules", told)["failed"]
    swapped = alertmanager.snippet("tracker", "oncall")
    with pytest.raises(Refusal, match="route of severity page"):
        programs.refuse_wrong_routes(amtool, swapped, {"page": "oncall", "ticket": "tracker"}, GATEWAY)

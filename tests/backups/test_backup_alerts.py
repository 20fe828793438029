# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's alert rules and dashboard against Prometheus' own tools, and a real server that holds what a validation's textfile says."""

from __future__ import annotations

import json
import subprocess
import typing as t
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import textfile

from playground import prometheus
from playground.errors import Refusal
from tests.support import playbooks
from tests.unit.backups.record_sample import record

WHO = 'cluster="shop",engine="pgbackrest"'
HOUR = 3600
DAY = 24 * HOUR
VARIABLES = {
    "cluster": "shop",
    "engine": "pgbackrest",
    "source": {"directory": "/backups"},
    "alerts_runbook": "https://wiki.example.net/backups",
}

Series = dict[str, str]  # name with labels, values as promtool's test language has them


def program(name: str) -> Path:
    try:
        return prometheus.program(name)
    except Refusal as problem:
        pytest.skip(f"no {name}: {problem}")


def written(folder: Path, **variables: t.Any) -> Path:
    """The folder with the role's alerts.yml and dashboard.json."""
    given = {
        **VARIABLES,
        "state_directory": str(folder / "state"),
        "alerts_file": str(folder / "alerts.yml"),
        "dashboard_file": str(folder / "dashboard.json"),
        **variables,
    }
    play = {
        "vars": {f"verified_backups_{name}": value for name, value in given.items()},
        "tasks": [{"ansible.builtin.include_role": {"name": "governed.delivery.verified_backups"}}],
    }
    ended = playbooks.run(folder, play)
    assert ended.succeeded, ended.output
    return folder


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("alerts"))


def series(**values: str) -> Series:
    return {f"restore_validate_{name}{{{WHO}}}": value for name, value in values.items()}


def verdicts(found: str) -> Series:
    """Of one run, for two days."""
    return {
        f'restore_validate_verdict{{{WHO},verdict="{one}"}}': f"{int(one == found)}x48" for one in ("PASS", "FAIL", "ERROR", "INCONCLUSIVE")
    }


GOALS = series(rto_goal_seconds="900x2000", rpo_goal_seconds="300x2000")
# What is fed in, one value an hour; after how many hours; which alerts fire.
CASES: dict[str, tuple[Series, int, set[str]]] = {
    "all is well": (
        {
            **GOALS,
            **verdicts("PASS"),
            **series(last_pass_timestamp_seconds="0x48", rto_seconds="200x48", rpo_seconds="40x48", rpo_worst_24h_seconds="80x48"),
            **series(lock_min_remaining_seconds=f"{20 * DAY}x48"),
        },
        25,
        set(),
    ),
    "the last pass is too long ago": ({**verdicts("PASS"), **series(last_pass_timestamp_seconds="0x48")}, 28, {"BackupNotProved"}),
    "there never was a run": ({}, 1, {"BackupNotProved"}),
    "another cluster's pass does not count": (
        {'restore_validate_last_pass_timestamp_seconds{cluster="other",engine="pgbackrest"}': "0x48"},
        1,
        {"BackupNotProved"},
    ),
    **{
        f"the verdict is {found}": (
            {**verdicts(found), **series(last_pass_timestamp_seconds="0x48")},
            2,
            {"BackupValidationFailed"},
        )
        for found in ("FAIL", "ERROR", "INCONCLUSIVE")
    },
    "the recovery takes too long": (
        {**GOALS, **series(last_pass_timestamp_seconds="0x48", rto_seconds="901x48")},
        2,
        {"BackupRecoveryTimeOverGoal"},
    ),
    "the recovery takes exactly what was promised": (
        {**GOALS, **series(last_pass_timestamp_seconds="0x48", rto_seconds="900x48")},
        2,
        set(),
    ),
    "a gap in the archive is too long": (
        {**GOALS, **series(last_pass_timestamp_seconds="0x48", rpo_seconds="2x48", rpo_worst_24h_seconds="301x48")},
        2,
        {"BackupLossOverGoal"},
    ),
    "too much was lost": (
        {**GOALS, **series(last_pass_timestamp_seconds="0x48", rpo_seconds="400x48", rpo_worst_24h_seconds="20x48")},
        2,
        {"BackupLossOverGoal"},
    ),
    "the recovery time grows towards its goal": (
        {**GOALS, **series(last_pass_timestamp_seconds="0+3600x1000", rto_seconds="300+0.5x1000")},
        720,
        {"BackupRecoveryTimeGrowing"},
    ),
    "it has grown too short a time to say": (
        {**GOALS, **series(last_pass_timestamp_seconds="0+3600x1000", rto_seconds="300+0.9x1000")},
        300,
        set(),
    ),
    "it grows, and has crossed its goal": (
        {**GOALS, **series(last_pass_timestamp_seconds="0+3600x1000", rto_seconds="600+0.5x1000")},
        720,
        {"BackupRecoveryTimeOverGoal"},
    ),
    "the lock ends within a week": (
        {**series(last_pass_timestamp_seconds="0x48", lock_min_remaining_seconds=f"{7 * DAY - 1}x48")},
        2,
        {"BackupLockEnds"},
    ),
}


def every_ten_minutes(hourly: str) -> str:
    """``300+0.5x48``, a value an hour, as one every ten minutes."""
    values, _times, count = hourly.partition("x")
    start, _plus, step = values.partition("+")
    return f"{start}+{float(step or 0) / 6}x{int(count) * 6}"


def judged(folder: Path, cases: dict[str, tuple[Series, int, set[str]]]) -> subprocess.CompletedProcess[str]:
    """What promtool says of the cases: each alert of the rules fires in each, or it does not."""
    [group] = yaml.safe_load((folder / "alerts.yml").read_text())["groups"]
    tests = []
    for name, (given, hours, firing) in cases.items():
        expected = [
            {
                "eval_time": f"{hours}h",
                "alertname": rule["alert"],
                "exp_alerts": [{"exp_labels": rule["labels"]}] if rule["alert"] in firing else [],
            }
            for rule in group["rules"]
        ]
        # Annotations hold the value, which is the expression's own affair.
        tests.append(
            {
                "name": name,
                "interval": "10m",  # a sample for every evaluation: it is good for five minutes
                "input_series": [{"series": key, "values": every_ten_minutes(value)} for key, value in given.items()],
                "alert_rule_test": expected,
            }
        )
    plain = {"groups": [{**group, "rules": [{key: rule[key] for key in rule if key != "annotations"} for rule in group["rules"]]}]}
    (folder / "plain.yml").write_text(yaml.safe_dump(plain))
    (folder / "tests.yml").write_text(yaml.safe_dump({"rule_files": ["plain.yml"], "evaluation_interval": "10m", "tests": tests}))
    return subprocess.run([program("promtool"), "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, check=False)


def test_promtool_takes_the_rules(rules: Path) -> None:
    done = subprocess.run([program("promtool"), "check", "rules", "alerts.yml"], cwd=rules, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [group] = yaml.safe_load((rules / "alerts.yml").read_text())["groups"]
    runbook = (playbooks.ROOT / "docs/runbooks/backup_validation_failed.md").read_text()
    for rule in group["rules"]:
        page, _hash, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "https://wiki.example.net/backups"
        assert f'<a id="{anchor}"></a>' in runbook, f"the runbook has no anchor {anchor}"


@pytest.mark.parametrize("name", CASES)
def test_alerts_fire_when_they_must_and_only_then(rules: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "alerts.yml").write_text((rules / "alerts.yml").read_text())
    done = judged(tmp_path, {name: CASES[name]})
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_in_some_case(rules: Path) -> None:
    [group] = yaml.safe_load((rules / "alerts.yml").read_text())["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set().union(*(firing for _given, _hours, firing in CASES.values()))


def test_promtool_says_so_when_an_alert_does_not_fire(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text((rules / "alerts.yml").read_text().replace("93600", "936000"))
    assert judged(tmp_path, {"late": CASES["the last pass is too long ago"]}).returncode != 0


@pytest.mark.parametrize(
    ("nights", "hours"), [(["mon", "wed", "fri"], 74), (["sun"], 170), (["mon", "tue", "wed", "thu", "fri"], 74), (["MON", "TUE"], 146)]
)
def test_a_night_that_was_not_planned_is_not_missed(tmp_path: Path, nights: list[str], hours: int) -> None:
    text = (written(tmp_path, nights=[night.lower() for night in nights]) / "alerts.yml").read_text()
    assert f"> {hours * HOUR})" in text


def test_every_query_of_the_dashboard_finds_what_a_validation_writes(rules: Path, tmp_path: Path) -> None:
    promtool = program("promtool")
    program("prometheus")
    night = record()
    moment = 1790820392 + 60
    lines = [line.rpartition(" ") for line in textfile.render(night, entry=1).splitlines() if not line.startswith("#")]
    samples = [(name, at, float(value)) for name, _space, value in lines for at in range(moment - 600, moment + 1, 60)]
    dashboard = json.loads((rules / "dashboard.json").read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= len(dashboard["panels"])
    prometheus.record(tmp_path, samples, promtool)
    with prometheus.serving(tmp_path) as server:
        for title, query in queries:
            asked = urllib.parse.urlencode({"query": query.replace("$cluster", "shop"), "time": moment})
            with urllib.request.urlopen(f"{server.url}/api/v1/query?{asked}", timeout=20) as answer:
                found = json.load(answer)["data"]["result"]
            assert found, f"{title}: {query} finds nothing"
            assert "$" not in query.replace("$cluster", "")
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    cells = [(x + dx, y + dy) for x, y, width, height in places for dx in range(width) for dy in range(height)]
    assert len(cells) == len(set(cells)), "panels overlap"

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benches in small: that they measure what they say and answer as they promise. Their numbers mean nothing at this size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import restore, result
from tests.bench.__main__ import benches, main

KEYS = ["name", "ours", "peer", "ratio", "goal", "n", "spread", "conditions"]


@pytest.fixture(autouse=True)
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(result, "BUILD", tmp_path)
    return tmp_path


def test_turns_alternate_and_ratios_are_those_of_single_turns() -> None:
    order: list[str] = []
    ours, peer = iter([100.0, 300.0, 200.0]), iter([100.0, 100.0, 100.0])

    def measure(who: str) -> float:
        order.append(who)
        return next(ours if who == "ours" else peer)

    found = result.in_turns("name", lambda: measure("ours"), lambda: measure("peer"), 3, "ratio >= 1", {"unit": "rows/s"})
    assert order == ["peer", "ours", "ours", "peer", "peer", "ours"]
    assert (found.ours, found.peer, found.ratio, found.spread, found.n) == (200, 100, 2.0, (1.0, 3.0), 3)
    assert found.conditions == {"unit": "rows/s", "all": {"ours": [100, 300, 200], "peer": [100, 100, 100]}}


@pytest.mark.parametrize(
    "name",
    [
        "copy_one_worker",
        "copy_vs_client_sketch",
        "copy_vs_partman",
        "reconcile",
        "restore_overhead",
        "restore_overhead_plain",
        "restore_checks",
        "replay_rate",
        "replay_memory",
    ],
)
def test_a_bench_beside_a_peer(name: str, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--rows", "5000", "--times", "1"]) == 0
    output = capsys.readouterr().out
    answer = json.loads(output)
    assert list(answer) == KEYS
    assert answer == json.loads((build / f"{name}.json").read_text())
    assert answer["name"] == name
    if "skipped" not in answer["conditions"]:
        assert answer["ours"] > 0
        assert answer["peer"] > 0
        assert answer["ratio"] == pytest.approx(answer["ours"] / answer["peer"], rel=0.02)
        assert answer["spread"] == [answer["ratio"]] * 2


def test_backups_under_load_come_back_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore_exact", "--times", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["ours"] == 2


def test_the_seconds_of_a_fetch_are_seen_from_outside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "CAP", 10_000_000)
    assert main(["restore_rate", "--rows", "50000", "--times", "1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["n"] >= 1
    assert answer["spread"][1] <= 1.2 * 10_000_000


def test_all_that_are_promised_are_there() -> None:
    promised = {"copy_one_worker", "copy_two_workers", "copy_vs_client_sketch", "copy_vs_partman", "reconcile", "throttled_copy", "cutover"}
    promised |= {"ledger_append", "ledger_verify", "promotion_overhead"}
    promised |= {"restore_overhead", "restore_overhead_plain", "restore_checks", "restore_exact", "restore_rate"}
    promised |= {"replay_rate", "replay_memory"}
    assert promised <= set(benches())


def test_an_unknown_name_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "no bench nothing; there are: " in capsys.readouterr().err

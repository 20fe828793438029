# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics say what the record says, and nothing where it says nothing."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import textfile
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal

from playground import prometheus
from playground.errors import Refusal as Missing
from tests.unit.backups.record_sample import finding, record

WHO = 'cluster="shop",engine="pgbackrest"'


def samples(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series.removeprefix("restore_validate_"): float(value) for series, _space, value in lines}


def test_a_pass_has_all_its_numbers() -> None:
    found = samples(textfile.render(record(), entry=17))
    assert found[f"rto_seconds{{{WHO}}}"] == 196.0
    assert found[f'phase_seconds{{{WHO},phase="fetch"}}'] == 160.0
    assert found[f"rpo_worst_24h_seconds{{{WHO}}}"] == 75.0
    assert found[f"last_pass_timestamp_seconds{{{WHO}}}"] == found[f"last_run_timestamp_seconds{{{WHO}}}"] == 1790820392.0
    assert found[f"lock_min_remaining_seconds{{{WHO}}}"] == 28 * 86400
    assert found[f'tables{{{WHO},result="differing"}}'] == 0
    assert found[f"amcheck_errors{{{WHO}}}"] == 0
    assert found[f"evidence_seq{{{WHO}}}"] == 17
    verdicts = {series: value for series, value in found.items() if series.startswith("verdict")}
    assert sorted(verdicts.values()) == [0, 0, 0, 1]
    assert verdicts[f'verdict{{{WHO},verdict="PASS"}}'] == 1


def test_what_was_not_measured_is_absent() -> None:
    night = record(
        verdict="ERROR",
        rto={"goal_seconds": 900.0, "seconds": None, "phases": {"locate": 1.0, "fetch": None}},
        rpo={"goal_seconds": 300.0, "seconds": None, "worst_24h_seconds": None},
        checks=[{"name": "amcheck", "result": "not_run"}],
        tables={},
        source={"kind": "directory", "lock_until": None},
    )
    found = samples(textfile.render(night))
    assert f"rto_goal_seconds{{{WHO}}}" in found
    for absent in (
        "rto_seconds",
        "rpo_seconds",
        "rpo_worst_24h_seconds",
        "last_pass_timestamp_seconds",
        "amcheck_errors",
        "tables",
        "lock_",
        "evidence",
    ):
        assert not [series for series in found if series.startswith(absent)], absent
    assert [series for series in found if series.startswith("phase")] == [f'phase_seconds{{{WHO},phase="locate"}}']


def test_numbers_beyond_json_are_read_from_text() -> None:
    assert samples(textfile.render(record(bytes={"fetched": "9007199254740993"})))[f"fetched_bytes{{{WHO}}}"] == 2.0**53


def test_the_last_pass_survives_a_failed_night(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "shop.prom"
    textfile.write(path, record("2026-10-01"))
    passed = samples(path.read_text())[f"last_pass_timestamp_seconds{{{WHO}}}"]
    for night in ("2026-10-02", "2026-10-03"):
        textfile.write(path, record(night, verdict="FAIL", findings=[finding("COUNT_MISMATCH", "FAIL")]))
        found = samples(path.read_text())
        assert found[f"last_pass_timestamp_seconds{{{WHO}}}"] == passed < found[f"last_run_timestamp_seconds{{{WHO}}}"]
        assert (found[f'verdict{{{WHO},verdict="FAIL"}}'], found[f'verdict{{{WHO},verdict="PASS"}}']) == (1, 0)
    textfile.write(path, record("2026-10-04", verdict="FAIL", cluster="other"))
    assert "last_pass" not in path.read_text(), "another cluster's pass is not ours"
    assert [one.name for one in tmp_path.iterdir()] == ["shop.prom"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"file/shop\.prom"):
        textfile.write(tmp_path / "file" / "shop.prom", record())


@pytest.mark.parametrize("changed", [{}, {"cluster": 'a"b\\c\nd'}, {"verdict": "ERROR", "rto": {}, "rpo": {}, "tables": {}}])
def test_promtool_takes_them(changed: dict[str, t.Any]) -> None:
    try:
        promtool = prometheus.program("promtool")
    except Missing as problem:
        pytest.skip(f"no promtool: {problem}")
    text = textfile.render(record(**changed), entry=3)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task restore_validate under ansible-playbook: it tells how far it is, and the ledger knows of every run, however it ended."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import signal
import time
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups import run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import runs
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

from playground import postgres
from tests.support import playbooks
from tests.support.restores import Scene, scene

SLOW = 6_000_000.0  # bytes a second: a fetch of some seconds


@pytest.fixture(scope="module")
def shop(session_name: str) -> t.Iterator[Scene]:
    """A primary with one backup, and an archive that goes on behind it."""

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(16, postgres.place(f"{session_name}-playbook"), settings=settings, profile="small")

    with scene(start) as made, made.busy():
        answer = made.take(label="nightly")
        assert not answer["failed"], answer
        made.switch()
        yield made


def task(shop: Scene, folder: pathlib.Path, **changed: t.Any) -> dict[str, t.Any]:
    options = shop.wanted(cluster="shop", ledger={"directory": str(folder / "evidence")}, **changed)
    return {"governed.delivery.restore_validate": options}


def said(folder: pathlib.Path) -> list[runs.Entry]:
    """What the ledger has about restores, in order."""
    log = ledgers.log({"directory": str(folder / "evidence")}, writes=False)
    return [entry for entry in ledgers.entries(log) if entry.kind.startswith("restore_")]


def wait_for_the_first_bytes(shop: Scene) -> dict[str, t.Any]:
    """The mark of the run that has some."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(path.is_file() and path.stat().st_size for path in shop.work.glob(f"{run_directory.PREFIX}*/data/**/*")):
            [marker] = shop.work.glob(f"{run_directory.PREFIX}*/{run_directory.MARKER}")
            found: dict[str, t.Any] = json.loads(marker.read_text())
            return found
        time.sleep(0.02)
    pytest.fail("nothing was fetched within a minute")


def test_a_run_that_is_killed_is_in_the_ledger_from_before_its_first_byte_and_the_next_says_how_it_ended(
    shop: Scene, tmp_path: pathlib.Path
) -> None:
    begun = playbooks.begin(tmp_path, {"tasks": [task(shop, tmp_path, bytes_per_second=SLOW)]})
    try:
        marker = wait_for_the_first_bytes(shop)
    finally:
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()
    os.killpg(os.getpgid(marker["process"]), signal.SIGKILL)
    [started] = said(tmp_path)
    assert (started.kind, started.said["run"]) == (runs.STARTED, marker["run"])
    assert started.said["at"] < _iso(marker["at"]), "signed before there was a folder to fetch into"
    assert (shop.work / f"rv-{marker['run']}").exists()

    again = playbooks.run(tmp_path, {"tasks": [task(shop, tmp_path, bytes_per_second=SLOW)]})
    assert again.succeeded, again.output
    [_started, second, aborted, finished] = said(tmp_path)
    assert [second.kind, aborted.kind, finished.kind] == [runs.STARTED, runs.ABORTED, runs.FINISHED]
    assert aborted.said["run"] == marker["run"]
    assert finished.said["run"] == second.said["run"]
    assert finished.said["verdict"] == "PASS"
    assert not list(shop.work.glob(f"{run_directory.PREFIX}*"))
    # What a person saw meanwhile.
    told = [
        int(percent) for percent in re.findall(r"^  shop  fetch +(\d+) %  [\d.]+ MB of [\d.]+ MB  [\d.]+ MB/s", again.output, re.MULTILINE)
    ]
    assert len(told) >= 2, again.output
    assert told == sorted(told)
    assert 0 < told[-1] <= 100
    assert set(re.findall(r"^  shop  (\w+) ", again.output, re.MULTILINE)) > {"fetch"}, "and of the other phases too"


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat()


def test_only_the_last_run_that_passed_is_taken_again(shop: Scene, tmp_path: pathlib.Path) -> None:
    ended = playbooks.run(
        tmp_path,
        {
            "tasks": [
                {**task(shop, tmp_path), "register": "passed"},
                {**task(shop, tmp_path, reuse_within=600.0), "register": "kept"},
                {**task(shop, tmp_path, reuse_within=0.001), "register": "too_late"},
                {**task(shop, tmp_path, max_age=0.001), "register": "red", "ignore_errors": True},
                {**task(shop, tmp_path, reuse_within=600.0), "register": "anew"},
                {
                    "ansible.builtin.assert": {
                        "that": [
                            "passed is changed",
                            "kept is not changed",
                            "kept.verdict == 'PASS'",
                            "kept.record.run == passed.record.run",
                            "kept.ledger_index == passed.ledger_index",
                            "kept.measures | map(attribute='value') | list == passed.measures | map(attribute='value') | list",
                            "too_late.record.run != passed.record.run",
                            "red is failed",
                            "anew is changed",
                            "anew.record.run not in [passed.record.run, too_late.record.run, red.record.run]",
                        ]
                    }
                },
            ]
        },
    )
    assert ended.succeeded, ended.output
    verdicts = [entry.said["verdict"] for entry in said(tmp_path) if entry.kind == runs.FINISHED]
    assert verdicts == ["PASS", "PASS", "FAIL", "PASS"]
    assert "it is not made again" in ended.text

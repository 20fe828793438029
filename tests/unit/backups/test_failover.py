# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsed failover is judged by, and what of it goes on record."""

from __future__ import annotations

import dataclasses
import os
import signal
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups import termination
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover import failover, failover_record
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover.failover import Drill, Observed
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover.pair import Wanted
from ansible_collections.governed.delivery.plugins.module_utils._backups.failover.writers import Kept
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Stopped, verdict
from ansible_collections.governed.delivery.plugins.module_utils._ledger import canonical, statement

DRILL = Drill(Wanted(None, "postgres", "asynchronous", 60), 2, 5.0, 0.0, True, 10.0, 0)
WHOLE = Kept(acknowledged=1000, lost=0, lost_seconds=None, in_doubt=1, differing=0)
ABOUT = {"run": "r", "at": "2026-11-20T02:00:05+00:00", "started": "2026-11-20T02:00:00+00:00", "night": "2026-11-20", "cluster": "orders"}


def seen(**changed: t.Any) -> Observed:
    made = Observed(failover_seconds=0.4, kept=WHOLE, timelines=(1, 2), read_ok=True, server_version=160004)
    made.phases.seconds.update(promote=0.3, first_write=0.05, rejoin=1.5)
    return dataclasses.replace(made, **changed)


@pytest.mark.parametrize(
    ("changed", "codes", "expected"),
    [
        ({}, [], "PASS"),
        ({"kept": dataclasses.replace(WHOLE, lost=1, lost_seconds=0.2)}, ["WRITES_LOST"], "FAIL"),
        ({"kept": dataclasses.replace(WHOLE, acknowledged=0)}, ["NOTHING_WRITTEN"], "INCONCLUSIVE"),
        ({"kept": dataclasses.replace(WHOLE, differing=3)}, ["READ_DIFFERS"], "FAIL"),
        ({"read_ok": False}, ["READ_DIFFERS"], "FAIL"),
        ({"failover_seconds": 10.1}, ["GOAL_FAILOVER"], "FAIL"),
        ({"timelines": (2, 2)}, ["PROMOTE_FAILED"], "FAIL"),
        ({"kept": None, "failover_seconds": None, "read_ok": None, "timelines": (None, None)}, [], "PASS"),
    ],
)
def test_each_wrong_thing_has_its_code(changed: dict[str, t.Any], codes: list[str], expected: str) -> None:
    found = failover.judged(DRILL, seen(**changed))
    assert [one.code for one in found] == codes
    assert verdict(found) == expected


def test_without_a_goal_nothing_is_judged() -> None:
    drill = dataclasses.replace(DRILL, seconds_at_most=None, lost_at_most=None)
    lost = dataclasses.replace(WHOLE, lost=999, lost_seconds=4.0)
    assert failover.judged(drill, seen(kept=lost, failover_seconds=900.0)) == []


def test_the_record_is_a_statement_and_its_measures_say_what_stands_behind_them() -> None:
    found = failover_record.record(ABOUT, DRILL, seen(), [], {"ok": True, "bytes": 149082112})
    made = statement.statement("failover_finished", found, {"failover_finished": canonical.digest(found)})
    assert statement.parse(canonical.canonical(made)) == made
    measures = {one["name"]: one for one in failover_record.measures(found)}
    assert measures["failover_seconds"]["value"] == 0.4
    assert (measures["failover_lost_writes"]["value"], measures["failover_lost_writes"]["samples"]) == (0, 1000)
    assert measures["failover_read_ok"]["value"] == 1
    assert {one["at"] for one in measures.values()} == {ABOUT["at"]}


def test_what_was_not_measured_is_null_and_has_no_samples() -> None:
    found = failover_record.record(ABOUT, DRILL, Observed(), [], {"ok": True, "bytes": 0})
    assert {(one["value"], one["samples"]) for one in failover_record.measures(found)} == {(None, 0)}
    assert (found["failover_seconds"], found["writes"]["lost"], found["read_ok"]) == (None, None, None)


def _told_thrice(cleaned: list[bool]) -> None:
    with termination.in_order():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)


def test_a_signal_ends_a_run_in_order_and_further_ones_do_not_disturb() -> None:
    cleaned: list[bool] = []
    with pytest.raises(Stopped) as stopped:
        _told_thrice(cleaned)
    assert (stopped.value.finding.code, cleaned) == ("ABORTED", [True])
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

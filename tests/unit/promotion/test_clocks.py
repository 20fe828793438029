# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks: read here, and compared only where they can be."""

from __future__ import annotations

import pathlib
import time
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import clocks


def test_this_machine_has_a_wall_clock_and_one_since_its_boot() -> None:
    before = clocks.read_here("controller")
    time.sleep(0.01)
    after = clocks.read_here("controller")
    assert list(after) == ["controller", "controller_uptime"]
    assert abs(after["controller"]["seconds"] - time.time()) < 5
    assert after["controller"]["boot_id"] is None
    assert after["controller_uptime"]["boot_id"]
    found = clocks.deltas(before, after)
    assert list(found) == ["controller", "controller_uptime"]
    assert all(0.005 < delta < 5 for delta in found.values())


def test_without_a_boot_id_there_is_only_the_wall_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(clocks, "BOOT_ID", tmp_path / "none")
    assert list(clocks.read_here("controller")) == ["controller"]


def test_a_clock_since_boot_is_compared_within_one_boot_only() -> None:
    before = {"host": clocks.wall(100.0), "host_uptime": clocks.uptime(50.0, "boot-1")}
    assert clocks.deltas(before, {"host": clocks.wall(160.0), "host_uptime": clocks.uptime(110.0, "boot-1")}) == {
        "host": 60,
        "host_uptime": 60,
    }
    assert clocks.deltas(before, {"host": clocks.wall(160.0), "host_uptime": clocks.uptime(5.0, "boot-2")}) == {"host": 60}
    assert clocks.deltas(before, {"host": clocks.wall(160.0), "host_uptime": clocks.wall(110.0)}) == {"host": 60}


def test_one_clock_by_two_names_is_one() -> None:
    here = {"controller": clocks.wall(0.0, "b"), "localhost": clocks.wall(0.0, "b"), "controller_uptime": clocks.uptime(0.0, "b")}
    here["localhost_uptime"] = clocks.uptime(0.0, "b")
    later = {name: {**entry, "seconds": 60.0} for name, entry in here.items()}
    assert list(clocks.deltas(here, later)) == ["controller", "controller_uptime"]


def test_clocks_of_unknown_machines_are_each_their_own() -> None:
    here = {"ledger": clocks.wall(0.0), "host": clocks.wall(0.0)}
    assert list(clocks.deltas(here, here)) == ["ledger", "host"]


@pytest.mark.parametrize(
    "junk", [None, 5, "5", [], {}, {"seconds": "5"}, {"seconds": True}, {"seconds": float("nan")}, {"seconds": 10**400}]
)
def test_what_is_no_clock_is_left_out(junk: t.Any) -> None:
    good = {"host": clocks.wall(1.0)}
    assert clocks.deltas({"bad": junk, **good}, {"bad": junk, **good}) == {"host": 0.0}
    assert clocks.deltas({"bad": clocks.wall(1.0)}, {"bad": junk}) == {}

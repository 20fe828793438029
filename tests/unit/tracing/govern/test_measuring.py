# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in front of a sampler and behind it, while both are still being recorded."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern import measuring, telemetry
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.telemetry import Reading

from tests.support.replayed_spans import BEGIN, request, span

AFTER = 100.0  # seconds that have gone since the spans' own beginning
NOW = BEGIN + AFTER
ONE_SERVER: list[t.Any] = ["a collector"]  # nobody asks it: its page is given


def export(number: int, ago: float) -> str:
    """A failed span of its own trace, of a tenth of a second, so many seconds before now; one line."""
    return json.dumps(request(span(number, AFTER - ago, status=2))) + "\n"


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    """The measure of what is in the two files, by collectors that have run for so many seconds each."""

    def measure(before: str, behind: str, uptimes: t.Sequence[float | None] = (3600.0,)) -> dict[str, t.Any]:
        pages = [f"otelcol_process_uptime {uptime}" if uptime is not None else "otelcol_x 1" for uptime in uptimes]
        monkeypatch.setattr(telemetry, "read", lambda _servers: Reading(pages))
        monkeypatch.setattr(time, "time", lambda: NOW)
        (tmp_path / "before").write_text(before)
        (tmp_path / "behind").write_text(behind)
        told = {"decision_wait": "30s", "traces": [str(tmp_path / "before")], "kept": [str(tmp_path / "behind")]}
        return measuring._error_keep_rate(ONE_SERVER if uptimes else [], told)

    return measure


def test_what_may_not_be_decided_yet_is_not_counted(measured: t.Callable[..., dict[str, t.Any]]) -> None:
    before = "".join(export(number, ago) for number, ago in enumerate((90, 60, 41, 39, 1), start=1))
    found = measured(before, export(1, 90) + export(2, 60))
    assert (found["samples"], round(found["value"], 1)) == (3, 66.7)
    assert "2 are not counted" in found["how"]


@pytest.mark.parametrize(("uptimes", "samples"), [((80.0,), 2), ((80.0, 50.0), 1), ((3600.0,), 3), ((), 3)])
def test_what_was_before_the_last_collector_began_is_not_counted(
    measured: t.Callable[..., dict[str, t.Any]], uptimes: t.Sequence[float], samples: int
) -> None:
    both = "".join(export(number, ago) for number, ago in enumerate((90, 60, 45), start=1))
    found = measured(both, both, uptimes)
    assert (found["samples"], found["value"]) == (samples, 100.0)


def test_a_line_that_is_still_being_written_is_left(measured: t.Callable[..., dict[str, t.Any]]) -> None:
    found = measured(export(1, 90) + export(2, 80)[:70], export(1, 90) + export(2, 80)[:-1])
    assert (found["samples"], found["value"]) == (1, 100.0)


@pytest.mark.parametrize(
    ("before", "behind", "uptimes", "why"),
    [
        (export(1, 90), export(1, 90), (3600.0, None), "otelcol_process_uptime"),
        (export(1, 90), "", (3600.0,), "at least one recorded span"),
        (export(1, 5), export(1, 5), (3600.0,), "not measured"),
        (export(1, 90) + "{\n", export(1, 90), (3600.0,), "cut off or damaged"),
    ],
)
def test_nothing_is_said_from_nothing(
    measured: t.Callable[..., dict[str, t.Any]], before: str, behind: str, uptimes: t.Sequence[float | None], why: str
) -> None:
    found = measured(before, behind, uptimes)
    assert found["value"] is None
    assert why in found["how"]

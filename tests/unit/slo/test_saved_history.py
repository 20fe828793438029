# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking back into a file: sums by window, what is refused, and pages before and after of the playground's own history."""

from __future__ import annotations

import json
import math
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog import catalog
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules import measuring, saved_history

from playground import observability

START = 1_774_864_800
Document = dict[str, t.Any]


def document(**told: t.Any) -> Document:
    minutes = 20
    slos = {"shop-availability": {"bad": [1] * minutes, "total": [*range(minutes)]}}
    return {"version": 1, "start": START, "slos": slos, "pages": [START + 60], **told}


def load(found: t.Any) -> saved_history.Saved:
    return saved_history.load(json.dumps(found), "history.json")


def test_windows_are_sums_of_the_minutes_before() -> None:
    saved = load(document())
    assert (saved.pages, saved.end) == (1, START + 19 * 60)
    windows = saved.events["shop-availability"].windows
    assert list(windows) == ["5m", "30m", "1h", "2h", "6h"]
    assert windows["5m"].bad[:6] == [1, 2, 3, 4, 5, 5]
    assert windows["5m"].total[10] == 6 + 7 + 8 + 9 + 10
    assert windows["30m"].total[19] == sum(range(20))


def test_what_was_not_recorded_is_no_number() -> None:
    slos = {"shop-availability": {"bad": [None] * 6 + [2] + [None] * 7, "total": [None] * 6 + [8] + [None] * 7}}
    bad = load(document(slos=slos)).events["shop-availability"].windows["5m"].bad
    assert [None if math.isnan(one) else one for one in bad] == [None] * 6 + [2.0] * 5 + [None] * 3


@pytest.mark.parametrize(
    ("found", "about"),
    [
        ("text", r"history\.json"),
        (document(version=2), r"history\.json\.version"),
        (document(start=START + 1), r"history\.json\.start"),
        (document(slos={}), r"history\.json\.slos"),
        (document(slos={"a": {"bad": [1], "total": [1, 2]}}), r"history\.json\.slos\.a"),
        (document(slos={"a": {"bad": [-1], "total": [1]}}), r"history\.json\.slos\.a\.bad\[0\]"),
        (document(slos={"a": {"bad": ["1"], "total": [1]}}), r"history\.json\.slos\.a\.bad\[0\]"),
        (document(slos={"a": {"bad": [1], "total": [1]}, "b": {"bad": [1, 1], "total": [1, 1]}}), r"as many minutes of each"),
        (document(pages=[START - 60]), r"history\.json\.pages\[0\]"),
        ({key: value for key, value in document().items() if key != "pages"}, r"pages"),
    ],
)
def test_what_is_wrong_is_named(found: t.Any, about: str) -> None:
    with pytest.raises(Refusal, match=about):
        load(found)


def test_the_playgrounds_history_is_calmer_with_our_rules() -> None:
    """Nobody is woken by a single window's flapping any more, and still by the outage."""
    saved = load(observability.history(START))
    levels = catalog.read(observability.CATALOG)
    found = {one["name"]: one for one in measuring.of_history(saved, levels, runbooks_directory=None)}
    before, after = found["pages_per_day_before"], found["pages_per_day_after"]
    assert 0 < after["value"] < before["value"] / 3
    assert before["samples"] == observability.MINUTES
    assert "made up" in after["how"]
    assert found["undefined_series"]["value"] is None


def test_a_service_level_without_events_makes_no_number() -> None:
    levels = catalog.read(observability.CATALOG)
    found = {one["name"]: one for one in measuring.of_history(load(document()), levels, runbooks_directory=None)}
    assert found["pages_per_day_after"]["value"] is None
    assert "gateway-availability" in found["pages_per_day_after"]["how"]


def test_a_metric_that_is_gone_would_have_paged_once_for_each_time() -> None:
    minutes = 120
    total: list[int | None] = [None] * 10 + [600] * 30 + [None] * 20 + [600] * 10 + [None] * 6 + [600] * 44
    assert len(total) == minutes
    slos = {f"{name}-availability": {"bad": [one and 0 for one in total], "total": total} for name in ("gateway", "docs-api")}
    saved = load(document(slos=slos, pages=[]))
    levels = catalog.read(observability.CATALOG)
    found = {one["name"]: one for one in measuring.of_history(saved, levels, runbooks_directory=None)}
    assert found["pages_per_day_after"]["how"].startswith("2 pages"), (
        "of both, for 20 minutes, and not for what came before or for six minutes"
    )

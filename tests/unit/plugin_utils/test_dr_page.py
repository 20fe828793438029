# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quarter's page and text: they tell what was found, take nothing in it for markup, and have the same bytes each time."""

from __future__ import annotations

import datetime
import json
import re
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import period, quarter, runs
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Corrective, Quarter, Wanted
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.runs import Entry
from ansible_collections.governed.delivery.plugins.plugin_utils import dr_markdown, dr_page
from ansible_collections.governed.delivery.plugins.plugin_utils.dr_page import Ledger

from tests.unit.backups.record_sample import finding, record
from tests.unit.plugin_utils.test_promotion_page import NASTY, Page

LEDGER = Ledger("shop-evidence", 200, "ab" * 32, ("shop-evidence+0011",), "")


def found(
    said: t.Iterable[tuple[str, dict[str, t.Any]]], *correctives: Corrective, name: str = "2026-Q4", cluster: str = "shop"
) -> Quarter:
    entries = [Entry(index, f"{index:064x}", kind, one) for index, (kind, one) in enumerate(said)]
    wanted = Wanted(period.quarter(name), (), cluster, "pgbackrest", 900.0, 300.0, datetime.date(2027, 1, 10))
    return quarter.make(entries, wanted, correctives, "")


def whole_quarter(**changed: dict[str, t.Any]) -> list[tuple[str, dict[str, t.Any]]]:
    days = [day.isoformat() for day in period.quarter("2026-Q4").nights()]
    return [(runs.FINISHED, record(day, gigabytes=60 + number, **changed.get(f"n{number}", {}))) for number, day in enumerate(days)]


def text_of(page: str) -> str:
    return " ".join(part for parts in Page(page).texts.values() for part in parts)


def test_a_good_quarter_says_so() -> None:
    page = dr_page.render(found(whole_quarter()), LEDGER)
    assert "".join(Page(page).texts["h1"] + Page(page).texts["span"][:1]) == "Restores of shop in 2026-Q4: compliant"
    text = text_of(page)
    for expected in (
        "92 of 92 planned nights proved",
        "Every goal is met",
        "goal 15 min",
        "evidence verified",
        "shop-evidence+0011",
        "Approved by",
    ):
        assert expected in text, expected
    assert "missing night" not in text
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://""", page)


def test_a_bad_quarter_names_everything() -> None:
    said = whole_quarter(
        n3={"verdict": "FAIL", "findings": [finding("CHECKSUM_MISMATCH", "FAIL")]}, n10={"gap": 500.0}, n20={"is_drill": True}
    )
    del said[40]
    said.append(
        (
            runs.FAILED_OVER,
            {"at": "2026-11-01T05:00:00+00:00", "verdict": "PASS", "failover_seconds": 2.5, "writes": {"acknowledged": 900, "lost": 0}},
        )
    )
    said.append((runs.ACCEPTED, {"at": "2026-11-02T05:00:00+00:00", "cluster": "shop", "run": "r", "by": "ada", "reason": "retention run"}))
    page = dr_page.render(found(said), LEDGER)
    text = text_of(page)
    for expected in (
        "not compliant",
        "1 night is missing",
        "2026-11-10",
        "CHECKSUM_MISMATCH",
        "public.orders: expected 12,000 rows, found 11,998 rows",
        "goal missed",
        "8 min 20 s",
        "Full-speed drills",
        "Rehearsed failovers",
        "2.5 s",
        "retention run",
        "public.sessions is not compared: unlogged",
        f"{3:064x}"[:12],
        "crosses 15 min on 2027-",
    ):
        assert expected in text, expected


def test_a_ledger_that_is_not_sound_is_red() -> None:
    bad = Ledger("shop-evidence", 3, "", (), "mismatch: entry 2 is not the one whose hash the tree has")
    assert "EVIDENCE NOT VERIFIED" in text_of(dr_page.render(found(whole_quarter()), bad))


def test_nothing_at_all_is_a_page_too() -> None:
    page = dr_page.render(found([]), LEDGER)
    assert "92 nights are missing" in text_of(page)
    assert Page(page).open == []


def test_what_is_said_never_becomes_markup() -> None:
    nasty = {"code": NASTY, "verdict": "FAIL", "about": NASTY, "expected": NASTY, "found": NASTY}
    said = whole_quarter(
        n3={"verdict": "FAIL", "findings": [nasty], "run": NASTY, "backup": {"label": NASTY}, "tables": {"excluded": {NASTY: NASTY}}}
    )
    made = found(said, Corrective(NASTY, NASTY, NASTY, NASTY))
    page = dr_page.render(made, Ledger(NASTY, 1, NASTY, (NASTY,), NASTY))
    seen = Page(page)
    assert seen.open == []
    assert (seen.tags.count("script"), seen.tags.count("img")) == (1, 0)
    assert not [name for name, _value in seen.attributes if name.startswith("on")]
    markdown = dr_markdown.render(made, NASTY, [NASTY])
    assert not re.search(r"(?<!\\)<", markdown)


def test_it_is_the_same_each_time() -> None:
    said = whole_quarter(n3={"verdict": "ERROR"})
    assert dr_page.render(found(said), LEDGER) == dr_page.render(found(json.loads(json.dumps(said))), LEDGER)
    assert dr_markdown.render(found(said), "", ["k"]) == dr_markdown.render(found(said), "", ["k"])


def test_programs_can_read_it() -> None:
    embedded = re.search(r'id="evidence">(.*?)</script>', dr_page.render(found(whole_quarter()), LEDGER), re.DOTALL)
    assert embedded is not None
    data = json.loads(embedded[1])
    assert (data["standing"], data["nights"]["passed"], len(data["runs"])) == ("compliant", 92, 92)


@pytest.mark.parametrize(
    "missing", [["rto"], ["rpo"], ["bytes"], ["rates"], ["tables"], ["coverage"], ["backup"], ["manifest"], ["findings", "checks"]]
)
def test_a_record_may_lack_anything(missing: list[str]) -> None:
    said = whole_quarter()
    for _kind, one in said:
        for key in missing:
            one[key] = None
    page = dr_page.render(found(said), LEDGER)
    assert Page(page).open == []
    assert dr_markdown.render(found(said), "", [])


def test_markdown_has_the_goals_and_the_failures() -> None:
    said = whole_quarter(n3={"verdict": "FAIL", "findings": [finding("WAL_GAP", "FAIL")]})
    text = dr_markdown.render(found(said, Corrective("run-2026-10-04", "a | b", "mended", "run-2026-10-05")), "", ["k"])
    assert "# Restores of shop in 2026-Q4: compliant" in text
    assert "| Recovery time | 15 min | met |" in text
    assert "| 2026-10-04 | FAIL | WAL\\_GAP | a \\| b | mended | run-2026-10-05 | put right |" in text

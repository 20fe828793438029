# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a pack: it says what the ledger says, worst first, needs nothing but itself, and cannot be made to say more by what stands in it."""

from __future__ import annotations

import html
import json
import re
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._promotion import ssh_signatures
from ansible_collections.governed.delivery.plugins.module_utils._promotion.decision import WaivedGoal
from ansible_collections.governed.delivery.plugins.plugin_utils import pack_making
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.promotion import pack_sample
from tests.unit.promotion.pack_sample import MADE_AT, Teller

RED = re.compile(r'<span class="chip fail">(.*?)</span>(?=<|$| )')


@pytest.fixture(autouse=True)
def _stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_signatures, "verify", pack_sample.verify)


def page(told: Teller) -> str:
    return pack_making.make(pack_sample.log_of(told.statements), "trial", MADE_AT).files["index.html"].decode()


def text(found: str) -> str:
    """What people read."""
    return " ".join(html.unescape(re.sub(r"<(style|script|title|desc).*?</\1>|<[^>]*>", " ", found, flags=re.DOTALL)).split())


def headline(found: str) -> str:
    return str(re.findall(r"<h1>(.*?)</h1>", found)[0])


def test_an_accepted_sprint_says_so_and_shows_how() -> None:
    found = page(pack_sample.promoted())
    assert headline(found) == "Accepted: promoted through dev and prod, all 6 criteria are met"
    assert 'class="note fail"' not in found
    assert "chip fail" not in found
    shown = text(found)
    for told in (
        "Nothing was changed, waived, held or brought back.",
        "\u2713 2 h of 2 h for prod 2 h elapsed, 13 observations",
        "ann sre 2026-03-30",
        "bob owner 2026-03-30",
        "errors alpha on one at most 2 1 10 of 5 entry 5",
        "0.25 ms [0.125 \u2026 0.5]",
        "dev has soaked",
        "Pack made 2026-04-01 12:00 UTC",
        pack_sample.KEY.verifier.text(),
    ):
        assert told in shown, told


def test_it_needs_neither_network_nor_script() -> None:
    found = page(pack_sample.promoted())
    assert found.count("<script") == 1
    assert '<script type="application/json"' in found
    assert not re.search(r"""src\s*=|url\(|@import|https?://|href\s*=\s*"[^#]""", found)
    assert "default-src &#x27;none&#x27;" in found
    assert found == page(pack_sample.promoted())


def test_a_criterion_that_nobody_evaluated_is_red() -> None:
    told = pack_sample.teller()
    told.run("dev", "r1")
    found = page(told)
    assert headline(found) == "Not accepted: prod has not run; 1 criterion not evaluated"
    assert "not evaluated" in RED.findall(found)
    assert "errors alpha at most 2 - 0 of 5 none" in text(found)
    assert "not run" in " ".join(RED.findall(found))
    assert "0 s of 2 h for prod nobody looked" in text(found)


def test_numbers_that_are_not_the_plans_are_red() -> None:
    found = page(pack_sample.promoted(most_errors=5, playground_soak=1))
    assert "changed: most_errors: 5 was used, the plan says 2" in text(found)
    assert "playground: playground_soak: 1 h was used, the plan says 2 h" in text(found)
    assert found.count('class="note fail"') == 2


def test_waivers_denials_ways_back_and_lost_soak_are_red() -> None:
    told = pack_sample.teller()
    told.run("dev", "r0", {**pack_sample.MEASURES, "beta": [pack_sample.measured("slower", 9), pack_sample.measured("base", 10)]})
    told.run("dev", "r1")
    told.soak("dev", 1)
    told.soak("dev", 0.1, healthy=False)
    told.soak("dev", 2)
    for name in ("ann", "bob"):
        told.decide(name, "prod", "waive", goal=WaivedGoal("alpha", "errors"))
        told.decide(name, "prod")
    told.run("prod", "r2", {"alpha": [pack_sample.measured("errors", 9)]})
    told.decide("cho", "prod", "deny")
    found = page(told)
    assert headline(found) == "Accepted: promoted through dev and prod, 4 of 6 criteria are met, 2 waived"
    assert RED.findall(found).count("WAIVED") == 2
    notes = [text(note) for note in re.findall(r'<div class="note fail">(.*?)</div>', found)]
    for expected in (
        "dev : 2026-03-30 10:01 UTC, failed, and what was begun was brought back: FAIL (entry 9)",
        "dev beta : 2026-03-30 10:01 UTC, undone (entry 11)",
        "waived : ann waived errors of alpha in prod",
        "denied : cho denied the stage in prod",
        "soak of dev : ",
        "s of credit are lost",
    ):
        assert any(expected.replace(" :", ":") in note.replace(" :", ":") for note in notes), (expected, notes)


def test_a_lie_is_told_first() -> None:
    told = pack_sample.promoted()
    for said in told.statements:
        if said["type"] == "verified":
            said["measures"] = [{**one, "value": 99} for one in said["measures"]]
    found = page(told)
    assert headline(found).startswith("Not to be believed: the evidence has ")
    assert "NOT VERIFIED" in " ".join(RED.findall(found))
    assert "Fault: entry 5 (verified, alpha on one): recorded is errors PASS, but errors FAIL follows" in text(found)
    assert "recorded: PASS" in found  # beside the verdict that follows


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_whatever_people_write_stays_text(written: str) -> None:
    hostile = f"</script><img src=x onerror=alert(1)>{written}"
    told = pack_sample.promoted()
    told.say("held", reason=hostile, stage=hostile, capability=hostile, plan_digest=told.statements[0]["plan_digest"])
    for said in told.statements:
        if said["type"] == "verified":
            said["measures"][0]["how"] = hostile
    found = page(told)
    assert "<img" not in found
    assert found.count("</script>") == 1
    embedded: t.Any = json.loads(re.findall(r'id="evidence">(.*?)</script>', found, re.DOTALL)[0])
    assert embedded["about"]["plan"] == "trial"

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs of real promotions, made and verified by the playbook, with real SSH signatures."""

from __future__ import annotations

import pathlib
import time
import typing as t
import zipfile

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys

from tests.support import promotions
from tests.support.promotions import Bench, Run, Signer, seen, signer

ACCEPT = "governed.delivery.accept"
KEY = "promotion_ledger_verifier_keys"


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return promotions.made(tmp_path)


def accept(bench: Bench, **told: t.Any) -> Run:
    return bench.promote("", playbook=ACCEPT, **told)


def verify(bench: Bench, pack: pathlib.Path, **told: t.Any) -> Run:
    return accept(bench, promotion_plan=None, promotion_evidence_directory=str(bench.folder / "nowhere"), promotion_pack=str(pack), **told)


def sign(bench: Bench, who: Signer, stage: str, **told: t.Any) -> None:
    run = bench.promote(stage, playbook="governed.delivery.approve", promotion_key=str(who.key), **{**told, "promotion_by": who.name})
    assert run.code == 0, run.output


def test_a_sprint_with_soak_and_approvals_is_accepted_and_verifies_elsewhere(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann", "sre"), signer(bench.folder, "ben", "owner")
    bench.plan["variables"] = {"playground_soak": {"value": 48, "unit": "h", "why": "Two nights."}}
    bench.plan["stages"][1]["preconditions"] += [
        {"soaked": {"stage": "dev", "for": "playground_soak", "max_gap": "60s"}},
        {"approved": {"by_at_least": 2, "roles": {"sre": 1, "owner": 1}}},
    ]
    common: dict[str, t.Any] = {
        "promotion_people": [ann.person, ben.person],
        "promotion_by": "eve",
        "promotion_variables": {"playground_soak": 1 / 3600},
        "hosts": ("one", "two"),
    }
    assert bench.promote("dev", **common).code == 0
    for _look in range(2):
        assert bench.promote("dev", playbook="governed.delivery.soak", **common).code == 0
        time.sleep(1)
    for who in (ann, ben):
        sign(bench, who, "stage", **common)
    run = bench.promote("stage", **common)
    assert run.code == 0, run.output

    run = accept(bench)
    assert run.code == 0, run.output
    assert "Accepted: promoted through dev and stage, all 8 criteria are met." in run.output
    pack = bench.folder / "evidence" / "trial.acceptance.zip"
    with zipfile.ZipFile(pack) as archive:
        page = archive.read("index.html").decode()
    assert "playground_soak: 0.000278 h was used, the plan says 48 h" in page
    for told in ("ann", "sre", "ben", "owner", "of 1 s for stage"):
        assert told in page

    before = sorted(bench.folder.rglob("*"))
    run = verify(bench, pack, **{KEY: (bench.folder / "evidence" / "ledger.vkey").read_text().strip()})
    assert run.code == 0, run.output
    assert "which was pinned" in run.output
    assert "FAULT" not in run.output
    assert [path for path in sorted(bench.folder.rglob("*")) if path not in before and "tmp" not in path.parts] == []
    run = verify(bench, pack, promotion_page=str(bench.folder / "made_anew.html"))
    assert run.code == 0, run.output
    assert "the key in the pack, which you have" in run.output
    assert (bench.folder / "made_anew.html").read_text() == page

    run = verify(bench, pack, **{KEY: keys.new("somebody").verifier.text()})
    assert run.code == 2, run.output
    assert "and not by somebody+" in run.output
    (bench.folder / "cut.zip").write_bytes(pack.read_bytes()[:-9])
    run = verify(bench, bench.folder / "cut.zip")
    assert run.code == 2, run.output
    assert "expected a whole zip" in run.output


def test_what_went_wrong_is_told_and_verifies_as_well(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann"), signer(bench.folder, "ben")
    common: dict[str, t.Any] = {"promotion_people": [ann.person, ben.person], "promotion_by": "eve"}
    assert bench.promote("dev", **common, alpha_sees=[seen(3)]).code == 2
    assert bench.promote("dev", **common, alpha_broken="apply").code == 2
    assert bench.promote("dev", **common, kill_at="alpha : Write down").code == -9
    assert bench.promote("dev", **common, playbook="governed.delivery.recover").code == 0
    assert bench.promote("dev", **common, beta_sees=[seen(0, samples=1)]).code == 4
    assert bench.promote("dev", **common).code == 0  # gone on with
    assert bench.promote("dev", playbook="governed.delivery.rollback").code == 0
    goal = {"capability": "acme.trial.alpha", "measure": "errors"}
    for who in (ann, ben):
        sign(bench, who, "dev", **common, promotion_decision="waive", promotion_goal=goal, promotion_reason="known, mended on Monday")
    assert bench.promote("dev", **common, alpha_sees=[seen(3)]).code == 0
    assert bench.promote("stage", **common, alpha_sees=[seen(1)], beta_broken="undo").code == 3
    for who in (ann, ben):
        sign(bench, who, "stage", **common, promotion_decision="resolve", promotion_reason="undone by hand")
    run = accept(bench, promotion_plan="trial")
    assert run.code == 0, run.output
    assert "Not accepted: stage is not promoted; 1 criterion FAIL." in run.output
    pack = bench.folder / "evidence" / "trial.acceptance.zip"
    run = verify(bench, pack)
    assert run.code == 0, run.output
    with zipfile.ZipFile(pack) as archive:
        page = archive.read("index.html").decode()
    for told in (
        "known, mended on Monday",
        "NOT UNDONE",
        "QUARANTINED",
        "rolled back",
        "quarantine ended by two people",
        "held",
        "taken over",
    ):
        assert told in page


def test_what_cannot_be_packed_is_said(bench: Bench) -> None:
    run = accept(bench)
    assert run.code == 2, run.output
    assert "expected a ledger with statements; found none" in run.output
    assert not (bench.folder / "evidence").exists()
    assert bench.promote("dev").code == 0
    run = accept(bench, promotion_plan="other")
    assert run.code == 2, run.output
    assert "plan other: expected a run of it in the ledger; found statements about trial." in run.output
    run = bench.promote("", "--check", playbook=ACCEPT)
    assert run.code == 0, run.output
    assert "Not accepted: stage has not run; 2 criteria not evaluated." in run.output
    assert not (bench.folder / "evidence" / "trial.acceptance.zip").exists()

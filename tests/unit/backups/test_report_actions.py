# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dr_report and restore_accept on a real ledger in a directory, without Ansible around them, and their documentation."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.action import dr_report, restore_accept
from ansible_collections.governed.delivery.plugins.doc_fragments.promotion import ModuleDocFragment
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import period, runs
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.modules import dr_report as report_documented
from ansible_collections.governed.delivery.plugins.modules import restore_accept as accept_documented
from ansible_collections.governed.delivery.plugins.plugin_utils import dr_page, ledgers

from tests.unit.backups.record_sample import finding, record

KEPT = ("type", "required", "default", "elements", "choices")
ROWS = {"shop: public.orders": 12}


def options(directory: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    """Of dr_report, with its defaults."""
    defaults = {name: option.get("default") for name, option in dr_report.SPEC.options.items()}
    return {**defaults, "directory": str(directory), "quarter": "2026-Q4", "today": "2027-01-02", **more}


@pytest.fixture
def evidence(tmp_path: pathlib.Path) -> pathlib.Path:
    log = ledgers.log({"directory": tmp_path}, writes=True)
    for day in period.quarter("2026-Q4").nights()[:5]:
        shrunk = [finding("SHRUNK", "FAIL")] if day.day == 3 else []
        ledgers.say(log, runs.FINISHED, record(day.isoformat(), rows=ROWS, verdict="FAIL" if shrunk else "PASS", findings=shrunk))
    return tmp_path


@pytest.mark.parametrize(
    ("module", "action"),
    [(report_documented, dr_report), (accept_documented, restore_accept)],
    ids=["dr_report", "restore_accept"],
)
def test_the_documentation_has_the_options_that_the_action_takes(module: types.ModuleType, action: types.ModuleType) -> None:
    documented = {**yaml.safe_load(ModuleDocFragment.LEDGER)["options"], **yaml.safe_load(module.DOCUMENTATION)["options"]}
    taken = action.SPEC.options
    assert {name: {key: option[key] for key in KEPT if key in option} for name, option in documented.items()} == {
        name: {key: option[key] for key in KEPT if key in option} for name, option in taken.items()
    }
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


def test_the_report_reads_the_ledger(evidence: pathlib.Path) -> None:
    found, ledger = dr_report._read(options(evidence))
    assert (found.counts["done"], found.counts["passed"], found.counts["missing"], ledger.entries, ledger.fault) == (5, 4, 87, 5, "")
    assert found.runs[0].entry.index == 0
    assert dr_report._destination(options(evidence), found) == evidence / "restores-shop-pgbackrest-2026-Q4.html"
    assert dr_report._answer(found, ledger)["compliant"] is False


def test_a_ledger_that_was_changed_cannot_be_compliant(evidence: pathlib.Path) -> None:
    before = dr_page.render(*dr_report._read(options(evidence)))
    assert before == dr_page.render(*dr_report._read(options(evidence)))
    path = evidence / "ledger/tile/entries/000.p/5"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"signatures"', b'"Signatures"', 1))
    found, ledger = dr_report._read(options(evidence))
    assert ledger.fault.startswith("mismatch: entry 0")
    assert found.in_the_way[0].startswith("the ledger is not sound: mismatch")
    assert "EVIDENCE NOT VERIFIED" in dr_page.render(found, ledger)


def test_no_ledger_is_no_evidence(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="a ledger with validations"):
        dr_report._read(options(tmp_path))


def accept(directory: pathlib.Path, run: str, *, writes: bool = True) -> dict[str, t.Any]:
    return restore_accept._accept({"directory": directory, "run": run, "reason": "retention run", "by": "ada"}, writes=writes)


def test_a_run_is_accepted_once_and_in_check_mode_never(evidence: pathlib.Path) -> None:
    log = ledgers.log({"directory": evidence}, writes=False)
    assert accept(evidence, "run-2026-10-03", writes=False) == {"changed": True, "rows": ROWS}
    assert len(ledgers.entries(log)) == 5
    assert accept(evidence, "run-2026-10-03") == {"changed": True, "rows": ROWS}
    assert accept(evidence, "run-2026-10-03") == {"changed": False, "rows": ROWS}
    *_others, said = ledgers.entries(log)
    assert (said.kind, said.said["by"], said.said["run"], said.said["entry"]) == (runs.ACCEPTED, "ada", "run-2026-10-03", 2)
    assert runs.accepted(ledgers.entries(log), "shop", "pgbackrest") == ROWS
    with pytest.raises(Refusal, match="none of that name"):
        accept(evidence, "run-2026-10-09")

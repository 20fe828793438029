# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role hands its variables on to restore_validate as the module describes them, and its runbook has every code."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import CODES
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import work_validate

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "verified_backups"
PREFIX = "verified_backups_"
OWN = {"cluster", "ledger", "work_directory"}  # asked for by name, kept by the action, given a place


def read(path: str) -> t.Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


SPEC: t.Mapping[str, t.Any] = work_validate.SPEC.options
[CALL] = read("tasks/validate.yml")
GIVEN: dict[str, str] = CALL["governed.delivery.restore_validate"]
DESCRIBED = {
    name.removeprefix(PREFIX): option for name, option in read("meta/argument_specs.yml")["argument_specs"]["verify"]["options"].items()
}
DEFAULTS = {name.removeprefix(PREFIX): value for name, value in read("defaults/main.yml").items()}


def test_every_option_of_the_module_is_given() -> None:
    assert GIVEN.keys() == {*SPEC, "ledger"} - {"run"}


@pytest.mark.parametrize("name", sorted(SPEC.keys() - OWN - {"run", "night", "is_drill"}))
def test_a_variable_is_described_as_the_modules_option(name: str) -> None:
    described, option = DESCRIBED[name], SPEC[name]
    assert [described.get(key) for key in ("type", "elements")] == [option.get(key) for key in ("type", "elements")]
    assert sorted(described.get("choices", [])) == sorted(option.get("choices", []))
    if name in DEFAULTS:
        assert DEFAULTS[name] == option["default"]


def test_the_schedule_keeps_whatever_a_validation_is_told() -> None:
    kept = set(read("vars/main.yml")[f"{PREFIX}validation"])
    assert kept == {*GIVEN, "drill_day"} - {"night", "is_drill", "reuse_within"}, "a night restores, whatever passed before"


def test_the_runbook_has_every_code_with_its_verdict() -> None:
    found = {}
    for line in (ROOT / "docs/runbooks/backup_validation_failed.md").read_text(encoding="utf-8").splitlines():
        cells = line.split("|")
        found.update({code: cells[2].strip() for code in re.findall(r"`([A-Z][A-Z_]+)`", cells[1])} if len(cells) > 4 else {})
    assert found == dict(CODES)

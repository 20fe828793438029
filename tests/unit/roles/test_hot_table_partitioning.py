# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role hands its variables on to the modules, and does not have numbers of its own."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._postgres import (
    work_backfill,
    work_cutover,
    work_mirror,
    work_partition,
    work_reconcile,
)

ROLE = Path(__file__).resolve().parents[3] / "roles" / "hot_table_partitioning"
PREFIX = "hot_table_partitioning_"
OWN = {"connection", "goal_state", "watch_seconds"}  # a verdict on the cutover needs somebody to watch; the module alone does not
RENAMED = {"reconcile_workers": "workers", "reconcile_duty_percent": "duty_percent"}

OPTIONS = {
    "reconcile": dict(work_reconcile.SPEC.options),
    "others": {
        **work_cutover.SPEC.options,
        **work_mirror.SPEC.options,
        **work_partition.SPEC.options,
        **work_backfill.SPEC.options,
        "repair": work_reconcile.SPEC.options["repair"],
    },
}


def read(path: str) -> t.Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


DEFAULTS = {name.removeprefix(PREFIX): value for name, value in read("defaults/main.yml").items()}
DESCRIBED = {
    name.removeprefix(PREFIX): option for name, option in read("meta/argument_specs.yml")["argument_specs"]["main"]["options"].items()
}


def option_of(name: str) -> t.Any:
    return OPTIONS["reconcile"][RENAMED[name]] if name in RENAMED else OPTIONS["others"][name]


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - OWN))
def test_a_default_is_the_modules(name: str) -> None:
    assert DEFAULTS[name] == option_of(name)["default"]


@pytest.mark.parametrize("name", sorted(DESCRIBED.keys() - OWN))
def test_a_variable_is_described_as_the_modules_option(name: str) -> None:
    described, option = DESCRIBED[name], option_of(name)
    assert (described["type"], described.get("choices"), described.get("elements")) == (
        option["type"],
        option.get("choices"),
        option.get("elements"),
    )


def test_a_level_is_described_as_the_modules() -> None:
    described = {name: (option["type"], option.get("choices")) for name, option in DESCRIBED["partition_by"]["options"].items()}
    assert described == {name: (option["type"], option.get("choices")) for name, option in option_of("partition_by")["options"].items()}


def test_every_variable_that_may_be_left_out_has_a_default_or_is_omitted() -> None:
    tasks = "".join(path.read_text(encoding="utf-8") for path in sorted((ROLE / "tasks").glob("*.yml")))
    for name in sorted(DESCRIBED.keys() - DEFAULTS.keys()):
        assert DESCRIBED[name].get("required") or f"{PREFIX}{name} | default(omit" in tasks, (
            f"{name} is neither required, nor has it a default, nor is it omitted"
        )

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What slo_rules refuses of its surroundings, each by its own code; nothing is written then, and nothing of somebody else's is touched."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from playground import cluster, modules

CATALOG = "services: {gateway: {availability: 99.9, runbook: runbook.md#errors}}"
WITHOUT_EXAMPLE = """\
service: gateway
slos: [{name: availability, objective: 99.9, sli: {ratio: {bad: 'errors_total{job=~"a.{3}[^b]"}', total: 'requests_total{job=~"a.{3}[^b]"}'}}}]
"""


def run(folder: Path, *, check: bool = False, **more: t.Any) -> modules.Result:
    told = {
        "catalog_text": CATALOG,
        "rules_file": str(folder / "rules" / "slo.yml"),
        "record": str(folder / "former.json"),
        "untested": True,
        "reload": "none",
        **more,
    }
    return modules.run("slo_rules", told, check=check)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("before", "more", "code"),
    [
        ({"rules/slo.yml": "groups: []\n"}, {}, "slo_foreign_file"),
        ({"rules/slo.yml": "groups: []\n"}, {"state": "absent"}, "slo_foreign_file"),
        ({"former.json": "nothing\n"}, {"state": "restored"}, "slo_record_unreadable"),
        ({}, {"runbooks_directory": "."}, "slo_runbook_missing"),
        ({"runbook.md": "# Another\n"}, {"runbooks_directory": "."}, "slo_runbook_missing"),
        ({}, {"untested": False}, "slo_untested"),
        ({}, {"untested": False, "promtool": "/nowhere/promtool"}, "slo_program_missing"),
        ({}, {"untested": False, "promtool": "/bin/false"}, "slo_test_failed"),
        ({}, {"untested": False, "promtool": "/bin/true", "catalog_text": WITHOUT_EXAMPLE}, "slo_no_example"),
    ],
)
def test_what_stands_in_the_way_is_named(
    tmp_path: Path, before: t.Mapping[str, str], more: t.Mapping[str, t.Any], code: str, check: bool
) -> None:
    for name, text in before.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    told = {**more, **({"runbooks_directory": str(tmp_path)} if "runbooks_directory" in more else {})}
    refused = run(tmp_path, check=check, **told)
    assert [one["code"] for one in refused["refusals"]] == [code], refused
    assert contents(tmp_path) == before


def test_rules_that_nobody_can_be_told_of_are_put_back_and_remembered_as_unfinished(tmp_path: Path) -> None:
    nobody = {"url": f"http://{cluster.HOST}:{cluster.free_port(None)}", "use_proxy": False, "tries": 1}
    refused = run(tmp_path, reload="http", prometheus=nobody)
    assert [one["code"] for one in refused["refusals"]] == ["slo_reload_unknown"], refused
    assert [*contents(tmp_path)] == ["former.json"], "who was not told may have read them"
    ended = run(tmp_path, state="restored")
    assert (ended["failed"], contents(tmp_path)) == (False, {}), ended

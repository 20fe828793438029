# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in AWX is compared with what was checked, node by node and edge by edge."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._awx import standing
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal

from tests.unit.awx.sample import CONTENT, NODES

Entry = dict[str, t.Any]


def in_awx() -> list[Entry]:
    """The trial's nodes as AWX's API lists them, in another order."""
    number = {name: 70 + index for index, name in enumerate(NODES)}
    return [
        {
            "id": number[node["name"]],
            "identifier": node["name"],
            "success_nodes": [number[name] for name in node.get("success", [])],
            "failure_nodes": [number[name] for name in node.get("failure", [])],
            "always_nodes": [],
            "all_parents_must_converge": False,
        }
        for node in reversed(CONTENT["nodes"])
    ]


def faults(found: object) -> list[str]:
    return [str(fault) for fault in standing.faults(workflows.read(CONTENT), found)]


def of(entries: list[Entry], name: str) -> Entry:
    return next(entry for entry in entries if entry["identifier"] == name)


def test_what_was_checked_stands() -> None:
    assert faults(in_awx()) == []


def test_a_node_left_over() -> None:
    [fault] = faults([*in_awx(), {"id": 1, "identifier": "old", "success_nodes": [], "failure_nodes": [], "always_nodes": []}])
    assert fault.startswith("node old: expected no such node in AWX")


@pytest.mark.parametrize("kind", ["success", "failure", "always"])
def test_an_edge_left_over(kind: str) -> None:
    entries = in_awx()
    of(entries, "rehearse_prod")[f"{kind}_nodes"].append(of(entries, "promote_prod")["id"])
    [fault] = faults(entries)
    assert fault.startswith(f"node rehearse_prod: expected no {kind} edge to promote_prod; found one in AWX. Take it away")


def test_what_lacks() -> None:
    entries = in_awx()
    of(entries, "promote_prod")["failure_nodes"].clear()
    entries.remove(of(entries, "approve_prod"))
    told = faults(entries)
    assert "node approve_prod: expected it in AWX; found no such node. Apply the workflow again." in told
    assert "node promote_prod: expected a failure edge to recover_prod; found none in AWX. Apply the workflow again." in told


def test_a_node_that_waits_for_all() -> None:
    entries = in_awx()
    of(entries, "dev_ended")["all_parents_must_converge"] = True
    assert "node dev_ended: expected to run when any edge leads to it" in faults(entries)[0]


def test_nothing_in_awx_is_not_as_checked() -> None:
    assert len(faults([])) == len(NODES)


def test_an_answer_that_is_no_list_is_refused() -> None:
    with pytest.raises(Refusal):
        faults({"results": []})

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether the graph that stands in AWX is the one that was checked.

``awx.awx.workflow_job_template`` adds and changes nodes and edges, but takes away neither a node that is no longer named nor the last edge
of a kind (``create_workflow_nodes_association`` of awx.awx 24.6.1). Either may lead around an approval.
"""

from __future__ import annotations

import typing as t

from .._common import shape
from .._common.errors import Refusal
from .workflow import Workflow

KINDS = ("success", "failure", "always")
LEFT_OVER = "Take it away in AWX's visualizer, or apply again with awx_replace_nodes=true."


def faults(workflow: Workflow, found: object) -> list[Refusal]:
    """What stands in AWX and is not in the workflow, or the other way round.

    :param found: the entries of ``/api/v2/workflow_job_template_nodes/`` for this workflow: ``id``, ``identifier``, ``success_nodes``,
        ``failure_nodes`` and ``always_nodes`` (ids), ``all_parents_must_converge``.
    """
    nodes = [entry for entry in shape.sequence(found, "standing", empty=True) if isinstance(entry, t.Mapping)]
    names = {entry.get("id"): str(entry.get("identifier")) for entry in nodes}
    told = {node.name: {"success": node.success, "failure": node.failure, "always": ()} for node in workflow.nodes}
    faults = []
    for name in sorted(names.values()):
        if name not in told:
            faults.append(_fault(f"node {name}", "no such node in AWX", "it", LEFT_OVER))
    for name, edges in told.items():
        entry = next((entry for entry in nodes if entry.get("identifier") == name), None)
        if entry is None:
            faults.append(_fault(f"node {name}", "it in AWX", "no such node", "Apply the workflow again."))
            continue
        if entry.get("all_parents_must_converge"):
            faults.append(_fault(f"node {name}", "to run when any edge leads to it", "one that waits for all of them", LEFT_OVER))
        for kind in KINDS:
            stands = {names.get(target, str(target)) for target in entry.get(f"{kind}_nodes", [])}
            for target in sorted(stands - set(edges[kind])):
                faults.append(_fault(f"node {name}", f"no {kind} edge to {target}", "one in AWX", LEFT_OVER))
            for target in sorted(set(edges[kind]) - stands):
                faults.append(_fault(f"node {name}", f"a {kind} edge to {target}", "none in AWX", "Apply the workflow again."))
    return faults


def _fault(thing: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="not_as_checked")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of a workflow is found, names its node, and what has no fault does in AWX what it should."""

from __future__ import annotations

import itertools
import pathlib
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._awx import check
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows
from ansible_collections.governed.delivery.plugins.module_utils._awx.workflow import Workflow
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.awx.sample import CONTENT, EVERY_5, REMOVED, ROOT, Content, Path, changed, of_node, project, shipped


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return project(tmp_path_factory.mktemp("project"))


def faults(content: Content, folder: pathlib.Path) -> list[tuple[str, str, str]]:
    found = check.faults(workflows.read(content), folder, ROOT)
    return [(fault.thing, fault.code, str(fault)) for fault in found]


def test_the_trial_has_no_faults(folder: pathlib.Path) -> None:
    assert faults(CONTENT, folder) == []


def test_the_shipped_workflow_has_no_fault_in_its_graph_and_schedules() -> None:
    """Its playbooks are looked for by tests/integration/test_awx_playbook.py."""
    found = check.faults(shipped(), ROOT, ROOT)
    assert [str(fault) for fault in found if fault.code not in ("no_playbook", "unknown_variable")] == []


FAULTS: list[tuple[str, list[tuple[Path, object]], str, str, str]] = [
    ("a template without timeout", [(("templates", 1, "timeout_minutes"), REMOVED)], "template promote", "no_timeout", "for ever"),
    ("an approval without timeout", [(of_node("approve_prod", "timeout_minutes"), REMOVED)], "node approve_prod", "no_timeout", "denied"),
    ("no such playbook", [(("templates", 4, "playbook"), "sook.yml")], "template soak", "no_playbook", "sook.yml"),
    ("a playbook outside", [(("templates", 4, "playbook"), "../../soak.yml")], "template soak", "no_playbook", "../../soak.yml"),
    ("no such template", [(of_node("dev_ended", "run"), "end")], "node dev_ended", "no_template", "rehearse, promote"),
    ("no such stage", [(of_node("dev_ended", "stage"), "qa")], "node dev_ended", "no_stage", "dev, prod"),
    ("no such node", [(of_node("recover_dev", "success"), ["dev_endet"])], "node recover_dev", "no_node", "'dev_endet'"),
    ("two edges to one", [(of_node("recover_dev", "failure"), ["dev_ended"])], "node recover_dev", "two_edges", "dev_ended"),
    (
        "a cycle",
        [(of_node("dev_ended", "failure"), ["promote_dev"])],
        "node promote_dev",
        "cycle",
        "promote_dev → recover_dev → dev_ended → promote_dev",
    ),
    ("a second start", [(of_node("promote_dev", "success"), [])], "node rehearse_prod", "two_starts", "rehearse_prod beside promote_dev"),
    (
        "a way around the approval",
        [(of_node("rehearse_prod", "success"), ["approve_prod", "promote_prod"])],
        "node promote_prod",
        "no_approval",
        "promote_dev → rehearse_prod → promote_prod",
    ),
    (
        "a denied approval goes on",
        [(of_node("approve_prod", "failure"), ["promote_prod"]), (of_node("approve_prod", "success"), [])],
        "node promote_prod",
        "no_approval",
        "approve_prod → promote_prod",
    ),
    (
        "an approval before the last promotion",
        [
            (("nodes", 8), {"name": "early", "approve": "Go?", "timeout_minutes": 5, "success": ["promote_dev"]}),
            (of_node("rehearse_prod", "success"), ["promote_prod"]),
            (of_node("approve_prod", "success"), []),
        ],
        "node promote_prod",
        "no_approval",
        "early → promote_dev → rehearse_prod → promote_prod",
    ),
    (
        "a promotion between approval and prod",
        [(of_node("promote_dev", "success"), ["promote_prod"]), (of_node("approve_prod", "success"), ["promote_dev"])],
        "node promote_prod",
        "no_approval",
        "rehearse_prod → approve_prod → promote_dev → promote_prod",
    ),
    (
        "an approval before the rehearsal",
        [
            (of_node("promote_dev", "success"), ["approve_prod"]),
            (of_node("approve_prod", "success"), ["rehearse_prod"]),
            (of_node("rehearse_prod", "success"), ["promote_prod"]),
        ],
        "node promote_prod",
        "no_approval",
        "approve_prod → rehearse_prod → promote_prod",
    ),
    (
        "a rehearsal of another stage",
        [(of_node("rehearse_prod", "stage"), "dev")],
        "node promote_prod",
        "no_rehearsal",
        "rehearsal of prod",
    ),
    ("no way back", [(of_node("promote_prod", "failure"), [])], "node promote_prod", "no_way_back", "failure edges to none"),
    (
        "back after success only",
        [(of_node("promote_prod", "failure"), []), (of_node("promote_prod", "success"), ["recover_prod"])],
        "node promote_prod",
        "no_way_back",
        "failure edges to none",
    ),
    ("back on another stage", [(of_node("recover_prod", "stage"), "dev")], "node promote_prod", "no_way_back", "recovers prod"),
    ("a rollback in the workflow", [(of_node("recover_prod", "run"), "rollback")], "node recover_prod", "rolls_back", "started by people"),
    ("a failure goes on", [(of_node("rehearse_prod", "failure"), ["promote_prod"])], "node rehearse_prod", "goes_on", "does promote"),
    (
        "a success is brought back",
        [(of_node("promote_prod", "success"), ["recover_prod"])],
        "node promote_prod",
        "undoes_success",
        "recover_prod",
    ),
    ("a failure ends green", [(of_node("recover_prod", "success"), [])], "node recover_prod", "ends_green", "none"),
    ("an end goes on", [(of_node("dev_ended", "failure"), ["prod_ended"])], "node dev_ended", "ends_green", "prod_ended"),
    ("no digest to pick", [(("survey", 0, "choices"), ["yes"])], "survey", "no_digest", "plan_digests"),
    (
        "a variable nobody knows",
        [(("survey", 0, "variable"), "promotion_digest")],
        "template promote",
        "unknown_variable",
        "promotion_digest, which promote.yml does not use",
    ),
    (
        "a variable the playbook does not know",
        [(("templates", 4, "variables"), {"promotion_plann": "trial"})],
        "template soak",
        "unknown_variable",
        "promotion_plann, which soak.yml does not use",
    ),
    ("a stage set twice", [(("templates", 4, "variables"), {"promotion_stage": "prod"})], "template soak", "set_twice", "promotion_stage"),
    (
        "a digest that nobody picks",
        [(("templates", 1, "variables"), {"promotion_plan_digest": "5f0c"})],
        "template promote",
        "set_twice",
        "from who launches",
    ),
    ("a schedule of nothing", [(("schedules", 1, "run"), "soaking")], "schedule soak", "no_template", "'soaking'"),
    ("a schedule nowhere", [(("schedules", 1, "stages"), ["qa"])], "schedule soak", "no_stage", "'qa'"),
    ("a schedule that promotes", [(("schedules", 1, "run"), "promote")], "schedule soak", "schedule_acts", "does promote"),
    ("a schedule that rolls back", [(("schedules", 1, "run"), "rollback")], "schedule soak", "schedule_acts", "does rollback"),
    ("a rule AWX refuses", [(("schedules", 1, "rrule"), EVERY_5[:-11])], "schedule soak", "bad_rrule", "no INTERVAL"),
    ("nobody recovers", [(("schedules", 0, "stages"), ["dev"])], "node promote_prod", "no_recover_schedule", "recovers prod"),
]


@pytest.mark.parametrize(("changes", "thing", "code", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_has_its_own_message(changes: list[tuple[Path, object]], thing: str, code: str, says: str, folder: pathlib.Path) -> None:
    found = faults(changed(*changes), folder)
    assert (thing, code) in [fault[:2] for fault in found], found
    assert any(says in fault[2] for fault in found if fault[:2] == (thing, code)), found


def test_every_code_has_an_example() -> None:
    source = (ROOT / "plugins/module_utils/_awx/check.py").read_text(encoding="utf-8")
    named = {part.split('"')[1] for part in source.split("_fault(")[1:] if part.count('"') > 1 and "thing, " in part[:8]}
    assert named - {fault[3] for fault in FAULTS} == set()


def test_without_a_start_that_is_said(folder: pathlib.Path) -> None:
    content = changed((("nodes",), [{"name": "a", "run": "ended", "stage": "dev", "success": ["b"]}]))
    content["nodes"].append({"name": "b", "run": "ended", "stage": "dev", "success": ["a"]})
    found = faults(content, folder)
    assert ("nodes", "no_start") in [fault[:2] for fault in found]
    assert ("node a", "unreachable") in [fault[:2] for fault in found]


def test_all_faults_are_told_at_once(folder: pathlib.Path) -> None:
    content = changed((("templates", 1, "timeout_minutes"), REMOVED), (of_node("promote_prod", "failure"), []))
    assert {fault[1] for fault in faults(content, folder)} >= {"no_timeout", "no_way_back"}


def test_a_stage_may_ask_for_an_approval_too(folder: pathlib.Path) -> None:
    found = faults(changed((("stages", 0, "approval"), True)), folder)
    assert {fault[:2] for fault in found} == {("node promote_dev", "no_approval"), ("node promote_dev", "no_rehearsal")}


# What AWX does with a graph, from awx/main/scheduler/dag_workflow.py 24.6.1: a node runs when an edge that was taken leads to it, and the
# workflow has failed when a node failed that has no failure edge.


class AWX(t.NamedTuple):
    ran: list[str]
    failed: bool


def run(workflow: Workflow, outcome: t.Mapping[str, bool]) -> AWX:
    """The order in which nodes run (parents before children), and how the workflow ends, when each node ends as ``outcome`` says."""
    nodes = {node.name: node for node in workflow.nodes}
    parents = {name: [other for other in nodes.values() if name in other.success + other.failure] for name in nodes}
    ended: dict[str, bool | None] = {}
    while len(ended) < len(nodes):
        for name in nodes:
            if name in ended or any(parent.name not in ended for parent in parents[name]):
                continue
            taken = [
                parent for parent in parents[name] if ended[parent.name] is not None and name in parent.after(edge(ended[parent.name]))
            ]
            ended[name] = outcome[name] if taken or not parents[name] else None
    ran = [name for name, succeeded in ended.items() if succeeded is not None]
    return AWX(ran, any(ended[name] is False and not nodes[name].failure for name in ran))


def edge(succeeded: bool | None) -> workflows.Edge:
    return "success" if succeeded else "failure"


KINDS = [
    ("rehearse", "dev"),
    ("promote", "dev"),
    ("recover", "dev"),
    ("rehearse", "prod"),
    ("promote", "prod"),
    ("recover", "prod"),
    ("ended", "dev"),
]


@st.composite
def acyclic_workflows(draw: st.DrawFn) -> Content:
    """Mostly sound graphs with a few edges more or less: all random ones would nearly never pass the check."""
    if draw(st.booleans()):
        content = changed()
        names = [node["name"] for node in content["nodes"]]
        for _change in range(draw(st.integers(0, 3))):
            place = draw(st.integers(0, len(names) - 2))
            node, kind = content["nodes"][place], draw(st.sampled_from(workflows.EDGES))
            target = draw(st.sampled_from(names[place + 1 :]))
            targets = node.setdefault(kind, [])
            targets.remove(target) if target in targets else targets.append(target)
        return content
    chosen = draw(st.lists(st.sampled_from([*KINDS, ("approve", "")]), min_size=2, max_size=8))
    nodes: list[Content] = []
    for place, (does, stage) in enumerate(chosen):
        later = [f"n{other}" for other in range(place + 1, len(chosen))]
        edges: Content = {
            kind: draw(st.lists(st.sampled_from(later), max_size=2, unique=True)) if later else [] for kind in workflows.EDGES
        }
        about = {"approve": "Go?", "timeout_minutes": 5} if does == "approve" else {"run": does, "stage": stage}
        nodes.append({"name": f"n{place}", **about, **edges})
    return changed((("nodes",), nodes))


@given(acyclic_workflows())
def test_a_workflow_without_faults_does_what_it_should_whatever_fails(folder: pathlib.Path, content: Content) -> None:
    workflow = workflows.read(content)
    if check.faults(workflow, folder, ROOT):
        return
    kinds = {node.name: (workflow.does(node), node.stage) for node in workflow.nodes}
    names = list(kinds)
    ends = {name for name in names if kinds[name][0] == "end"}
    free = [name for name in names if name not in ends]
    for outcomes in itertools.product((True, False), repeat=len(free)):
        outcome = dict(zip(free, outcomes, strict=True)) | dict.fromkeys(ends, False)
        awx = run(workflow, outcome)
        for place, name in enumerate(awx.ran):
            if kinds[name] == ("promote", "prod"):
                before = awx.ran[:place]
                rehearsed = [index for index, other in enumerate(before) if kinds[other] == ("rehearse", "prod") and outcome[other]]
                approved = [index for index, other in enumerate(before) if kinds[other][0] == "approve" and outcome[other]]
                promoted = [index for index, other in enumerate(before) if kinds[other][0] == "promote" and reaches(workflow, other, name)]
                assert rehearsed
                assert approved
                assert max(approved) > max(promoted, default=-1)
            if kinds[name][0] == "promote" and not outcome[name]:
                assert ("recover", kinds[name][1]) in [kinds[other] for other in awx.ran[place:]]
                assert awx.failed


def reaches(workflow: Workflow, source: str, target: str) -> bool:
    nodes = {node.name: node for node in workflow.nodes}
    waiting, seen = [source], set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(nodes[name].success + nodes[name].failure)
    return target in seen - {source}


@given(acyclic_workflows())
def test_a_fault_of_approval_is_real_and_none_is_missed(folder: pathlib.Path, content: Content) -> None:
    """Against all paths, enumerated: no path into a promotion to prod without a success edge out of an approval since the last promotion."""
    workflow = workflows.read(content)
    kinds = {node.name: (workflow.does(node), node.stage) for node in workflow.nodes}
    found = {fault.thing for fault in check.faults(workflow, folder, ROOT) if fault.code == "no_approval"}
    expected = set()
    for way in ways(workflow):
        if kinds[way[-1][1]] != ("promote", "prod"):
            continue
        approved = False
        for (_kind, name), (kind, _next) in itertools.pairwise(way):
            if kinds[name][0] == "approve" and kind == "success":
                approved = True
            elif kinds[name][0] == "promote" or kinds[name] == ("rehearse", "prod"):
                approved = False
        if not approved:
            expected.add(f"node {way[-1][1]}")
    assert found == expected


def ways(workflow: Workflow) -> t.Iterator[list[tuple[str, str]]]:
    nodes = {node.name: node for node in workflow.nodes}
    led_to = {target for node in workflow.nodes for target in node.success + node.failure}
    waiting = [[("", name)] for name in nodes if name not in led_to]
    while waiting:
        way = waiting.pop()
        yield way
        last = nodes[way[-1][1]]
        waiting.extend([*way, (kind, target)] for kind in workflows.EDGES for target in last.after(kind))

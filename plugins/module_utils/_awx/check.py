# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is wrong with a workflow, without asking an AWX: one fault a thing, each naming its node.

AWX shows a workflow as successful when every failed node has a failure edge (``has_workflow_failed`` in awx/main/scheduler/dag_workflow.py).
So whatever follows a failure has to end in a template that does nothing but fail, or a promotion that was undone would look promoted.
"""

from __future__ import annotations

import pathlib
import typing as t

from .._common.errors import Refusal
from . import graph, playbooks, recurrence
from .workflow import EDGES, PLAN_DIGESTS, STAGE, Node, Template, Workflow

MAY_BE_SCHEDULED = ("soak", "recover")


def faults(workflow: Workflow, project: pathlib.Path, collection: pathlib.Path) -> list[Refusal]:
    """Everything that is wrong, in the order of the file.

    :param project: the folder whose playbooks the templates name.
    :param collection: the root of this collection, whose playbooks the project may import.
    """
    names = {node.name for node in workflow.nodes}
    edges = {node.name: _edges(node, names) for node in workflow.nodes}
    return [
        *_template_faults(workflow, project, collection),
        *_node_faults(workflow, names),
        *_graph_faults(edges),
        *_promotion_faults(workflow, edges),
        *_failure_faults(workflow),
        *_survey_faults(workflow),
        *_schedule_faults(workflow),
    ]


def _fault(thing: str, code: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code=code)


def _edges(node: Node, names: t.Collection[str]) -> list[tuple[str, str]]:
    return [(edge, target) for edge in EDGES for target in node.after(edge) if target in names]


def _listed(names: t.Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _template_faults(workflow: Workflow, project: pathlib.Path, collection: pathlib.Path) -> t.Iterator[Refusal]:
    for template in workflow.templates:
        thing = f"template {template.name}"
        if template.timeout_minutes is None:
            yield _fault(thing, "no_timeout", "timeout_minutes", "none", "Add it: a job that hangs would hold its stage for ever.")
        path = playbooks.find(project, template.playbook)
        if path is None:
            remedy = "Correct the path, from the top of the project, or add the playbook."
            yield _fault(thing, "no_playbook", "a playbook of the project", f"{template.playbook}, which is no file in it", remedy)
        else:
            asked = [question.variable for question in workflow.survey if template.does in ("rehearse", "promote")]
            yield from _variable_faults(template, asked, playbooks.words_of(path, collection))


def _variable_faults(template: Template, asked: t.Sequence[str], known: t.Collection[str]) -> t.Iterator[Refusal]:
    thing = f"template {template.name}"
    for name in [*asked, *template.variables]:
        if name not in known:
            found = f"{name}, which {template.playbook} does not use"
            remedy = "Correct its name: what a playbook does not know changes nothing."
            yield _fault(thing, "unknown_variable", "variables that its playbook knows, from the survey, too", found, remedy)
    for name in template.variables:
        if name in (STAGE, *asked):
            remedy = "Remove it: the stage comes from the node, a survey variable from who launches."
            yield _fault(thing, "set_twice", "variables that nothing else sets", name, remedy)


def _node_faults(workflow: Workflow, names: t.Collection[str]) -> t.Iterator[Refusal]:
    for node in workflow.nodes:
        thing = f"node {node.name}"
        if node.approve is not None:
            if node.timeout_minutes is None:
                remedy = "Add it: AWX would wait for ever. When it is over, AWX takes it as denied."
                yield _fault(thing, "no_timeout", "timeout_minutes of the approval", "none", remedy)
        else:
            if workflow.template(node.run) is None:
                known = _listed(template.name for template in workflow.templates)
                yield _fault(thing, "no_template", f"one of the templates {known}", repr(node.run), "Correct the name.")
            if workflow.stage(node.stage) is None:
                known = _listed(stage.name for stage in workflow.stages)
                yield _fault(thing, "no_stage", f"one of the stages {known}", repr(node.stage), "Correct the name.")
        for edge in EDGES:
            for target in node.after(edge):
                if target not in names:
                    yield _fault(thing, "no_node", f"{edge} edges to nodes of this workflow", repr(target), "Correct the name.")
        twice = [target for target in dict.fromkeys(node.success + node.failure) if (node.success + node.failure).count(target) > 1]
        if twice:
            remedy = "Keep one: AWX takes no more than one edge between two nodes."
            yield _fault(thing, "two_edges", "one edge to a node", f"several to {_listed(twice)}", remedy)


def _graph_faults(edges: graph.Edges) -> t.Iterator[Refusal]:
    around = graph.cycle(edges)
    if around:
        yield _fault(f"node {around[0]}", "cycle", "no way back to itself", " → ".join(around), "Remove one of these edges.")
    starts = graph.starts(edges)
    if not starts:
        yield _fault("nodes", "no_start", "one node that no edge leads to", "none", "Let one begin.")
    for name in starts[1:]:
        found = f"{name} beside {starts[0]}"
        remedy = "Lead an edge to it, or remove it: AWX would run both at once."
        yield _fault(f"node {name}", "two_starts", "one node that no edge leads to", found, remedy)
    reached = graph.reachable(edges, starts[:1])
    for name in edges:
        if name not in reached and name not in starts:
            found = f"no path from {starts[0]}" if starts else "no start"
            yield _fault(f"node {name}", "unreachable", "a path from the start", found, "Lead an edge to it, or remove it.")


def _promotion_faults(workflow: Workflow, edges: graph.Edges) -> t.Iterator[Refusal]:
    names = {kind: [node.name for node in workflow.nodes if workflow.does(node) == kind] for kind in ("approve", "promote")}
    for node in workflow.nodes:
        if workflow.does(node) != "promote":
            continue
        thing = f"node {node.name}"
        stage = workflow.stage(node.stage)
        if stage is not None and stage.approval:
            rehearsals = [other.name for other in workflow.nodes if workflow.does(other) == "rehearse" and other.stage == stage.name]
            path = graph.unguarded(edges, node.name, rehearsals, names["promote"])
            if path:
                remedy = f"Rehearse {stage.name} on this path, after every other promotion: the rehearsal shows what is approved."
                yield _fault(thing, "no_rehearsal", f"a rehearsal of {stage.name} on every path", " → ".join(path), remedy)
            path = graph.unguarded(edges, node.name, names["approve"], [*names["promote"], *rehearsals])
            if path:
                remedy = "Put an approval on this path, after every other promotion and after the rehearsal, and go on by its success edge."
                yield _fault(thing, "no_approval", "an approval on every path", " → ".join(path), remedy)
        undone = [other for other in workflow.nodes if other.name in node.failure and _brings_back(workflow, other, node)]
        if not undone:
            found = f"failure edges to {_listed(node.failure)}"
            remedy = "Lead its failure edge (failed, error and canceled follow it) to a template that recovers this stage."
            yield _fault(thing, "no_way_back", f"a failure edge to a node that recovers {node.stage}", found, remedy)


def _brings_back(workflow: Workflow, node: Node, promoted: Node) -> bool:
    return workflow.does(node) == "recover" and node.stage == promoted.stage


def _failure_faults(workflow: Workflow) -> t.Iterator[Refusal]:
    """What follows a failure brings back, says so, and ends as failed; nothing else."""
    kinds = {node.name: workflow.does(node) for node in workflow.nodes}
    for node in workflow.nodes:
        thing, kind = f"node {node.name}", kinds[node.name]
        if kind == "rollback":
            remedy = "Use a template that recovers. A rollback takes back the last promotion, even one that this workflow did not make."
            yield _fault(thing, "rolls_back", "rollbacks to be started by people", "one in the workflow", remedy)
        for target in node.failure:
            if kinds.get(target, "") in ("rehearse", "promote", "soak", "approve"):
                remedy = "Only recover and end may follow a failure; AWX would take it for handled, and the workflow for successful."
                yield _fault(thing, "goes_on", "failure edges to recover or end", f"{target}, which does {kinds[target]}", remedy)
        for target in node.success:
            if kinds.get(target) == "recover":
                remedy = "Make it a failure edge: what succeeded is not brought back."
                yield _fault(thing, "undoes_success", "success edges to go on", f"{target}, which recovers", remedy)
        if kind == "recover" and (not node.success or any(kinds.get(target, "end") != "end" for target in node.success)):
            remedy = "Lead its success edge to a template that does end, or AWX shows the workflow as successful after all."
            yield _fault(thing, "ends_green", "only success edges to end, and at least one", _listed(node.success), remedy)
        if kind == "end" and (node.success or node.failure):
            found = _listed(node.success + node.failure)
            yield _fault(thing, "ends_green", "no edges after the end", found, "Remove them: AWX takes a failure with edges for handled.")


def _survey_faults(workflow: Workflow) -> t.Iterator[Refusal]:
    promotes = any(workflow.does(node) == "promote" for node in workflow.nodes)
    if promotes and all(question.choices is not None for question in workflow.survey):
        found = _listed(question.variable for question in workflow.survey)
        remedy = f"Let one of them have choices: {PLAN_DIGESTS}. Who launches says which plan; other variables would be another plan."
        yield _fault("survey", "no_digest", "a question for the plan digest", found, remedy)


def _schedule_faults(workflow: Workflow) -> t.Iterator[Refusal]:
    recovered: set[str] = set()
    for schedule in workflow.schedules:
        thing = f"schedule {schedule.name}"
        template = workflow.template(schedule.run)
        if template is None:
            known = _listed(known.name for known in workflow.templates)
            yield _fault(thing, "no_template", f"one of the templates {known}", repr(schedule.run), "Correct the name.")
        elif template.does not in MAY_BE_SCHEDULED:
            found = f"{template.name}, which does {template.does}"
            yield _fault(thing, "schedule_acts", "a template that soaks or recovers", found, "Start it by hand, or by the workflow.")
        elif template.does == "recover":
            recovered.update(schedule.stages)
        for name in schedule.stages:
            if workflow.stage(name) is None:
                known = _listed(stage.name for stage in workflow.stages)
                yield _fault(thing, "no_stage", f"one of the stages {known}", repr(name), "Correct the name.")
        wrong = recurrence.fault(schedule.rrule)
        if wrong:
            example = "DTSTART;TZID=Etc/UTC:20260101T000000 RRULE:FREQ=MINUTELY;INTERVAL=5"
            yield _fault(thing, "bad_rrule", f"a rule like {example}", wrong, "Correct it.")
    promoted = {node.stage: node.name for node in reversed(workflow.nodes) if workflow.does(node) == "promote"}
    for stage, name in promoted.items():
        if stage not in recovered:
            remedy = "Add one: when a whole workflow is canceled, AWX follows no edge, and nobody else brings back what it had begun."
            yield _fault(f"node {name}", "no_recover_schedule", f"a schedule that recovers {stage}", "none", remedy)


def job_templates(workflow: Workflow) -> list[tuple[Template, str]]:
    """Each template and stage that a node or a schedule names, and rollback at every stage that is promoted, in the order of the file."""
    used = {(node.run, node.stage) for node in workflow.nodes if node.run is not None}
    used |= {(schedule.run, stage) for schedule in workflow.schedules for stage in schedule.stages}
    promoted = {node.stage for node in workflow.nodes if workflow.does(node) == "promote"}
    return [
        (template, stage.name)
        for template in workflow.templates
        for stage in workflow.stages
        if (template.name, stage.name) in used or (template.does == "rollback" and stage.name in promoted)
    ]

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. An AWX workflow as data: what ``playbooks/workflows/*.yml`` says, read to the last key.

A *template* says what a job does and becomes one job template a stage. A *node* runs a template at a stage, or waits for a person.
Edges are AWX's: ``success``, and ``failure``, which AWX follows when a job failed, ended in an error, or was canceled.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._common import shape, words

Does = t.Literal["rehearse", "promote", "recover", "rollback", "soak", "end"]
Edge = t.Literal["success", "failure"]
DOES: tuple[Does, ...] = t.get_args(Does)
EDGES: tuple[Edge, ...] = t.get_args(Edge)
PLAN_DIGESTS = "plan_digests"
PROD = "prod"
STAGE = "promotion_stage"  # the variable that says the stage to every playbook


@dataclasses.dataclass(frozen=True)
class Template:
    """What a job does.

    ``rehearse`` runs its playbook in check mode; ``end`` does nothing but fail, so that AWX shows what failed before as failed.
    """

    name: str
    does: Does
    playbook: str
    timeout_minutes: float | None
    variables: t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where jobs run. ``prod`` always needs an approval, another stage if it says so."""

    name: str
    inventory: str
    credentials: tuple[str, ...]
    approval: bool


@dataclasses.dataclass(frozen=True)
class Node:
    """A step of the workflow: ``run`` and ``stage`` of a job, or ``approve``, what a person is asked."""

    name: str
    run: str | None
    stage: str | None
    approve: str | None
    timeout_minutes: float | None
    success: tuple[str, ...]
    failure: tuple[str, ...]

    def after(self, edge: Edge) -> tuple[str, ...]:
        """The nodes that follow when it ended so."""
        return self.success if edge == "success" else self.failure


@dataclasses.dataclass(frozen=True)
class Question:
    """What the person who launches the workflow picks. ``choices`` None: one of the plan digests that are known when it is applied."""

    variable: str
    question: str
    choices: tuple[str, ...] | None


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When the job templates of one template run by themselves, at each of the stages."""

    name: str
    run: str
    stages: tuple[str, ...]
    rrule: str


@dataclasses.dataclass(frozen=True)
class Workflow:
    """A whole file."""

    name: str
    title: str
    templates: tuple[Template, ...]
    stages: tuple[Stage, ...]
    nodes: tuple[Node, ...]
    survey: tuple[Question, ...]
    schedules: tuple[Schedule, ...]

    def template(self, name: str | None) -> Template | None:
        return next((template for template in self.templates if template.name == name), None)

    def stage(self, name: str | None) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def does(self, node: Node) -> str:
        """What the node's template does; ``approve`` of a node that waits for a person; empty when there is no such template."""
        if node.approve is not None:
            return "approve"
        template = self.template(node.run)
        return template.does if template else ""


def read(content: object) -> Workflow:
    """The workflow that ``content`` spells out. Whether it makes sense is for ``check`` to say.

    :param content: what the file holds, as plain Python.
    :raises Refusal: a key is unknown, missing or of the wrong kind, or a name stands twice; it names the path.
    """
    top = shape.mapping(content, "workflow", required=("name", "title", "templates", "stages", "nodes", "survey"), optional=("schedules",))
    workflow = Workflow(
        name=shape.name(top["name"], "name"),
        title=shape.text(top["title"], "title"),
        templates=tuple(_template(entry, path) for entry, path in _entries(top["templates"], "templates")),
        stages=tuple(_stage(entry, path) for entry, path in _entries(top["stages"], "stages")),
        nodes=tuple(_node(entry, path) for entry, path in _entries(top["nodes"], "nodes")),
        survey=tuple(_question(entry, path) for entry, path in _entries(top["survey"], "survey")),
        schedules=tuple(_schedule(entry, path) for entry, path in _entries(top.get("schedules", []), "schedules", empty=True)),
    )
    shape.unique([template.name for template in workflow.templates], "templates")
    shape.unique([stage.name for stage in workflow.stages], "stages")
    shape.unique([node.name for node in workflow.nodes], "nodes")
    shape.unique([question.variable for question in workflow.survey], "survey")
    shape.unique([schedule.name for schedule in workflow.schedules], "schedules")
    return workflow


def _entries(found: object, path: str, *, empty: bool = False) -> list[tuple[t.Any, str]]:
    return [(entry, f"{path}[{index}]") for index, entry in enumerate(shape.sequence(found, path, empty=empty))]


def _template(found: object, path: str) -> Template:
    entries = shape.mapping(found, path, required=("name", "does", "playbook"), optional=("timeout_minutes", "variables"))
    does = next((known for known in DOES if known == entries["does"]), None)
    if does is None:
        raise shape.wrong(f"{path}.does", f"one of {', '.join(DOES)}", words.described(entries["does"]), "Say what its playbook does.")
    return Template(
        name=shape.name(entries["name"], f"{path}.name"),
        does=does,
        playbook=shape.text(entries["playbook"], f"{path}.playbook"),
        timeout_minutes=_minutes(entries, path),
        variables=_variables(entries.get("variables", {}), f"{path}.variables"),
    )


def _variables(found: object, path: str) -> dict[str, str]:
    if not isinstance(found, t.Mapping):
        raise shape.wrong(path, "a mapping of names to texts", words.described(found), "Write name: value.")
    return {shape.name(name, f"{path}.{name}"): shape.text(value, f"{path}.{name}") for name, value in found.items()}


def _stage(found: object, path: str) -> Stage:
    entries = shape.mapping(found, path, required=("name", "inventory"), optional=("credentials", "approval"))
    name = shape.name(entries["name"], f"{path}.name")
    approval = entries.get("approval", name == PROD)
    if not isinstance(approval, bool):
        raise shape.wrong(f"{path}.approval", "true or false", words.described(approval), "Write it without quotes.")
    if name == PROD and not approval:
        raise shape.wrong(f"{path}.approval", "true, for prod", "the truth value false", "Remove it: prod always needs an approval.")
    return Stage(
        name=name,
        inventory=shape.text(entries["inventory"], f"{path}.inventory"),
        credentials=tuple(
            shape.text(credential, place)
            for credential, place in _entries(entries.get("credentials", []), f"{path}.credentials", empty=True)
        ),
        approval=approval,
    )


def _node(found: object, path: str) -> Node:
    waits = isinstance(found, t.Mapping) and "approve" in found
    required = ("name", "approve") if waits else ("name", "run", "stage")
    entries = shape.mapping(found, path, required=required, optional=("timeout_minutes", *EDGES) if waits else EDGES)
    success, failure = (
        tuple(shape.name(name, place) for name, place in _entries(entries.get(edge, []), f"{path}.{edge}", empty=True)) for edge in EDGES
    )
    return Node(
        name=shape.name(entries["name"], f"{path}.name"),
        run=None if waits else shape.name(entries["run"], f"{path}.run"),
        stage=None if waits else shape.name(entries["stage"], f"{path}.stage"),
        approve=shape.text(entries["approve"], f"{path}.approve") if waits else None,
        timeout_minutes=_minutes(entries, path),
        success=success,
        failure=failure,
    )


def _question(found: object, path: str) -> Question:
    entries = shape.mapping(found, path, required=("variable", "question", "choices"))
    choices = entries["choices"]
    if isinstance(choices, str) and choices != PLAN_DIGESTS:
        raise shape.wrong(f"{path}.choices", f"a list of texts, or {PLAN_DIGESTS}", words.described(choices), "Nobody types a value.")
    return Question(
        variable=shape.name(entries["variable"], f"{path}.variable"),
        question=shape.text(entries["question"], f"{path}.question"),
        choices=None
        if isinstance(choices, str)
        else tuple(shape.text(choice, place) for choice, place in _entries(choices, f"{path}.choices")),
    )


def _schedule(found: object, path: str) -> Schedule:
    entries = shape.mapping(found, path, required=("name", "run", "stages", "rrule"))
    stages = tuple(shape.name(stage, place) for stage, place in _entries(entries["stages"], f"{path}.stages"))
    shape.unique(stages, f"{path}.stages")
    return Schedule(
        name=shape.name(entries["name"], f"{path}.name"),
        run=shape.name(entries["run"], f"{path}.run"),
        stages=stages,
        rrule=shape.text(entries["rrule"], f"{path}.rrule"),
    )


def _minutes(entries: t.Mapping[str, t.Any], path: str) -> float | None:
    if "timeout_minutes" not in entries:
        return None
    minutes = shape.number(entries["timeout_minutes"], f"{path}.timeout_minutes")
    if minutes < 1:
        raise shape.wrong(f"{path}.timeout_minutes", "1 or more", words.number(minutes), "In AWX 0 would mean: wait for ever.")
    return minutes

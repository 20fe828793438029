# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The arguments of the awx.awx modules (24.6.1) that make AWX what a workflow says."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._common.errors import Refusal
from . import check
from .workflow import STAGE, Node, Question, Schedule, Template, Workflow

Arguments = dict[str, t.Any]
DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}\Z")

# Nobody changes what a job is when it is launched: one template, one inventory, one job at a time.
ASKED = ("inventory", "labels", "limit", "scm_branch", "skip_tags", "tags", "variables")
ASKED_OF_JOBS = (
    "credential",
    "diff_mode",
    "execution_environment",
    "forks",
    "instance_groups",
    "job_slice_count",
    "job_type",
    "timeout",
    "verbosity",
)
FIXED: t.Mapping[str, bool] = {"allow_simultaneous": False, **{f"ask_{what}_on_launch": False for what in ASKED}}
FIXED_JOB: t.Mapping[str, bool] = {**FIXED, "survey_enabled": False, **{f"ask_{what}_on_launch": False for what in ASKED_OF_JOBS}}


@dataclasses.dataclass(frozen=True)
class Place:
    """What is AWX's own and has to be there: names of an organization, a project of it, and an execution environment."""

    organization: str
    project: str
    execution_environment: str


@dataclasses.dataclass(frozen=True)
class Calls:
    """Arguments of ``job_template``, ``workflow_job_template`` and ``schedule``, in the order in which they have to be sent."""

    job_templates: tuple[Arguments, ...]
    workflow: Arguments
    schedules: tuple[Arguments, ...]

    def as_dict(self) -> dict[str, t.Any]:
        return {"job_templates": list(self.job_templates), "workflow": dict(self.workflow), "schedules": list(self.schedules)}


def calls(workflow: Workflow, place: Place, plan_digests: t.Sequence[str]) -> Calls:
    """What has to be sent.

    :param plan_digests: what the survey offers, 64 hexadecimal digits each; the newest first.
    :raises Refusal: there are none, or one is no digest.
    """
    return Calls(
        job_templates=tuple(_job_template(workflow, template, stage, place) for template, stage in check.job_templates(workflow)),
        workflow={
            "name": workflow.name,
            "description": workflow.title,
            "organization": place.organization,
            **FIXED,
            "survey_enabled": True,
            "survey_spec": {
                "name": "",
                "description": "",
                "spec": [_question(question, _digests(plan_digests)) for question in workflow.survey],
            },
            "workflow_nodes": [_node(workflow, node, place) for node in workflow.nodes],
            "state": "present",
        },
        schedules=tuple(_schedule(workflow, schedule, stage, place) for schedule in workflow.schedules for stage in schedule.stages),
    )


def job_name(workflow: Workflow, template: str, stage: str) -> str:
    return f"{workflow.name} {template} {stage}"


def _job_template(workflow: Workflow, template: Template, stage: str, place: Place) -> Arguments:
    where = workflow.stage(stage)
    return {
        "name": job_name(workflow, template.name, stage),
        "description": f"{workflow.title}. Does: {template.does}",
        "organization": place.organization,
        "project": place.project,
        "playbook": template.playbook,
        "inventory": where.inventory if where else stage,
        "credentials": list(where.credentials) if where else [],
        "execution_environment": place.execution_environment,
        "job_type": "check" if template.does == "rehearse" else "run",
        "diff_mode": template.does == "rehearse",
        "timeout": _seconds(template.timeout_minutes),
        "extra_vars": {**template.variables, STAGE: stage},
        **FIXED_JOB,
        "state": "present",
    }


def _node(workflow: Workflow, node: Node, place: Place) -> Arguments:
    if node.approve is not None:
        runs: Arguments = {
            # AWX finds the approval of a node again by this name, among those of all workflows.
            "name": f"{workflow.name} {node.name}",
            "type": "workflow_approval",
            "description": node.approve,
            "timeout": _seconds(node.timeout_minutes),
        }
    else:
        name = job_name(workflow, str(node.run), str(node.stage))
        runs = {"name": name, "type": "job_template", "organization": {"name": place.organization}}
    return {
        "identifier": node.name,
        "unified_job_template": runs,
        "all_parents_must_converge": False,
        "related": {
            "success_nodes": [{"identifier": name} for name in node.success],
            "failure_nodes": [{"identifier": name} for name in node.failure],
            "always_nodes": [],
        },
    }


def _question(question: Question, digests: t.Sequence[str]) -> Arguments:
    return {
        "question_name": question.question,
        "question_description": "",
        "variable": question.variable,
        "type": "multiplechoice",
        "choices": list(digests if question.choices is None else question.choices),
        "required": True,
        "default": "",
        "min": None,
        "max": None,
    }


def _schedule(workflow: Workflow, schedule: Schedule, stage: str, place: Place) -> Arguments:
    return {
        "name": f"{workflow.name} {schedule.name} {stage}",
        "unified_job_template": job_name(workflow, schedule.run, stage),
        "organization": place.organization,
        "rrule": schedule.rrule,
        "enabled": True,
        "state": "present",
    }


def _digests(found: t.Sequence[str]) -> list[str]:
    wrong = [repr(digest) for digest in found if not DIGEST.match(digest)]
    if wrong or not found:
        raise Refusal(
            "plan_digests",
            expected="plan digests of 64 hexadecimal digits for the survey to offer, at least one",
            found=", ".join(wrong) or "none",
            remedy="A rehearsal prints the digest: ansible-playbook governed.delivery.promote --check.",
            code="no_digest",
        )
    return [str(digest) for digest in dict.fromkeys(found)]


def _seconds(minutes: float | None) -> int:
    return round((minutes or 0) * 60)

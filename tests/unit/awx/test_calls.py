# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to AWX says what was checked, and leaves nothing open that AWX would ask at launch."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._awx import calls
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal

from tests.unit.awx.sample import CONTENT, DIGEST, EVERY_5, changed

PLACE = calls.Place("Default", "delivery", "delivery image")


def made() -> calls.Calls:
    return calls.calls(workflows.read(CONTENT), PLACE, [DIGEST])


def test_one_job_template_a_stage_where_it_is_used_and_rollback_where_something_is_promoted() -> None:
    assert [job["name"] for job in made().job_templates] == [
        "trial rehearse prod",
        "trial promote dev",
        "trial promote prod",
        "trial recover dev",
        "trial recover prod",
        "trial rollback dev",
        "trial rollback prod",
        "trial soak dev",
        "trial ended dev",
        "trial ended prod",
    ]


def test_a_job_template_says_everything_and_asks_nothing() -> None:
    rehearse, promote = (
        next(job for job in made().job_templates if job["name"] == f"trial {what} prod") for what in ("rehearse", "promote")
    )
    assert (rehearse["job_type"], rehearse["diff_mode"], promote["job_type"], promote["diff_mode"]) == ("check", True, "run", False)
    assert (promote["inventory"], promote["credentials"], promote["playbook"]) == ("Prod", ["prod ssh"], "promote.yml")
    assert (promote["timeout"], promote["extra_vars"]) == (3600, {"promotion_stage": "prod"})
    soak = next(job for job in made().job_templates if job["name"] == "trial soak dev")
    assert soak["extra_vars"] == {"promotion_plan": "trial", "promotion_stage": "dev"}
    assert promote["allow_simultaneous"] is False
    asked = {key: value for key, value in promote.items() if key.startswith("ask_")}
    assert len(asked) == 16
    assert not any(asked.values())
    assert promote["survey_enabled"] is False


def test_the_workflow_has_its_nodes_edges_and_survey() -> None:
    workflow = made().workflow
    assert workflow["allow_simultaneous"] is False
    assert workflow["survey_spec"]["spec"][0] | {"min": 0, "max": 0} == {
        "question_name": "Which?",
        "question_description": "",
        "variable": "promotion_plan_digest",
        "type": "multiplechoice",
        "choices": [DIGEST],
        "required": True,
        "default": "",
        "min": 0,
        "max": 0,
    }
    nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
    assert list(nodes) == [node["name"] for node in CONTENT["nodes"]]
    assert nodes["approve_prod"]["unified_job_template"] == {
        "name": "trial approve_prod",
        "type": "workflow_approval",
        "description": "Go?",
        "timeout": 86400,
    }
    assert nodes["promote_dev"]["unified_job_template"]["name"] == "trial promote dev"
    assert nodes["promote_dev"]["related"] == {
        "success_nodes": [{"identifier": "rehearse_prod"}],
        "failure_nodes": [{"identifier": "recover_dev"}],
        "always_nodes": [],
    }


def test_every_name_that_a_node_or_schedule_uses_is_made() -> None:
    sent = made()
    names = {job["name"] for job in sent.job_templates}
    used = {
        node["unified_job_template"]["name"] for node in sent.workflow["workflow_nodes"] if "organization" in node["unified_job_template"]
    }
    used |= {schedule["unified_job_template"] for schedule in sent.schedules}
    assert used <= names


def test_a_schedule_a_stage() -> None:
    assert [(schedule["name"], schedule["unified_job_template"], schedule["rrule"]) for schedule in made().schedules] == [
        ("trial recover dev", "trial recover dev", EVERY_5),
        ("trial recover prod", "trial recover prod", EVERY_5),
        ("trial soak dev", "trial soak dev", EVERY_5),
    ]


@pytest.mark.parametrize(
    ("digests", "found"), [([], "none"), (["main"], "'main'"), ([DIGEST.upper()], DIGEST.upper()), ([f"{DIGEST}\n"], r"\n")]
)
def test_what_is_no_digest_is_not_offered(digests: list[str], found: str) -> None:
    with pytest.raises(Refusal) as caught:
        calls.calls(workflows.read(CONTENT), PLACE, digests)
    assert found in str(caught.value)


def test_choices_of_the_file_are_offered_as_they_are_and_digests_once() -> None:
    question = {"variable": "promotion_stage_name", "question": "Where?", "choices": ["dev", "prod"]}
    workflow = workflows.read(changed((("survey", 1), question)))
    spec = calls.calls(workflow, PLACE, [DIGEST, f"sha256:{DIGEST}", DIGEST]).workflow["survey_spec"]["spec"]
    assert [asked["choices"] for asked in spec] == [[DIGEST, f"sha256:{DIGEST}"], ["dev", "prod"]]

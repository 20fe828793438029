# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow is read to the last key, or refused with the path of what is wrong."""

from __future__ import annotations

import contextlib
import copy
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._awx import workflow as workflows
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.awx.sample import CONTENT, NODES, REMOVED, Content, Path, changed, of_node, shipped

APPROVAL = ("nodes", NODES["approve_prod"])


def test_the_trial_is_read() -> None:
    workflow = workflows.read(CONTENT)
    assert [workflow.does(node) for node in workflow.nodes][3:6] == ["rehearse", "approve", "promote"]
    assert workflow.nodes[5].after("failure") == ("recover_prod",)
    assert [stage.approval for stage in workflow.stages] == [False, True]
    assert workflow.survey[0].choices is None


def test_the_shipped_one_is_read() -> None:
    workflow = shipped()
    assert [stage.name for stage in workflow.stages] == ["dev", "stage", "prod"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("name",), "Sprint 36", "name: expected a name"),
        (("schedule",), [], "workflow.schedule: expected one of the keys"),
        (("templates", 0, "does"), "deploy", "templates[0].does: expected one of rehearse, promote, recover, rollback, soak, end"),
        (("templates", 0, "check"), True, "templates[0].check: expected one of the keys"),
        (("templates", 1, "name"), "rehearse", "templates[1]: expected every name once"),
        (("templates", 0, "timeout_minutes"), 0, "templates[0].timeout_minutes: expected 1 or more; found 0. In AWX 0 would mean"),
        (("templates", 0, "timeout_minutes"), "1h", "templates[0].timeout_minutes: expected a finite number"),
        (("templates", 0, "variables"), {"a": 1}, "templates[0].variables.a: expected text"),
        (("templates", 0, "variables"), [], "templates[0].variables: expected a mapping"),
        (("stages", 1, "approval"), False, "stages[1].approval: expected true, for prod"),
        (("stages", 0, "approval"), "yes", "stages[0].approval: expected true or false"),
        (("nodes",), [], "nodes: expected at least one entry"),
        (of_node("promote_dev", "always"), ["recover_dev"], "nodes[0].always: expected one of the keys"),
        (of_node("promote_dev", "stage"), REMOVED, "nodes[0]: expected the key stage"),
        (of_node("promote_dev", "timeout_minutes"), 5, "nodes[0].timeout_minutes: expected one of the keys"),
        (of_node("promote_dev", "success"), "rehearse_prod", "nodes[0].success: expected a list"),
        ((*APPROVAL, "run"), "promote", "nodes[4].run: expected one of the keys name, approve"),
        ((*APPROVAL, "approve"), "", "nodes[4].approve: expected text"),
        (("nodes", 8), CONTENT["nodes"][0], "nodes[8]: expected every name once; found 'promote_dev' a second time"),
        (("survey", 0, "choices"), "anything", "survey[0].choices: expected a list of texts, or plan_digests"),
        (("survey", 0, "choices"), [], "survey[0].choices: expected at least one entry"),
        (("survey", 0, "type"), "text", "survey[0].type: expected one of the keys"),
        (("survey",), REMOVED, "workflow: expected the key survey"),
        (("schedules", 0, "stages"), ["dev", "dev"], "schedules[0].stages[1]: expected every name once"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(path: Path, value: object, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        workflows.read(changed((path, value)))
    assert str(caught.value).startswith(message)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-1, 3), st.text(max_size=3), st.just([]), st.just({}), st.floats())


def places(content: t.Any, path: Path = ()) -> list[Path]:
    entries: list[tuple[str | int, t.Any]] = []
    if isinstance(content, dict):
        entries = list(content.items())
    elif isinstance(content, list):
        entries = list(enumerate(content))
    return [place for key, value in entries for place in [(*path, key), *places(value, (*path, key))]]


@given(st.sampled_from(places(CONTENT)), VALUES)
def test_whatever_stands_anywhere_is_read_or_refused(path: Path, value: object) -> None:
    content: Content = changed((path, copy.deepcopy(value)))
    with contextlib.suppress(Refusal):
        workflows.read(content)


@given(VALUES)
def test_whatever_it_is_instead_of_a_workflow_is_refused(value: object) -> None:
    with pytest.raises(Refusal):
        workflows.read(value)

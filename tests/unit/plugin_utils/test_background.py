# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import types
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.plugin_utils import background

Result = dict[str, t.Any]


class Action:
    """An action whose module runs elsewhere: what it is answered, in order, the last answer again and again."""

    def __init__(self, progress: list[Result | None], status: list[Result]) -> None:
        self._task = types.SimpleNamespace(async_val=0)
        self.answers = {"ansible.legacy.slurp": [self._slurped(one) for one in progress], "ansible.legacy.async_status": status}
        self.limit = 0

    def _execute_module(self, *, module_name: str, wrap_async: bool = False, **_more: Result) -> Result:
        if wrap_async:
            self.limit = self._task.async_val
            return {"ansible_job_id": "j1", "results_file": "/home/x/.ansible_async/j1"}
        answers = self.answers[module_name]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @staticmethod
    def _slurped(found: Result | None) -> Result:
        return {"failed": True} if found is None else {"content": base64.b64encode(json.dumps(found).encode()).decode()}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits."""
    monkeypatch.setattr(background, "SECONDS_BETWEEN", 0.001)
    monkeypatch.setattr(background, "SECONDS_WITHOUT_LIFE", 0.2)


def run(action: Action) -> tuple[Result, list[Result]]:
    """The result, and what was told."""
    told: list[Result] = []
    answer = background.run(t.cast("t.Any", action), "m", {}, {}, progress_file="/p", seconds=60, tell=told.append)
    return answer, told


def test_what_changes_is_told_once_and_the_modules_answer_is_the_answer() -> None:
    steps: list[Result | None] = [
        None,
        {"phase": "a", "done": 1, "at": 1},
        {"phase": "a", "done": 1, "at": 3},
        {"phase": "a", "done": 2, "at": 5},
        None,
    ]
    action = Action(steps, [{"finished": False}, {"finished": True, "changed": True, "verdict": "PASS", "ansible_job_id": "j1"}, {}])
    answer, told = run(action)
    assert answer == {"changed": True, "verdict": "PASS"}
    assert [one["done"] for one in told] == [1, 2], "a sign of life alone is nothing to tell"
    assert action.limit == 60 + background.SECONDS_SPARE
    assert action._task.async_val == 0


def test_a_process_without_a_sign_of_life_is_not_waited_for() -> None:
    """Ansible's status of a job that was killed says for ever that it has started."""
    answer, _told = run(Action([{"phase": "fetch", "done": 1, "at": 1}], [{"started": True, "finished": False}]))
    assert answer["failed"]
    assert "no sign of life" in answer["msg"]


def test_a_status_that_cannot_be_had_ends_it() -> None:
    answer, _told = run(Action([None], [{"failed": True, "msg": "could not find job"}]))
    assert answer["msg"] == "could not find job"

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import clocks, entering, evidence, gates, history, soak
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers, told
from ansible_collections.governed.delivery.plugins.plugin_utils.resolving import Resolved

SPEC = ArgumentSpec(
    options={
        **told.EVIDENCE,
        **told.PLAN,
        "verdicts": {"type": "list", "elements": "dict", "required": True},
        "clocks": {"type": "dict", "default": {}},
        "reason": {"type": "str", "default": ""},
    }
)


class ActionModule(ActionBase):
    """Keeps one observation of a promoted stage."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            found = told.resolved(options, task_vars or {})
            return {**result, **self._observe(options, found)}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal), "exit_code": entering.REFUSED}

    def _observe(self, options: t.Mapping[str, t.Any], found: Resolved) -> dict[str, t.Any]:
        statement = told.stamped(_observation(options, found), options["by"])
        writes = not self._task.check_mode

        def decide(reading: evidence.Reading) -> t.Sequence[evidence.Statement]:
            _require_promoted(reading, found)
            return (statement,) if writes else ()

        reading, kept = evidence.record(ledgers.evidence(options, writes=writes), decide)
        seen = gates.observations((*reading.statements, *kept), found.plan.name, found.plan_digest, found.stage.name)
        # What a later gate will credit depends on its own max_gap and clocks; this is with the usual ones, for people to look at.
        credited = soak.credit(seen, found.plan_digest, USUAL_GAP_SECONDS, 2)
        return {"changed": writes, "statements": [statement], "healthy": statement["healthy"], "soak": credited.as_dict()}


USUAL_GAP_SECONDS = 900.0


def _observation(options: t.Mapping[str, t.Any], found: Resolved) -> dict[str, t.Any]:
    """Healthy is only what was looked at and passed in every goal; a stage has at least one."""
    verdicts = options["verdicts"]
    expected = {(verification.capability, goal.measure) for verification in found.stage.verifications for goal in verification.goals}
    seen = {(one.get("capability"), one.get("measure")) for one in verdicts}
    missed = [f"{one.get('measure')} {one.get('verdict')}" for one in verdicts if one.get("verdict") != "PASS"]
    unseen = sorted(f"{measure} of {capability} was not looked at" for capability, measure in expected - seen)
    against = [*missed, *unseen, *filter(None, [options["reason"]])]
    return {
        "type": "soak",
        "plan": found.plan.name,
        "plan_digest": found.plan_digest,
        "stage": found.stage.name,
        "stage_digest": found.stage_digest,
        "target": found.target,
        "healthy": not against,
        "reason": "; ".join(against),
        "verdicts": verdicts,
        "clocks": {**clocks.read_here("controller"), **options["clocks"]},
    }


def _require_promoted(reading: evidence.Reading, found: Resolved) -> None:
    if history.passed(reading.statements, found.plan.name, found.plan_digest, found.stage.name):
        return
    raise Refusal(
        f"plan {found.plan.name}, stage {found.stage.name}",
        expected=f"to stand promoted with plan digest {found.plan_digest[:12]}: only then there is something to soak",
        found=history.why_not_passed(reading.statements, found.plan.name, found.plan_digest, found.stage.name),
        remedy="Promote it first.",
        code="not_promoted",
    )

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import secrets
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import (
    approvals,
    entering,
    evidence,
    people,
    preconditions,
    ssh_signatures,
    state,
)
from ansible_collections.governed.delivery.plugins.module_utils._promotion import decision as decisions
from ansible_collections.governed.delivery.plugins.module_utils._promotion.approvals import Question
from ansible_collections.governed.delivery.plugins.module_utils._promotion.decision import Decision, Scope, WaivedGoal
from ansible_collections.governed.delivery.plugins.plugin_utils import actions, ledgers, told
from ansible_collections.governed.delivery.plugins.plugin_utils.resolving import Resolved

SPEC = ArgumentSpec(
    options={
        **told.EVIDENCE,
        **told.PLAN,
        "decision": {"type": "str", "choices": list(decisions.KINDS), "default": "approve"},
        "key": {"type": "path", "required": True, "no_log": False},
        "digest": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "valid_for": {"type": "str", "default": "24h"},
        "goal": {
            "type": "dict",
            "options": {"capability": {"type": "str", "required": True}, "measure": {"type": "str", "required": True}},
        },
    }
)


class ActionModule(ActionBase):
    """Signs a decision about a stage with one's SSH key, and keeps it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = actions.options_of(self, SPEC)
        try:
            found = told.resolved(options, task_vars or {})
            kept_in = ledgers.evidence(options, writes=not self._task.check_mode)
            made = _decision(options, _scope(options, found, kept_in))
            if self._task.check_mode:
                return {**result, "changed": True, "signed": made.as_dict()}
            stamped = told.stamped(decisions.statement(made, _signature(made, options)), made.by)
            _reading, kept = evidence.record(kept_in, lambda reading: (stamped, *_resolved(options, made, (*reading.statements, stamped))))
            return {**result, "changed": True, "signed": made.as_dict(), "statements": list(kept)}
        except Refusal as refusal:
            return {**result, **actions.refused(refusal), "exit_code": entering.REFUSED}


def _scope(options: t.Mapping[str, t.Any], found: Resolved, kept_in: evidence.Evidence) -> Scope:
    """What it is about: what the plan resolves to here and now, which must be what the signer has looked at; for ``resolve``, what is quarantined.

    :raises Refusal: it is another digest, or nothing is quarantined.
    """
    if options["decision"] == "resolve":
        run = state.fold(kept_in.read().statements).get(found.target)
        if run is None or run.phase != "quarantined":
            told_as = "no run at all" if run is None else f"run {run.run}, {run.phase.replace('_', ' ')}"
            remedy = "There is nothing to resolve."
            raise Refusal(f"target {found.target}", expected="a quarantine", found=told_as, remedy=remedy, code="no_quarantine")
        return Scope(run.plan, run.plan_digest, run.stage, run.stage_digest, run.target)
    digest = options["digest"]
    if digest and not found.stage_digest.startswith(str(digest)):
        raise Refusal(
            f"plan {found.plan.name}, stage {found.stage.name}",
            expected=f"the digest {digest}",
            found=found.stage_digest[:12],
            remedy="Plan, roles, hosts or variables are not what you looked at. Rehearse with --check --diff, look again, and sign that digest.",
            code="other_digest",
        )
    return Scope(found.plan.name, found.plan_digest, found.stage.name, found.stage_digest, found.target)


def _resolved(options: t.Mapping[str, t.Any], made: Decision, statements: t.Sequence[evidence.Statement]) -> tuple[evidence.Statement, ...]:
    """The end of a quarantine, as soon as two people have signed for it."""
    if made.decision != "resolve":
        return ()
    question = Question(people.parse(options["people"]), made.scope, told.now(), {}, ssh_signatures.verify)
    weighed = approvals.weigh(statements, approvals.TWO_PEOPLE, question, kind="resolve")
    if not weighed.met:
        return ()
    reason = "; ".join(f"{one.by}: {one.reason}" for one in weighed.valid)
    about = {"plan": made.scope.plan, "plan_digest": made.scope.plan_digest, "stage": made.scope.stage, "target": made.scope.target}
    return (told.stamped({"type": "resolved", **about, "reason": reason, "approvals_used": list(weighed.nonces)}, made.by),)


def _decision(options: t.Mapping[str, t.Any], scope: Scope) -> Decision:
    """What is signed.

    :raises Refusal: the options make no decision.
    """
    now = told.now()
    lasts = preconditions.seconds(options["valid_for"], "valid_for", {})
    goal = options["goal"]
    made = Decision(
        options["decision"],
        scope,
        options["by"] or told.user(),
        secrets.token_hex(16),
        now,
        now + datetime.timedelta(seconds=lasts),
        str(options["reason"]),
        WaivedGoal(str(goal["capability"]), str(goal["measure"])) if goal else None,
    )
    return decisions.parse(made.as_dict())


def _signature(made: Decision, options: t.Mapping[str, t.Any]) -> str:
    """The signature, which must be one that will count.

    :raises Refusal: nobody of that name may sign, or with another key.
    """
    person = people.named(people.parse(options["people"]), made.by)
    if person is None:
        names = ", ".join(person.name for person in people.parse(options["people"])) or "nobody"
        raise Refusal(
            f"signer {made.by}",
            expected=f"one of promotion_people ({names})",
            found="nobody of that name",
            remedy="Say who you are with -e promotion_by=NAME, or let yourself be added.",
            code="unknown_person",
        )
    signature = ssh_signatures.sign(decisions.payload(made), options["key"])
    if not ssh_signatures.verify(decisions.payload(made), signature, person.key, person.name):
        raise Refusal(
            f"key {options['key']}",
            expected=f"the key of {person.name} in promotion_people",
            found="another key",
            remedy="Name your own key with -e promotion_key=FILE, or your own name with -e promotion_by=NAME.",
            code="other_key",
        )
    return signature

"""What statements add up to: a stage has passed only if that is the last thing said of it, under this very plan."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import history
from ansible_collections.governed.delivery.plugins.plugin_utils import plan_files
from hypothesis import given
from hypothesis import strategies as st

PASSED = [{"measure": "errors", "verdict": "PASS"}]


def statement(type_: str, **more: object) -> dict[str, t.Any]:
    return {"type": type_, "plan": "trial", "plan_digest": "d1", "stage": "dev", "run": "r1", "at": "then", "verdicts": PASSED, **more}


def passed(*statements: dict[str, t.Any]) -> bool:
    return history.passed(statements, "trial", "d1", "dev")


def test_a_promoted_stage_has_passed() -> None:
    assert passed(statement("started"), statement("verified"), statement("promoted"))


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [statement("started")],
        [statement("verified")],
        [statement("started"), statement("verified"), statement("not_promoted")],
        [statement("promoted"), statement("not_promoted")],
        [statement("promoted"), statement("started")],  # a later run was cut: what it left is not known
        [statement("promoted", plan="other")],
        [statement("promoted", plan_digest="d2")],
        [statement("promoted", stage="prod")],
        [statement("promoted", verdicts=[])],
        [statement("promoted", verdicts=None)],
        [statement("promoted", verdicts=[*PASSED, {"measure": "rows", "verdict": "INCONCLUSIVE"}])],
        [statement("promoted", verdicts=["PASS"])],
        [{"type": "promoted"}],
        [{}],
    ],
)
def test_everything_else_has_not(statements: list[dict[str, t.Any]]) -> None:
    assert not passed(*statements)
    assert history.why_not_passed(statements, "trial", "d1", "dev")


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([], "no promotion of it in the evidence"),
        ([statement("started")], "a run of then that has not ended, or was cut"),
        ([statement("not_promoted", reason="FAIL errors")], "an attempt of then that was not promoted (FAIL errors)"),
        ([statement("promoted", plan_digest="d2")], "under another digest of the plan (d2): the plan has changed since"),
        ([statement("promoted", verdicts=[])], "whose recorded verdicts are not all PASS"),
    ],
)
def test_why_not_is_said(statements: list[dict[str, t.Any]], why: str) -> None:
    assert why in history.why_not_passed(statements, "trial", "d1", "dev")


KINDS = st.sampled_from([*history.TYPES, "unheard of"])
STATEMENTS = st.lists(
    st.tuples(KINDS, st.sampled_from(["d1", "d2"]), st.sampled_from(["dev", "stage"]), st.sampled_from(["PASS", "FAIL"])), max_size=12
)


@given(STATEMENTS)
def test_the_last_word_counts(told: list[tuple[str, str, str, str]]) -> None:
    statements = [
        statement(kind, plan_digest=digest, stage=stage, verdicts=[{"verdict": verdict}]) for kind, digest, stage, verdict in told
    ]
    words = [(kind, verdict) for kind, digest, stage, verdict in told if (digest, stage) == ("d1", "dev") and kind in history.STANDING]
    assert passed(*statements) == (bool(words) and words[-1] == ("promoted", "PASS"))


def test_runs_are_told_apart() -> None:
    found = history.runs(
        [statement("started"), statement("started", run="r2"), statement("promoted"), statement("promoted", plan="other")], "trial"
    )
    assert [[one["type"] for one in run] for run in found] == [["started", "promoted"], ["started"]]


def test_the_last_plan_is_the_one_that_was_used() -> None:
    plan = plan_files.load("sprint_36", {})
    used = {"plan": plan.name, "plan_digest": plan.digest, "plan_content": dict(plan.content)}
    older = plan_files.load("sprint_36", {"p95_floor_ms": 9})
    before = {"plan": plan.name, "plan_digest": older.digest, "plan_content": dict(older.content)}
    told = [
        statement("started", **before),
        statement("started", **used),
        statement("started", plan="other"),
        statement("promoted", **before),
    ]
    assert history.last_plan(told, plan.name) == plan  # its digest is the run's: of all that the plan resolved to
    with pytest.raises(Refusal, match="expected a run that was started; found none"):
        history.last_plan(told, "sprint_99")
    with pytest.raises(Refusal, match="expected a mapping"):
        history.last_plan([statement("started", plan=plan.name)], plan.name)

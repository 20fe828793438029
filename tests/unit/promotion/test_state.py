"""Where a target stands, and who may go on: a fold over statements, and decisions on nothing else."""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import entering, guard, holders, state
from ansible_collections.governed.delivery.plugins.module_utils._promotion.entering import Condition, Request
from ansible_collections.governed.delivery.plugins.module_utils._promotion.state import Holder
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 3, 30, 10, 0, tzinfo=datetime.UTC)
UNMET = Condition("reviewed", False, "nobody", "two people", "Let them sign.")


def said(type_: str, epoch: int = 0, run: str = "r1", minutes: float = 0, **more: object) -> dict[str, t.Any]:
    at = (NOW + datetime.timedelta(minutes=minutes)).isoformat()
    about = {"target": "prod", "plan": "trial", "plan_digest": "p1", "stage": "prod", "stage_digest": "d1", "by": "ada"}
    return {"type": type_, "run": run, "epoch": epoch, "at": at, **about, **more}


def started(**more: t.Any) -> dict[str, t.Any]:
    told = {"actions": [{"capability": "a", "variables": {"a_size": 1}}, {"capability": "b", "variables": {}}], "hosts": ["one"]}
    return said("started", told=told, lease_seconds=600, **more)


def request(doing: entering.Doing = "promote", minutes: float = 1, **more: object) -> Request:
    now = NOW + datetime.timedelta(minutes=minutes)
    given_: dict[str, t.Any] = {"target": "prod", "plan": "trial", "plan_digest": "p1", "stage": "prod", "stage_digest": "d1", **more}
    return Request(doing=doing, run="r2", holder=Holder(process=1), now=now, **given_)


def enter(statements: list[dict[str, t.Any]], wanted: Request, *conditions: Condition, life: holders.Life = "unknown") -> entering.Entrance:
    return entering.enter(statements, wanted, conditions, life=lambda _holder: life)


def test_a_run_is_what_its_statements_say() -> None:
    run = state.fold([started(), said("intent", capability="a"), said("done", capability="a"), said("intent", capability="b")])["prod"]
    assert (run.phase, run.actions, run.to_undo) == ("acting", (("a", "done"), ("b", "intent")), ("b", "a"))
    assert run.is_open


def test_who_was_replaced_says_nothing_any_more() -> None:
    statements = [started(), said("intent", capability="a"), said("taken_over", run="r1"), said("done", epoch=0, capability="a")]
    assert state.fold(statements)["prod"].actions == (("a", "intent"),)
    with pytest.raises(Refusal, match="expected to be held by run r1, epoch 0; found run r1 of epoch 2"):
        guard.require_hold(statements, said("done", epoch=0, capability="a"))
    guard.require_hold(statements, said("undoing", epoch=2, capability="a"))


def test_nobody_says_anything_after_the_end() -> None:
    statements = [started(), said("promoted")]
    with pytest.raises(Refusal, match="the run ended: promoted"):
        guard.require_hold(statements, said("intent", capability="a"))
    with pytest.raises(Refusal, match="no run at all"):
        guard.require_hold([], said("intent", capability="a"))


def test_an_empty_ledger_lets_the_first_in_if_the_conditions_are_met() -> None:
    entrance = enter([], request())
    assert (entrance.exit_code, entrance.statement and entrance.statement["type"]) == (0, "started")
    entrance = enter([], request(), UNMET)
    assert (entrance.exit_code, entrance.statement) == (entering.REFUSED, None)


@pytest.mark.parametrize("doing", ["promote", "recover", "rollback"])
@pytest.mark.parametrize(("life", "minutes", "take_over", "may"), [
    ("alive", 1, False, False),
    ("unknown", 9.9, False, False),
    ("unknown", 10, False, True),
    ("dead", 1, False, True),
    ("alive", 1, True, True),
])  # fmt: skip
def test_only_a_dead_or_silent_holder_is_replaced(
    doing: entering.Doing, life: holders.Life, minutes: float, take_over: bool, may: bool
) -> None:
    statements = [started(), said("intent", capability="a")]
    entrance = enter(statements, request(doing, minutes=minutes, take_over=take_over), UNMET, life=life)
    if not may:
        assert (entrance.exit_code, entrance.statement) == (entering.BUSY, None)
    elif doing == "promote":
        assert entrance.statement is not None
        assert (entrance.statement["type"], entrance.run, entrance.undo) == ("resumed", "r1", ())
    else:
        assert entrance.statement is not None
        assert (entrance.statement["type"], entrance.run, entrance.undo) == ("taken_over", "r1", ("a",))


def test_a_cut_run_of_something_else_has_to_be_recovered_first() -> None:
    statements = [started(), said("intent", capability="a")]
    entrance = enter(statements, request(stage_digest="d2"), life="dead")
    assert entrance.exit_code == entering.REFUSED
    assert "governed.delivery.recover" in entrance.refused[0].remedy
    assert enter(statements, request("recover", stage_digest="d2"), life="dead").undo == ("a",)


def test_what_is_half_brought_back_is_brought_back_whole() -> None:
    statements = [started(), said("intent", capability="a"), said("intent", capability="b"), said("failed"), said("undone", capability="b")]
    entrance = enter(statements, request(), life="dead")
    assert (entrance.statement and entrance.statement["type"], entrance.undo) == ("taken_over", ("a",))


def test_a_held_run_goes_on_or_back() -> None:
    statements = [started(), said("intent", capability="a"), said("done", capability="a"), said("held", reason="too few samples")]
    assert (enter(statements, request()).statement or {})["type"] == "resumed"
    assert enter(statements, request("rollback")).undo == ("a",)
    assert enter(statements, request("recover")).statement is None  # until its deadline: the lease that it said
    assert enter(statements, request("recover", minutes=11)).undo == ("a",)
    assert enter(statements, request("recover", take_over=True)).undo == ("a",)
    assert enter(statements, request(stage_digest="d2")).exit_code == entering.REFUSED


def test_quarantine_is_left_by_resolve_only() -> None:
    statements = [started(), said("intent", capability="a"), said("undo_failed", capability="a"), said("quarantined", reason="a on one")]
    for doing in t.get_args(entering.Doing):
        assert enter(statements, request(doing, take_over=True), life="dead").exit_code == entering.QUARANTINED
    assert (enter([*statements, said("resolved")], request()).statement or {})["type"] == "started"


def test_rollback_brings_a_promotion_back_and_recover_leaves_it() -> None:
    statements = [started(), said("intent", capability="a"), said("done", capability="a"), said("promoted")]
    assert enter(statements, request("recover")).statement is None
    entrance = enter(statements, request("rollback"))
    assert (entrance.undo, entrance.told["hosts"], (entrance.statement or {})["was"]) == (("a",), ["one"], "promoted")
    statements += [entrance.statement, said("undone", epoch=4, capability="a"), said("rolled_back", epoch=4)]  # type: ignore[list-item]
    assert enter(statements, request("rollback")).refused[0].found == "run r1 ended rolled back"


KINDS = [
    "intent",
    "done",
    "failed",
    "undoing",
    "undone",
    "undo_failed",
    "held",
    "quarantined",
    "promoted",
    "not_promoted",
    "resolved",
    "soak",
]


@given(st.lists(st.tuples(st.sampled_from([*KINDS, "started", "resumed", "taken_over"]), st.sampled_from("ab"), st.integers(0, 6))))
def test_whatever_is_said_at_most_one_run_may_act(script: list[tuple[str, str, int]]) -> None:
    """No order of statements, however mad, lets two epochs of one target pass the guard, or lets one pass after its end."""
    statements = [said(kind, epoch, run=f"r{epoch}", capability=capability) for kind, capability, epoch in script]
    allowed = []
    for epoch in range(len(statements) + 1):
        for run in {statement["run"] for statement in statements}:
            try:
                guard.require_hold(statements, said("intent", epoch, run=run))
            except Refusal:
                continue
            allowed.append((run, epoch))
    assert len(allowed) <= 1
    last = state.fold(statements).get("prod")
    assert allowed == ([(last.run, last.epoch)] if last and last.is_open else [])


def test_a_process_is_told_from_the_next_with_its_number() -> None:
    own = holders.holder(os.getpid())
    assert holders.life(own) == "alive"
    assert holders.life(dataclasses.replace(own, started="1")) == "dead"
    assert holders.life(dataclasses.replace(own, boot="another", machine="another")) == "unknown"
    assert holders.life(dataclasses.replace(own, boot="another")) == "unknown", "cloned machines share their id"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    held = holders.holder(child.pid)
    assert holders.life(held) == "alive"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table as a zombie
    assert holders.life(held) == "dead"
    child.wait()
    assert holders.life(held) == "dead"
    assert holders.life(Holder()) == "unknown"


def test_a_killed_run_is_not_dead_while_a_worker_of_it_lives(tmp_path: pathlib.Path) -> None:
    """Workers of a killed ansible-playbook go on by themselves, in sessions of their own."""
    lock = tmp_path / "hold"
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        worker = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()], start_new_session=True
        )
    held = dataclasses.replace(holders.holder(os.getpid()), started="1", lock=str(lock))
    assert holders.life(held) == "alive"
    worker.kill()
    worker.wait()
    assert holders.life(held) == "dead"
    lock.unlink()
    assert holders.life(held) == "dead"

"""The promotion playbook, run for real, with small throw-away capabilities in a collection of their own."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import time
import typing as t

import pytest

from tests.support import promotions
from tests.support.promotions import BOTH, PROMOTED, Bench, Run, Signer, ended, seen, signer


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return promotions.made(tmp_path)


def test_a_stage_whose_goals_are_met_is_promoted_and_opens_the_next(bench: Bench) -> None:
    run = bench.promote("dev")
    assert run.code == 0, run.output
    assert bench.journal == ["dev alpha apply one", "dev beta apply one", "dev alpha verify one", "dev beta verify one"]
    assert bench.kept == PROMOTED
    assert [verdict["verdict"] for verdict in bench.evidence[-1]["verdicts"]] == ["PASS", "PASS"]
    assert "STAGE dev: acme.trial.alpha" in run.output
    page = (bench.folder / "evidence" / "trial.html").read_text()
    assert "Promoted to dev; stage has not run" in page

    run = bench.promote("stage")
    assert run.code == 0, run.output
    assert bench.kept[8:] == PROMOTED
    assert "Promoted through dev and stage" in (bench.folder / "evidence" / "trial.html").read_text()


def test_a_goal_that_is_missed_brings_everything_back_last_first(bench: Bench) -> None:
    run = bench.promote("dev", alpha_sees=[seen(3)])
    assert run.code == 2, run.output
    assert bench.journal[-2:] == ["dev beta undo one", "dev alpha undo one"]
    assert bench.kept == ["started", *BOTH, "verified", "verified", "failed", *["undoing", "undone"] * 2, "not_promoted"]
    assert "errors: expected at most 0; found 3, 10 samples." in bench.evidence[-1]["reason"]
    assert "trial was not promoted to dev: everything was brought back. errors FAIL" in run.output
    assert "Stopped at dev: FAIL" in (bench.folder / "evidence" / "trial.html").read_text()


def test_too_few_samples_do_not_promote(bench: Bench) -> None:
    run = bench.promote("dev", beta_sees=[seen(0, samples=4)])
    assert run.code == 4, run.output
    assert "INCONCLUSIVE errors" in bench.evidence[-1]["reason"]
    assert bench.kept[-1] == "held"
    assert "trial is HELD at dev" in run.output
    assert "undo" not in " ".join(bench.journal)


@pytest.mark.parametrize(
    ("measures", "found"), [([], "no such measure"), ([seen(None)], "nothing (null)"), ([seen(0), seen(0)], "2 measures of that name")]
)
def test_a_dead_measure_is_an_error(bench: Bench, measures: list[object], found: str) -> None:
    run = bench.promote("dev", alpha_sees=measures)
    assert run.code == 4, run.output
    assert "ERROR errors" in bench.evidence[-1]["reason"]
    assert found in bench.evidence[-1]["reason"]


def test_a_stage_whose_predecessor_has_not_passed_is_refused_untouched(bench: Bench) -> None:
    run = bench.promote("stage")
    assert run.code == 5, run.output
    assert "dev has passed: expected promoted with plan digest" in run.output
    assert bench.journal == []
    assert bench.evidence == []


def test_a_changed_plan_closes_the_gate_again(bench: Bench) -> None:
    assert bench.promote("dev").code == 0
    bench.plan["title"] = "Another trial"
    run = bench.promote("stage")
    assert run.code == 5
    assert "under another digest" in run.output
    assert bench.kept == PROMOTED


def test_a_later_failure_closes_the_gate_again(bench: Bench) -> None:
    assert bench.promote("dev").code == 0
    assert bench.promote("dev", alpha_sees=[seen(1)]).code == 2
    run = bench.promote("stage")
    assert run.code == 5
    assert "an attempt of" in run.output


def test_a_precheck_that_fails_stops_everything_before_it_begins(bench: Bench) -> None:
    run = bench.promote("dev", beta_broken="precheck")
    assert run.code == 2, run.output
    assert "beta precheck is broken" in run.output
    assert bench.journal == []
    assert bench.evidence == []


def test_an_apply_that_fails_is_undone_and_what_never_started_is_not(bench: Bench) -> None:
    run = bench.promote("dev", alpha_broken="apply")
    assert run.code == 2, run.output
    assert bench.journal == ["dev alpha apply one", "dev alpha undo one"]
    assert "alpha apply is broken" in bench.evidence[-1]["reason"]
    assert "Stopped at dev: ERROR" in (bench.folder / "evidence" / "trial.html").read_text()


def test_an_undo_that_fails_is_named_and_keeps_no_other_from_it(bench: Bench) -> None:
    run = bench.promote("dev", alpha_sees=[seen(1)], beta_broken="undo")
    assert run.code == 3, run.output
    assert bench.journal[-2:] == ["dev beta undo one", "dev alpha undo one"]
    assert bench.kept[-5:] == ["undoing", "undo_failed", "undoing", "undone", "quarantined"]
    assert "NOT UNDONE, see to it by hand: acme.trial.beta: Fail where the test wants it: beta undo is broken" in run.output
    run = bench.promote("dev")
    assert run.code == 3, run.output
    assert "quarantined by run" in run.output


def test_a_rehearsal_writes_nothing(bench: Bench) -> None:
    before = sorted(bench.folder.rglob("*"))
    run = bench.promote("dev", "--check", "--diff")
    assert run.code == 0, run.output
    assert bench.journal == []
    assert [
        path for path in sorted(bench.folder.rglob("*")) if path not in before and path.name not in ("plan.yml", "hosts.yml", "tmp")
    ] == []
    assert "UNKNOWN" in run.output
    assert "Stage digest " in run.output
    assert "dev alpha apply one" in run.output  # the diff of what it would do


def test_a_rehearsal_of_a_closed_stage_is_refused(bench: Bench) -> None:
    run = bench.promote("stage", "--check")
    assert run.code == 5, run.output
    assert "no promotion of it in the evidence" in run.output


def test_one_host_that_fails_brings_all_hosts_back(bench: Bench) -> None:
    sees = "{{ [{'name': 'errors', 'value': 1 if inventory_hostname == 'two' else 0, 'unit': '1', 'samples': 10}] }}"
    verify = bench.folder / "collections/ansible_collections/acme/trial/roles/alpha/tasks/verify.yml"
    verify.write_text(verify.read_text().replace('"{{ alpha_sees }}"', json.dumps(sees)))
    run = bench.promote("dev", hosts=("one", "two"))
    assert run.code == 2, run.output
    assert sorted(bench.journal[-4:]) == ["dev alpha undo one", "dev alpha undo two", "dev beta undo one", "dev beta undo two"]
    assert bench.kept.count("not_promoted") == 1
    assert bench.evidence[-1]["reason"] == "FAIL errors: expected at most 0; found 1, 10 samples."


def test_a_host_that_cannot_be_reached_leaves_the_gate_closed(bench: Bench) -> None:
    """Ansible runs neither rescue nor always for an unreachable host: the run ends, and what stands is that it was started."""
    apply = bench.folder / "collections/ansible_collections/acme/trial/roles/alpha/tasks/main.yml"
    nowhere = "{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}"
    apply.write_text(f"{apply.read_text()}- name: Lose the host\n  ansible.builtin.ping:\n  vars: {nowhere}\n")
    run = bench.promote("dev")
    assert run.code == 4, run.output
    assert bench.kept[-1] == "intent"
    assert "a run of" in bench.promote("stage").output


def test_two_hosts_are_promoted_by_one_statement(bench: Bench) -> None:
    run = bench.promote("dev", hosts=("one", "two"))
    assert run.code == 0, run.output
    assert bench.kept.count("promoted") == 1
    assert sorted(verdict["host"] for verdict in bench.evidence[-1]["verdicts"]) == ["one", "one", "two", "two"]


@pytest.mark.parametrize(
    ("stage", "hosts", "message"),
    [
        ("qa", ("one",), "plan trial: expected one of its stages dev, stage; found the text 'qa'. Set promotion_stage."),
        ("", ("one",), "Set promotion_stage."),
        ("dev", (), "inventory: expected hosts that match all; found none."),
    ],
)
def test_what_is_missing_is_said(bench: Bench, stage: str, hosts: tuple[str, ...], message: str) -> None:
    run = bench.promote(stage, hosts=hosts)
    assert run.code == (5 if hosts else 2), run.output
    assert message in run.output
    assert bench.evidence == []


def test_a_plan_with_a_misspelt_key_is_refused_with_its_path(bench: Bench) -> None:
    bench.plan["stages"][0]["verifications"][0]["goals"][0]["sample_at_least"] = 5
    run = bench.promote("dev")
    assert run.code == 5
    assert "stages[0].verifications[0].goals[0].sample_at_least: expected one of the keys" in run.output
    assert "Did you mean samples_at_least?" in run.output


def test_the_shipped_plan_is_found_by_name_and_refuses_a_closed_stage(bench: Bench) -> None:
    run = bench.promote("prod", playbook="governed.delivery.sprint_36", promotion_plan="sprint_36")
    assert run.code == 5
    assert "stage has passed: expected promoted" in run.output


def test_what_was_measured_before_is_never_judged_again(bench: Bench) -> None:
    """A verify door that sets nothing must not pass on what an earlier play of the same run left behind."""
    verify = bench.folder / "collections/ansible_collections/acme/trial/roles/alpha/tasks/verify.yml"
    verify.write_text("---\n- name: Measure nothing\n  ansible.builtin.set_fact:\n    alpha_seen: nothing\n")
    playbook = bench.folder / "twice.yml"
    playbook.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.set_fact: {alpha_measures: '{{ alpha_sees }}'}\n"
        "- ansible.builtin.import_playbook: governed.delivery.promote\n"
    )
    run = bench.promote("dev", playbook=str(playbook))
    assert run.code == 4, run.output
    assert "found no such measure" in bench.evidence[-1]["reason"]


def test_one_run_may_go_through_all_stages(bench: Bench) -> None:
    """What ``make demo`` does: the same playbook imported once a stage."""
    inner = bench.folder / "inner.yml"
    inner.write_text("- name: Promote\n  ansible.builtin.import_playbook: governed.delivery.promote\n  vars: {promotion_plan: plan.yml}\n")
    outer = bench.folder / "outer.yml"
    imported = "- name: Promote to {0}\n  ansible.builtin.import_playbook: inner.yml\n  vars: {{promotion_stage: {0}}}\n"
    outer.write_text("".join(imported.format(stage) for stage in ("dev", "stage")))
    run = bench.promote("", playbook=str(outer), promotion_plan=None, promotion_stage=None)
    assert run.code == 0, run.output
    assert [line.split()[0] for line in bench.journal] == ["dev"] * 4 + ["stage"] * 4
    assert bench.kept == PROMOTED * 2
    assert [line for line in run.output.splitlines() if "was promoted to" in line] == [
        "trial was promoted to dev.",
        "trial was promoted to stage.",
    ]


def test_a_plan_that_is_changed_while_it_is_promoted_stops_the_run(bench: Bench) -> None:
    apply = bench.folder / "collections/ansible_collections/acme/trial/roles/alpha/tasks/main.yml"
    copied = f"{{dest: '{bench.folder}/plan.yml', content: nonsense, mode: '0644'}}"
    apply.write_text(f"{apply.read_text()}- name: Change the plan\n  ansible.builtin.copy: {copied}\n")
    run = bench.promote("dev")
    assert run.code == 2, run.output
    assert bench.journal == ["dev alpha apply one", "dev alpha undo one"]
    assert "Stopped at dev: ERROR" in (bench.folder / "evidence" / "trial.html").read_text()


def test_a_role_that_is_changed_while_it_is_promoted_stops_the_run(bench: Bench) -> None:
    roles = bench.folder / "collections/ansible_collections/acme/trial/roles"
    apply = roles / "alpha/tasks/main.yml"
    copied = f"{{dest: '{roles}/beta/tasks/more.yml', content: '---', mode: '0644'}}"
    apply.write_text(f"{apply.read_text()}- name: Change the other role\n  ansible.builtin.copy: {copied}\n")
    run = bench.promote("dev")
    assert run.code == 2, run.output
    assert "plan, roles, hosts or variables have changed meanwhile" in run.output
    assert bench.journal == ["dev alpha apply one", "dev alpha undo one"]


def test_a_cut_run_is_gone_on_with_by_the_same_and_brought_back_by_recover(bench: Bench) -> None:
    for then, ends in (("promote", "promoted"), ("recover", "not_promoted")):
        assert bench.promote("dev", kill_at="alpha : Write down").code == -9
        assert bench.kept[-1] == "intent"
        run = bench.promote("dev", playbook=f"governed.delivery.{then}")
        assert run.code == 0, run.output
        assert bench.kept[-1] == ends
    assert bench.journal[-1] == "dev alpha undo one"
    assert bench.promote("dev", playbook="governed.delivery.recover").output.count("There is nothing to bring back") == 1


def test_a_promoted_stage_is_rolled_back_and_closes_the_gate(bench: Bench) -> None:
    assert bench.promote("dev").code == 0
    run = bench.promote("dev", playbook="governed.delivery.rollback")
    assert run.code == 0, run.output
    assert bench.journal[-2:] == ["dev beta undo one", "dev alpha undo one"]
    assert bench.kept[-1] == "rolled_back"
    run = bench.promote("stage")
    assert run.code == 5, run.output
    assert "a promotion that was rolled back" in run.output
    assert bench.promote("dev", playbook="governed.delivery.rollback").code == 5


def test_a_stage_needs_its_approvals_for_exactly_what_will_be_done_and_uses_them_up(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann", "sre"), signer(bench.folder, "ben", "owner")
    bench.plan["stages"][0]["preconditions"] = [{"approved": {"by_at_least": 2, "roles": {"sre": 1, "owner": 1}}}]
    common: dict[str, t.Any] = {"promotion_people": [ann.person, ben.person], "promotion_by": "eve"}
    run = bench.promote("dev", **common)
    assert run.code == 5, run.output
    assert "1 more with the role sre (ann), 1 more with the role owner (ben)" in run.output

    def approve(who: Signer, stage: str = "dev", *arguments: str, **more: object) -> Run:
        given = {**common, "promotion_by": who.name, "promotion_key": str(who.key), **more}
        return bench.promote(stage, *arguments, playbook="governed.delivery.approve", **given)

    assert approve(ann, "dev", "--check").code == 0
    assert bench.kept == []
    assert approve(ann).code == 0
    assert approve(ann).code == 0  # twice is still one person
    assert approve(ben, promotion_key=str(ann.key)).code == 5
    run = bench.promote("dev", **common)
    assert run.code == 5, run.output
    assert "1 more with the role owner (ben)" in run.output
    assert approve(ben).code == 0
    assert bench.promote("dev", **{**common, "promotion_by": "ben"}).code == 5  # who starts it does not count

    changed = bench.promote("dev", hosts=("one", "two"), **common)
    assert changed.code == 5, changed.output
    assert "hosts, files or variables have changed since" in changed.output
    assert bench.promote("dev", **common).code == 0
    again = bench.promote("dev", **common)
    assert again.code == 5, again.output


def test_a_denial_is_final(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann"), signer(bench.folder, "ben")
    bench.plan["stages"][0]["preconditions"] = [{"approved": {"by_at_least": 1}}]
    common: dict[str, t.Any] = {"promotion_people": [ann.person, ben.person]}
    for who, decision in ((ann, "approve"), (ben, "deny")):
        given = {
            **common,
            "promotion_by": who.name,
            "promotion_key": str(who.key),
            "promotion_decision": decision,
            "promotion_reason": "not on a Friday",
        }
        assert bench.promote("dev", playbook="governed.delivery.approve", **given).code == 0
    run = bench.promote("dev", **common, promotion_by="eve")
    assert run.code == 5, run.output
    assert "denied by ben" in run.output


def test_a_stage_soaks_by_observations(bench: Bench) -> None:
    bench.plan["variables"] = {"soak": {"value": 2, "unit": "s", "why": "a test's patience"}}
    bench.plan["stages"][1]["preconditions"].append({"soaked": {"stage": "dev", "for": "soak", "max_gap": "60s"}})
    assert bench.promote("dev", playbook="governed.delivery.soak").code == 5  # nothing was promoted
    assert bench.promote("dev").code == 0
    run = bench.promote("stage")
    assert run.code == 5, run.output
    assert "dev has soaked: expected 2 s between healthy observations" in run.output
    assert bench.promote("dev", playbook="governed.delivery.soak").code == 0
    time.sleep(2)
    run = bench.promote("dev", playbook="governed.delivery.soak")
    assert " s credited from 2 observations" in run.output
    assert bench.promote("stage", "--check").code == 0
    run = bench.promote("dev", playbook="governed.delivery.soak", alpha_sees=[seen(1)])
    assert "NOT HEALTHY, all credit is lost: errors FAIL" in run.output
    assert bench.promote("stage").code == 5


def test_a_freeze_keeps_everybody_out_but_lets_them_back(bench: Bench) -> None:
    assert bench.promote("dev").code == 0
    frozen = [{"name": "year end", "starts": "2020-01-01T00:00", "lasts": "360d", "timezone": "UTC", "rrule": "FREQ=YEARLY", "reason": "books"},
              {"name": "the rest", "starts": "2020-12-20T00:00", "lasts": "30d", "timezone": "UTC", "rrule": "FREQ=YEARLY", "reason": "rest"}]  # fmt: skip
    run = bench.promote("stage", promotion_calendar=frozen)
    assert run.code == 5, run.output
    assert "no freeze" in run.output
    run = bench.promote("dev", playbook="governed.delivery.rollback", promotion_calendar=frozen)
    assert run.code == 0, run.output


def test_a_host_does_not_follow_a_ledger_that_was_cut(bench: Bench) -> None:
    assert bench.promote("dev").code == 0
    copy = bench.folder / "copy"
    shutil.copytree(bench.folder / "evidence", copy)
    assert bench.promote("dev").code == 0
    shutil.rmtree(bench.folder / "evidence")
    copy.rename(bench.folder / "evidence")
    run = bench.promote("stage")
    assert run.code == 5, run.output
    assert "expected one that goes on from what this host has seen" in run.output
    assert "stage alpha apply one" not in bench.journal


def test_two_people_may_waive_one_goal_and_it_shows(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann"), signer(bench.folder, "ben")
    common: dict[str, t.Any] = {"promotion_people": [ann.person, ben.person], "alpha_sees": [seen(3)]}
    goal = {"capability": "acme.trial.alpha", "measure": "errors"}
    for who in (ann, ben):
        given = {"promotion_by": who.name, "promotion_key": str(who.key), "promotion_decision": "waive", "promotion_goal": goal}
        run = bench.promote("dev", playbook="governed.delivery.approve", **common, **given, promotion_reason="known, mended on Monday")
        assert run.code == 0, run.output
    run = bench.promote("dev", **common, promotion_by="eve")
    assert run.code == 0, run.output
    assert "Waived by ann: known, mended on Monday, ben: known, mended on Monday" in run.output
    assert [verdict["verdict"] for verdict in bench.evidence[-1]["verdicts"]] == ["WAIVED", "PASS"]
    assert "WAIVED" in (bench.folder / "evidence" / "trial.html").read_text()
    assert bench.promote("dev", **common, promotion_by="eve").code == 2  # a waiver counts once


def test_two_people_end_a_quarantine(bench: Bench) -> None:
    ann, ben = signer(bench.folder, "ann"), signer(bench.folder, "ben")
    common: dict[str, t.Any] = {"promotion_people": [ann.person, ben.person]}
    assert bench.promote("dev", alpha_sees=[seen(1)], beta_broken="undo", **common).code == 3
    for who, kept in ((ann, "approval"), (ben, "resolved")):
        assert bench.promote("dev", **common).code == 3
        given = {
            "promotion_by": who.name,
            "promotion_key": str(who.key),
            "promotion_decision": "resolve",
            "promotion_reason": "undone by hand",
        }
        run = bench.promote("dev", playbook="governed.delivery.approve", **common, **given)
        assert run.code == 0, run.output
        assert bench.kept[-1] == kept
    assert bench.promote("dev", **common).code == 0
    assert bench.promote("dev", playbook="governed.delivery.approve", **common, **given).code == 5  # nothing is quarantined any more


def test_of_sixteen_that_start_at_once_one_acts(bench: Bench) -> None:
    runs = [ended(running) for running in [bench.begin("dev") for _number in range(16)]]
    assert sorted(run.code for run in runs) == [0] + [6] * 15, [run.output for run in runs if run.code not in (0, 6)]
    assert bench.journal == ["dev alpha apply one", "dev beta apply one", "dev alpha verify one", "dev beta verify one"]
    assert bench.kept == PROMOTED


def test_a_paused_run_that_was_replaced_does_not_act_when_it_wakes_up(bench: Bench) -> None:
    paused = bench.begin("dev", kill_at="alpha : Write down", kill_by=signal.SIGSTOP)
    os.waitid(os.P_PID, paused.pid, os.WSTOPPED)
    busy = bench.promote("dev", playbook="governed.delivery.recover")
    assert busy.code == 6, busy.output
    assert "its process is alive" in busy.output
    time.sleep(5)  # as long as the woken one believes what it knew
    assert bench.promote("dev", playbook="governed.delivery.recover", promotion_take_over=True).code == 0
    before, kept = bench.journal, bench.kept
    paused.send_signal(signal.SIGCONT)
    woken = ended(paused)
    assert woken.code == 6, woken.output
    assert "This run was replaced and must not act any more" in woken.output
    assert (bench.journal, bench.kept) == (before, kept)

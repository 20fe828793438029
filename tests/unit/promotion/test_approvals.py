# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals: each signature that must not count is refused for its own reason, and only enough distinct people open the gate."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import itertools
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import approvals, decision, people
from ansible_collections.governed.delivery.plugins.module_utils._promotion.approvals import Given, Question, Weighed, weigh
from ansible_collections.governed.delivery.plugins.module_utils._promotion.decision import Decision, Kind, Scope, WaivedGoal
from ansible_collections.governed.delivery.plugins.module_utils._promotion.preconditions import Approved
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 3, 30, 12, tzinfo=datetime.UTC)
SCOPE = Scope("sprint_36", "a" * 64, "stage", "b" * 64, "app")
TWO = Approved(2, {"sre": 1, "owner": 1}, 86400.0)
GOAL = WaivedGoal("hot_table_partitioning", "reconcile_mismatches")
NONCES = itertools.count(1)


def key(seed: str, algorithm: str = "ssh-ed25519") -> str:
    content = len(algorithm).to_bytes(4, "big") + algorithm.encode() + (32).to_bytes(4, "big") + hashlib.sha256(seed.encode()).digest()
    return f"{algorithm} {base64.b64encode(content).decode()}"


def person(name: str, *roles: str, revoked: bool = False) -> dict[str, t.Any]:
    return {"name": name, "roles": list(roles), "key": f"{key(name)} {name}@laptop", "revoked": revoked}


PEOPLE = people.parse(
    [person("ann", "sre"), person("bob", "owner"), person("cho", "sre", "owner"), person("dee"), person("eve", "sre", revoked=True)]
)


def stamp(payload: bytes, public_key: str) -> str:
    return hashlib.sha256(public_key.encode() + payload).hexdigest()


def verify(payload: bytes, signature: str, public_key: str, name: str) -> bool:
    return bool(name) and signature == stamp(payload, public_key)


def question(**changes: t.Any) -> Question:
    return dataclasses.replace(Question(PEOPLE, SCOPE, NOW, {}, verify), **changes)


def decided(by: str, kind: Kind = "approve", *, ago: float = 60, lasts: float = 7200, **changes: t.Any) -> Decision:
    """A decision of so many seconds ago that lasts so many seconds."""
    issued = NOW - datetime.timedelta(seconds=ago)
    goal = GOAL if kind == "waive" else None
    fresh = Decision(kind, SCOPE, by, f"{next(NONCES):032x}", issued, issued + datetime.timedelta(seconds=lasts), "looked at it", goal)
    return dataclasses.replace(fresh, **changes)


def signed(made: Decision, by: str | None = None) -> dict[str, t.Any]:
    return {"at": decision.spelt(NOW), **decision.statement(made, stamp(decision.payload(made), key(by or made.by)))}


def codes(found: Weighed) -> list[str]:
    return [no.code for no in found.refused]


def test_two_people_who_fill_the_roles_are_enough() -> None:
    made = [decided("ann"), decided("bob")]
    found = weigh([signed(one) for one in made], TWO, question())
    assert found.met
    assert found.nonces == tuple(one.nonce for one in made)
    assert (found.found, found.refused) == ("ann (sre), bob (owner)", ())


def test_nobody_is_not_enough() -> None:
    found = weigh([], TWO, question(excluded={"ann": "author"}))
    assert not found.met
    assert found.missing == ("1 more with the role sre (cho)", "1 more with the role owner (bob, cho)")
    assert approvals.asked(TWO, {"ann": "author"}) == "2 people, among them 1 sre and 1 owner, without ann (author)"


def test_a_request_for_nobody_still_needs_somebody() -> None:
    assert not weigh([], Approved(0, {}, 60.0), question()).met


OTHERS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "plan": ("other_plan", {"plan": "sprint_35"}),
    "plan digest": ("other_plan", {"plan_digest": "c" * 64}),
    "stage": ("other_stage", {"stage": "prod"}),
    "target": ("other_target", {"target": "billing"}),
    "hosts, files, variables": ("other_content", {"stage_digest": "c" * 64}),
}


@pytest.mark.parametrize(("code", "other"), OTHERS.values(), ids=OTHERS)
def test_an_approval_of_something_else_does_not_count(code: str, other: dict[str, t.Any]) -> None:
    made = decided("ann", scope=dataclasses.replace(SCOPE, **other))
    found = weigh([signed(made), signed(decided("bob"))], TWO, question())
    assert (codes(found), found.met) == ([code], False)


@pytest.mark.parametrize(
    ("code", "made", "asked"),
    [
        ("unknown_person", decided("zoe"), question()),
        ("revoked_key", decided("eve"), question()),
        ("expired", decided("ann", ago=7200, lasts=7200), question()),
        ("expired", decided("ann", ago=86400, lasts=10**7), question()),
        ("future", decided("ann", ago=-301), question()),
        ("author", decided("ann"), question(excluded={"Ann": "author"})),
        ("launcher", decided("ann"), question(excluded={"ann": "launcher"})),
        (
            "bad_signature",
            decided("ann"),
            question(people=people.parse([person("bob", "owner"), {**person("ann"), "key": key("x")}])),
        ),
    ],
)
def test_a_decision_is_refused_for_its_own_reason(code: str, made: Decision, asked: Question) -> None:
    found = weigh([signed(made), signed(decided("bob"))], TWO, asked)
    assert (codes(found), found.met) == ([code], False)
    assert found.refused[0].reason


def test_the_last_moment_counts_and_the_clocks_skew_is_allowed_for() -> None:
    early, late = decided("ann", ago=-300), decided("bob", ago=7199.999, lasts=7200)
    assert weigh([signed(early), signed(late)], TWO, question()).met


CHANGES: dict[str, t.Any] = {
    "plan": "sprint_37", "plan_digest": "d" * 64, "stage": "prod", "stage_digest": "d" * 64, "target": "billing", "by": "cho", "nonce": "f" * 32,
    "issued_at": "2026-03-30T11:58:00.000Z", "expires_at": "2026-03-31T11:00:00.000Z", "reason": "did not look at it",
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_whatever_is_changed_after_signing_undoes_the_signature(field: str) -> None:
    statement = signed(decided("ann"))
    changed = {**statement, "signed": {**statement["signed"], field: CHANGES[field]}}
    scope = {name: CHANGES[field] for name in ("plan", "plan_digest", "stage", "stage_digest", "target") if name == field}
    found = weigh([changed], Approved(1, {}, 86400.0), question(scope=dataclasses.replace(SCOPE, **scope)))
    assert (codes(found), found.met) == (["bad_signature"], False)


@pytest.mark.parametrize("junk", [None, 3, [], {}, {"decision": "approve"}])
def test_what_is_no_decision_is_malformed(junk: object) -> None:
    found = weigh([{"type": "approval", "by": "ann", "signed": junk, "signature": 7}], TWO, question())
    assert (codes(found), found.met) == (["malformed"], False)


BROKEN: dict[str, t.Any] = {
    "decision": "approved", "plan": "", "nonce": "1", "issued_at": "2026-03-30T12:00:00+02:00", "expires_at": "2026-02-30T10:00:00Z",
    "reason": 5, "goal": {"capability": "x", "measure": "y"}, "more": "x", "by": "\ud800",
}  # fmt: skip


@pytest.mark.parametrize("field", BROKEN)
def test_a_decision_of_another_form_is_malformed(field: str) -> None:
    statement = signed(decided("ann"))
    found = weigh([{**statement, "signed": {**statement["signed"], field: BROKEN[field]}}], TWO, question())
    assert codes(found) == ["malformed"]


def test_a_signature_is_used_once() -> None:
    first = [signed(decided("ann")), signed(decided("bob"))]
    found = weigh(first, TWO, question())
    started = {"type": "started", "approvals_used": list(found.nonces)}
    again = weigh([*first, started], TWO, question())
    assert (codes(again), again.met) == (["used", "used"], False)
    assert weigh([*first, started, signed(decided("ann")), signed(decided("bob"))], TWO, question()).met


def test_the_same_statement_twice_and_the_same_person_twice_count_once() -> None:
    ann = signed(decided("ann"))
    found = weigh([ann, ann, signed(decided("ann"))], Approved(2, {}, 86400.0), question())
    assert (codes(found), len(found.valid), found.met) == (["repeated", "counted"], 1, False)


def test_a_forged_statement_with_the_nonce_of_a_good_one_spoils_nothing() -> None:
    good = decided("ann")
    forged = signed(dataclasses.replace(decided("bob"), nonce=good.nonce), by="dee")
    found = weigh([forged, signed(good)], Approved(1, {}, 86400.0), question())
    assert (codes(found), found.met) == (["bad_signature"], True)


def test_one_person_fills_one_role() -> None:
    found = weigh([signed(decided("cho"))], TWO, question())
    assert not found.met
    assert len(found.missing) == 1
    assert weigh([signed(decided("cho")), signed(decided("dee"))], TWO, question()).missing
    assert weigh([signed(decided("cho")), signed(decided("bob"))], TWO, question()).met
    assert weigh([signed(decided("bob")), signed(decided("cho"))], TWO, question()).met


def test_a_denial_is_final_and_neither_expires_nor_is_outvoted() -> None:
    denial = signed(decided("dee", "deny", ago=10**6, reason="no way back"))
    found = weigh([signed(decided("ann")), signed(decided("bob")), denial, signed(decided("cho"))], TWO, question())
    assert (codes(found), found.met, found.found) == (["denied"] * 3, False, "denied by dee")
    assert "no way back" in found.refused[0].reason


def test_an_author_can_deny_what_they_may_not_approve() -> None:
    found = weigh(
        [signed(decided("ann", "deny")), signed(decided("bob")), signed(decided("cho"))], TWO, question(excluded={"ann": "author"})
    )
    assert not found.met


@pytest.mark.parametrize(
    "denial",
    [signed(decided("zoe", "deny")), signed(decided("eve", "deny")), signed(decided("dee", "deny"), by="eve"),
     signed(decided("dee", "deny", scope=dataclasses.replace(SCOPE, stage_digest="c" * 64)))],
)  # fmt: skip
def test_a_denial_by_nobody_or_of_something_else_is_none(denial: dict[str, t.Any]) -> None:
    assert weigh([denial, signed(decided("ann")), signed(decided("bob"))], TWO, question()).met


def test_a_denial_is_of_every_target() -> None:
    denial = signed(decided("dee", "deny", scope=dataclasses.replace(SCOPE, target="billing")))
    assert not weigh([denial, signed(decided("ann")), signed(decided("bob"))], TWO, question()).met


def test_one_can_take_back_ones_own_and_give_it_anew() -> None:
    both = [signed(decided("ann", ago=90)), signed(decided("bob", ago=90))]
    back = signed(decided("ann", "revoke", ago=60))
    found = weigh([*both, back], TWO, question())
    assert (codes(found), [given.by for given in found.valid]) == (["taken_back"], ["bob"])
    assert weigh([*both, back, signed(decided("ann", ago=30))], TWO, question()).met


def test_what_was_taken_back_cannot_be_brought_in_later() -> None:
    held_back = signed(decided("ann", ago=90))
    found = weigh([signed(decided("ann", "revoke", ago=60)), held_back, signed(decided("bob"))], TWO, question())
    assert codes(found) == ["taken_back"]


def test_what_stands_before_a_revocation_is_taken_back_whatever_its_clock_said() -> None:
    ahead = signed(decided("ann", ago=-60))
    assert codes(weigh([ahead, signed(decided("ann", "revoke", ago=0))], TWO, question())) == ["taken_back"]


def test_nobody_takes_back_what_another_signed() -> None:
    back = signed(decided("ann", "revoke", ago=30), by="dee")
    assert weigh([signed(decided("ann")), signed(decided("bob")), back, signed(decided("dee", "revoke"))], TWO, question()).met


def test_a_waiver_lets_one_goal_go() -> None:
    other = WaivedGoal("hot_table_partitioning", "rows_copied")
    entries = [signed(decided("ann", "waive")), signed(decided("bob", "waive")), signed(decided("cho", "waive", goal=other))]
    found = {waiver.goal: waiver.weighed.met for waiver in approvals.waivers(entries, approvals.TWO_PEOPLE, question())}
    assert found == {GOAL: True, other: False}
    assert not weigh(entries, TWO, question()).met, "a waiver is no approval"
    [waiver, _other] = approvals.waivers(entries, approvals.TWO_PEOPLE, question())
    assert waiver.expires_at == NOW + datetime.timedelta(seconds=7140)


def test_a_waiver_needs_a_reason_and_a_goal() -> None:
    for change in ({"reason": " "}, {"goal": None}):
        found = approvals.waivers([signed(decided("ann", "waive", **change))], approvals.TWO_PEOPLE, question())
        assert found == ()


def test_quarantine_is_left_by_two_people() -> None:
    entries = [signed(decided("ann", "resolve")), signed(decided("dee", "deny"))]
    assert not weigh(entries, approvals.TWO_PEOPLE, question(), kind="resolve").met
    assert weigh([*entries, signed(decided("bob", "resolve"))], approvals.TWO_PEOPLE, question(), kind="resolve").met
    assert not weigh([*entries, signed(decided("bob"))], approvals.TWO_PEOPLE, question(), kind="resolve").met


ROLES = ("sre", "owner", "dba")


@given(
    st.lists(st.sets(st.sampled_from(ROLES)), max_size=6),
    st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2)),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_it_is_met_exactly_when_some_seating_fills_every_place(
    holders: list[set[str]], roles: dict[str, int], at_least: int, shuffle: t.Any
) -> None:
    crowd = people.parse([person(f"p{number}", *sorted(has)) for number, has in enumerate(holders)])
    entries = [signed(decided(one.name)) for one in crowd]
    shuffle.shuffle(entries)
    places = [role for role, count in roles.items() for _place in range(count)]
    seatings = itertools.permutations(holders, len(places))
    possible = any(all(role in has for role, has in zip(places, seating, strict=True)) for seating in seatings)
    found = weigh(entries, Approved(at_least, roles, 86400.0), question(people=crowd))
    assert found.met == (possible and len(holders) >= at_least)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@given(TEXT, TEXT, st.text(st.characters(codec="utf-8")))
def test_what_was_signed_reads_back_the_same(plan: str, by: str, reason: str) -> None:
    made = decided(by, scope=dataclasses.replace(SCOPE, plan=plan), reason=reason)
    assert decision.parse(made.as_dict()) == made
    assert decision.payload(decision.parse(made.as_dict())) == decision.payload(made)


def test_the_signed_bytes_are_canonical_json() -> None:
    made = decided("ann", "waive", nonce="0" * 32, reason='tab\t "é" \u2028')
    assert decision.payload(made).decode() == (
        '{"by":"ann","decision":"waive","expires_at":"2026-03-30T13:59:00.000Z","goal":{"capability":"hot_table_partitioning",'
        '"measure":"reconcile_mismatches"},"issued_at":"2026-03-30T11:59:00.000Z","nonce":"00000000000000000000000000000000","plan":"sprint_36",'
        f'"plan_digest":"{"a" * 64}","reason":"tab\\t \\"é\\" \u2028","stage":"stage","stage_digest":"{"b" * 64}","target":"app"}}'
    )


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"name": "ann"}, "promotion_people[1]"),
        ({"name": " ann", "key": key("x")}, "promotion_people[1].name"),
        ({"name": "a\nb", "key": key("x")}, "promotion_people[1].name"),
        ({"name": "ann", "key": "AAAA"}, "promotion_people[1].key"),
        ({"name": "ann", "key": "ssh-ed25519 AAAA"}, "promotion_people[1].key"),
        ({"name": "ann", "key": key("x", "ssh-dss")}, "promotion_people[1].key"),
        ({"name": "ann", "key": key("x").replace("ssh-ed25519", "ssh-rsa")}, "promotion_people[1].key"),
        ({"name": "ann", "key": 'x namespaces="*" ' + key("x")}, "promotion_people[1].key"),
        ({"name": "BOB", "key": key("x")}, "promotion_people[1].name"),
        ({"name": "ann", "key": key("bob") + " another comment"}, "promotion_people[1].key"),
        ({"name": "ann", "key": key("x"), "roles": ["sre", "sre"]}, "promotion_people[1].roles[1]"),
        ({"name": "ann", "key": key("x"), "revoked": "no"}, "promotion_people[1].revoked"),
    ],
)
def test_people_that_are_none_are_refused_with_the_path(entry: dict[str, t.Any], path: str) -> None:
    with pytest.raises(Refusal) as refusal:
        people.parse([person("bob"), entry])
    assert refusal.value.thing == path


def test_what_counts_is_told_in_plain_data() -> None:
    found = weigh([signed(decided("ann", nonce="1" * 32)), signed(decided("zoe", nonce="2" * 32))], TWO, question())
    assert isinstance(found.valid[0], Given)
    assert found.valid[0].as_dict() == {
        "index": 0, "by": "ann", "roles": ["sre"], "nonce": "1" * 32, "issued_at": "2026-03-30T11:59:00.000Z",
        "expires_at": "2026-03-30T13:59:00.000Z", "reason": "looked at it",
    }  # fmt: skip
    assert found.refused[0].as_dict()["code"] == "unknown_person"

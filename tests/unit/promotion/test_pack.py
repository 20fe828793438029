# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An acceptance pack: whole and true it verifies; whatever is changed in it, by a stranger or by the ledger's own key, is found and named."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import pathlib
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, tiles
from ansible_collections.governed.delivery.plugins.module_utils._promotion import pack, pack_verification, ssh_signatures
from ansible_collections.governed.delivery.plugins.module_utils._promotion.decision import WaivedGoal
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_verification import Report
from ansible_collections.governed.delivery.plugins.plugin_utils import pack_making, pack_zip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.promotion import pack_sample
from tests.unit.promotion.pack_sample import MADE_AT, Said, Teller

Files = dict[str, bytes]
ONE_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
WAIVED = WaivedGoal("alpha", "errors")


@pytest.fixture(autouse=True)
def _stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures without ssh-keygen; tests/integration has the real ones."""
    monkeypatch.setattr(ssh_signatures, "verify", pack_sample.verify)


def packed(statements: t.Sequence[Said], plan: str = "trial") -> Files:
    return dict(pack_making.make(pack_sample.log_of(statements), plan, MADE_AT).files)


@pytest.fixture
def files() -> Files:
    return packed(pack_sample.promoted().statements)


def examined(folder: pathlib.Path, files: Files, *pinned: str) -> Report:
    path = folder / "pack.zip"
    path.write_bytes(pack_zip.content(files))
    report, page = pack_making.examine(path, [keys.parse_verifier(key) for key in pinned])
    assert bool(page) == (not report.faults)
    return report


def listed_anew(files: Files) -> Files:
    """What a liar does last: ``pack.json`` lists the changed files with their new digests."""
    manifest = pack.parse(files[pack.MANIFEST])
    return {**files, pack.MANIFEST: dataclasses.replace(manifest, files=pack.listed(files)).content()}


def told(report: Report) -> str:
    return "\n".join(report.faults)


def failed(report: Report) -> list[str]:
    return [check.name for check in report.checks if check.faults]


# --- as it should be ----------------------------------------------------------------------------------------------------------


def test_a_pack_of_a_promoted_plan_verifies_and_is_accepted(tmp_path: pathlib.Path, files: Files) -> None:
    report = examined(tmp_path, files, pack_sample.KEY.verifier.text())
    assert told(report) == ""
    assert {check.result for check in report.checks} == {"ok"}
    assert report.story is not None
    assert report.story.about.accepted
    assert [(one.stage, one.verdict, one.entry is not None) for one in report.story.criteria].count(("dev", "PASS", True)) == 4
    assert len(report.story.criteria) == 6


def test_the_same_ledger_gives_the_same_bytes_but_for_the_time(files: Files) -> None:
    log = pack_sample.log_of(pack_sample.promoted().statements)
    assert pack_zip.content(pack_making.make(log, "trial", MADE_AT).files) == pack_zip.content(files)
    later = pack_making.make(log, "trial", "2026-04-02T12:00:00.000Z").files
    assert [name for name in files if files[name] != later[name]] == [pack.PAGE, pack.MANIFEST]


def test_a_plan_that_was_not_accepted_makes_an_honest_pack(tmp_path: pathlib.Path) -> None:
    told_ = pack_sample.teller()
    told_.run("dev", "r1", {**pack_sample.MEASURES, "alpha": [pack_sample.measured("errors", 3)]})
    report = examined(tmp_path, packed(told_.statements))
    assert told(report) == ""
    assert report.story is not None
    assert not report.story.about.accepted
    assert [one.verdict for one in report.story.criteria] == ["FAIL", "PASS", "FAIL", "PASS", "not evaluated"]


def test_a_run_that_was_cut_before_it_measured_is_not_evaluated(tmp_path: pathlib.Path) -> None:
    told_ = pack_sample.teller()
    told_.run("dev", "r1")
    told_.start("dev", "r2")
    story = examined(tmp_path, packed(told_.statements)).story
    assert story is not None
    assert [one.verdict for one in story.criteria] == ["not evaluated"] * 5
    assert [(end.name, end.outcome) for end in story.about.stages] == [("dev", "not ended"), ("prod", "not run")]


def test_a_goal_that_two_people_waived_is_accepted_and_said(tmp_path: pathlib.Path) -> None:
    told_ = pack_sample.teller()
    told_.run("dev", "r1")
    told_.soak("dev", 2)
    for name in ("ann", "bob"):
        told_.decide(name, "prod")
        told_.decide(name, "prod", "waive", goal=WAIVED)
    told_.run("prod", "r2", {"alpha": [pack_sample.measured("errors", 9)]})
    report = examined(tmp_path, packed(told_.statements))
    assert told(report) == ""
    assert report.story is not None
    assert report.story.about.accepted
    assert [one.verdict for one in report.story.criteria][-2:] == ["WAIVED", "WAIVED"]


def test_a_quarantine_is_told_until_it_is_resolved(tmp_path: pathlib.Path) -> None:
    told_ = pack_sample.teller()
    told_.run("dev", "r1", {**pack_sample.MEASURES, "alpha": [pack_sample.measured("errors", 3)]})
    told_.statements[-1] |= {"type": "quarantined", "reason": "stuck"}
    outcomes = []
    for by in ("ann", "bob", ""):
        if by:
            told_.decide(by, "dev", "resolve")
        else:
            used = [said["signed"]["nonce"] for said in told_.statements if said["type"] == "approval"]
            about = {key: told_.about("dev")[key] for key in ("plan_digest", "stage", "target")}
            told_.say("resolved", reason="undone by hand", approvals_used=used, **about)
        report = examined(tmp_path, packed(told_.statements))
        assert told(report) == ""
        assert report.story is not None
        outcomes.append(report.story.about.stages[0].outcome)
    assert outcomes == ["quarantined", "quarantined", "not promoted"]


def test_other_plans_of_the_ledger_are_in_it_without_what_they_attach(tmp_path: pathlib.Path) -> None:
    other = {
        "type": "started",
        "plan": "other",
        "target": "elsewhere",
        "run": "x",
        "at": "2026-03-30T09:00:00+00:00",
        "plan_content": {"a": 1},
    }
    made = packed([other, *(_moved(said, 1) for said in pack_sample.promoted().statements)])
    assert told(examined(tmp_path, made)) == ""
    assert pack.proof_name(0) not in made
    with pytest.raises(Refusal, match="expected a run of it in the ledger; found statements about other, trial"):
        packed([other, *(_moved(said, 1) for said in pack_sample.promoted().statements)], "third")


def _moved(said: Said, places: int) -> Said:
    return {**said, "epoch": said["epoch"] + places} if "epoch" in said else said


# --- a stranger changes files -------------------------------------------------------------------------------------------------


@ONE_FIXTURE
@given(st.data())
def test_any_bit_of_any_file_is_missed(tmp_path: pathlib.Path, files: Files, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    content = bytearray(files[name])
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    report = examined(tmp_path, {**files, name: bytes(content)})
    assert report.faults
    assert name == pack.MANIFEST or name in told(report)


@ONE_FIXTURE
@given(st.data())
def test_any_bit_of_any_file_is_missed_when_the_list_was_made_to_fit(tmp_path: pathlib.Path, files: Files, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(files) - {pack.MANIFEST})))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    content = bytearray(files[name])
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    report = examined(tmp_path, listed_anew({**files, name: bytes(content)}))
    assert report.faults
    assert "files" not in failed(report)


def test_no_file_can_be_changed_and_made_to_fit(tmp_path: pathlib.Path, files: Files) -> None:
    for name in sorted(set(files) - {pack.MANIFEST}):
        content = bytearray(files[name])
        content[len(content) // 2] ^= 1
        assert examined(tmp_path, listed_anew({**files, name: bytes(content)})).faults, name
    people = files[pack.PEOPLE].replace(b'"ann"', b'"eve"')
    assert told(examined(tmp_path, listed_anew({**files, pack.PEOPLE: people}))) == "people.json: not the people that the runs began with"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"made_at": "2026-04-01T12:00:00.001Z"}, "index.html: not the page that follows from the ledger"),
        ({"accepted": False}, "pack.json: about.accepted is False, but True follows from the ledger"),
        ({"plan_digest": "0" * 64}, "about.plan_digest"),
        ({"size": 30}, "pack.json: about.size is 30, but 31 follows"),
        ({"origin": "example.com/other"}, "about.origin"),
        ({"root": "0" * 64}, "about.root"),
        ({"title": "Another"}, "about.title"),
        ({"plan": "other"}, "proof-less"),
    ],
)
def test_pack_json_cannot_say_anything_else(tmp_path: pathlib.Path, files: Files, change: dict[str, t.Any], fault: str) -> None:
    manifest = pack.parse(files[pack.MANIFEST])
    if "made_at" in change:
        forged = dataclasses.replace(manifest, **change)
    else:
        forged = dataclasses.replace(manifest, about=dataclasses.replace(manifest.about, **change))
    found = told(examined(tmp_path, {**files, pack.MANIFEST: forged.content()}))
    assert (fault if fault != "proof-less" else "the ledger has no such entry about other") in found


def test_files_more_or_less_are_refused(tmp_path: pathlib.Path, files: Files) -> None:
    extra = f"{pack.ATTACHMENTS}{'0' * 64}"
    assert f"{extra}: not listed" in told(examined(tmp_path, {**files, extra: b"{}"}))
    assert f"{extra}: not the content that its name says" in told(examined(tmp_path, listed_anew({**files, extra: b"{}"})))
    tile = "ledger/tile/1/000.p/1"
    assert f"{tile}: not a file of this ledger" in told(examined(tmp_path, listed_anew({**files, tile: b"0" * 32})))
    for name in sorted(set(files) - {pack.MANIFEST}):
        less = {one: content for one, content in files.items() if one != name}
        assert name in told(examined(tmp_path, less))
        assert examined(tmp_path, listed_anew(less)).faults


def test_a_pack_of_another_key_is_refused_when_the_key_is_pinned(tmp_path: pathlib.Path, files: Files) -> None:
    other = keys.new("example.com/ledger").verifier.text()
    assert "and not by example.com/ledger+" in told(examined(tmp_path, files, other))
    key = examined(tmp_path, files).checks[2]
    assert "which you have to know from elsewhere" in key.about
    assert told(examined(tmp_path, files, other, pack_sample.KEY.verifier.text())) == ""


def test_a_page_of_other_code_is_not_compared_and_said_so(tmp_path: pathlib.Path, files: Files) -> None:
    forged = {**files, pack.PAGE: b"<h1>Accepted</h1>"}
    assert "index.html: not the page" in told(examined(tmp_path, listed_anew(forged)))
    manifest = pack.parse(listed_anew(forged)[pack.MANIFEST])
    report = examined(tmp_path, {**forged, pack.MANIFEST: dataclasses.replace(manifest, code="0" * 64).content()})
    assert told(report) == ""
    assert (report.checks[-1].result, report.checks[-1].about[:12]) == ("not made", "NOT COMPARED")


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[:-1],
        lambda entries: [*entries[:5], *entries[6:]],
        lambda entries: [*entries[:5], entries[6], entries[5], *entries[7:]],
        lambda entries: [*entries, entries[-1]],
        lambda entries: [*entries[:5], entries[5].replace(b"a", b"b", 1), *entries[6:]],
    ],
    ids=["cut", "dropped", "swapped", "twice", "changed"],
)
def test_entries_that_were_dropped_or_reordered_are_missed(
    tmp_path: pathlib.Path, files: Files, change: t.Callable[[list[bytes]], list[bytes]]
) -> None:
    """The list is made to fit; with tiles as they were, and with tiles made to fit, too."""
    bundle = next(name for name in files if name.startswith("ledger/tile/entries/"))
    entries = tiles.decode_bundle(files[bundle])
    forged = change(entries)
    report = examined(tmp_path, listed_anew({**files, bundle: tiles.encode_bundle(forged)}))
    assert failed(report) == ["ledger"]
    assert "entry " in told(report) or bundle in told(report)
    made = {f"ledger/{name}": content for name, content in tiles.extend(tiles.Edge(), forged)[1].items()}
    kept = {name: content for name, content in files.items() if not name.startswith("ledger/tile/")}
    assert failed(examined(tmp_path, listed_anew({**kept, **made}))) == ["ledger"]


def test_a_changed_measure_is_missed_whatever_is_made_to_fit(tmp_path: pathlib.Path, files: Files) -> None:
    name = next(
        name for name in files if name.startswith(pack.ATTACHMENTS) and b'"errors"' in files[name] and b'"samples":10' in files[name]
    )
    changed = files[name].replace(b'"value":1', b'"value":0')
    assert changed != files[name]
    assert f"{name}: not the content that its name says" in told(examined(tmp_path, listed_anew({**files, name: changed})))
    rest = {one: content for one, content in files.items() if one != name}
    other = pack.ATTACHMENTS + pack.listed({"x": changed})[0].sha256
    assert "its attachment" in told(examined(tmp_path, listed_anew({**rest, other: changed})))


# --- the ledger's own key tells a lie -----------------------------------------------------------------------------------------


def find(told_: Teller, type_: str, **having: t.Any) -> Said:
    return next(said for said in told_.statements if said["type"] == type_ and all(said.get(key) == value for key, value in having.items()))


def lie_verdict(told_: Teller) -> None:
    """Five errors were seen, and everything says that it passed."""
    for said in told_.statements:
        if said["type"] == "verified" and said["capability"] == "alpha" and said["run"] == "r2":
            said["measures"] = [pack_sample.measured("errors", 5)]


def lie_limit(told_: Teller) -> None:
    find(told_, "verified")["verdicts"][0]["limit"] = 9


def lie_list(told_: Teller) -> None:
    find(told_, "promoted", run="r2")["verdicts"].pop()


def lie_host_left_out(told_: Teller) -> None:
    told_.statements.remove(find(told_, "verified", run="r2", host="two"))


def lie_measured_too_early(told_: Teller) -> None:
    """The last action came after what was measured."""
    done = [said for said in told_.statements if said["type"] in ("intent", "done") and said["run"] == "r2"]
    place = told_.statements.index(find(told_, "promoted", run="r2"))
    told_.statements[place:place] = copy.deepcopy(done)


def lie_promoted_on_the_way_back(told_: Teller) -> None:
    about = find(told_, "promoted", run="r2")
    place = told_.statements.index(about)
    told_.statements.insert(place, {**about, "type": "failed"})


def lie_replaced(told_: Teller) -> None:
    """Somebody else had taken the target over."""
    promoted = find(told_, "promoted", run="r2")
    place = told_.statements.index(promoted)
    told_.statements.insert(place, {**promoted, "type": "resumed"})


def lie_still_held(told_: Teller) -> None:
    told_.statements.remove(find(told_, "promoted", run="r1"))


def lie_plan(told_: Teller) -> None:
    """Judged by a looser plan than the one whose digest was signed."""
    content = copy.deepcopy(find(told_, "started", run="r2")["plan_content"])
    content["variables"]["most_errors"]["value"] = 99
    find(told_, "started", run="r2")["plan_content"] = content


def lie_hosts(told_: Teller) -> None:
    find(told_, "started", run="r2")["resolved"]["stage"]["hosts"] = ["one"]


def lie_digest(told_: Teller) -> None:
    for said in told_.statements:
        if said.get("run") == "r2":
            said["stage_digest"] = "0" * 64


def lie_other_stage(told_: Teller) -> None:
    """What was measured in another stage."""
    find(told_, "verified", run="r2")["stage"] = "dev"


def lie_one_approval(told_: Teller) -> None:
    told_.statements.remove(find(told_, "approval", by="bob"))


def lie_stranger(told_: Teller) -> None:
    said = find(told_, "approval", by="bob")
    told_.statements[told_.statements.index(said)] = {**told_.decide("mallory", "prod"), "at": said["at"]}
    told_.statements.pop()


def lie_signature(told_: Teller) -> None:
    find(told_, "approval", by="bob")["signature"] = "0"


def lie_launcher(told_: Teller) -> None:
    """Who starts a run may not approve it."""
    find(told_, "started", run="r2")["by"] = "ann"


def lie_people(told_: Teller) -> None:
    """bob never was an owner when people signed."""
    people = find(told_, "started", run="r2")["resolved"]["stage"]["people"]
    people[1] = {**people[1], "roles": []}


def lie_used(told_: Teller) -> None:
    find(told_, "started", run="r2")["approvals_used"] = []


def lie_conditions(told_: Teller) -> None:
    find(told_, "started", run="r2")["conditions"][1]["met"] = False


def lie_soak(told_: Teller) -> None:
    """Two hours were credited for looks that are not there."""
    soaks = [said for said in told_.statements if said["type"] == "soak"]
    for said in soaks[3:10]:
        told_.statements.remove(said)


def lie_health(told_: Teller) -> None:
    find(told_, "soak")["verdicts"][0]["verdict"] = "FAIL"


def lie_promoted_all_the_same(told_: Teller) -> None:
    """Every verdict is right, and the stage is promoted against them."""
    lie_verdict(told_)
    for said in told_.statements:
        for one in said.get("verdicts", []) if said.get("run") == "r2" else []:
            one.update(verdict="FAIL", value=5)


def lie_waivers_listed(told_: Teller) -> None:
    find(told_, "started", run="r2")["waivers"] = [{"capability": "alpha", "measure": "errors"}]


def lie_waiver(told_: Teller) -> None:
    """Nobody has waived it."""
    for said in told_.statements:
        for one in said.get("verdicts", []) if said.get("run") == "r2" else []:
            one["verdict"] = "WAIVED"


def lie_unknown_run(told_: Teller) -> None:
    find(told_, "verified", run="r2")["run"] = "r3"


def lie_started_twice(told_: Teller) -> None:
    told_.statements.append({**copy.deepcopy(find(told_, "started", run="r1")), "at": told_.statements[-1]["at"]})


def lie_no_plan(told_: Teller) -> None:
    del find(told_, "started", run="r1")["plan_content"]["stages"]


def lie_when(told_: Teller) -> None:
    del find(told_, "started", run="r2")["at"]


def lie_resolved(told_: Teller) -> None:
    promoted = told_.statements.pop()
    told_.statements.append({**promoted, "type": "quarantined", "reason": "stuck"})
    told_.say("resolved", reason="nobody signed", target="app", **{key: promoted[key] for key in ("plan_digest", "stage", "stage_digest")})


@pytest.mark.parametrize(
    ("lie", "check", "fault"),
    [
        (lie_verdict, "verdicts", "entry 28 (verified, alpha on one): recorded is errors PASS, but errors FAIL follows: errors: expected at most 2; found 5"),
        (lie_limit, "verdicts", "entry 5 (verified, alpha on one): the verdict on errors records limit 9 instead of 2"),
        (lie_list, "verdicts", "entry 30 (promoted): it leaves out errors PASS (alpha on two)"),
        (lie_host_left_out, "verdicts", "entry 29 (promoted): alpha on two was not evaluated after the last action"),
        (lie_measured_too_early, "verdicts", "(promoted): alpha on one was not evaluated after the last action"),
        (lie_promoted_on_the_way_back, "order", "entry 31 (promoted): the run was being brought back already"),
        (lie_replaced, "order", "entry 31 (promoted): run r2 of epoch 25 did not hold the target any more"),
        (lie_still_held, "order", "(started): the target was still held by run r1"),
        (lie_plan, "digests", "entry 25 (started): the plan that was judged by (plan_content) is not the plan that the digest is of (resolved)"),
        (lie_hosts, "digests", "entry 25 (started): its stage digest is"),
        (lie_digest, "digests", "entry 25 (started): its stage digest is 000000000000"),
        (lie_other_stage, "digests", "entry 28 (verified): another stage than its run began with (entry 25)"),
        (lie_one_approval, "conditions", "(started): approved: expected 2 people, among them 1 owner and 1 sre"),
        (lie_stranger, "conditions", "'mallory' is not among the people"),
        (lie_signature, "conditions", "not counted: its signature is not by the key of bob"),
        (lie_launcher, "conditions", "not counted: ann started this run"),
        (lie_people, "conditions", "approved: expected 2 people"),
        (lie_used, "conditions", "entry 25 (started): it lists 0 approvals as used up, and 2 approvals count"),
        (lie_conditions, "conditions", "entry 25 (started): it records that no freeze was not met, and began"),
        (lie_soak, "conditions", "dev has soaked: expected 2 h between healthy observations"),
        (lie_health, "conditions", "entry 10 (soak): it says healthy, but lists errors FAIL"),
        (lie_promoted_all_the_same, "verdicts", "entry 30 (promoted): alpha on one: FAIL errors: expected at most 2; found 5"),
        (lie_waivers_listed, "conditions", "entry 25 (started): it lists 1 of the goals as waived, and two people have waived 0"),
        (lie_waiver, "verdicts", "recorded is errors WAIVED, but errors PASS follows"),
        (lie_unknown_run, "digests", "entry 28 (verified): its run r3 was never started"),
        (lie_started_twice, "digests", "entry 31 (started): run r1 was started before, by entry 0"),
        (lie_no_plan, "digests", "entry 0 (started): plan: expected the key stages"),
        (lie_when, "conditions", "entry 25 (started): its conditions cannot be judged"),
        (lie_resolved, "conditions", "entry 31 (resolved): two people have not signed for it"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)  # fmt: skip
def test_a_lie_of_the_ledgers_own_key_is_found(tmp_path: pathlib.Path, lie: t.Callable[[Teller], None], check: str, fault: str) -> None:
    told_ = pack_sample.promoted()
    told_.statements = copy.deepcopy(told_.statements)
    lie(told_)
    report = examined(tmp_path, packed(told_.statements))
    assert check in failed(report)
    assert fault in told(report)


def test_what_was_measured_before_the_last_action_is_no_evidence(tmp_path: pathlib.Path) -> None:
    told_ = pack_sample.promoted()
    lie_measured_too_early(told_)
    story = examined(tmp_path, packed(told_.statements)).story
    assert story is not None
    assert [one.verdict for one in story.criteria if one.stage == "prod"] == ["not evaluated"] * 2
    assert not story.about.accepted


def test_what_ran_out_while_it_was_kept_still_counts(tmp_path: pathlib.Path) -> None:
    """A run decides first and keeps it some seconds later; an approval may expire in between."""
    told_ = pack_sample.promoted()
    started = find(told_, "started", run="r2")
    expires = datetime.datetime.fromisoformat(find(told_, "approval")["signed"]["expires_at"])
    for seconds, counts in ((20, True), (80, False)):
        started["at"] = (expires + datetime.timedelta(seconds=seconds)).isoformat()
        for said in told_.statements[told_.statements.index(started) + 1 :]:
            said["at"] = started["at"]
        report = examined(tmp_path, packed(told_.statements))
        assert ("it was good until" in told(report)) is not counts


SMALL = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4)
JSON = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2), max_leaves=4
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_statement_is_a_fault_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    statements = json.loads(json.dumps(PROMOTED))
    place: t.Any = data.draw(st.sampled_from(statements))
    keys_ = [key for key in place if key not in ("type", "plan")]
    key: t.Any = data.draw(st.sampled_from(sorted(keys_)))
    while isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(JSON)
    folder = tmp_path_factory.mktemp("odd")
    try:
        made = packed(statements)
    except Refusal:
        return
    examined(folder, made)


PROMOTED: list[Said] = []


@pytest.fixture(scope="module", autouse=True)
def _once() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssh_signatures, "verify", pack_sample.verify)
        PROMOTED.extend(pack_sample.promoted().statements)


# --- pack.json ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "pack.json: expected JSON"),
        (b"[" * 100_000, "pack.json: expected JSON"),
        (b"[]", "pack.json: expected a mapping"),
        (b'{"format": "governed.delivery/acceptance-pack/v2"}', "pack.json: format: expected governed.delivery/acceptance-pack/v1"),
        (b'{"format": "governed.delivery/acceptance-pack/v1"}', "pack.json: expected the key about"),
    ],
)
def test_another_pack_json_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(Refusal, match=message.replace(".", r"\.")):
        pack.parse(content)


def test_pack_json_is_read_as_it_was_written(files: Files) -> None:
    content = files[pack.MANIFEST]
    assert pack.parse(content).content() == content
    with pytest.raises(Refusal, match="expected canonical JSON"):
        pack.parse(content.replace(b"{", b"{ ", 1))
    with pytest.raises(Refusal, match="expected a file of a pack"):
        pack.parse(content.replace(b'"index.html"', b'"../x.html"'))


def test_every_check_has_a_name_in_the_list(tmp_path: pathlib.Path, files: Files) -> None:
    names = ["container", *pack_verification.NAMES, "page"]
    assert [check.name for check in examined(tmp_path, files).checks] == names
    broken = examined(tmp_path, {**files, pack.PEOPLE: b"[]"})
    assert [check.name for check in broken.checks] == names
    assert [check.result for check in broken.checks] == ["ok", "FAULT", *["not made"] * 10]

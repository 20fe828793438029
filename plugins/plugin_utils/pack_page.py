# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The page of an acceptance pack, for whoever accepts a sprint and whoever audits it later.

All of it follows from the pack's ledger and the time given, so that verification can make it anew and compare.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import words
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion import (
    pack_conditions,
    pack_criteria,
    pack_entrances,
    pack_verdicts,
)
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_conditions import Soaking
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_criteria import Criterion
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_runs import Begun
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_verification import Report, Story

from . import bullets, pack_timeline, pages, promotion_parts, stories
from .markup import Markup, joined, tag
from .promotion_parts import listed, moment

# Entries that nobody who accepts should overlook, and what they say.
TROUBLE = {
    "failed": "failed, and what was begun was brought back",
    "held": "held",
    "undone": "undone",
    "undo_failed": "NOT UNDONE",
    "not_promoted": "not promoted",
    "rolled_back": "rolled back",
    "quarantined": "QUARANTINED",
    "resolved": "quarantine ended by two people",
    "taken_over": "cut or promoted before, and taken over to be brought back",
}
GOOD, BAD, OPEN = "pass", "fail", "open"


def render(report: Report, made_at: str) -> str:
    """The whole page.

    :param report: of the pack without page and ``pack.json``, no key pinned.
    :raises Refusal: the pack tells no story.
    """
    story = report.story
    if story is None:
        raise Refusal("pack", expected="a run that was started", found="none", remedy="Promote first.", code="no_evidence")
    told = stories.stages(story.plan, [said for _index, said in story.case.ours()])
    body = [
        _heading(story, report, made_at),
        _cards(story),
        _trouble(story, report),
        promotion_parts.figures(story.plan, told),
        _criteria(story),
        _overview(story),
        joined(_entrances(story)),
        promotion_parts.timeline(told),
        _variables(story),
        _decisions(story),
        promotion_parts.runs(story.plan, [said for _index, said in story.case.ours()]),
        _verification(story, report),
    ]
    data = {"about": dataclasses.asdict(story.about), "criteria": [dataclasses.asdict(one) for one in story.criteria], "made_at": made_at}
    return pages.page(f"{story.plan.title}: {sentence(story, report)}", body, data)


def sentence(story: Story, report: Report) -> str:
    """The outcome, in one sentence."""
    if report.faults:
        return f"Not to be believed: the evidence has {_counted(len(report.faults), 'fault')}"
    results = [one.verdict for one in story.criteria]
    waived = results.count(pack_verdicts.WAIVED)
    if story.about.accepted:
        stages = listed([stage.name for stage in story.about.stages])
        met = (
            f"all {len(results)} criteria are met"
            if not waived
            else f"{len(results) - waived} of {len(results)} criteria are met, {waived} waived"
        )
        return f"Accepted: promoted through {stages}, {met}"
    first = next((stage for stage in story.about.stages if stage.outcome != "promoted"), None)
    standing = (
        f"{first.name} {first.outcome if first.outcome == 'not run' else 'is ' + first.outcome}"
        if first is not None
        else "every stage is promoted"
    )
    standing = standing.replace("not run", "has not run").replace("is not ended", "has not ended")
    missed = [
        f"{_counted(results.count(each), 'criterion', 'criteria')} {each}"
        for each in dict.fromkeys(results)
        if each not in pack_verdicts.OPENS
    ]
    return f"Not accepted: {standing}" + (f"; {', '.join(missed)}" if missed else "")


def _heading(story: Story, report: Report, made_at: str) -> Markup:
    about = story.about
    items = f"{', '.join(story.plan.items)}. " if story.plan.items else ""
    verified = (
        "Every check was made and found no fault" if not report.faults else f"Verification found {_counted(len(report.faults), 'fault')}"
    )
    return tag(
        "header",
        tag("p", story.plan.title, class_="soft"),
        tag("h1", sentence(story, report)),
        tag(
            "p",
            f"{items}Plan {about.plan}, digest ",
            tag("code", about.plan_digest[:12]),
            f". Ledger {about.origin}, {_counted(about.size, 'entry', 'entries')}, root ",
            tag("code", about.root[:12]),
            f". Pack made {moment(made_at)}.",
            class_="soft small",
        ),
        tag(
            "p",
            _chip("NOT VERIFIED", BAD) if report.faults else _chip("verified", GOOD),
            f" {verified}. ",
            tag("a", "What was checked, and how to do it again", href="#verification"),
            ".",
        ),
    )


def _cards(story: Story) -> Markup:
    cards = []
    for stage, end in zip(story.plan.stages, story.about.stages, strict=True):
        criteria = [one for one in story.criteria if one.stage == stage.name]
        met = sum(one.verdict == "PASS" for one in criteria)
        said = story.case.statements[end.entry] if end.entry is not None else {}
        when = f" \u00b7 {moment(str(said.get('at')))} \u00b7 entry {end.entry}" if end.entry is not None else ""
        cards.append(
            tag(
                "li",
                tag("h3", stage.name, _chip(end.outcome, {"promoted": GOOD, "held": OPEN, "not ended": OPEN}.get(end.outcome, BAD))),
                tag("p", stage.summary) if stage.summary else None,
                tag("p", f"{met} of {len(criteria)} criteria met{when}", class_="soft"),
                class_="card",
            )
        )
    return tag("ul", *cards, class_="cards")


def _trouble(story: Story, report: Report) -> Markup:
    """All that is not as it should be, in red: faults, waivers, changed numbers, ways back, holds, findings of soak."""
    notes = [tag("div", tag("p", tag("b", "Fault: "), fault), class_="note fail") for fault in report.faults]
    for variable in story.plan.variables:
        if variable.instead_of is not None:
            used, planned = (words.quantity(value, variable.unit) for value in (variable.value, variable.instead_of))
            notes.append(_note(_changed(variable.name), f"{variable.name}: {used} was used, the plan says {planned}"))
    for index, said in story.case.ours("approval"):
        signed = said.get("signed")
        if isinstance(signed, dict) and signed.get("decision") in ("waive", "deny"):
            goal = signed.get("goal")
            about = f"{goal.get('measure')} of {goal.get('capability')}" if isinstance(goal, dict) else "the stage"
            verb = "waived" if signed.get("decision") == "waive" else "denied"
            text = f"{said.get('by')} {verb} {about} in {signed.get('stage')}, until {moment(str(signed.get('expires_at')))}: {signed.get('reason')}"
            notes.append(_note(verb, f"{text} (entry {index})"))
    for index, said in story.case.ours(*TROUBLE):
        other = "" if said.get("plan_digest") == story.plan.digest else ", under another digest of the plan"
        about = " ".join(str(said[key]) for key in ("stage", "capability") if said.get(key))
        reason = f": {said.get('reason')}" if said.get("reason") else ""
        text = f"{moment(str(said.get('at')))}, {TROUBLE[str(said.get('type'))]}{reason} (entry {index}{other})"
        notes.append(_note(about, text))
    for one in pack_conditions.soaking(story.case, story.plan, story.runs):
        notes += [
            _note(f"soak of {one.stage}", f"{moment(found.at)}, {found.kind.replace('_', ' ')}: {found.detail} (entry {found.index})")
            for found in one.found.findings
        ]
    if not notes:
        notes = [tag("p", "Nothing was changed, waived, held or brought back.", class_="note")]
    return tag("section", tag("h2", "What to look at"), *notes)


def _note(name: str, text: str) -> Markup:
    return tag("div", tag("p", tag("b", f"{name}: "), text), class_="note fail")


def _changed(name: str) -> str:
    return "playground" if name.startswith("playground_") else "changed"


def _criteria(story: Story) -> Markup:
    """Every goal of every stage; what nobody evaluated is red."""
    columns = [("Verdict", ""), ("Criterion", ""), ("Needed", ""), ("Measured", ""), ("Samples", ""), ("Evidence", "")]
    tables = []
    for stage in story.plan.stages:
        found = [one for one in story.criteria if one.stage == stage.name]
        several = len({one.host for one in found}) > 1
        tables.append(pages.table(columns, [_criterion(one, several) for one in found], stage.name, style="goals"))
    return tag(
        "section",
        tag("h2", "Criteria"),
        tag(
            "p",
            "Each goal of the plan, the ledger entry that evaluated it last, and the verdict that follows from its raw measures.",
            class_="soft small",
        ),
        *tables,
    )


def _criterion(one: Criterion, several: bool) -> list[object]:
    where = f"{one.capability} on {one.host}" if several and one.host else one.capability
    notes = [where, *([one.reason] if one.reason and one.verdict != pack_criteria.NOT_EVALUATED else [])]
    known = one.verdict in ("PASS", "FAIL", "INCONCLUSIVE", "ERROR")
    verdict = promotion_parts.chip(one.verdict) if known else tag("span", one.verdict, class_=f"chip {BAD}")
    differs = one.entry is not None and one.recorded != one.verdict
    samples = f"{one.samples:,}" if one.samples is not None else "0"
    return [
        joined([verdict, tag("span", f"recorded: {one.recorded or 'nothing'}", class_="how") if differs else None]),
        joined([one.measure.replace("_", " "), *[tag("span", note, class_="how") for note in notes]]),
        one.needed,
        one.measured or "-",
        f"{samples} of {one.samples_needed:,}" if one.samples_needed else samples,
        f"entry {one.entry}" if one.entry is not None else "none",
    ]


def _overview(story: Story) -> Markup:
    """Stages, runs, decisions and soak over real time."""
    rows = []
    soaking = pack_conditions.soaking(story.case, story.plan, story.runs)
    for stage, end in zip(story.plan.stages, story.about.stages, strict=True):
        begun = story.runs.of(story.case.statements[end.entry]) if end.entry is not None else None
        said = story.case.statements[end.entry] if end.entry is not None else {}
        rows.append(
            [
                stage.name,
                moment(str(begun.said.get("at"))) if begun is not None else "-",
                f"{moment(str(said.get('at')))}, {end.outcome}" if begun is not None else end.outcome,
                str(begun.said.get("by")) if begun is not None else "-",
                joined(_soak(one) for one in soaking if one.stage == stage.name) or "not asked for",
            ]
        )
    columns = [("Stage", ""), ("Began", ""), ("Ended", ""), ("By", ""), ("Soak: credited, needed, elapsed", "")]
    timeline = pack_timeline.overview(story)
    drawn = [] if timeline.is_empty else [*promotion_parts.charts_of(timeline, "overview"), promotion_parts.keys(timeline)]
    return tag("section", tag("h2", "Stages over time"), pages.table(columns, rows), *drawn)


def _soak(one: Soaking) -> Markup:
    credited, needed = (words.lasting(value) for value in (one.found.seconds, one.needed))
    wall = "nobody looked" if one.wall is None else f"{words.lasting(one.wall)} elapsed, {_counted(one.found.observations, 'observation')}"
    enough = one.found.seconds >= one.needed
    return tag(
        "span",
        _chip(credited, GOOD if enough else BAD),
        f" of {needed} for {one.before} ",
        bullets.bullet(one.found.seconds, "at_least", one.needed),
        tag("span", wall, class_="how"),
    )


def _entrances(story: Story) -> t.Iterator[Markup]:
    """For each stage that was begun: the conditions it was entered with, and who approved."""
    for stage, end in zip(story.plan.stages, story.about.stages, strict=True):
        begun = story.runs.of(story.case.statements[end.entry]) if end.entry is not None else None
        if begun is None:
            continue
        conditions = [
            [
                _chip("met", GOOD) if one.get("met") is True else _chip("NOT MET", BAD),
                str(one.get("name")),
                str(one.get("needed")),
                str(one.get("found")),
            ]
            for one in pack_verdicts.mappings(begun.said.get("conditions"))
        ]
        columns = [("", ""), ("Condition", ""), ("Needed", ""), ("Found", "")]
        yield tag("section", tag("h2", f"Entering {stage.name}"), pages.table(columns, conditions), _approvals(story, begun))


def _approvals(story: Story, begun: Begun) -> Markup | None:
    try:
        given = pack_entrances.approvers(pack_entrances.entered(story.case, begun))
    except (Refusal, ValueError) as problem:
        return tag("p", f"Approvals cannot be weighed: {problem}", class_="note fail")
    if not given:
        return None
    rows = [
        [one.by, ", ".join(one.roles) or "-", moment(one.issued_at.isoformat()), one.reason or "-", f"entry {one.index}"] for one in given
    ]
    return pages.table([("Approved by", ""), ("Role", ""), ("Signed", ""), ("Said", ""), ("Evidence", "")], rows)


def _variables(story: Story) -> Markup | None:
    if not story.plan.variables:
        return None
    rows = []
    for variable in story.plan.variables:
        changed = variable.instead_of is not None
        rows.append(
            [
                joined([tag("code", variable.name), " ", _chip(_changed(variable.name), BAD)] if changed else [tag("code", variable.name)]),
                words.quantity(variable.value if variable.instead_of is None else variable.instead_of, variable.unit),
                tag("b", words.quantity(variable.value, variable.unit)) if changed else words.quantity(variable.value, variable.unit),
                variable.why,
            ]
        )
    columns = [("Variable", ""), ("In the plan", "right"), ("Used", "right"), ("Why", "")]
    return tag("section", tag("h2", "What the plan counts as good enough"), pages.table(columns, rows))


def _decisions(story: Story) -> Markup | None:
    """Everything that people signed, whether or not it counted."""
    used = {str(nonce) for _index, said in story.case.ours() for nonce in _sequence(said.get("approvals_used"))}
    rows = []
    for index, said in story.case.ours("approval"):
        signed = said.get("signed")
        if isinstance(signed, dict):
            counted = "used" if str(signed.get("nonce")) in used else "not used"
            digest = tag("code", str(signed.get("stage_digest"))[:12])
            rows.append(
                [
                    f"entry {index}",
                    moment(str(said.get("at"))),
                    said.get("by"),
                    signed.get("decision"),
                    signed.get("stage"),
                    digest,
                    signed.get("reason"),
                    counted,
                ]
            )
    if not rows:
        return None
    columns = [(name, "") for name in ("Entry", "Kept", "By", "Decision", "Stage", "Stage digest", "Said", "")]
    return tag("section", tag("h2", "What people signed"), pages.table(columns, rows))


def _verification(story: Story, report: Report) -> Markup:
    rows = []
    for check in (one for one in report.checks if one.name != "key"):  # who verifies pins a key, and makes the same page
        result = _chip("ok", GOOD) if check.result == "ok" else _chip(check.result, BAD)
        rows.append([result, check.name, joined([check.about, *[tag("span", fault, class_="how") for fault in check.faults]])])
    command = "ansible-playbook governed.delivery.accept -e promotion_pack=FILE -e promotion_ledger_verifier_keys=KEY"
    return tag(
        "section",
        tag("h2", "Verification"),
        tag(
            "p",
            "What was checked when this pack was made. A page proves nothing by itself: verify the pack it came in, on your own machine, offline:",
        ),
        tag("p", tag("code", command), class_="note"),
        tag(
            "p",
            "KEY is the ledger's verifier key as you got it from whoever runs the ledger, not from this pack. In this pack it is ",
            tag("code", story.case.key.text()),
            ".",
        ),
        pages.table([("", ""), ("Check", ""), ("Of", "")], rows),
        tag(
            "footer",
            tag("p", "Plan digest ", tag("code", story.about.plan_digest)),
            tag("p", "Ledger root ", tag("code", story.about.root)),
        ),
        id="verification",
    )


def _chip(text: str, class_: str) -> Markup:
    sign = {GOOD: "\u2713", BAD: "\u2715", OPEN: "\u2026"}[class_]
    return tag("span", tag("span", sign, aria_hidden="true"), text, class_=f"chip {class_}")


def _sequence(found: object) -> t.Sequence[object]:
    return found if isinstance(found, (list, tuple)) else ()


def _counted(count: int, one: str, many: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"

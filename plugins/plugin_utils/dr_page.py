# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The quarter's page about restores, for whoever signs it and whoever audits it.

It follows from the ledger, the options and the day alone: made again, it has the same bytes.
"""

from __future__ import annotations

import dataclasses
import datetime

from ansible_collections.governed.delivery.plugins.module_utils._backups.report import quarter as quarters
from ansible_collections.governed.delivery.plugins.module_utils._backups.report import records
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Failure, Goal, Quarter
from ansible_collections.governed.delivery.plugins.module_utils._backups.report.runs import Entry, Run
from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import dr_charts, dr_words, night_charts, pages, scales
from .markup import Markup, joined, tag
from .promotion_parts import chip, moment

LEAF = 12  # digits of a statement's hash that are shown

_RESULTS = {quarters.MET: ("met", "pass"), quarters.MISSED: ("missed", "fail"), quarters.NOT_MEASURED: ("not measured", "open")}
_STANDINGS = {quarters.COMPLIANT: "pass", quarters.NOT_COMPLIANT: "fail", quarters.IN_PROGRESS: "open"}


@dataclasses.dataclass(frozen=True)
class Ledger:
    """What was found when the ledger was verified: its name, how many entries, root (hex), who signed, and what is wrong with it, if anything."""

    origin: str
    entries: int
    root: str
    signers: tuple[str, ...]
    fault: str


def render(found: Quarter, ledger: Ledger) -> str:
    """The whole page."""
    body = [
        _heading(found, ledger),
        _figures(found),
        _notes(found),
        _goals(found),
        dr_charts.nights(found),
        dr_charts.recovery_time(found),
        dr_charts.loss(found),
        dr_charts.growth(found),
        dr_charts.coverage_and_throughput(found),
        _failures(found),
        _drills(found),
        _failovers(found),
        _accepted(found),
        _exclusions(found),
        _controls(found, ledger),
        _runs(found),
        _verification(ledger),
        _sign_off(found),
    ]
    return pages.page(
        f"{dr_words.title(found)}: {found.standing}", body, dr_words.data(found, dataclasses.asdict(ledger)), night_charts.STYLE
    )


def _heading(found: Quarter, ledger: Ledger) -> Markup:
    wanted = found.wanted
    return tag(
        "header",
        tag("p", "Disaster recovery report", class_="soft"),
        tag("h1", f"{dr_words.title(found)}: ", tag("span", found.standing, class_="together")),
        tag("p", dr_words.sentence(found)),
        tag(
            "p",
            f"Cluster {wanted.cluster}, backups by {wanted.engine}. {wanted.period.first} to {wanted.period.last}, nights before {wanted.today} count. "
            f"Ledger {ledger.origin}, {words.number(ledger.entries)} entries, root ",
            tag("code", ledger.root[:LEAF]),
            ".",
            class_="soft small",
        ),
        tag(
            "p",
            _chip(found.standing.upper(), _STANDINGS[found.standing]),
            " ",
            _chip("EVIDENCE NOT VERIFIED", "fail") if ledger.fault else _chip("evidence verified", "pass"),
        ),
    )


def _chip(text: str, class_: str) -> Markup:
    return tag("span", text, class_=f"chip {class_}")


def _figures(found: Quarter) -> Markup:
    counts = found.counts
    due = counts["planned"] - counts["ahead"]
    whole = "pass" if due and counts["passed"] == due else "fail"
    figures = [_figure(f"{counts['passed']} of {due}", "nights proved", "every planned night", whole if due else "none")]
    for goal in found.goals:
        value = "not measured" if goal.worst is None else scales.duration(goal.worst)
        figures.append(
            _figure(value, f"{goal.name}, worst", f"promised {words.lasting(goal.limit)}: {goal.result}", _RESULTS[goal.result][1])
        )
    opened = sum(bool(failure.open) for failure in found.failures)
    figures.append(_figure(str(opened), "failures not put right", f"of {len(found.failures)}", "fail" if opened else "pass"))
    return tag("ul", *figures, class_="figures")


def _figure(number: str, label: str, needed: str, class_: str) -> Markup:
    value, _space, unit = number.partition(" ")
    shown = joined([value, tag("span", f" {unit}", class_="unit") if unit else None])
    return tag(
        "li", tag("span", shown, class_="number"), tag("span", label, class_="label"), tag("span", needed, class_="needed"), class_=class_
    )


def _notes(found: Quarter) -> Markup:
    """What keeps the quarter from being compliant."""
    if not found.in_the_way:
        return tag("p", "Nothing stands in the way.", class_="note")
    notes = [tag("div", tag("p", f"{one[:1].upper()}{one[1:]}."), class_="note fail") for one in found.in_the_way]
    return tag("section", tag("h2", "What stands in the way"), *notes)


def _goals(found: Quarter) -> Markup:
    columns = [
        ("Goal", ""),
        ("Promised", ""),
        ("Result", ""),
        ("Worst", "right"),
        ("p95", "right"),
        ("Median", "right"),
        ("Measured", "right"),
    ]
    rows = [_goal(goal) for goal in found.goals]
    text = "Percentiles are by nearest rank, over the runs of the nights; full-speed drills are not in them."
    return tag("section", tag("h2", "Goals"), pages.table(columns, rows), tag("p", text, class_="soft small"))


def _goal(goal: Goal) -> list[object]:
    name, class_ = _RESULTS[goal.result]
    worst = joined([_seconds(goal.worst), tag("span", f"on {goal.night}", class_="how") if goal.night else None])
    return [
        goal.name,
        f"at most {words.lasting(goal.limit)}",
        _chip(name, class_),
        worst,
        _seconds(goal.p95),
        _seconds(goal.p50),
        f"{goal.n} of {goal.of} runs",
    ]


def _date(day: datetime.date) -> Markup:
    return tag("span", str(day), class_="together")


def _seconds(value: float | None) -> str:
    return "-" if value is None else scales.duration(value)


def _failures(found: Quarter) -> Markup:
    columns = [
        ("Night", ""),
        ("Verdict", ""),
        ("Codes and finding", ""),
        ("Cause", ""),
        ("Corrective action", ""),
        ("Re-test", ""),
        ("Evidence", ""),
    ]
    if not found.failures:
        return tag("section", tag("h2", "Failures and corrective actions"), tag("p", "None."))
    rows = [_failure(failure) for failure in found.failures]
    return tag("section", tag("h2", "Failures and corrective actions"), pages.table(columns, rows))


def _failure(failure: Failure) -> list[object]:
    run, said = failure.run, failure.corrective
    state = joined([chip(failure.state) if run else _chip("missing", "fail"), tag("span", failure.open or "put right", class_="how")])
    what = "no run is on record" if run is None else joined([", ".join(run.codes), tag("span", run.why, class_="how")])
    return [
        _date(failure.day),
        state,
        what,
        said.cause or "-",
        said.action or "-",
        said.retest or "-",
        _evidence(run.entry if run else None),
    ]


def _evidence(entry: Entry | None) -> Markup | str:
    return "-" if entry is None else tag("span", f"entry {entry.index} ", tag("code", entry.leaf[:LEAF]), class_="together")


def _drills(found: Quarter) -> Markup:
    if not found.drills:
        return tag("section", tag("h2", "Full-speed drills"), tag("p", "None in this period."))
    columns = [
        ("Night", ""),
        ("Verdict", ""),
        ("Recovery time", "right"),
        ("Fetched", "right"),
        ("Fetch", "right"),
        ("Replay", "right"),
        ("Evidence", ""),
    ]
    return tag("section", tag("h2", "Full-speed drills"), pages.table(columns, [_speeds(run) for run in found.drills]))


def _speeds(run: Run) -> list[object]:
    rates = [dr_words.size(run.number("rates", f"{name}_bytes_per_second"), "/s") for name in ("fetch", "replay")]
    return [
        _date(run.night),
        chip(run.verdict),
        _seconds(run.number("rto", "seconds")),
        dr_words.size(run.number("bytes", "fetched")),
        *rates,
        _evidence(run.entry),
    ]


def _failovers(found: Quarter) -> Markup | None:
    if not found.failovers:
        return None
    columns = [("When", ""), ("Verdict", ""), ("Failover", "right"), ("Writes acknowledged", "right"), ("Lost", "right"), ("Evidence", "")]
    rows = [_failover(entry) for entry in found.failovers]
    return tag("section", tag("h2", "Rehearsed failovers"), pages.table(columns, rows))


def _failover(entry: Entry) -> list[object]:
    writes = [records.number(entry.said, "writes", name) for name in ("acknowledged", "lost")]
    counted = ["-" if value is None else words.number(value) for value in writes]
    seconds = _seconds(records.number(entry.said, "failover_seconds"))
    return [moment(str(entry.said.get("at"))), chip(str(entry.said.get("verdict"))), seconds, *counted, _evidence(entry)]


def _accepted(found: Quarter) -> Markup | None:
    """Baselines that people accepted for the shrink check."""
    if not found.accepted:
        return None
    columns = [("When", ""), ("Run", ""), ("By", ""), ("Reason", ""), ("Evidence", "")]
    rows = [
        [moment(str(one.said.get("at"))), str(one.said.get("run")), str(one.said.get("by")), str(one.said.get("reason")), _evidence(one)]
        for one in found.accepted
    ]
    return tag("section", tag("h2", "Accepted baselines"), pages.table(columns, rows))


def _exclusions(found: Quarter) -> Markup:
    return tag("section", tag("h2", "Exclusions and approximations"), tag("ul", *[tag("li", line) for line in dr_words.exclusions(found)]))


def _controls(found: Quarter, ledger: Ledger) -> Markup:
    columns = [("Control", ""), ("Asks for", ""), ("Shown here by", "")]
    rows = [list(row) for row in dr_words.controls(found, ledger.signers)]
    return tag("section", tag("h2", "Controls"), pages.table(columns, rows))


def _runs(found: Quarter) -> Markup:
    columns = [
        ("Night", ""),
        ("Verdict", ""),
        ("Backup", ""),
        ("Recovery time", "right"),
        ("Loss", "right"),
        ("Tables", "right"),
        ("Evidence", ""),
    ]
    return tag("section", tag("h2", "Runs"), pages.table(columns, [_run(run) for run in found.runs]))


def _run(run: Run) -> list[object]:
    matched, compared = run.number("tables", "matched"), run.number("tables", "compared")
    tables = "-" if matched is None or compared is None else f"{words.number(matched)} of {words.number(compared)}"
    label = str(records.part(run.record, "backup").get("label") or "-")
    verdict = joined([chip(run.verdict), tag("span", "full speed", class_="how") if run.is_drill else None])
    return [
        _date(run.night),
        verdict,
        tag("code", label),
        _seconds(run.number("rto", "seconds")),
        _seconds(run.number("rpo", "seconds")),
        tables,
        _evidence(run.entry),
    ]


def _verification(ledger: Ledger) -> Markup:
    rows = [
        ["Ledger", ledger.origin],
        ["Entries", words.number(ledger.entries)],
        ["Root", tag("code", ledger.root or "-")],
        ["Signed by", tag("code", ", ".join(ledger.signers) or "-")],
        ["Found", _chip(ledger.fault, "fail") if ledger.fault else "every entry, tile and signature is what was signed"],
    ]
    how = (
        "Verify it yourself with the module governed.delivery.ledger and the verifier key that the keeper of the ledger gave you; "
        "prove single entries with state=proved."
    )
    return tag("section", tag("h2", "Evidence"), pages.table([("", ""), ("", "")], rows), tag("p", how, class_="soft small"))


def _sign_off(found: Quarter) -> Markup:
    columns = [("Role", ""), ("Name", ""), ("Date", ""), ("Signature", "")]
    rows = [[role, "", "", ""] for role in ("Prepared by", "Reviewed by", "Approved by")]
    text = f"{dr_words.title(found)}: {found.standing}."
    return tag("section", tag("h2", "Sign-off"), tag("p", text), pages.table(columns, rows, style="signing"))

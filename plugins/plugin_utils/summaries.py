# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a run judged, as lines for a terminal or a log."""

from __future__ import annotations

import dataclasses
import textwrap
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import tables
from .tables import Column

WIDTH = 100
_COLUMNS = (
    Column("goal", wrapped=True),
    Column("measured", wrapped=True),
    Column("needed", wrapped=True),
    Column("samples", right=True),
    Column("verdict"),
)


@dataclasses.dataclass(frozen=True)
class Judged:
    """The verdicts of one capability on one host."""

    stage: str
    capability: str
    host: str
    verdicts: t.Sequence[t.Mapping[str, t.Any]]


@dataclasses.dataclass(frozen=True)
class Line:
    """A line, and the verdict that colours it from ``start`` on; no verdict, no colour."""

    text: str
    verdict: str = ""
    start: int = 0


_CONDITIONS = (Column("condition", wrapped=True), Column("found", wrapped=True), Column("needed", wrapped=True), Column("met"))


def exit_code(statements: t.Sequence[t.Mapping[str, t.Any]], before: int = 0) -> int:
    """The exit code of a run, as docs/promotion.md lists them, after these statements; as it was ``before`` if they end nothing."""
    codes = [_CODES[str(statement["type"])] for statement in statements if statement.get("type") in _CODES]
    return codes[-1] if codes else before


_CODES = {"promoted": 0, "rolled_back": 0, "not_promoted": 2, "quarantined": 3, "held": 4}


def told(
    judged: t.Sequence[Judged],
    statements: t.Sequence[t.Mapping[str, t.Any]] = (),
    report: str = "",
    conditions: t.Sequence[t.Mapping[str, t.Any]] = (),
) -> list[Line]:
    """One table a capability under a heading that names its stage, reasons for what is not ``PASS``, how it ended, and where the report is."""
    lines: list[Line] = _refused(conditions)
    several_hosts = len({one.host for one in judged}) > 1
    for one in judged:
        where = f"{one.capability or 'measures'} on {one.host}" if several_hosts else one.capability or "measures"
        heading = f"STAGE {one.stage}: {where}" if one.stage else where
        lines += [Line(""), Line(f"{heading} ".ljust(WIDTH, "-")), *_table(one), *_reasons(one)]
    if any(found.get("verdict") == "UNKNOWN" for one in judged for found in one.verdicts):
        lines += [Line(""), Line("A rehearsal measures nothing: only a real run can tell these verdicts.")]
    endings = [line for statement in statements for line in _ending(statement)]
    if endings:
        lines += [Line(""), *endings]
    if report:
        lines += [Line(f"Report: {report}")]
    return lines


def _ending(statement: t.Mapping[str, t.Any]) -> list[Line]:
    """What a statement says about the end of a stage, if it does."""
    kind, stage, capability = (_text(statement, key) for key in ("type", "stage", "capability"))
    if kind == "promoted":
        return [Line(f"{_text(statement, 'plan')} was promoted to {stage}.", "PASS")]
    if kind == "undone":
        return [Line(f"{capability} was undone.")]
    if kind == "undo_failed":
        return [Line(f"NOT UNDONE, see to it by hand: {_text(statement, 'reason')}", "FAIL")]
    plan = _text(statement, "plan")
    told_as = {
        "not_promoted": f"{plan} was NOT promoted to {stage}.",
        "rolled_back": f"{plan} was rolled back from {stage}.",
        "held": f"{plan} is HELD at {stage}: promote again to go on, or recover to bring it back.",
        "quarantined": f"{stage} is QUARANTINED: {_text(statement, 'reason')}",
    }
    return [Line(told_as[kind], "FAIL")] if kind in told_as else []


def _refused(conditions: t.Sequence[t.Mapping[str, t.Any]]) -> list[Line]:
    """The preconditions, when one of them is not met, and what to do about it."""
    if all(one.get("met") for one in conditions):
        return []
    rows = [(_text(one, "name"), _text(one, "found"), _text(one, "needed"), "yes" if one.get("met") else "NO") for one in conditions]
    lines = [Line(""), Line("PRECONDITIONS ".ljust(WIDTH, "-"))]
    lines += [Line("  ".join(cells).rstrip()) for cells in tables.lines(_CONDITIONS, rows, WIDTH)]
    remedies = [_text(one, "remedy") for one in conditions if not one.get("met")]
    return lines + [Line(f"  {text}", "FAIL") for remedy in remedies for text in textwrap.wrap(remedy, WIDTH - 2, subsequent_indent="  ")]


def _table(judged: Judged) -> list[Line]:
    rows = [
        (
            _text(found, "measure"),
            _text(found, "measured") or "-",
            _text(found, "needed") or "-",
            words.number(found["samples"]) if words.is_number(found.get("samples")) else "-",
            _text(found, "verdict"),
        )
        for found in judged.verdicts
    ]
    lines = []
    for cells in tables.lines(_COLUMNS, rows, WIDTH):
        text = "  ".join(cells).rstrip()
        verdict = cells[-1].strip()
        lines.append(Line(text, verdict, len(text) - len(verdict)) if verdict and verdict != "verdict" else Line(text))
    return lines


def _reasons(judged: Judged) -> list[Line]:
    """Why not, for every verdict that is neither ``PASS`` nor merely unknown."""
    lines = []
    for found in judged.verdicts:
        verdict = _text(found, "verdict")
        if verdict not in ("PASS", "UNKNOWN"):
            wrapped = textwrap.wrap(f"{verdict} {_text(found, 'reason')}", WIDTH - 2, subsequent_indent="  ", break_on_hyphens=False)
            lines += [Line(f"  {text}", verdict) for text in wrapped]
    return lines


def _text(found: t.Mapping[str, t.Any], key: str) -> str:
    return str(found.get(key) or "")

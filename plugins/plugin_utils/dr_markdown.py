# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The quarter's report as Markdown, to be read in a merge request or pasted into a ticket; the pictures are the page's."""

from __future__ import annotations

import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups.report.quarter import Quarter
from ansible_collections.governed.delivery.plugins.module_utils._common import words

from . import dr_words, scales

SOUND = "Every entry, tile and signature of the ledger is what was signed"


def render(found: Quarter, ledger_fault: str, signers: t.Sequence[str]) -> str:
    """The whole text.

    :param ledger_fault: what the ledger's verification found, empty when it is sound.
    """
    parts = [
        "# " + _cell(f"{dr_words.title(found)}: {found.standing}"),
        _cell(dr_words.sentence(found)),
        *([_list("What stands in the way", [f"{one}." for one in found.in_the_way])] if found.in_the_way else []),
        _goals(found),
        "## Nights\n\n" + _table(tuple(found.counts), [[str(count) for count in found.counts.values()]]),
        _list("Growth", dr_words.budget(found)),
        _failures(found),
        _list("Exclusions and approximations", dr_words.exclusions(found)),
        "## Controls\n\n" + _table(("Control", "Asks for", "Shown by"), dr_words.controls(found, signers)),
        "## Evidence\n\n" + _cell(f"{ledger_fault or SOUND}; signed by {', '.join(signers) or 'nobody'}."),
    ]
    return "\n\n".join(parts) + "\n"


def _goals(found: Quarter) -> str:
    rows = [
        [
            one.name,
            words.lasting(one.limit),
            one.result,
            *[_seconds(value) for value in (one.worst, one.p95, one.p50)],
            f"{one.n} of {one.of}",
        ]
        for one in found.goals
    ]
    return "## Goals\n\n" + _table(("Goal", "At most", "Result", "Worst", "p95", "Median", "Runs"), rows)


def _failures(found: Quarter) -> str:
    rows = [
        [
            str(one.day),
            one.state,
            ", ".join(one.run.codes) if one.run else "-",
            one.corrective.cause or "-",
            one.corrective.action or "-",
            one.corrective.retest or "-",
            one.open or "put right",
        ]
        for one in found.failures
    ]
    heading = "## Failures and corrective actions\n\n"
    return heading + (_table(("Night", "Verdict", "Codes", "Cause", "Action", "Re-test", "Standing"), rows) if rows else "None.")


def _seconds(value: float | None) -> str:
    return "-" if value is None else scales.duration(value)


def _list(heading: str, lines: t.Sequence[str]) -> str:
    return f"## {heading}\n\n" + "\n".join(f"- {_cell(line)}" for line in lines)


def _table(headings: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    first, *others = (f"| {' | '.join(map(_cell, line))} |" for line in (headings, *rows))
    return "\n".join([first, "|" + " --- |" * len(headings), *others])


def _cell(text: str) -> str:
    """One line in which nothing is markup; what people wrote stays what they wrote."""
    escaped = "".join(f"\\{character}" if character in "\\`*_[]<>|#" else character for character in text)
    return " ".join(escaped.split())

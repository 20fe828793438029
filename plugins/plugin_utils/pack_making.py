# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Making an acceptance pack from a ledger, and examining one that somebody else made."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import VerifierKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._promotion import pack, pack_ledger, pack_verification, trees
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack import Files, Manifest
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_ledger import Case
from ansible_collections.governed.delivery.plugins.module_utils._promotion.pack_verification import Check, Report

from . import pack_page, pack_zip, tables
from .tables import Column

PLUGINS = pathlib.Path(__file__).resolve().parents[1]
WIDTH = 100
_COLUMNS = (Column("check"), Column("of", wrapped=True), Column("result"))


@dataclasses.dataclass(frozen=True)
class Made:
    """A pack: its files, and what verification says of them."""

    files: Files
    report: Report


@functools.cache
def code() -> str:
    """The plugins that make and judge a page, by one digest."""
    return trees.digest([PLUGINS], PLUGINS)


def make(log: Log, plan: str, made_at: str) -> Made:
    """A pack about the plan; the same ledger and time give the same files.

    :raises Refusal: the ledger is damaged, or has no run of the plan.
    """
    files = pack_ledger.collect(log, plan)
    case = pack_ledger.read(files, plan)
    files[pack.PEOPLE] = pack_ledger.people(case)
    report = pack_verification.verify(files, plan)
    if report.story is None:
        raise _no_story(plan, case, report)
    files[pack.PAGE] = pack_page.render(report, made_at).encode()
    files[pack.MANIFEST] = Manifest(report.story.about, made_at, code(), pack.listed(files)).content()
    return Made(files, report)


def examine(path: pathlib.Path, pinned: t.Sequence[VerifierKey]) -> tuple[Report, str]:
    """What verification says of a pack, and its page made anew; empty when the pack has a fault."""
    try:
        files = pack_zip.read(path)
        manifest = pack.parse(files[pack.MANIFEST])
    except Refusal as refusal:
        later = (Check(name, "", made=False) for name in (*pack_verification.NAMES, "page"))
        return Report((Check("container", "", (str(refusal),)), *later)), ""
    container = Check("container", f"a zip of {len(files)} files, made {manifest.made_at}")
    report = pack_verification.verify(files, manifest.about.plan, manifest, pinned)
    if report.faults or report.story is None:
        return dataclasses.replace(report, checks=(container, *report.checks, Check("page", "", made=False))), ""
    page = pack_page.render(report, manifest.made_at)
    last = _page(files[pack.PAGE], page, manifest)
    return dataclasses.replace(report, checks=(container, *report.checks, last)), "" if last.faults else page


def lines(report: Report) -> list[str]:
    """The checks as a table, and every fault beneath it."""
    rows = [(check.name, check.about or "-", check.result) for check in report.checks]
    table = ["  ".join(cells).rstrip() for cells in tables.lines(_COLUMNS, rows, WIDTH)]
    return [*table, *(f"FAULT {fault}" for fault in report.faults)]


def _no_story(plan: str, case: Case, report: Report) -> Refusal:
    """Why no pack can be made: the ledger is unsound, or says nothing of the plan that could be read."""
    if any(True for _entry in case.ours()):
        remedy = "Verify the ledger with governed.delivery.ledger, and restore what it names from a copy."
        found = report.faults[0]
        return Refusal(f"plan {plan}", expected="a sound ledger with a run of it", found=found, remedy=remedy, code="ledger_damaged")
    known = ", ".join(sorted({str(said.get("plan")) for said in case.statements if said.get("plan")})) or "none"
    remedy = "Name a plan that was promoted, or the directory of its ledger."
    found = f"statements about {known}"
    return Refusal(f"plan {plan}", expected="a run of it in the ledger", found=found, remedy=remedy, code="no_evidence")


def _page(found: bytes, made: str, manifest: Manifest) -> Check:
    about = f"{pack.PAGE} made anew from the ledger, byte by byte"
    if manifest.code != code():
        other = f"NOT COMPARED: other code ({manifest.code[:12]}) made {pack.PAGE}; believe only the page that promotion_page=FILE writes"
        return Check("page", other, made=False)
    if found != made.encode():
        return Check("page", about, (f"{pack.PAGE}: not the page that follows from the ledger",))
    return Check("page", about)

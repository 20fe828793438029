# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``slo_gap`` does."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import time
import typing as t

from ..._common import files, runbooks, shape, web, words
from ..._common.argument_spec import ArgumentSpec
from ..._common.errors import Refusal
from ..._common.frame import Context, Outcome
from ..._common.web import Unusable
from ..catalog import catalog
from ..catalog.slo import Slo
from . import asking, comments, deployments, observations, ranking, report
from .observations import Snapshot
from .ranking import OVER, UNKNOWN, Gap

CLOCK_TOLERANCE = 300  # seconds; an answer older than that came from a cache

SPEC = ArgumentSpec(
    options={
        "catalog": {"type": "path", "required": True},
        "snapshot": {"type": "path"},
        "prometheus": {
            "type": "dict",
            "options": dict(web.OPTIONS),
            "mutually_exclusive": list(web.EXCLUSIVE),
            "required_together": list(web.TOGETHER),
        },
        "contributors_window": {"type": "str", "default": "1d"},
        "deployments": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {key: {"type": "str", "required": True} for key in deployments.KEYS},
        },
        "deployments_query": {"type": "str"},
        "runbooks": {"type": "path"},
        "runbooks_url": {"type": "str", "default": ""},
        "top": {"type": "int", "default": 10},
        "markdown_path": {"type": "path"},
        "json_path": {"type": "path"},
        "snapshot_path": {"type": "path"},
        "comment": {
            "type": "dict",
            "options": {
                **web.OPTIONS,
                "kind": {"type": "str", "required": True, "choices": ["github", "gitlab"]},
                "project": {"type": "str", "required": True},
                "issue": {"type": "int", "required": True},
                "name": {"type": "str", "default": "default"},
            },
            "mutually_exclusive": list(web.EXCLUSIVE),
            "required_together": list(web.TOGETHER),
        },
    },
    mutually_exclusive=(("snapshot", "prometheus"), ("snapshot", "deployments_query")),
    required_one_of=(("snapshot", "prometheus"),),
)


def work(context: Context) -> Outcome:
    """Rank, write the files that are asked for, and keep the comment.

    :raises Refusal: an option, the catalogue or the snapshot is not as it must be, or a comment is not taken.
    """
    told = context.parameters
    if told["top"] < 1:
        raise shape.wrong("top", "1 or more", str(told["top"]), "Correct it.")
    slos = catalog.read(files.text(told["catalog"]), told["catalog"]).slos
    seen = _snapshot(told, slos)
    gaps = ranking.rank(slos, seen)
    problems = {slo.id: runbooks.problem(pathlib.Path(told["runbooks"]), slo.runbook) for slo in slos} if told["runbooks"] else {}
    document = report.document(gaps, seen, problems)
    page = report.markdown(gaps, seen, problems, told["top"], told["runbooks_url"])
    written = {
        told["markdown_path"]: page,
        told["json_path"]: json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
        told["snapshot_path"]: observations.dump(seen),
    }
    before, after = {}, {}
    for place, text in written.items():
        if place is not None and (old := files.text_if_any(place)) != text:
            before[place], after[place] = old or "", text
    kept = _comment(told["comment"], page, gaps)
    if not context.check_mode:
        for place, text in after.items():
            files.replace(pathlib.Path(place), text.encode(), "report_unwritable")
        if kept is not None:
            comments.write(*kept[:3])
    shown_before, shown_after = dict(before), dict(after)
    if kept is not None:
        shown_before["comment"], shown_after["comment"] = kept[2].body if kept[2] else "", kept[1]
    facts = {**document, "markdown": page, "measures": measures(gaps, problems, seen), "freeze": any(gap.status == OVER for gap in gaps)}
    return Outcome(bool(after) or kept is not None, facts, "\n".join(shown_before.values()), "\n".join(shown_after.values()))


def measures(gaps: t.Sequence[Gap], problems: t.Mapping[str, str | None], seen: Snapshot) -> list[dict[str, t.Any]]:
    """How many are over their budget, how many are unknown, and by how many events; see docs/architecture.md."""
    at = words.iso(seen.at)
    over = [gap for gap in gaps if gap.status == OVER]
    found: list[tuple[str, float, str]] = [
        ("slos_over_budget", len(over), "service levels with more bad events in their period than their objective allows"),
        ("slos_unknown", sum(1 for gap in gaps if gap.status == UNKNOWN), "service levels without data, or with a partial period"),
        (
            "excess_bad_events",
            math.fsum(gap.excess or 0.0 for gap in over),
            "bad events more than allowed, of all that are over their budget",
        ),
    ]
    if problems:
        found.append(
            ("runbooks_broken", sum(1 for problem in problems.values() if problem), "runbooks that are missing, or have no such anchor")
        )
    return [{"name": name, "value": value, "unit": "count", "samples": len(gaps), "at": at, "how": how} for name, value, how in found]


def _snapshot(told: t.Mapping[str, t.Any], slos: t.Sequence[Slo]) -> Snapshot:
    """What was seen, with the deployments that were told beside it."""
    more = deployments.parse(told["deployments"], "deployments")
    seen = _seen(told, slos)
    return dataclasses.replace(seen, deployments=deployments.ordered([*seen.deployments, *more]))


def _seen(told: t.Mapping[str, t.Any], slos: t.Sequence[Slo]) -> Snapshot:
    if told["snapshot"] is not None:
        return observations.load(files.text(told["snapshot"]), told["snapshot"])
    server = web.server(told["prometheus"])
    try:
        at = asking.clock(server)
    except Unusable as problem:
        raise _unusable(server.url, str(problem)) from problem
    if abs(at - time.time()) > CLOCK_TOLERANCE:
        raise _unusable(server.url, f"a clock that is {at - time.time():+.0f} s from ours, or an answer from a cache")
    found = asking.snapshot(server, slos, at, told["contributors_window"])
    query = told["deployments_query"]
    try:
        deployed = () if query is None else asking.deployed(server, query, at, "deployments_query")
    except Unusable as problem:
        raise _unusable(f"{server.url}: deployments_query", str(problem)) from problem
    return dataclasses.replace(found, deployments=deployed)


def _comment(
    told: t.Mapping[str, t.Any] | None, page: str, gaps: t.Sequence[Gap]
) -> tuple[comments.Thread, str, comments.Comment | None] | None:
    """What to write where, and in place of what; None when there is nothing to write. A first comment is posted only when somebody has to act."""
    if told is None:
        return None
    where = comments.thread(web.server(told), told["kind"], told["project"], told["issue"])
    begins_with = comments.marker(told["name"])
    there = comments.found(where, begins_with)
    body = begins_with + page
    if there is None and not any(gap.status in (OVER, UNKNOWN) for gap in gaps):
        return None
    return None if there is not None and there.body.rstrip() == body.rstrip() else (where, body, there)


def _unusable(url: str, found: str) -> Refusal:
    return Refusal(
        url,
        expected="a Prometheus that answers",
        found=found,
        remedy="Wait for it, or correct url and credentials.",
        code="prometheus_unusable",
    )

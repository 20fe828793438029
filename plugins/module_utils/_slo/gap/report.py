# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The ranking as Markdown for people and as JSON for programs. The same gaps give the same bytes."""

from __future__ import annotations

import re
import typing as t

from ..._common import words
from . import actions, deployments, leads
from .deployments import Deployment
from .observations import BURN_WINDOWS, Snapshot
from .ranking import OVER, TOO_FEW, UNKNOWN, Gap

MOST_SHARES = 3
MOST_DEPLOYMENTS = 3
LOOK: t.Mapping[str, str] = {"bad_events": "PromQL", "exemplars": "exemplars of", "traces": "TraceQL"}
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@])")  # an @ would call a person
SUGGESTED: t.Mapping[str, str] = {
    "roll_back": "roll back",
    "mend_contributor": "mend the contributor",
    "scale": "add capacity, or shed load",
    "review_objective": "review the objective, or plan the work",
    "mend_measurement": "mend the measurement",
    "investigate": "investigate",
    "none": "none",
}


def document(gaps: t.Sequence[Gap], snapshot: Snapshot, runbooks: t.Mapping[str, str | None]) -> dict[str, t.Any]:
    """Plain data.

    :param runbooks: what is wrong with each one's runbook by slo_id, None when nothing is.
    """
    return {
        "at": words.iso(snapshot.at),
        "slos": [_entry(index, gap, snapshot, runbooks.get(gap.slo.id)) for index, gap in enumerate(gaps, 1)],
    }


def markdown(gaps: t.Sequence[Gap], snapshot: Snapshot, runbooks: t.Mapping[str, str | None], top: int, base: str) -> str:
    """A page: the furthest ``top`` with who brings it, then what is not known. Service levels with too few events are only counted.

    :param base: what stands before the path of a runbook in its link, "" for none.
    """
    over = [gap for gap in gaps if gap.status == OVER]
    unknown = [gap for gap in gaps if gap.status == UNKNOWN]
    few = sum(1 for gap in gaps if gap.status == TOO_FEW)
    within = len(gaps) - len(over) - len(unknown) - few
    counted = [f"**{len(over)} over budget**", f"{len(unknown)} unknown", f"{within} within", f"{few} with too few bad events to say"]
    lines = [f"## Service levels as of {words.iso(snapshot.at)}", "", ", ".join(counted) + ".", ""]
    if over:
        lines += _table(over[:top])
        for place, gap in enumerate(over[:top], 1):
            lines += _section(place, gap, snapshot, runbooks.get(gap.slo.id), base)
        if len(over) > top:
            lines += [f"{len(over) - top} more are over budget.", ""]
    if unknown:
        lines += ["### Unknown, so not healthy", ""]
        lines += [f"- {_plain(gap.slo.id)}{_owner(gap)}: {_plain(gap.why)}" for gap in unknown]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(gaps: t.Sequence[Gap]) -> list[str]:
    head = [
        "",
        "service level",
        "tier",
        "objective",
        "excess bad events",
        "budget left",
        "exhausted in",
        *(f"burn {window}" for window in BURN_WINDOWS),
    ]
    rows = [
        [
            str(place),
            _plain(gap.slo.id),
            _plain(gap.slo.tier),
            f"{gap.slo.objective} % / {gap.slo.window_days} d",
            _number(gap.excess),
            "" if gap.remaining is None else f"{gap.remaining:.1%}",
            _lasting(gap.exhausted_in),
            *(_number(gap.burn.get(window)) for window in BURN_WINDOWS),
        ]
        for place, gap in enumerate(gaps, 1)
    ]
    return [*(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]), ""]


def _section(place: int, gap: Gap, snapshot: Snapshot, runbook: str | None, base: str) -> list[str]:
    suggestion = actions.suggested(gap)
    lines = [f"### {place}. {_plain(gap.slo.id)}{_owner(gap)}", ""]
    lines.append(f"{_number(gap.bad)} of {_number(gap.total)} events were bad, {_number(gap.excess)} more than allowed.")
    lines.append(f"Suggested: **{SUGGESTED[suggestion.kind]}**. {_plain(suggestion.reason)}.")
    link = f"[{_plain(gap.slo.runbook)}]({base}{gap.slo.runbook})" if gap.slo.runbook else "none"
    lines.append(f"Runbook: {link}" + (f" (**broken**: {_plain(runbook)})" if runbook else ""))
    for share in gap.shares[:MOST_SHARES]:
        named = ", ".join(f"{label}={value}" for label, value in share.labels)
        before = "none" if share.share_week_before is None else f"{share.share_week_before:.0%}"
        lines.append(
            f"- {_plain(named)}: {share.share:.0%} of the bad events of the last {snapshot.contributors_window}, {before} a week before"
        )
    deployed = [f"{_plain(one.version)} at {words.iso(one.at)}" for one in _deployed(gap, snapshot)]
    lines += [f"- Deployed: {', '.join(deployed)}"] if deployed else []
    lines += [
        f"- Look at {LOOK[kind]} {_code(query)}" for kind, query in leads.queries(gap.slo, snapshot.contributors_window, gap.shares).items()
    ]
    return [*lines, ""]


def _deployed(gap: Gap, snapshot: Snapshot) -> list[Deployment]:
    """The last ones of the service within the objective's period."""
    since = snapshot.at - gap.slo.window_days * 86400
    return deployments.latest(snapshot.deployments, gap.slo.service, since, snapshot.at, MOST_DEPLOYMENTS)


def _entry(place: int, gap: Gap, snapshot: Snapshot, runbook: str | None) -> dict[str, t.Any]:
    suggestion = actions.suggested(gap)
    shares = [
        {"labels": dict(one.labels), "bad": one.bad, "share": _rounded(one.share), "share_week_before": _rounded(one.share_week_before)}
        for one in gap.shares[:MOST_SHARES]
    ]
    return {
        "rank": place,
        "slo_id": gap.slo.id,
        "service": gap.slo.service,
        "status": gap.status,
        "why": gap.why,
        "owner": gap.slo.owner,
        "tier": gap.slo.tier,
        "objective": str(gap.slo.objective),
        "window_days": gap.slo.window_days,
        "bad": _rounded(gap.bad),
        "total": _rounded(gap.total),
        "excess_bad_events": _rounded(gap.excess),
        "budget_remaining": _rounded(gap.remaining),
        "exhausted_in_seconds": None if gap.exhausted_in is None else round(gap.exhausted_in),
        "burn": {window: _rounded(gap.burn.get(window)) for window in BURN_WINDOWS},
        "contributors": shares,
        "deployments": [{"time": words.iso(one.at), "version": one.version} for one in _deployed(gap, snapshot)],
        "queries": leads.queries(gap.slo, snapshot.contributors_window, gap.shares),
        "suggested": suggestion.kind,
        "reason": suggestion.reason,
        "runbook": gap.slo.runbook,
        "runbook_problem": runbook,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0  # never -0.0


def _number(value: float | None) -> str:
    return "?" if value is None else words.number(value)


def _lasting(seconds: float | None) -> str:
    return "" if seconds is None else "spent" if seconds == 0 else words.lasting(seconds)


def _owner(gap: Gap) -> str:
    return f", {_plain(gap.slo.owner)}" if gap.slo.owner else ""


def _code(text: str) -> str:
    """A query as it is, in a code span that no backtick of its own can end."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    line = " ".join(text.split())
    return f"{ticks}{line}{ticks}" if len(ticks) == 1 else f"{ticks} {line} {ticks}"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Asking Prometheus for what the rules of ``_slo/rules`` have recorded, and who brought the bad events."""

from __future__ import annotations

import math
import typing as t

from ..._common import web
from ..._common.prometheus import answers
from ..._common.prometheus.answers import Sample
from ..._common.web import Server, Unusable
from ..catalog.slo import Ratio, Slo
from ..prometheus import queries
from ..rules import names
from . import deployments
from .deployments import Deployment
from .observations import BURN_WINDOWS, Contributor, Observation, Snapshot

WEEK = 7 * 86400
STEP = names.WINDOWS[names.BASE]


def clock(server: Server) -> int:
    """The server's clock in whole seconds.

    :raises Unusable: it cannot be asked.
    """
    return answers.clock(web.ask(server, "/api/v1/query", {"query": "time()"})) // 1000


def snapshot(server: Server, slos: t.Sequence[Slo], at: int, window: str) -> Snapshot:
    """What the server has recorded of each; whatever it does not answer is None, with why.

    :param at: epoch seconds; the same moment asked twice gives the same.
    :param window: of contributors, as ``1d``.
    :raises Refusal: no such window.
    """
    queries.seconds(window, "contributors_window")
    return Snapshot(at, window, {slo.id: _observation(server, slo, at, window) for slo in slos})


def _observation(server: Server, slo: Slo, at: int, window: str) -> Observation:
    of = f'{{slo_id="{slo.id}"}}'
    period = f"{slo.window_days}d"
    why: list[str] = []

    def one(expression: str) -> float | None:
        """The value of the one series; None when there is none, several, or no finite number."""
        try:
            found = _asked(server, expression, at)
        except Unusable as problem:
            why.append(str(problem))
            return None
        if len(found) != 1 or not math.isfinite(found[0].value):
            why.append(f"{'no data' if not found else f'{len(found)} series' if len(found) > 1 else 'not a number'} for {expression}")
            return None
        return max(0.0, found[0].value)

    bad = one(f"sum by (slo_id) (sum_over_time({names.bad()}{of}[{period}:{names.BASE}]))")
    total = one(f"sum by (slo_id) (sum_over_time({names.total()}{of}[{period}:{names.BASE}]))")
    points = one(f"max by (slo_id) (count_over_time({names.total()}{of}[{period}:{names.BASE}]))")
    coverage = None if points is None else min(1.0, points / (slo.window_days * 86400 // STEP))
    burn = {length: one(f"max by (slo_id) ({names.burn(length)}{of})") for length in BURN_WINDOWS}
    try:
        contributors = _contributors(server, slo, at, window)
    except Unusable as problem:
        why.append(f"contributors: {problem}")
        contributors = ()
    return Observation(bad, total, coverage, burn, contributors, "; ".join(why))


def _contributors(server: Server, slo: Slo, at: int, window: str) -> tuple[Contributor, ...]:
    """All of them, largest first.

    :raises Unusable: they cannot be asked for.
    """
    if not slo.group_by:
        return ()
    expression = bad_events(slo, window)
    now = _by_labels(_asked(server, expression, at))
    before = _by_labels(_asked(server, expression, at - WEEK))
    found = [Contributor(labels, bad, before.get(labels)) for labels, bad in now.items() if bad > 0]
    return tuple(sorted(found, key=lambda one: (-one.bad, one.labels)))


def deployed(server: Server, expression: str, at: int, path: str) -> tuple[Deployment, ...]:
    """What was deployed when, by a query of the caller.

    :param path: the option, for refusals.
    :raises Unusable: it cannot be asked.
    :raises Refusal: it answers something else.
    """
    return deployments.of_samples(_asked(server, expression, at), path)


def bad_events(slo: Slo, window: str) -> str:
    """PromQL of the bad events within the window, by the labels that the catalogue groups by."""
    by = f"sum by ({', '.join(slo.group_by)})"
    if isinstance(slo.sli, Ratio) and slo.sli.bad:
        return f"{by} (increase({slo.sli.bad}[{window}]))"
    good = f"{by} (increase({slo.sli.good}[{window}]))"
    total = f"{by} (increase({slo.sli.total}[{window}]))"
    return f"{total} - ({good} or {total} * 0)"  # a group that never had a good event has no series of them


def _asked(server: Server, expression: str, at: int) -> list[Sample]:
    form = {"query": expression, "time": str(at), "timeout": f"{max(1, round(server.timeout))}s"}
    return answers.vector(web.ask(server, "/api/v1/query", form))


def _by_labels(samples: t.Sequence[Sample]) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(sample.labels.items())): sample.value for sample in samples if math.isfinite(sample.value)}

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The alerts of a service level: one that pages, one that opens a ticket, and one for metrics that are gone.

All rows of a severity are one alert, so that a person is paged once by one incident, whichever windows see it.
"""

from __future__ import annotations

import typing as t

from ..catalog.slo import Slo
from . import names, recording, windows
from .recording import Rule, of
from .windows import Alert, plain


def rules(slo: Slo, runbooks: str = "") -> list[Rule]:
    """The alerting rules.

    :param runbooks: address that goes before a runbook that is a path.
    """
    burning = [_burning(slo, alert, runbooks) for alert in windows.alerts(slo)]
    return burning if slo.absent == "none" else [*burning, _absent(slo, runbooks)]


def _burning(slo: Slo, alert: Alert, runbooks: str) -> Rule:
    return {
        "alert": alert.name,
        "expr": "\nor\n".join(_row(slo, row) for row in alert.rows),
        "for": f"{alert.pending}m",
        "keep_firing_for": f"{alert.keep}m",
        "labels": {"severity": alert.severity, **slo.labels},
        "annotations": _annotations(slo, f"{slo.id} spends its error budget {{{{ $value | humanize }}}} times too fast", runbooks),
    }


def _row(slo: Slo, row: windows.Row) -> str:
    long_floor, short_floor = windows.floors(slo)
    factor = of(slo, names.factor(row.long))
    conditions = (
        f"{of(slo, names.burn(row.long))} > {factor}",
        f"{of(slo, names.burn(row.short))} > {factor}",
        f"{of(slo, names.bad(row.long))} > {plain(long_floor)}",
        f"{of(slo, names.bad(row.short))} > {plain(short_floor)}",
        # The gap is real: with 95 % certainty more fails right now than the objective allows.
        f"{of(slo, names.lower_bound(row.short))} > {plain(slo.budget)}",
    )
    return "(\n  " + "\n  and ".join(conditions) + "\n)"


def _absent(slo: Slo, runbooks: str) -> Rule:
    _part, total, _is_good = recording.part_and_total(slo)
    return {
        "alert": windows.ABSENT,
        "expr": f"absent({total})",
        "for": f"{windows.absent_minutes(slo)}m",
        "labels": {"severity": slo.absent, **slo.labels},
        "annotations": _annotations(slo, f"{slo.id} is not measured: its metric is gone", runbooks),
    }


def _annotations(slo: Slo, summary: str, runbooks: str) -> dict[str, t.Any]:
    address = slo.runbook if "://" in slo.runbook or not runbooks else f"{runbooks.rstrip('/')}/{slo.runbook}"
    return {
        "summary": summary,
        **({"description": slo.description} if slo.description else {}),
        **({"runbook_url": address} if slo.runbook else {}),
    }

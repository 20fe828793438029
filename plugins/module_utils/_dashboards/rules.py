# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Alerts as a rule file of Prometheus: those whose metrics somebody produces. One that waits would never fire, and look calm."""

from __future__ import annotations

import json
import typing as t

from .definitions import Alert
from .grafana import MARKER

GROUP = "governed_delivery_plans"


def text(alerts: t.Iterable[Alert], runbooks_url: str) -> str:
    """The file; YAML whose values are JSON, so that nothing in them is read otherwise.

    :param runbooks_url: what stands before a runbook's page in its address.
    """
    lines = [f"# {MARKER}", "groups:", f"  - name: {GROUP}", "    rules:"]
    ready = [alert for alert in alerts if not alert.needs]
    if not ready:
        lines[-1] += " []"
    for alert in ready:
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expression)}",
            f"        for: {alert.lasting}",
            "        labels:",
            f"          severity: {alert.severity}",
            "        annotations:",
            f"          summary: {json.dumps(alert.summary, ensure_ascii=False)}",
            f"          runbook_url: {json.dumps(runbooks_url + alert.runbook)}",
        ]
    return "\n".join(lines) + "\n"

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. All rules of a catalogue as Prometheus takes them: a group for each service level, evaluated every minute."""

from __future__ import annotations

import typing as t

from ..catalog.slo import Slo
from . import alerts, recording

INTERVAL = "1m"  # what "within 4 minutes" and the generated tests reckon with


def rules(slos: t.Iterable[Slo], runbooks: str = "") -> dict[str, t.Any]:
    """A rule file's content. In a group, rules are evaluated one after the other, each reading what those before it recorded just now."""
    return {
        "groups": [
            {"name": f"slo:{slo.id}", "interval": INTERVAL, "rules": [*recording.rules(slo), *alerts.rules(slo, runbooks)]} for slo in slos
        ]
    }

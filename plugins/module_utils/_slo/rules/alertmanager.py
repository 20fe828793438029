# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Where Alertmanager sends the alerts of service levels, as the part of its configuration that says so."""

from __future__ import annotations

import typing as t

OURS = 'slo_id=~".+"'


def snippet(page_receiver: str, ticket_receiver: str) -> dict[str, t.Any]:
    """Routes and inhibitions to put into ``route.routes`` and ``inhibit_rules`` of Alertmanager's configuration.

    One notification a service level; and no ticket while the same service level pages.
    """
    return {
        "routes": [
            _route("page", page_receiver, repeat="4h"),
            _route("ticket", ticket_receiver, repeat="3d"),
        ],
        "inhibit_rules": [
            {"source_matchers": [OURS, 'severity="page"'], "target_matchers": [OURS, 'severity="ticket"'], "equal": ["slo_id"]},
        ],
    }


def whole(part: t.Mapping[str, t.Any], receivers: t.Iterable[str]) -> dict[str, t.Any]:
    """A configuration that holds only the part, so that amtool can be asked about it."""
    return {
        "route": {"receiver": "elsewhere", "routes": part["routes"]},
        "inhibit_rules": part["inhibit_rules"],
        "receivers": [{"name": name} for name in dict.fromkeys(["elsewhere", *receivers])],
    }


def _route(severity: str, receiver: str, *, repeat: str) -> dict[str, t.Any]:
    return {
        "matchers": [OURS, f'severity="{severity}"'],
        "receiver": receiver,
        "group_by": ["slo_id"],
        "group_wait": "0s" if severity == "page" else "5m",
        "group_interval": "5m",
        "repeat_interval": repeat,
    }

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Dashboards in a Grafana, by its HTTP API: https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/."""

from __future__ import annotations

import json
import typing as t

from .._common import web
from .._common.errors import Refusal
from .._common.web import Answer, Server, Unusable
from .grafana import MARKER, Json

ITS_OWN = ("id", "version", "iteration")  # what Grafana adds


def read(server: Server, uid: str) -> Json | None:
    """The dashboard without what Grafana adds; None when there is none.

    :raises Refusal: Grafana does not answer, or the dashboard is not ours.
    """
    try:
        answer = web.ask(server, f"/api/dashboards/uid/{uid}")
    except Unusable as problem:
        raise _refused(server, uid, "an answer", str(problem)) from problem
    if answer.status == 404:
        return None
    found = _document(answer).get("dashboard")
    if answer.status != 200 or not isinstance(found, dict):
        raise _refused(server, uid, "the dashboard, or HTTP 404", f"HTTP {answer.status}")
    if MARKER not in str(found.get("description")):
        raise _refused(server, uid, "no dashboard of this uid, or one that this collection wrote", "another")
    return {key: value for key, value in found.items() if key not in ITS_OWN}


def write(server: Server, uid: str, dashboard: Json, folder_uid: str) -> None:
    """
    :raises Refusal: Grafana does not take it.
    """
    body = {"dashboard": dashboard, "folderUid": folder_uid, "overwrite": True, "message": "governed.delivery"}
    _told(server, uid, "POST", "/api/dashboards/db", body)


def remove(server: Server, uid: str) -> None:
    """
    :raises Refusal: Grafana does not remove it.
    """
    _told(server, uid, "DELETE", f"/api/dashboards/uid/{uid}", None)


def _told(server: Server, uid: str, method: str, path: str, body: t.Mapping[str, t.Any] | None) -> None:
    try:
        answer = web.tell(server, method, path, body)
    except Unusable as problem:
        raise _refused(server, uid, "an answer", str(problem)) from problem
    if answer.status != 200:
        said = _document(answer).get("message")
        raise _refused(server, uid, "a change that is taken", f"HTTP {answer.status}{f': {said}' if said else ''}")


def _document(answer: Answer) -> dict[str, t.Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(server: Server, uid: str, expected: str, found: str) -> Refusal:
    remedy = "Look at the address, at the token's rights, and whether a provisioned dashboard has that uid."
    return Refusal(f"{server.url} dashboard {uid}", expected=expected, found=found, remedy=remedy, code="grafana_refused")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Having Prometheus read its rules again, and knowing whether it did: the same signal also reports that it could not."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import signal
import time

from ..._common import web
from ..._common.errors import Refusal
from ..._common.web import Server, Unusable

SECONDS = 30.0
SECONDS_AFTER_FAILURE = 5.0  # a second failure after a signal looks like the first
SUCCESSFUL = re.compile(rb"^prometheus_config_last_reload_successful (\S+)$", re.MULTILINE)
SUCCEEDED_AT = re.compile(rb"^prometheus_config_last_reload_success_timestamp_seconds (\S+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class State:
    """Whether the last reading went well, and when the last that did was, in epoch seconds."""

    is_successful: bool
    succeeded_at: float


def state(server: Server) -> State:
    """What Prometheus' own metrics say of its last reading.

    :raises Refusal: it cannot be asked, or they do not say.
    """
    try:
        body = web.ask(server, "/metrics").body
    except Unusable as why:
        raise _refused(server.url, "a Prometheus that says whether it has read its rules", str(why)) from why
    successful, at = SUCCESSFUL.search(body), SUCCEEDED_AT.search(body)
    if successful is None or at is None:
        raise _refused(f"{server.url}/metrics", "prometheus_config_last_reload_successful", "no such metric")
    return State(float(successful[1]) == 1, float(at[1]))


def reload(server: Server, by: str, pid_file: str | None) -> str | None:
    """Have it read its files again and wait until it has; None when it could, else what it said.

    :param by: ``http`` or ``sighup``.
    :raises Refusal: it cannot be told, or does not say what came of it.
    """
    before = state(server)
    said = _told(server) if by == "http" else _signalled(pid_file)
    now = before
    deadline = time.monotonic() + (SECONDS if before.is_successful else SECONDS_AFTER_FAILURE)
    while time.monotonic() < deadline:
        now = state(server)
        if said is not None:
            return said
        if now.is_successful and (by == "http" or now.succeeded_at > before.succeeded_at):
            return None
        if before.is_successful and not now.is_successful:
            break
        time.sleep(0.2)
    return (
        "prometheus_config_last_reload_successful 0; its log says why"
        if not now.is_successful
        else f"no reading of its files within {SECONDS:g} s"
    )


def _told(server: Server) -> str | None:
    try:
        answer = web.tell(server, "POST", "/-/reload", {})
    except Unusable as why:
        return str(why)
    return None if answer.status == 200 else f"HTTP {answer.status}: {' '.join(answer.body.decode(errors='replace').split())[:600]}"


def _signalled(pid_file: str | None) -> str | None:
    try:
        os.kill(int(pathlib.Path(str(pid_file)).read_text(encoding="ascii")), signal.SIGHUP)
    except (OSError, ValueError) as problem:
        return f"no signal could be sent to the process of {pid_file}: {getattr(problem, 'strerror', None) or problem}"
    return None


def _refused(thing: str, expected: str, found: str) -> Refusal:
    return Refusal(
        thing, expected=expected, found=found, remedy="Correct url and credentials, or say reload: none.", code="slo_reload_unknown"
    )

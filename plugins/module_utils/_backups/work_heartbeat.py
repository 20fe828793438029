# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``backup_heartbeat`` does."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.frame import Context, Outcome
from .._common.postgres.connect import CONNECTION_SPEC
from . import heartbeat
from .capture.session import connector

PERIOD = 1.0  # seconds

SPEC = CONNECTION_SPEC.merge(
    ArgumentSpec(
        options={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "beat_seconds": {"type": "float", "default": 0.0},
        }
    )
)


def work(context: Context) -> Outcome:
    """Make the table be there or not, and beat for a while.

    :raises Refusal: no connection, or an option is not as it must be.
    """
    wanted = context.parameters["state"] == "present"
    seconds = context.parameters["beat_seconds"]
    if not 0 <= seconds <= 86_400 or (seconds and not wanted):
        raise Refusal(
            "beat_seconds",
            expected="0 to 86400, with state: present",
            found=str(seconds),
            remedy="Correct the option.",
            code="wrong_option",
        )
    with contextlib.closing(connector(context.parameters, "backup_heartbeat")(context.parameters["login_db"])) as connection:
        there = heartbeat.exists(connection)
        if context.check_mode:
            return _outcome(there, wanted, heartbeat.read(connection) if wanted else None, beaten=seconds > 0)
        if wanted and not there:
            heartbeat.create(connection)
        if not wanted and there:
            heartbeat.drop(connection)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            heartbeat.beat(connection)
            time.sleep(min(PERIOD, max(0.0, deadline - time.monotonic())))
        return _outcome(there, wanted, heartbeat.read(connection) if wanted else None, beaten=seconds > 0)


def _outcome(there: bool, wanted: bool, last: heartbeat.Beat | None, *, beaten: bool) -> Outcome:
    facts: dict[str, t.Any] = {"seq": last.seq if last else None, "ts": last.ts.isoformat() if last else None}
    before, after = (f"{heartbeat.TABLE}: {'present' if one else 'absent'}\n" for one in (there, wanted))
    return Outcome(there != wanted or beaten, facts, before=before, after=after)

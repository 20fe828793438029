# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The primary's heartbeat at the cut: what a copy of that moment would hold, and how far the primary's clock is from ours."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.connect import connect
from .. import heartbeat
from ..findings import stop


@dataclasses.dataclass(frozen=True)
class Pulse:
    """The heartbeat's number, how old it was, and the primary's clock minus ours; all in seconds."""

    seq: int
    age: float
    clock_offset: float


def take(parameters: t.Mapping[str, t.Any]) -> Pulse:
    """Ask the primary.

    :param parameters: connection options.
    :raises Stopped: HEARTBEAT_MISSING, the primary does not answer or has none.
    """
    try:
        with connect(parameters, application="restore_validate heartbeat") as session:
            before = time.time()
            found = session.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
            offset = (found[0] if found else before) - (before + time.time()) / 2
            beat = heartbeat.read(session)
    except Refusal as refusal:
        raise stop("HEARTBEAT_MISSING", "the primary", expected="to answer", found=refusal.found) from refusal
    if beat is None:
        raise stop("HEARTBEAT_MISSING", "the primary", expected="the table governed_delivery.heartbeat with a row", found="none")
    return Pulse(beat.seq, time.time() + offset - beat.epoch, offset)

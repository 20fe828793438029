# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The moment at which a restored server is of use: it has answered a read and kept a write."""

from __future__ import annotations

import typing as t

from ..findings import stop

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection


def read_and_write(session: Connection) -> None:
    """One of each, outside the restored tables.

    :raises Stopped: START_FAILED, the server is still read-only.
    """
    found = session.execute("SELECT pg_is_in_recovery(), count(*) FROM pg_class").fetchone()
    if found is None or found[0]:
        raise stop("START_FAILED", "server", expected="a promoted server", found="one that is still in recovery")
    with session.transaction():
        session.execute("SET LOCAL transaction_read_only = off")
        session.execute("CREATE SCHEMA governed_delivery_first_write")
        session.execute("CREATE TABLE governed_delivery_first_write.kept (at timestamptz)")
        session.execute("INSERT INTO governed_delivery_first_write.kept VALUES (now())")
    session.execute("DROP SCHEMA governed_delivery_first_write CASCADE")

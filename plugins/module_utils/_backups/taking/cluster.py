# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Which cluster a server is, as a manifest says it."""

from __future__ import annotations

import typing as t

from ..capture.session import only_row

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

# A copy that recovers needs no less of each: it would stop otherwise.
SETTINGS = ("max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions", "max_locks_per_transaction")


def described(connection: Connection) -> dict[str, t.Any]:
    """Identity, version, timeline, data checksums, and the settings that a recovery depends on."""
    identifier, timeline, version, checksums = only_row(
        connection,
        "SELECT (SELECT system_identifier::text FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint()),"
        " current_setting('server_version_num')::int, current_setting('data_checksums')::bool",
    )
    settings = connection.execute("SELECT name, setting::int FROM pg_settings WHERE name = ANY (%s)", [list(SETTINGS)]).fetchall()
    return {
        "system_identifier": identifier,
        "server_version": version,
        "timeline": timeline,
        "data_checksums": checksums,
        "settings": dict(settings),
    }


def databases(connection: Connection) -> list[str]:
    """All databases that can be connected to, but templates."""
    found = connection.execute("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname").fetchall()
    return [name for (name,) in found]

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A standby that stands still while it is read, and always goes on: also when we are killed meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import errors, psycopg, sql
from ..capture.session import Connect, only_row
from .anchor import Point, now

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

# Runs on the standby, in a session of its own, until the session that paused is gone, however it went; nobody on the client's side has to live for it.
GUARD = """
DO $guard$
BEGIN
  LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid} AND backend_start = {started});
    PERFORM pg_sleep(0.2);
  END LOOP;
  IF pg_is_in_recovery() AND pg_is_wal_replay_paused() THEN
    PERFORM pg_wal_replay_resume();
  END IF;
END
$guard$
"""
POLL_SECONDS = 0.05


@contextlib.contextmanager
def standby(connect: Connect, database: str, *, system_identifier: str, reached: str | None, timeout: float) -> t.Iterator[Point]:
    """The standby's content at the last record that it replayed, which is the point.

    :param connect: opens a session on the standby.
    :param database: any of its databases.
    :param system_identifier: the primary's, that it must have, too.
    :param reached: an LSN that it has to have replayed: the end of the backup.
    :param timeout: seconds to wait for that, and again for the pause.
    :raises Refusal: it is no standby of that primary, somebody else has paused it, it does not get there, or it was promoted or resumed meanwhile.
    """
    with contextlib.ExitStack() as held:
        connection = held.enter_context(contextlib.closing(connect(database)))
        _require_standby(connection, system_identifier)
        if reached is not None:
            _wait(connection, f"SELECT pg_last_wal_replay_lsn() >= '{reached}'::pg_lsn", timeout, f"to have replayed {reached}")
        held.enter_context(_guarded(connect, database, connection))
        connection.execute("SELECT pg_wal_replay_pause()")
        held.callback(_resume, connection)
        _wait(connection, "SELECT pg_get_wal_replay_pause_state() = 'paused'", timeout, "to pause its replay")
        (lsn,) = only_row(connection, "SELECT pg_last_wal_replay_lsn()::text")
        yield Point("standby", str(lsn), True, now(), connect, None)
        _require_still(connection, str(lsn))


def _require_standby(connection: Connection, system_identifier: str) -> None:
    recovering, found = only_row(connection, "SELECT pg_is_in_recovery(), (SELECT system_identifier::text FROM pg_control_system())")
    if not recovering or found != system_identifier:
        raise _refusal(
            f"a standby of the cluster {system_identifier}",
            f"{'a standby' if recovering else 'a primary'} of the cluster {found}",
            "Name a standby of the server that is backed up.",
        )
    if only_row(connection, "SELECT pg_is_wal_replay_paused()")[0]:
        raise _refusal("a standby that replays", "one that somebody paused", "Resume it by pg_wal_replay_resume(), or name another.")


def _require_still(connection: Connection, lsn: str) -> None:
    still = (True, "paused", lsn)
    found = only_row(connection, "SELECT pg_is_in_recovery(), pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn()::text")
    if found != still:
        raise _refusal(f"to stand at {lsn} until it was read", "one that was promoted or resumed meanwhile", "Run it again.")


@contextlib.contextmanager
def _guarded(connect: Connect, database: str, holder: Connection) -> t.Iterator[None]:
    """While the holder's session lives, a session on the server waits to resume the replay after it; it ends with the context, too."""
    pid, started = only_row(holder, "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    connection = connect(database)

    def watch() -> None:
        with contextlib.suppress(psycopg.Error):  # cancelled by us, or gone with the server and its replay
            connection.execute(sql.SQL(GUARD).format(pid=sql.Literal(pid), started=sql.Literal(started)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        while watcher.is_alive():  # again: a cancel that comes before the statement is lost
            connection.cancel()
            watcher.join(0.2)
        connection.close()


def _resume(connection: Connection) -> None:
    with contextlib.suppress(errors.ObjectNotInPrerequisiteState):  # promoted meanwhile: nothing is paused
        connection.execute("SELECT pg_wal_replay_resume()")


def _wait(connection: Connection, query: str, timeout: float, what: str) -> None:
    deadline = time.monotonic() + timeout
    while not only_row(connection, query)[0]:
        if time.monotonic() > deadline:
            (lsn,) = only_row(connection, "SELECT pg_last_wal_replay_lsn()::text")
            raise _refusal(f"{what} within {timeout:g} s", f"it is at {lsn}", "Look at its lag, or give anchor_timeout more seconds.")
        time.sleep(POLL_SECONDS)


def _refusal(expected: str, found: str, remedy: str) -> Refusal:
    return Refusal("standby", expected=expected, found=found, remedy=remedy, code="anchor_standby")

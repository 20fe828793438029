# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A scratch primary with a streaming standby beside it, made of nothing or of a base backup; the source is never asked."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import sql
from ..findings import stop
from ..programs import Account, Programs, hand_over
from ..run_directory import RunDirectory
from .scratch_server import POLL_SECONDS, ScratchServer, settle

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

Replication: t.TypeAlias = t.Literal["asynchronous", "synchronous"]

PRIMARY, STANDBY = "primary", "standby"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How the pair is made. ``backup``: the folder of a plain base backup; None makes an empty server."""

    backup: pathlib.Path | None
    user: str
    replication: Replication
    timeout: float


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two running servers, the second streaming from the first."""

    primary: ScratchServer
    standby: ScratchServer


def require_backup(backup: pathlib.Path, programs: Programs) -> int:
    """The bytes of a plain base backup that can be copied and started.

    :raises Refusal: it is none, is a running server's own folder, or leads outside of itself.
    :raises Stopped: VERSION_MISMATCH, TOOL_MISSING.
    """
    version, label = backup / "PG_VERSION", backup / "backup_label"
    if not version.is_file() or not label.is_file():
        raise _no_backup(
            backup, "a folder that pg_basebackup --format=plain wrote", f"no {'PG_VERSION' if not version.is_file() else label.name}"
        )
    if (backup / "postmaster.pid").exists():
        raise _no_backup(backup, "a backup, not the data folder of a server", "postmaster.pid")
    links = [path for path in (*(backup / "pg_tblspc").glob("*"), backup / "pg_wal") if path.is_symlink()]
    if links:
        raise _no_backup(backup, "a backup without links: its copy would write where they lead", str(links[0].relative_to(backup)))
    programs.require_major("postgres", int(version.read_text(encoding="utf-8")))
    return sum(path.lstat().st_size for path in backup.rglob("*") if path.is_file())


def make(wanted: Wanted, programs: Programs, directory: RunDirectory) -> Pair:
    """Make and start both servers, and wait until the standby streams.

    :raises Stopped: TARGET_REFUSED, START_FAILED, RESTORE_FAILED, TOOL_MISSING.
    """
    account = programs.account
    primary, standby = (
        ScratchServer(programs, directory.folder(name, account), directory.sockets, port, wanted.user, _log(directory, name, account))
        for name, port in ((PRIMARY, 5432), (STANDBY, 5433))
    )
    if wanted.backup is None:
        said = programs.run("initdb", "-D", str(primary.data), "-U", wanted.user, "-E", "UTF8", "--locale=C", "-k", "-A", "trust", "-N")
        if said.code != 0:
            raise stop("TARGET_REFUSED", "initdb", expected="a new database cluster", found=said.last_words)
    else:
        _copy(wanted.backup, primary.data, account)
    settle(primary.data, account)
    primary.start(wanted.timeout)
    said = programs.run(
        "pg_basebackup", "-D", str(standby.data), "-d", primary.address(), "-R", "-X", "stream", "-c", "fast", timeout=wanted.timeout
    )
    if said.code != 0:
        raise stop("RESTORE_FAILED", "pg_basebackup", expected="a standby's copy of the scratch primary", found=said.last_words)
    standby.start(wanted.timeout)
    pair = Pair(primary, standby)
    with primary.connect() as session:
        if wanted.replication == "synchronous":
            session.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            session.execute("SELECT pg_reload_conf()")
        wait_streaming(session, wanted.timeout, wanted.replication)
    return pair


def wait_streaming(session: Connection, timeout: float, replication: Replication = "asynchronous") -> None:
    """Wait until a standby streams from the server of this session.

    :raises Stopped: START_FAILED, none does.
    """
    states = ("sync", "quorum") if replication == "synchronous" else ("async", "sync", "quorum", "potential")
    wait_for(
        lambda: (
            _count(session, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = ANY(%s)", [list(states)])
            > 0
        ),
        timeout,
        "START_FAILED",
        "a standby that streams",
    )


def cut(standby: ScratchServer, timeout: float) -> None:
    """Part the standby from its primary: from now on it receives nothing.

    :raises Stopped: START_FAILED, it goes on receiving.
    """
    with standby.connect() as session:
        session.execute("ALTER SYSTEM SET primary_conninfo = ''")
        session.execute("SELECT pg_reload_conf()")
        wait_for(
            lambda: _count(session, "SELECT count(*) FROM pg_stat_wal_receiver") == 0,
            timeout,
            "START_FAILED",
            "a standby that receives nothing",
        )


def rejoin(old: ScratchServer, new: ScratchServer, timeout: float) -> None:
    """Make the killed old primary a standby of the new one by pg_rewind, and wait until it streams and has all of it.

    :raises Stopped: REJOIN_FAILED, START_FAILED, TOOL_MISSING.
    """
    with new.connect() as session:
        session.execute("CHECKPOINT")  # pg_rewind before 16 reads the timeline from the source's last one
        said = old.programs.run("pg_rewind", "-D", str(old.data), f"--source-server={new.address()}", "-R", timeout=timeout)
        if said.code != 0:
            raise stop("REJOIN_FAILED", "pg_rewind", expected="the old primary to become a standby", found=said.last_words)
        old.start(timeout)
        wait_streaming(session, timeout)
        end = session.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
        behind = sql.SQL("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= %s::pg_lsn")
        wait_for(
            lambda: _count(session, behind, list(end or ())) > 0, timeout, "REJOIN_FAILED", "the old primary to have what the new one has"
        )


def wait_for(held: t.Callable[[], bool], timeout: float, code: str, expected: str, poll: float = POLL_SECONDS) -> None:
    """Ask until it holds.

    :raises Stopped: with this code, after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while not held():
        if time.monotonic() > deadline:
            raise stop(code, "scratch pair", expected=expected, found=f"none within {timeout:g} s")
        time.sleep(poll)


def _count(session: Connection, query: t.Any, values: t.Sequence[t.Any] | None = None) -> int:
    row = session.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def _copy(backup: pathlib.Path, data: pathlib.Path, account: Account | None) -> None:
    try:
        shutil.copytree(backup, data, dirs_exist_ok=True, symlinks=True)
        for folder, _folders, files in os.walk(data):
            hand_over(pathlib.Path(folder), account)
            for name in files:
                hand_over(pathlib.Path(folder, name), account)
        data.chmod(0o700)
    except (OSError, shutil.Error) as problem:
        raise stop("RESTORE_FAILED", str(backup), expected="a backup that can be copied", found=str(problem)[:300]) from problem


def _log(directory: RunDirectory, name: str, account: Account | None) -> pathlib.Path:
    path = directory.path / f"{name}.log"
    path.touch(mode=0o600)
    return hand_over(path, account)


def _no_backup(backup: pathlib.Path, expected: str, found: str) -> Refusal:
    remedy = "Name such a folder, or leave it out to begin with an empty server."
    return Refusal(f"backup {backup}", expected=expected, found=found, remedy=remedy, code="no_base_backup")

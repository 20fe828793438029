# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The throw-away server: on a socket that only its account can reach, and cut off from everything its original was tied to.

It archives nothing (a restored copy once polluted its own repository), follows nobody, takes part in no replication, loads no library that was not asked for,
and never becomes a primary by itself: it is started as a standby without a primary, so that the end of the log is for us to judge.
"""

from __future__ import annotations

import contextlib
import pathlib
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg
from .. import secluded
from ..findings import Finding, Stopped, stop
from ..programs import Account, Popen, Programs, end, hand_over, tail

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

PORT = 5432  # of the socket's name; there is no network
SECONDS_TO_STOP = 120.0
SECONDS_TO_DIE = 7.0  # a session breaks before the process is gone: the server gives its other children up to 5 s
ALONE: t.Mapping[str, str] = {
    **secluded.SETTINGS,
    "port": str(PORT),
    "archive_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "synchronous_standby_names": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "autovacuum": "off",
    "max_standby_archive_delay": "-1",
    "wal_retrieve_retry_interval": "100ms",
    "restart_after_crash": "off",
    "lc_messages": "C",
    "log_timezone": "UTC",
    "TimeZone": "UTC",
}


class Target:
    """A server over one data folder.

    :param folder: of the run; configuration and log lie there, outside the data.
    :param superuser: a role of the restored cluster that may do everything.
    :param settings: what the user wants on top, for instance shared_preload_libraries or shared_buffers.
    """

    def __init__(
        self, folder: pathlib.Path, sockets: pathlib.Path, programs: Programs, *, superuser: str, settings: t.Mapping[str, str]
    ) -> None:
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.sockets = sockets
        self.programs = programs
        self.superuser = superuser
        self._folder = folder
        self._settings = dict(settings)
        self._process: Popen | None = None

    @property
    def account(self) -> Account | None:
        return self.programs.account

    def seclude(self) -> None:
        """Put away what came with the data and would be read before our configuration."""
        secluded.put_away(self.data)
        hand_over(_written(self.data / "postgresql.auto.conf", ""), self.account)

    def configure(self, settings: t.Mapping[str, str]) -> None:
        """Write the whole configuration for the next start. What the user wants does not touch the cut from the world."""
        own = {"unix_socket_directories": str(self.sockets)}
        for name, content in (("hba", "local all all trust\n"), ("ident", "")):
            path = hand_over(_written(self._folder / f"pg_{name}.conf", content), self.account)
            own[f"{name}_file"] = str(path)
        hand_over(_written(self._folder / "server.conf", secluded.lines({**self._settings, **ALONE, **own, **settings})), self.account)

    def start(self) -> None:
        """Start it. Nothing is waited for."""
        self._process = self.programs.start("postgres", "-D", str(self.data), "-c", f"config_file={self._folder}/server.conf", log=self.log)

    def connect(self, database: str = "postgres", application: str = "restore_validate") -> Connection:
        """A session of the superuser.

        :raises Refusal: it does not answer (yet).
        """
        return secluded.session(self.sockets, PORT, self.superuser, database, application)

    def answers(self) -> Connection | None:
        """A session, or None while it does not take any.

        :raises Stopped: START_FAILED, and the more exact codes that its log allows, when it has ended.
        """
        try:
            return self.connect()
        except Refusal as refusal:
            self.require_alive()
            if "does not exist" in refusal.found:
                raise stop("START_FAILED", "superuser", expected="a role of the restored cluster", found=refusal.found) from refusal
            return None

    def require_alive(self) -> None:
        """Nothing, while the server runs.

        :raises Stopped: as ``answers``.
        """
        if self._process is None or self._process.poll() is None:
            return
        raise secluded.died(self.last_words())

    def last_words(self) -> str:
        """The end of the server's log."""
        return tail(self.log) if self.log.exists() else ""

    def stop(self, sign: str = "fast") -> None:
        """Stop it; nothing happens when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        answer = self.programs.run("pg_ctl", "stop", "-D", str(self.data), "-m", sign, "-t", str(int(SECONDS_TO_STOP)))
        if answer.code != 0:
            end(self._process)
        self._process.wait()

    def wait_until_it_answers(self, deadline: float, look: t.Callable[[], None]) -> Connection:
        """A session as soon as it takes one; ``look`` is called meanwhile and may raise.

        :param deadline: monotonic seconds.
        :raises Stopped: RUN_TIMEOUT, and as ``answers``.
        """
        while (session := self.answers()) is None:
            look()
            if time.monotonic() > deadline:
                raise stop("RUN_TIMEOUT", "server", expected="to accept connections in time", found=secluded.last_line(self.last_words()))
            time.sleep(0.02)
        return session

    def lost(self, problem: psycopg.Error) -> Finding:
        """What it means that a session broke: the server's own reason, when it has ended. No row data: only the error's first line."""
        if self.has_ended():
            return secluded.died(self.last_words()).finding
        said = str(problem).strip().splitlines()[:1]
        return Finding("START_FAILED", "server", "to answer", said[0] if said else type(problem).__name__)

    def has_ended(self) -> bool:
        """Whether it has, or does within the moments that lie between a broken session and the end of the process."""
        until = time.monotonic() + SECONDS_TO_DIE
        while self._process is not None and self._process.poll() is None:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return self._process is not None

    def close(self) -> None:
        """Stop it at once, whatever it does."""
        with contextlib.suppress(Stopped):
            self.stop("immediate")


def _written(path: pathlib.Path, content: str) -> pathlib.Path:
    path.write_text(content, encoding="utf-8")
    return path

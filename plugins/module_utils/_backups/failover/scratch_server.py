# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A PostgreSQL server of a run's own: on a Unix socket in the run's private folder, deaf to the network, sending nothing out."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import time
import typing as t

from ..._common.errors import Refusal
from .. import secluded
from ..findings import stop
from ..programs import Account, Popen, Programs, end, hand_over, tail
from ..run_directory import working_in

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection

DATABASE = "postgres"
POLL_SECONDS = 0.02
SECONDS_TO_DIE = 30.0
SETTINGS: t.Mapping[str, str] = {
    **secluded.SETTINGS,
    "shared_preload_libraries": "",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_prepared_transactions": "64",  # those of a copied folder need room
    "wal_keep_size": "256MB",
    "wal_log_hints": "on",  # pg_rewind asks for it where there are no data checksums
    "shared_buffers": "64MB",
}


@dataclasses.dataclass
class ScratchServer:
    """One server. ``port`` only names its socket, in a folder that no other server uses."""

    programs: Programs
    data: pathlib.Path
    sockets: pathlib.Path
    port: int
    user: str
    log: pathlib.Path
    process: Popen | None = None

    def start(self, timeout: float) -> None:
        """Start it and wait until it answers.

        :raises Stopped: START_FAILED, or what its last words say more exactly.
        """
        sure = ["-c", f"port={self.port}", "-c", f"unix_socket_directories={self.sockets}", "-c", f"cluster_name={self.data.name}"]
        self.process = self.programs.start("postgres", "-D", str(self.data), *sure, log=self.log)
        deadline = time.monotonic() + timeout
        while (refusal := self._refusal()) is not None:
            if self.process.poll() is not None:
                raise secluded.died(tail(self.log))
            if "does not exist" in refusal.found or time.monotonic() > deadline:  # no such role: waiting does not help
                raise stop("START_FAILED", f"scratch server {self.data.name}", expected=refusal.expected, found=refusal.found)
            time.sleep(POLL_SECONDS)

    def connect(self) -> Connection:
        """A session as its superuser.

        :raises Refusal: it does not answer.
        """
        return secluded.session(self.sockets, self.port, self.user, DATABASE, application="scratch")

    def address(self) -> str:
        """The same as a connection string of libpq's."""
        return f"host={self.sockets} port={self.port} user={self.user} dbname={DATABASE}"

    def kill(self) -> None:
        """SIGKILL for all its processes at once, as when the machine loses power; comes back when none is left.

        :raises Stopped: RUN_TIMEOUT, one cannot be killed.
        """
        deadline = time.monotonic() + SECONDS_TO_DIE
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGSTOP)  # or it would start new children while we kill the old ones
        while left := working_in(self.data):
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if self.process is not None:
                self.process.poll()
            if time.monotonic() > deadline:
                raise stop("RUN_TIMEOUT", f"scratch server {self.data.name}", expected="no process after SIGKILL", found=f"{len(left)}")
            time.sleep(0.001)
        if self.process is not None:
            end(self.process)

    def _refusal(self) -> Refusal | None:
        """Why it takes no session; None when it does."""
        try:
            self.connect().close()
        except Refusal as refusal:
            return refusal
        return None


def settle(data: pathlib.Path, account: Account | None) -> None:
    """Give a data folder our configuration, in place of the one it came with."""
    secluded.put_away(data)
    contents = {
        "postgresql.conf": secluded.lines(SETTINGS),
        "pg_hba.conf": "local all all trust\nlocal replication all trust\n",  # the socket's folder is closed to everybody else
        "pg_ident.conf": "",
    }
    for name, content in contents.items():
        path = data / name
        path.unlink(missing_ok=True)  # may be a link to the source's own
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
        hand_over(path, account)

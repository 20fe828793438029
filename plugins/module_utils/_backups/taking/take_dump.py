# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Backups by pg_dump: a directory archive of each database, and the cluster's globals without passwords.

Below the backup: ``<database>/`` as ``pg_dump -Fd`` writes it, with the database's name percent-encoded, and ``globals.sql``.
"""

from __future__ import annotations

import pathlib
import time
import typing as t
import urllib.parse

from ..._common import words
from ..._common.postgres.driver import psycopg
from ..programs import Programs
from .take import Taken, require_success

GLOBALS = "globals.sql"
LOCK_SECONDS = 60


def folder_of(database: str) -> str:
    """The folder of a database's archive; ``database_of`` turns it back."""
    return urllib.parse.quote(database, safe="").replace(".", "%2E")


def database_of(folder: str) -> str:
    """The database whose archive lies in that folder."""
    return urllib.parse.unquote(folder)


def take(
    programs: Programs,
    environment: t.Mapping[str, str],
    folder: pathlib.Path,
    label: str,
    snapshots: t.Mapping[str, str],
    *,
    jobs: int,
    compress: int | None,
) -> Taken:
    """Dump every database of ``snapshots`` with its snapshot, one after the other, each by ``jobs`` processes.

    :param environment: of ``service_file.environment``.
    :raises Refusal: a program failed.
    """
    began = time.time()
    globals_only = ("--globals-only", "--no-role-passwords", "--no-password", f"--file={folder / GLOBALS}")
    require_success("pg_dumpall", programs.run("pg_dumpall", *globals_only, env=environment))
    for database, snapshot in snapshots.items():
        arguments = [
            "--format=directory",
            f"--jobs={jobs}",
            f"--snapshot={snapshot}",
            f"--lock-wait-timeout={LOCK_SECONDS}s",
            "--no-password",
            f"--file={folder / folder_of(database)}",
            f"--dbname={psycopg.conninfo.make_conninfo('', dbname=database)}",
        ]
        if compress is not None:
            arguments.append(f"--compress={compress}")
        require_success(f"pg_dump of {database}", programs.run("pg_dump", *arguments, env=environment))
    return Taken(label, words.iso(began), words.iso(time.time()))

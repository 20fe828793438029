# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The validation of a dump: into an empty cluster, and compared with the manifest of its own snapshot."""

from __future__ import annotations

import pathlib
import typing as t

from ..._common.postgres.driver import psycopg, sql
from ..findings import stop
from ..programs import hand_over
from ..run_directory import RunDirectory
from ..taking.manifest import Manifest
from ..taking.take_dump import GLOBALS, database_of
from . import afterwards, amcheck, comparison, first_query, recovery_point
from .engine_dump import Dump
from .locate import Located, epoch
from .recovery_point import Point
from .target import PORT, Target
from .validation import Validation

LONGEST = 400
UNNAMED = "restored"


def restore(run: Validation, engine: Dump, located: Located, target: Target, directory: RunDirectory) -> None:
    """Everything from the first byte to the last check.

    :raises Stopped: what ends it; what is known until then is in the run.
    """
    with run.phases.phase("fetch"):
        run.progress.begin("fetch", located.backup.bytes)
        fetched = engine.fetch(located.backup, located.expected(), directory.path)
    run.known["bytes"] = {"fetched": fetched}
    dumps = _dumps(directory.path / "dump")
    known = located.manifest.databases if located.manifest else {}
    with run.phases.phase("provision"):
        run.progress.begin("provision")
        _make_cluster(run, target)
    with run.phases.phase("load"):
        run.progress.begin("load", len(dumps), "databases")
        _load_globals(run, target, directory.path / "dump" / GLOBALS)
        for name, dump in dumps.items():
            _make_database(target, name, known.get(name, {}))
            _load(run, target, dump, name, directory.path / "pg_restore.log")
            run.progress.add(1)
    with run.phases.phase("first_query"), target.connect() as session:
        first_query.read_and_write(session)
    run.recovered = run.restored = True
    run.known["target"] = {"requested": "the dump's snapshot"}
    if located.manifest is None:
        comparison.without_manifest(run, target, list(dumps))
    else:
        comparison.with_manifest(run, target, located.manifest, kind="logical", exact=located.manifest.anchor.exact)
    if run.wish.amcheck != "off":
        run.check(amcheck.NAME, lambda: amcheck.look(target, list(dumps), run.wish.jobs, run.wish.amcheck))
    afterwards.look(run, target)
    recovery_point.judge(run, _snapshot(run, located.manifest), None)


def _snapshot(run: Validation, manifest: Manifest | None) -> Point | None:
    """What came after the dump's snapshot is not in it."""
    return None if manifest is None else Point(run.t0 - epoch(manifest.anchor.taken), "dump's snapshot")


def _dumps(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The dumps by database: a folder each, as backup_manifest takes them, or one alone."""
    found = sorted(path.parent for path in folder.rglob("toc.dat"))
    if not found:
        raise stop("FILE_MISSING", "toc.dat", expected="a dump in pg_dump's directory format", found="no table of contents")
    return {UNNAMED if dump == folder else database_of(dump.name): dump for dump in found}


def _make_cluster(run: Validation, target: Target) -> None:
    answer = run.programs.run(
        "initdb",
        f"--pgdata={target.data}",
        f"--username={target.superuser}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
        timeout=run.wish.run_timeout,
    )
    if answer.code != 0:
        code = "DISK_FULL" if "No space left" in answer.output else "TOOL_MISSING"
        raise stop(code, "initdb", expected="an empty cluster", found=answer.last_words[-LONGEST:])
    target.configure({"max_locks_per_transaction": "1024"})
    target.start()
    target.wait_until_it_answers(run.deadline, run.require_time).close()


def _make_database(target: Target, name: str, wanted: t.Mapping[str, t.Any]) -> None:
    """With the source's encoding and sort order, from the empty template."""
    options = {"ENCODING": wanted.get("encoding"), "LC_COLLATE": wanted.get("collate"), "LC_CTYPE": wanted.get("ctype")}
    said = sql.SQL(" ").join(sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items() if value)
    with target.connect("template1") as session:
        if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(sql.Identifier(name), said))


def _load_globals(run: Validation, target: Target, file: pathlib.Path) -> None:
    """Roles and their like. Those that are there already are no harm; one that is missing fails what is loaded next."""
    if file.exists():
        run.programs.run("psql", *_where(target), "--quiet", f"--file={file}", "postgres", timeout=run.wish.run_timeout)


def _load(run: Validation, target: Target, dump: pathlib.Path, name: str, log: pathlib.Path) -> None:
    log.touch()
    arguments = ("--exit-on-error", f"--jobs={run.wish.jobs}", f"--dbname={psycopg.conninfo.make_conninfo('', dbname=name)}", str(dump))
    answer = run.programs.run(
        "pg_restore", *_where(target), *arguments, log=hand_over(log, run.programs.account), timeout=run.wish.run_timeout
    )
    if answer.code != 0:
        target.require_alive()
        is_full = "No space left" in answer.output + target.last_words()
        raise stop("DISK_FULL" if is_full else "RESTORE_FAILED", name, expected="pg_restore to succeed", found=_errors(answer.output))


def _errors(said: str) -> str:
    """What pg_restore complains of, without the lines that quote rows."""
    lines = [line for line in said.splitlines() if "error:" in line or "ERROR:" in line]
    return " ".join(lines)[:LONGEST] or "an error"


def _where(target: Target) -> tuple[str, ...]:
    return (f"--host={target.sockets}", f"--port={PORT}", f"--username={target.superuser}", "--no-password")

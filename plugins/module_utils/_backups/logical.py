# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The validation of a dump: into an empty cluster, and compared with the manifest of its own snapshot."""

from __future__ import annotations

import pathlib
import typing as t

from .._common.postgres.driver import sql
from . import afterwards, amcheck, comparison, first_query, recovery_point
from .engine_dump import Dump
from .findings import stop
from .locate import Located, epoch
from .manifest import Manifest
from .programs import hand_over
from .recovery_point import Point
from .run_directory import RunDirectory
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
    dump = _dump(directory.path / "dump")
    name, wanted = _database(located.manifest)
    with run.phases.phase("provision"):
        run.progress.begin("provision")
        _make_cluster(run, target, directory.path)
        _make_database(target, name, wanted)
    with run.phases.phase("load"):
        run.progress.begin("load")
        _load(run, target, dump, name)
    with run.phases.phase("first_query"), target.connect(name) as session:
        first_query.read_and_write(session)
    run.recovered = run.restored = True
    run.known["target"] = {"requested": "the dump's snapshot"}
    if located.manifest is None:
        comparison.without_manifest(run, target, [name])
    else:
        comparison.with_manifest(run, target, located.manifest, kind="logical", exact=located.manifest.anchor.exact)
    if run.wish.amcheck != "off":
        run.check("index and heap structure", lambda: amcheck.look(target, [name], run.wish.jobs, run.wish.amcheck))
    afterwards.look(run, target)
    recovery_point.judge(run, _snapshot(run, located.manifest), None)


def _snapshot(run: Validation, manifest: Manifest | None) -> Point | None:
    """What came after the dump's snapshot is not in it."""
    return None if manifest is None else Point(run.t0 - epoch(manifest.anchor.taken), "dump's snapshot")


def _dump(folder: pathlib.Path) -> pathlib.Path:
    """Where the dump's table of contents is."""
    found = next(folder.rglob("toc.dat"), None)
    if found is None:
        raise stop("FILE_MISSING", "toc.dat", expected="a dump in pg_dump's directory format", found="no table of contents")
    return found.parent


def _database(manifest: Manifest | None) -> tuple[str, t.Mapping[str, t.Any]]:
    if manifest is None:
        return UNNAMED, {}
    return next(iter(manifest.databases.items()))


def _make_cluster(run: Validation, target: Target, folder: pathlib.Path) -> None:
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
        raise stop(code, "initdb", expected=f"an empty cluster in {folder}", found=answer.last_words[-LONGEST:])
    target.configure({"max_locks_per_transaction": "1024"})
    target.start()
    target.wait_until_it_answers(run.deadline, run.require_time).close()


def _make_database(target: Target, name: str, wanted: t.Mapping[str, t.Any]) -> None:
    """With the source's encoding and sort order, from the empty template."""
    options = {"ENCODING": wanted.get("encoding"), "LC_COLLATE": wanted.get("collate"), "LC_CTYPE": wanted.get("ctype")}
    said = sql.SQL(" ").join(sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items() if value)
    with target.connect() as session:
        if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(sql.Identifier(name), said))


def _load(run: Validation, target: Target, dump: pathlib.Path, name: str) -> None:
    where = (f"--host={target.sockets}", f"--port={PORT}", f"--username={target.superuser}", "--no-password")
    for roles in dump.parent.rglob("globals.sql"):
        # Roles that are there already are no harm; one that is missing fails the restore below.
        run.programs.run("psql", *where, "--quiet", f"--file={roles}", "postgres", timeout=run.wish.run_timeout)
    log = hand_over(_touched(dump.parent.parent / "pg_restore.log"), run.programs.account)
    answer = run.programs.run(
        "pg_restore",
        *where,
        "--exit-on-error",
        f"--jobs={run.wish.jobs}",
        f"--dbname={name}",
        str(dump),
        log=log,
        timeout=run.wish.run_timeout,
    )
    if answer.code != 0:
        target.require_alive()
        is_full = "No space left" in answer.output + target.last_words()
        raise stop("DISK_FULL" if is_full else "RESTORE_FAILED", name, expected="pg_restore to succeed", found=answer.last_words[-LONGEST:])


def _touched(path: pathlib.Path) -> pathlib.Path:
    path.touch()
    return path

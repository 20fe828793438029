# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. One validation from beginning to end. What is wrong with a backup is never an exception here: it is in the record."""

from __future__ import annotations

import functools
import pathlib
import time
import typing as t

from ..._common import words
from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg
from ..._ledger.canonical import digest
from .. import run_directory, termination
from ..findings import Finding, Stopped, stop, verdict
from ..run_directory import RunDirectory
from ..source import lock_check, room
from ..source.place import Place
from ..source.room import FULL
from ..taking import manifest
from ..taking.manifest import Manifest
from . import goals, locate, logical, outcome, physical, pulse
from .checks import Look
from .engine_basebackup import BaseBackup
from .engine_dump import Dump
from .engine_pgbackrest import PgBackRest, Repository
from .locate import Located
from .progress import Progress
from .target import Target
from .validation import Validation
from .wish import Wish

KIND = "restore_validate"
ENDS_IT = ("STALE_BACKUP", "MANIFEST_FORGED", "CORRUPT_FILE", "FILE_MISSING")  # a restore would say no more


def validate(wish: Wish, place: Place) -> tuple[outcome.Record, Validation]:
    """Make the run; its record, with the dead runs that it cleaned up after as ``aborted``."""
    run = Validation(wish, place)
    aborted: list[str] = []
    try:
        _require_apart(wish, place)
        with termination.in_order(), run_directory.alone(wish.work, KIND):
            aborted = run_directory.dead(wish.work, KIND)
            run_directory.bury(wish.work, [*aborted, *run_directory.kept(wish.work, KIND)])
            with run.phases.phase("provision"):
                directory = run_directory.create(wish.work, wish.run, KIND, wish.account)
            _in_its_folder(run, directory)
    except Stopped as stopped:
        run.checks.findings.append(stopped.finding)
    return {**outcome.record(run), "aborted": aborted}, run


def find(run: Validation, engine: BaseBackup | PgBackRest | Dump) -> Located:
    """The backup that the run is about, as it was at the cut; what is wrong with it and its objects is noted.

    :raises Stopped: there is none, or the place does not answer.
    """
    run.progress.begin("locate")
    if run.wish.heartbeat:
        run.checks.run("primary's heartbeat", functools.partial(_ask_primary, run, run.wish.heartbeat))
    run.t0 = time.time()
    located = locate.locate(engine.backups(run.t0), run.wish.backup, functools.partial(_manifest, run))
    locate.require_target(located, run.wish.until)
    run.checks.run("objects", functools.partial(_objects, run, located))
    if run.wish.required_lock_days is not None:
        run.checks.run("locks", functools.partial(_locks, run, located))
    return located


def make_engine(run: Validation, folder: pathlib.Path) -> BaseBackup | PgBackRest | Dump:
    """The tool that made the backup."""
    if run.wish.engine == "pgbackrest":
        return PgBackRest(run.tools, Repository(run.wish.pgbackrest["stanza"], run.wish.pgbackrest.get("config")), folder)
    return Dump(run.tools) if run.wish.engine == "pg_dump" else BaseBackup(run.tools)


def is_over(run: Validation) -> bool:
    """Whether the backup is known to be bad before a byte of it is fetched."""
    return any(one.code in ENDS_IT for one in run.checks.findings)


def require_programs(run: Validation) -> None:
    """Nothing, when the programs that a restore runs are there.

    :raises Stopped: TOOL_MISSING.
    """
    wanted = {"pg_dump": ("postgres", "initdb", "pg_restore", "psql"), "pgbackrest": ("postgres", "pg_controldata", "pgbackrest")}
    for name in wanted.get(run.wish.engine, ("postgres", "pg_controldata", "pg_ctl")):
        run.programs.path(name)


def needed(located: Located) -> int:
    """Bytes that a restore will take: the heaps by the manifest, indexes as much again, or else what the files hold."""
    if located.manifest is None:
        return located.backup.bytes
    heaps = sum(int(one["bytes"]) for database in located.manifest.databases.values() for one in database["tables"].values())
    return max(located.backup.bytes, 2 * heaps)


def _in_its_folder(run: Validation, directory: RunDirectory) -> None:
    run.progress = Progress(directory.path)
    target = Target(directory.path, directory.sockets, run.programs, superuser=run.wish.superuser, settings=run.wish.server_settings)
    try:
        engine = make_engine(run, directory.path)
        with run.phases.phase("locate"):
            located = find(run, engine)
        if is_over(run):
            return
        with run.phases.phase("provision"):
            room.require_free(run.wish.work, needed(located))
        if isinstance(engine, Dump):
            logical.restore(run, engine, located, target, directory)
        else:
            physical.restore(run, engine, located, target, directory)
    except Stopped as stopped:
        run.checks.findings.append(stopped.finding)
    except Refusal as refusal:
        run.checks.findings.append(Finding("START_FAILED", refusal.thing, refusal.expected, refusal.found))
    except psycopg.Error as problem:
        run.checks.findings.append(target.lost(problem))
    except OSError as problem:
        code = "DISK_FULL" if problem.errno in FULL else "TARGET_REFUSED"
        run.checks.findings.append(Finding(code, str(problem.filename or run.wish.work), "to be written", problem.strerror or str(problem)))
    finally:
        target.close()
        run.progress.close()
        if run.recovered:
            run.checks.findings += goals.recovery_time(run.phases.total, run.wish.rto_at_most)
        keep = run.wish.keep_on_failure and verdict(run.checks.findings) != "PASS"
        if keep:
            directory.keep()
        run.known["cleanup"] = {"ok": not keep, "bytes": 0 if keep else directory.remove()}


def _require_apart(wish: Wish, place: Place) -> None:
    """Nothing, when the work folder is nowhere near a running cluster's data or the backups themselves.

    :raises Stopped: TARGET_REFUSED.
    """
    for folder in (wish.work, *wish.work.parents):
        if (folder / "PG_VERSION").exists():
            raise stop("TARGET_REFUSED", str(wish.work), expected="a folder outside every data folder", found=f"{folder} is one")
    told = place.describe()
    if told["kind"] == "directory" and wish.work.is_relative_to(told["name"]):
        raise stop("TARGET_REFUSED", str(wish.work), expected="a folder outside the backups", found=f"one inside {told['name']}")


def _ask_primary(run: Validation, connection: t.Mapping[str, t.Any]) -> Look:
    run.pulse = pulse.take(connection)
    return Look(f"number {run.pulse.seq}, {run.pulse.age:.1f} s old; its clock is {run.pulse.clock_offset:+.2f} s from ours")


def _manifest(run: Validation, label: str) -> Manifest:
    if not run.wish.keys:
        raise stop("NO_MANIFEST", manifest.path(label), expected="a verifier key to believe it by, in manifest_keys", found="none")
    return manifest.read(run.place, label, run.wish.keys, run.t0)


def _objects(run: Validation, located: Located) -> Look:
    backup, described = located.backup, run.place.describe()
    age, stale = locate.age(located, run.t0, run.wish.max_age)
    run.known["backup"] = {
        "label": backup.label,
        "started": backup.started and words.iso(backup.started),
        "stopped": located.stopped and words.iso(located.stopped),
        "bytes": backup.bytes,
        "files": len(backup.files),
        "start_lsn": backup.start_lsn,
        "stop_lsn": backup.stop_lsn,
        "age_seconds": None if age is None else round(age, 1),
    }
    names = {item.path: [item.size, item.version, item.etag] for item in backup.files}
    run.known["source"] = {"kind": described["kind"], "name": described["name"], "objects": len(names), "objects_sha256": digest(names)}
    if located.manifest:
        anchor = located.manifest.anchor
        facts = {"sha256": located.manifest.sha256, "signer": located.manifest.signer}
        run.known["manifest"] = {**facts, "method": anchor.method, "anchor_lsn": anchor.lsn, "exact": anchor.exact}
    found: list[Finding] = [*located.findings, *((stale,) if stale else ())]
    try:
        locate.require_whole(located)
    except Stopped as stopped:
        found.append(stopped.finding)
    return Look(f"{len(backup.files)} objects, {backup.bytes:,} bytes", tuple(found))


def _locks(run: Validation, located: Located) -> Look:
    days = run.wish.required_lock_days or 0
    seen = lock_check.check(run.place, located.backup.files, now=run.t0, required_days=days, workers=run.wish.jobs)
    run.known["source"].update(lock_mode=seen.mode, lock_until=seen.until and words.iso(seen.until))
    return Look(f"{seen.mode or 'no lock'}, to be held {days} days", seen.findings)

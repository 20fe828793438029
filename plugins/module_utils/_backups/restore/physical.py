# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The validation of a physical backup: stop at the manifest's anchor and compare, go on to the end, promote, and look around."""

from __future__ import annotations

import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg
from ..findings import Stopped
from ..run_directory import RunDirectory
from ..source import uploads, wal
from ..source.archive import Archive
from . import afterwards, amcheck, comparison, recovery_point, restoration
from .checks import Look
from .engine import PhysicalEngine
from .locate import Located, epoch
from .recovery import Reached, Until
from .restoration import Recovery
from .target import Target
from .validation import Validation

if t.TYPE_CHECKING:
    from ..._common.postgres.connect import Connection
    from ..taking.manifest import Manifest


def restore(run: Validation, engine: PhysicalEngine, located: Located, target: Target, directory: RunDirectory) -> None:
    """Everything from the first byte to the last check.

    :raises Stopped: what ends it; what is known until then is in the run.
    """
    with run.phases.phase("fetch"):
        run.progress.begin("fetch", located.backup.bytes)
        run.known["bytes"] = {"fetched": engine.fetch(located.backup, located.expected(), directory.path), "wal": None, "database": None}
    run.restored = True
    _verify_files(run, engine, target, is_known=bool(located.manifest))
    found, label = restoration.look(target, located.manifest.system_identifier if located.manifest else None)
    run.known["versions"] = {"server": run.programs.version("postgres")}
    run.known["backup"].update(system_identifier=found.system_identifier, start_lsn=label.start_lsn)
    with run.phases.phase("fetch"):
        archive = engine.archive(located.backup, run.t0, found.segment_bytes)
        spool = directory.folder("wal", run.programs.account)
        recovery = restoration.prepare(run, engine, archive, target, found, label, spool)
    run.checks.note("archive", _look_at(archive, recovery), 0.0)
    try:
        session = _recover(run, recovery, located.manifest)
    except (Stopped, Refusal, psycopg.Error) as problem:
        if (cause := recovery.cause()) is None:
            raise
        raise cause from problem
    finally:
        recovery.spool.stop()
        run.known["bytes"]["wal"] = recovery.spool.bytes
    session.close()
    _look_around(run, target, archive)


def _look_at(archive: Archive, recovery: Recovery) -> Look:
    """What was done to the objects that the recovery reads; what else lies in the archive is another backup's."""
    read = [archive.items[segment] for segment in recovery.spool.chain.segments if segment in archive.items]
    paths = {item.path for item in (*read, *archive.histories.values())}
    return Look(f"{len(read)} segments at the cut", tuple(one for one in archive.listing.findings if one.about in paths))


def _verify_files(run: Validation, engine: PhysicalEngine, target: Target, *, is_known: bool) -> None:
    """By the tool's own checksums. Where it does not run, those of the manifest have been compared when the files came."""
    began = time.monotonic()
    try:
        seen = engine.verify(target.data)
    except Stopped as stopped:
        if stopped.finding.code != "TOOL_MISSING" or not is_known:
            raise
        run.checks.skip("files", f"{stopped.finding.about}: {stopped.finding.found}; the manifest's checksums were compared")
        return
    if seen is not None:
        run.checks.note("files", seen, time.monotonic() - began)


def _recover(run: Validation, recovery: Recovery, manifest: Manifest | None) -> Connection:
    """To the anchor, if there is one before where the run wants to go; then to where it wants to go; then a primary."""
    anchor = _anchor(run, manifest)
    if manifest is None or anchor is None:
        session, reached = recovery.stop_at(run.wish.until)
    else:
        session, reached = _by_way_of(run, recovery, manifest, anchor)
    run.known["target"] = {
        "requested": str(run.wish.until),
        "reached_lsn": reached.lsn,
        "reached_time": reached.time,
        "timeline": recovery.control.timeline,
    }
    recovery.promote(session)
    run.recovered = True
    if anchor is None:
        _compare_what_can_be(run, recovery.target, manifest)
    return session


def _anchor(run: Validation, manifest: Manifest | None) -> str | None:
    """The position at which the copy must equal the manifest, where the run passes it."""
    if manifest is None or not manifest.anchor.exact or manifest.anchor.lsn is None:
        return None
    until = run.wish.until
    if until.lsn is not None and wal.position(until.lsn) < wal.position(manifest.anchor.lsn):
        return None
    if until.time is not None and epoch(until.time) < epoch(manifest.anchor.taken):
        return None
    return manifest.anchor.lsn


def _by_way_of(run: Validation, recovery: Recovery, manifest: Manifest, anchor: str) -> tuple[Connection, Reached]:
    try:
        session, _reached = recovery.stop_at(Until(lsn=anchor))
    except Stopped as stopped:
        if stopped.finding.code != "TARGET_UNREACHABLE":
            raise
        # The archive ends before the anchor: that is found, and how much is lost is still to be measured.
        run.checks.note("rows and checksums", Look("the archive ends before the manifest's anchor", (stopped.finding,)), 0.0)
        return recovery.go_on_to(run.wish.until, beyond=None)
    session.close()
    began = time.monotonic()
    try:
        comparison.with_manifest(run, recovery.target, manifest, kind="physical", exact=True)
    except Stopped as stopped:
        run.checks.note("rows and checksums", Look(str(stopped.finding), (stopped.finding,)), time.monotonic() - began)
    return recovery.go_on_to(run.wish.until, beyond=anchor)


def _compare_what_can_be(run: Validation, target: Target, manifest: Manifest | None) -> None:
    """Without a point at which both are equal, rows say nothing; but they must be readable."""
    if manifest is None:
        comparison.without_manifest(run, target, comparison.databases_of(target))
    else:
        comparison.with_manifest(run, target, manifest, kind="physical", exact=False)


def _look_around(run: Validation, target: Target, archive: Archive) -> None:
    """What is checked on the promoted copy."""
    databases = comparison.databases_of(target)
    if run.wish.amcheck != "off":
        run.check(amcheck.NAME, lambda: amcheck.look(target, databases, run.wish.jobs, run.wish.amcheck))
    afterwards.look(run, target)
    gap = uploads.worst_gap(archive.listing, run.t0)
    recovery_point.judge(run, recovery_point.by_heartbeat(run, target) if run.wish.until.is_end else None, gap.seconds)

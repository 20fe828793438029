# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The restored copy's content beside the manifest's, database by database."""

from __future__ import annotations

import datetime
import time
import typing as t

from ..._common.errors import Refusal
from ..._common.postgres.driver import psycopg
from ..capture import compare, content, sampling
from ..capture.compare import Comparison, Kind
from ..findings import Finding, stop
from ..taking.manifest import Manifest
from .checks import Look
from .target import Target
from .validation import Validation


def with_manifest(run: Validation, target: Target, manifest: Manifest, *, kind: Kind, exact: bool) -> None:
    """Schema, rows and checksums of every database in the manifest, each kind of difference a check of its own."""
    began = time.monotonic()
    run.progress.begin(
        "compare", float(sum(one["bytes"] for database in manifest.databases.values() for one in database["tables"].values()))
    )
    found = capture(run, target, list(manifest.databases), sampling.as_captured(manifest.databases), strong=manifest.strong)
    both = {
        name: compare.compare(manifest.databases[name], found[name], kind=kind, exact=exact, database=name) for name in manifest.databases
    }
    took = time.monotonic() - began
    empty = compare.nothing_in(found)
    schema, rows = _split([*((empty,) if empty else ()), *(one for comparison in both.values() for one in comparison.findings)])
    run.checks.note("schema", Look(f"{len(both)} database{'s' if len(both) != 1 else ''}", tuple(schema)), 0.0)
    total = _total(both.values())
    run.checks.note(
        "rows and checksums", Look(f"{total['matched']} of {total['compared']} tables equal, {total['rows']:,} rows", tuple(rows)), took
    )
    excluded = {f"{name}: {table}": why for name, one in found.items() for table, why in one.get("excluded", {}).items()}
    run.known["tables"] = {**total, "excluded": excluded}
    _keep_rows(run, found)
    run.known["coverage"] = _coverage(run, manifest)


def without_manifest(run: Validation, target: Target, databases: t.Sequence[str]) -> None:
    """Read every row once; there is nothing to compare it with."""
    began = time.monotonic()
    run.progress.begin("read")
    found = capture(run, target, databases)
    empty = compare.nothing_in(found)
    unread = [
        Finding("UNREADABLE_TABLE", f"{name}: {table}", "a table that can be read to its end", str(one["error"]))
        for name, database in found.items()
        for table, one in database["tables"].items()
        if "error" in one
    ]
    run.checks.note(
        "rows", Look("every table read, compared with nothing", (*((empty,) if empty else ()), *unread)), time.monotonic() - began
    )
    _keep_rows(run, found)


def _coverage(run: Validation, manifest: Manifest) -> dict[str, t.Any]:
    """How much was compared whole lately: tonight, what was not sampled, and before, what the manifest remembers."""
    tonight = datetime.date.fromisoformat(run.wish.night)
    sizes, full = {}, {}
    remembered = sampling.last_full(manifest.databases)
    for name, database in manifest.databases.items():
        for table, one in database["tables"].items():
            sizes[f"{name}: {table}"] = int(one["bytes"])
            day = remembered[name].get(table) if "sample" in one else tonight
            if day is not None:
                full[f"{name}: {table}"] = day
    seen = sampling.coverage(sizes, full, tonight, run.wish.coverage_days)
    return {"ratio": round(seen.ratio, 4), "oldest_days": seen.oldest_days}


def databases_of(target: Target) -> list[str]:
    """Every database of the copy that can be connected to and is no template."""
    with target.connect() as session:
        query = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
        return [name for (name,) in session.execute(query)]


def capture(
    run: Validation, target: Target, databases: t.Sequence[str], sample: content.Sampling | None = None, *, strong: bool = False
) -> dict[str, t.Any]:
    """What these databases of the copy hold, summed as the manifest was.

    :raises Stopped: SCHEMA_MISMATCH, one of them is not there; START_FAILED.
    """

    def tick(read: int) -> None:
        run.progress.reach(read)
        run.require_time()

    try:
        return content.capture(target.connect, databases, jobs=run.wish.jobs, sample=sample, tick=tick, strong=strong)
    except Refusal as refusal:
        raise stop("SCHEMA_MISMATCH", refusal.thing, expected=refusal.expected, found=refusal.found) from refusal
    except psycopg.Error as problem:
        target.require_alive()
        said = " ".join(str(problem).split())[:300]
        raise stop("START_FAILED", "server", expected="to answer what its catalogs hold", found=said) from problem


def _split(findings: t.Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    of_schema = ("SCHEMA_MISMATCH", "COLLATION_MISMATCH", "EMPTY_BACKUP")
    return [one for one in findings if one.code in of_schema], [one for one in findings if one.code not in of_schema]


def _total(comparisons: t.Iterable[Comparison]) -> dict[str, t.Any]:
    several = list(comparisons)
    return {
        "compared": sum(one.compared for one in several),
        "matched": sum(one.matched for one in several),
        "sampled": sum(one.sampled for one in several),
        "rows": sum(one.rows for one in several),
        "mismatches": [name for one in several for name in one.mismatches],
    }


def _keep_rows(run: Validation, found: t.Mapping[str, t.Any]) -> None:
    """For the next night's shrink check, once a person has accepted this run."""
    run.known["rows"] = {
        f"{name}: {table}": one["rows"] for name, database in found.items() for table, one in database["tables"].items() if "rows" in one
    }
    size = sum(one["bytes"] for database in found.values() for one in database["tables"].values())
    run.known.setdefault("bytes", {})["database"] = size

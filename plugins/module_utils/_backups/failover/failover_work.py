# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``failover_smoke`` does."""

from __future__ import annotations

import datetime
import pathlib
import secrets
import typing as t

from ..._common import shape, words
from ..._common.argument_spec import ArgumentSpec
from ..._common.errors import Refusal
from ..._common.frame import Context, Outcome
from ..._common.postgres.driver import psycopg
from ..._ledger.options import OPTIONS as LEDGER
from .. import run_directory, termination
from ..findings import Finding, Stopped, stop
from ..programs import Programs, account_of
from ..source import room
from . import failover, failover_record, pair
from .failover import Drill, Observed
from .pair import Wanted

KIND = "failover_smoke"
EMPTY_BYTES = 300_000_000  # two fresh servers
BYTES_A_SECOND = 10_000_000  # what writing takes of both
RANGES: t.Mapping[str, tuple[float, float]] = {
    "writers": (1, 50),  # a server takes 100 sessions unless told otherwise
    "write_seconds": (0.1, 3600),
    "partition_seconds": (0, 3600),
    "timeout": (1, 86_400),
    "failover_at_most": (0, 86_400),
    "lost_writes_at_most": (0, 1_000_000_000),
}
NEEDED = ("initdb", "postgres", "pg_basebackup", "pg_rewind")

SPEC = ArgumentSpec(
    options={
        "work_directory": {"type": "path", "required": True},
        "backup": {"type": "path"},
        "login_user": {"type": "str", "default": "postgres"},
        "replication": {"type": "str", "choices": ["asynchronous", "synchronous"], "default": "asynchronous"},
        "writers": {"type": "int", "default": 2},
        "write_seconds": {"type": "float", "default": 5.0},
        "partition_seconds": {"type": "float", "default": 0.0},
        "rejoin": {"type": "bool", "default": True},
        "failover_at_most": {"type": "float"},
        "lost_writes_at_most": {"type": "int"},
        "timeout": {"type": "float", "default": 120.0},
        "bin_dir": {"type": "path"},
        "run_as": {"type": "str"},
        "cluster": {"type": "str", "default": "scratch"},
        "night": {"type": "str"},
        "ledger": {"type": "dict", "options": LEDGER},  # for the action: the controller signs
    },
)


def work(context: Context) -> Outcome:
    """Rehearse a failover, or only say what would be done.

    :raises Refusal: an option is not as it must be, or (in check mode) something stands in the way.
    """
    told = context.parameters
    drill, night = _drill(told), _night(told["night"])
    programs = Programs(told["bin_dir"], account_of(told["run_as"]))
    directory = pathlib.Path(told["work_directory"])
    if context.check_mode:
        try:
            return Outcome(False, {"plan": _plan(drill, programs, directory)})
        except Stopped as stopped:
            raise _refused(stopped.finding) from stopped
    started = _now()
    run = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    seen, found, freed, cleaned = Observed(), [], 0, False
    try:
        with termination.in_order(), run_directory.alone(directory, KIND):
            freed = run_directory.bury(directory, run_directory.dead(directory, KIND))
            _require(drill, programs, directory)
            made = run_directory.create(directory, run, KIND, programs.account)
            try:
                failover.rehearse(drill, programs, made, seen)
            except (Refusal, psycopg.Error) as problem:  # a server that does not answer any more, or not as a primary does
                found_instead = " ".join(str(problem).split())[:300]
                raise stop(
                    "START_FAILED", "scratch pair", expected="two servers that do as they are told", found=found_instead
                ) from problem
            finally:
                freed += made.remove()
                cleaned = True
    except Stopped as stopped:
        found.append(stopped.finding)
    found += failover.judged(drill, seen)
    about = {
        "run": run,
        "at": _now().isoformat(),
        "started": started.isoformat(),
        "night": night or f"{started:%Y-%m-%d}",
        "cluster": told["cluster"],
    }
    record = failover_record.record(about, drill, seen, found, cleanup={"ok": cleaned, "bytes": freed})
    return Outcome(False, {"record": record, "measures": failover_record.measures(record), "timeline": failover_record.timeline(seen)})


def _plan(drill: Drill, programs: Programs, directory: pathlib.Path) -> list[str]:
    """What would be done, in words.

    :raises Refusal: see ``pair.require_backup``.
    :raises Stopped: something is missing, or another run is at work.
    """
    _require(drill, programs, directory)
    left = run_directory.dead(directory, KIND) if directory.is_dir() else []
    source = f"a copy of {drill.wanted.backup}" if drill.wanted.backup else "an empty server"
    return [
        *(f"remove what the dead run {run} left" for run in left),
        f"make a primary of {source}, PostgreSQL {programs.version('postgres')}, and a standby ({drill.wanted.replication}), in {directory}",
        f"write with {drill.writers} sessions for {drill.write_seconds:g} s",
        *([f"part the standby from it and write for {drill.partition_seconds:g} s more"] if drill.partition_seconds else []),
        "kill the primary, promote the standby, write and read there, and count the acknowledged writes that are missing",
        *(["make the old primary a standby of the new one by pg_rewind"] if drill.rejoin else []),
        "remove both",
    ]


def _require(drill: Drill, programs: Programs, directory: pathlib.Path) -> None:
    for name in NEEDED:
        programs.path(name)
    backup = drill.wanted.backup
    copied = 2 * pair.require_backup(backup, programs) if backup else 0
    room.require_free(directory, EMPTY_BYTES + copied + round((drill.write_seconds + drill.partition_seconds) * BYTES_A_SECOND))


def _drill(told: t.Mapping[str, t.Any]) -> Drill:
    for name, (least, most) in RANGES.items():
        if told[name] is not None and (not words.is_number(told[name]) or not least <= told[name] <= most):
            raise shape.wrong(name, f"a number from {least:g} to {most:g}", words.described(told[name]), "Correct it.")
    backup = pathlib.Path(told["backup"]) if told["backup"] else None
    lost = told["lost_writes_at_most"]
    if lost is None and told["replication"] == "synchronous":
        lost = 0  # what synchronous replication promises
    return Drill(
        wanted=Wanted(backup, told["login_user"], told["replication"], told["timeout"]),
        writers=told["writers"],
        write_seconds=told["write_seconds"],
        partition_seconds=told["partition_seconds"],
        rejoin=told["rejoin"],
        seconds_at_most=told["failover_at_most"],
        lost_at_most=lost,
    )


def _night(found: str | None) -> str | None:
    try:
        return datetime.date.fromisoformat(found).isoformat() if found else None
    except ValueError:
        raise shape.wrong("night", "a date, as 2026-11-20", found, "Correct it.") from None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _refused(finding: Finding) -> Refusal:
    remedy = f"See {finding.code} in the documentation of verified backups."
    return Refusal(finding.about, expected=finding.expected, found=finding.found, remedy=remedy, code=finding.code.lower())

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a validation is asked for, checked before anything is looked at."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re
import secrets
import typing as t

from ..._common.errors import Refusal
from ..._ledger import keys
from ..._ledger.keys import VerifierKey
from .. import programs
from ..programs import Account
from ..source import wal
from .amcheck import Wanted
from .invariants import Invariant
from .recovery import Until

UNQUOTABLE = re.compile(r"[\"'$%`\\\n]")  # it stands in restore_command
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\Z")


@dataclasses.dataclass(frozen=True)
class Wish:
    """The options of restore_validate, typed. Times in seconds, sizes in bytes."""

    run: str
    night: str
    cluster: str
    engine: str
    backup: str
    until: Until
    keys: tuple[VerifierKey, ...]
    work: pathlib.Path
    bin_dir: str | None
    account: Account | None
    jobs: int
    bytes_per_second: float | None
    rto_at_most: float | None
    rpo_at_most: float | None
    max_age: float | None
    required_lock_days: int | None
    accepted: t.Mapping[str, int] | None  # rows by table of the last run that a person accepted
    max_shrink_percent: float
    coverage_days: int
    invariants: tuple[Invariant, ...]
    amcheck: Wanted
    heartbeat: t.Mapping[str, t.Any] | None
    heartbeat_database: str
    heartbeat_period: float
    superuser: str
    server_settings: t.Mapping[str, str]
    keep_on_failure: bool
    run_timeout: float
    pgbackrest: t.Mapping[str, t.Any]
    is_drill: bool


def wish(options: t.Mapping[str, t.Any]) -> Wish:
    """The options as a wish.

    :raises Refusal: one is not as it must be.
    """
    run = options["run"] or f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    if not RUN.match(run):
        raise _refusal("run", "up to 61 letters, digits, - and _", repr(run), "Leave it out, or choose a plain name.")
    if options["engine"] == "pg_dump" and (options["target_time"] or options["target_lsn"]):
        raise _refusal("target_time", "no target: a dump is one moment", "a target", "Leave it out, or use a physical engine.")
    if options["engine"] == "pgbackrest" and not (options["pgbackrest"] or {}).get("stanza"):
        raise _refusal("pgbackrest.stanza", "the name of the stanza", "none", "Name it.")
    for name in ("jobs", "run_timeout", "coverage_days"):
        if options[name] <= 0:
            raise _refusal(name, "more than 0", str(options[name]), "Leave it out for the usual one.")
    if UNQUOTABLE.search(options["work_directory"]):
        raise _refusal(
            "work_directory", "a path without quotes, $, %, `, \\ and line ends", repr(options["work_directory"]), "Name another folder."
        )
    rate = options["bytes_per_second"]
    if rate is not None and rate <= 0:
        raise _refusal("bytes_per_second", "more than 0", str(rate), "Leave it out for no limit.")
    night = options["night"] or f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    try:
        datetime.date.fromisoformat(night)
    except ValueError as problem:
        raise _refusal("night", "a date as YYYY-MM-DD", repr(night), "Leave it out for today.") from problem
    return Wish(
        run=run,
        night=night,
        cluster=options["cluster"],
        engine=options["engine"],
        backup=options["backup"],
        until=_until(options),
        keys=tuple(keys.parse_verifier(text, "manifest_keys") for text in options["manifest_keys"]),
        work=pathlib.Path(options["work_directory"]).absolute(),
        bin_dir=options["bin_dir"],
        account=programs.account_of(options["run_as"]),
        jobs=options["jobs"],
        bytes_per_second=None if options["is_drill"] else rate,
        rto_at_most=options["rto_at_most"],
        rpo_at_most=options["rpo_at_most"],
        max_age=options["max_age"],
        required_lock_days=options["required_lock_days"],
        accepted=options["accepted"],
        max_shrink_percent=options["max_shrink_percent"],
        coverage_days=options["coverage_days"],
        invariants=tuple(Invariant(**one) for one in options["invariants"]),
        amcheck=options["amcheck"],
        heartbeat=options["heartbeat"],
        heartbeat_database=options["heartbeat_database"],
        heartbeat_period=options["heartbeat_period"],
        superuser=options["superuser"],
        server_settings=options["server_settings"],
        keep_on_failure=options["keep_on_failure"],
        run_timeout=options["run_timeout"],
        pgbackrest=options["pgbackrest"] or {},
        is_drill=options["is_drill"],
    )


def _until(options: t.Mapping[str, t.Any]) -> Until:
    lsn, moment = options["target_lsn"], options["target_time"]
    if lsn:
        try:
            return Until(lsn=wal.written(wal.position(lsn)))
        except ValueError as problem:
            raise _refusal("target_lsn", "a position like 16/B374D848", repr(lsn), "Write it as pg_current_wal_lsn() does.") from problem
    if not moment:
        return Until()
    try:
        found = datetime.datetime.fromisoformat(moment)
    except ValueError as problem:
        raise _refusal(
            "target_time", "a time like 2026-03-30T04:00:00+00:00", repr(moment), "Write it as ISO 8601, with its zone."
        ) from problem
    if found.tzinfo is None:
        raise _refusal("target_time", "a time with its zone", repr(moment), "Write the zone behind it, as +00:00.")
    if found > datetime.datetime.now(datetime.UTC):
        raise _refusal("target_time", "a time in the past", repr(moment), "Nobody has a backup of the future.")
    return Until(time=found.astimezone(datetime.UTC).isoformat())


def _refusal(thing: str, expected: str, found: str, remedy: str) -> Refusal:
    return Refusal(thing, expected=expected, found=found, remedy=remedy, code="bad_option")

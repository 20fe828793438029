# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The swap: two renames in one short transaction, and the same the other way."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import errors, sql
from . import catalog, mirror
from .locks import snapshots, when_free
from .names import Table, verbatim
from .state import LIVE, VERIFIED, record, update
from .steps import ACCESS_EXCLUSIVE, NEW_OBJECT, Step, execute

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .ranges import KeySpace
    from .state import Job

# Values of an identity sequence that sessions may hold without having used them yet.
IDENTITY_MARGIN = 100


@dataclasses.dataclass(frozen=True)
class Swap:
    """What a swap did: how long the name was locked, how often it had to wait outside first, and who was in the way."""

    locked_milliseconds: float
    waits: list[str]


def steps(job: Job, source: Description, target: Description, space: KeySpace, *, to_live: bool) -> list[Step]:
    """The statements between BEGIN and COMMIT. ``source`` and ``target`` as described just before."""
    leaving, arriving = (source, target) if to_live else (target, source)
    old_name = Table(job.schema_name, job.retired_name if to_live else job.target_name)
    after = dataclasses.replace(job, state=LIVE if to_live else VERIFIED)
    made = [
        # The live table first: writers take the two in this order, and the other order would meet them head on.
        Step(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(leaving.table.identifier), ACCESS_EXCLUSIVE, str(leaving.table)),
        Step(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(arriving.table.identifier), ACCESS_EXCLUSIVE, str(arriving.table)),
        Step(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(leaving.table.identifier, sql.Identifier(old_name.name)),
            ACCESS_EXCLUSIVE,
            str(leaving.table),
        ),
        Step(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(arriving.table.identifier, sql.Identifier(job.table_name)),
            ACCESS_EXCLUSIVE,
            str(arriving.table),
        ),
    ]
    for function in mirror.functions(after, source, space):
        made.append(Step(function, NEW_OBJECT, "the mirror's functions", "the new names"))
    made += _sequences(job, leaving, arriving)
    for view in leaving.views:
        options = (
            sql.SQL(" WITH ({})").format(sql.SQL(", ").join(_option(option) for option in view.options)) if view.options else sql.SQL("")
        )
        body = verbatim(view.definition.rstrip().rstrip(";"))
        statement = sql.SQL("CREATE OR REPLACE VIEW {}{} AS {}").format(view.table.identifier, options, body)
        made.append(Step(statement, ACCESS_EXCLUSIVE, str(view.table), "its text names the table; now that name is the new one"))
    return made


def _option(option: str) -> t.Any:
    name, _equals, value = option.partition("=")
    return sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))


def _sequences(job: Job, leaving: Description, arriving: Description) -> t.Iterator[Step]:
    for column in leaving.columns:
        own = list(column.sequences)
        if column.identity:
            there = arriving.column(column.name)
            if there is None or not there.identity:
                raise Refusal(
                    f"{arriving.table}.{column.name}",
                    expected="an identity column, as in the other table",
                    found="none",
                    remedy="Run pg_partition again.",
                    code="no_identity",
                )
            yield _identity_goes_on(own.pop(0), there.sequences[0])
        owner = sql.Identifier(job.schema_name, job.table_name, column.name)
        for sequence in own:
            statement = sql.SQL("ALTER SEQUENCE {} OWNED BY {}").format(verbatim(sequence), owner)
            yield Step(statement, NEW_OBJECT, sequence, "so that dropping the old table spares it")


def _identity_goes_on(leaving: str, arriving: str) -> Step:
    query = sql.SQL(
        "SELECT setval({arriving}::regclass, CASE WHEN d.seqincrement > 0 THEN least(n.value, d.seqmax) ELSE greatest(n.value, d.seqmin) END)"
        " FROM {leaving} AS s, pg_catalog.pg_sequence AS d, LATERAL (SELECT s.last_value + d.seqincrement * (d.seqcache + {margin})) AS n (value)"
        " WHERE d.seqrelid = {name}::regclass"
    ).format(arriving=sql.Literal(arriving), leaving=verbatim(leaving), margin=sql.Literal(IDENTITY_MARGIN), name=sql.Literal(leaving))
    return Step(query, NEW_OBJECT, arriving, "goes on after the other one")


def swap(connection: Connection, job: Job, space: KeySpace, *, to_live: bool, patience: float) -> tuple[Job, Swap]:
    """Give the name to the other table. Nothing is lost or done twice: data, names, mirror and state change in one commit.

    :raises Refusal: when the tables or the mirror are not as they must be (looked at again under the lock), or the patience is over.
    """
    # The copy's rows are younger than these snapshots: to them the new table would look empty.
    outlive = snapshots(connection) if to_live else {}
    source, target = _described(connection, job)
    plan = steps(job, source, target, space, to_live=to_live)
    locks, changes = plan[:2], plan[2:]
    waits: list[str] = []
    locked_at = 0.0

    def work() -> Job:
        nonlocal locked_at
        execute(connection, locks[:1])
        locked_at = time.monotonic()
        execute(connection, locks[1:])
        _still_as_planned(connection, job, source, target)
        execute(connection, changes)
        return update(connection, job, state=LIVE if to_live else VERIFIED, epoch=job.epoch + 1)

    try:
        moved = when_free(
            connection,
            [job.source_oid, job.target_oid, *catalog.leaf_oids(connection, job.target_oid)],
            work,
            thing=str(job.live),
            patience=patience,
            tries=waits,
            outlive=outlive,
        )
    except errors.InsufficientPrivilege as error:
        raise Refusal(
            str(job.live),
            expected="a role that owns the table, its sequences and its views",
            found=" ".join(str(error).split()),
            remedy="Log in as their owner.",
            code="not_owner",
        ) from error
    done = Swap((time.monotonic() - locked_at) * 1000, waits)
    record(connection, moved, LIVE if to_live else "rolled back", locked_ms=round(done.locked_milliseconds, 2), waits=len(waits))
    return moved, done


def _described(connection: Connection, job: Job) -> tuple[Description, Description]:
    found = [catalog.describe(connection, table) for table in (job.source, job.target)]
    for table, description, oid in zip((job.source, job.target), found, (job.source_oid, job.target_oid), strict=False):
        if description is None or description.oid != oid:
            raise Refusal(
                str(table),
                expected=f"the table this shift began with (oid {oid})",
                found="none" if description is None else f"another one (oid {description.oid})",
                remedy="Someone replaced it meanwhile. Look at governed_delivery.event, then undo or begin again.",
                code="replaced",
            )
    return t.cast("tuple[Description, Description]", tuple(found))


def _still_as_planned(connection: Connection, job: Job, source: Description, target: Description) -> None:
    """One query for both tables: every moment here is a moment of somebody's waiting."""
    for known, (fingerprint, views) in zip((source, target), catalog.glance(connection, [source.oid, target.oid]), strict=False):
        if fingerprint != job.fingerprint:
            raise Refusal(
                str(known.table),
                expected=f"the columns this shift began with ({', '.join(job.fingerprint)})",
                found=", ".join(fingerprint),
                remedy="A column changed meanwhile: change it in both tables alike, or undo and begin again.",
                code="columns_changed",
            )
        if views != len(known.views):
            raise Refusal(
                str(known.table), expected="the views seen a moment ago", found="others", remedy="Run again.", code="moved_meanwhile"
            )
    gone = mirror.missing(connection, job)
    if gone:
        raise mirror_broken(job, gone)


def mirror_broken(job: Job, gone: t.Sequence[str]) -> Refusal:
    return Refusal(
        str(job.live),
        expected="a whole mirror, without which writes are lost",
        found=f"missing or disabled: {', '.join(gone)}",
        remedy="Rows written since may differ. Begin again (pg_mirror with state=absent), or enable it and run pg_reconcile with repair=true.",
        code="mirror_broken",
    )


def contract_steps(job: Job) -> list[Step]:
    """The end: no mirror, no old table, no ranges. There is no way back from here."""
    made = mirror.remove_steps(job)
    made.append(Step(sql.SQL("DROP TABLE {}").format(job.source.identifier), ACCESS_EXCLUSIVE, str(job.source), "final"))
    made.append(Step(sql.SQL("DROP TABLE {}").format(sql.Identifier("governed_delivery", job.ranges)), NEW_OBJECT, job.ranges))
    return made

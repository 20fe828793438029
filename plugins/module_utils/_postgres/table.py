# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The options that say which table, and what every module of this field answers."""

from __future__ import annotations

import typing as t

from .._common.argument_spec import ArgumentSpec
from .._common.errors import Refusal
from .._common.frame import Outcome
from .._common.postgres.connect import CONNECTION_SPEC
from . import catalog
from .names import Table
from .steps import render

if t.TYPE_CHECKING:
    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .state import Job
    from .steps import Step

TABLE_SPEC = CONNECTION_SPEC.merge(
    ArgumentSpec(options={"schema": {"type": "str", "default": "public"}, "table": {"type": "str", "required": True}})
)


def table_of(parameters: t.Mapping[str, t.Any]) -> Table:
    return Table(parameters["schema"], parameters["table"])


def described(connection: Connection, table: Table) -> Description:
    """The table's description.

    :raises Refusal: when there is no such table, naming those that are spelled alike.
    """
    found = catalog.describe(connection, table)
    if found is not None:
        return found
    query = """
        SELECT format('%%s.%%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = lower(%s) ORDER BY 1 LIMIT 3
    """
    alike = [name for (name,) in connection.execute(query, (table.name,)).fetchall()]
    raise Refusal(
        str(table),
        expected=f"a table of this name in database {connection.info.dbname}",
        found=f"none{'; there is ' + ', '.join(alike) if alike else ''}",
        remedy="Names are taken as they are, with capitals and without quotes: mend schema, table or login_db.",
        code="no_table",
    )


def same_columns(job: Job, source: Description) -> None:
    """:raises Refusal: when a column came, went or changed since the shift began: mirror and copy write a fixed list."""
    if source.fingerprint != job.fingerprint:
        raise Refusal(
            str(source.table),
            expected=f"the columns this shift began with ({', '.join(job.fingerprint)})",
            found=", ".join(source.fingerprint),
            remedy="Undo that change, or undo the shift (pg_mirror and pg_partition with state=absent) and begin again.",
            code="columns_changed",
        )


def outcome(steps: t.Sequence[Step], *, changed: bool | None = None, **facts: t.Any) -> Outcome:
    """An outcome whose plan and diff are the steps."""
    facts["plan"] = [step.as_dict() for step in steps]
    return Outcome(changed=bool(steps) if changed is None else changed, facts=facts, after=render(steps))

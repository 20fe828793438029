# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the new table must have because the old one has it, beyond what LIKE copies. Pure.

``present`` is the new table as it is now, or None while it is being made; only what it lacks becomes a step.
"""

from __future__ import annotations

import hashlib
import typing as t

from .._common.postgres.driver import sql
from .keys import carried_indexes
from .names import columns, shortened, verbatim
from .steps import NEW_OBJECT, SHARE_ROW_EXCLUSIVE, Step

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from .catalog import Description, Grant, Index, Policy
    from .names import Table

REPLICA_IDENTITIES = {"d": "DEFAULT", "f": "FULL", "n": "NOTHING"}


def structure(source: Description, target: Table, names: t.Mapping[str, str], present: Description | None = None) -> list[Step]:
    """Indexes, unique constraints, checks and foreign keys: what takes a scan, and so a long lock, once the table holds rows.

    :param names: of the indexes, as ``index_names`` gives them.
    """
    return [*_indexes(source, target, names), *_checks(source, target, present), *_foreign_keys(source, target, present)]


def trimmings(source: Description, target: Table, partitions: t.Sequence[Table], present: Description | None = None) -> list[Step]:
    """Owner, grants, policies, defaults, comments, replica identity: what takes a moment, however many rows there are."""
    return [
        *_dropped_constraints(source, target, present),
        *_columns(source, target, present),
        *_owner(source, target, partitions, present),
        *_grants(source, target, present),
        *_policies(source, target, present),
        *_remarks(source, target, partitions, present),
    ]


def of_partition(source: Description, partition: Table) -> list[Step]:
    """What a partition does not get from its parent: nobody's rights but the owner's, the owner, the replica identity."""
    return [*nobodys(source, [partition]), *owned(source, [partition]), *_replica_identity(source, [partition])]


def nobodys(source: Description, tables: t.Sequence[Table]) -> list[Step]:
    """Take back what default privileges give: on a partition they would lead past the policies of the whole table."""
    if not source.default_grantees:
        return []
    grantees = sql.SQL(", ").join(_role(grantee) for grantee in source.default_grantees)
    names = sql.SQL(", ").join(table.identifier for table in tables)
    statement = sql.SQL("REVOKE ALL ON TABLE {} FROM {}").format(names, grantees)
    return [Step(statement, NEW_OBJECT, str(tables[0]), "default privileges, which the old table may not have")]


def owned(source: Description, tables: t.Sequence[Table]) -> list[Step]:
    """Give the tables to the source's owner, where they would not belong to it already."""
    if source.owned_by_session:
        return []
    change = sql.SQL("ALTER TABLE {} OWNER TO {}")
    return [Step(change.format(table.identifier, sql.Identifier(source.owner)), NEW_OBJECT, str(table)) for table in tables]


def index_names(source: Description, target: Table, taken: t.Collection[str], present: Description | None = None) -> dict[str, str]:
    """The indexes of the source that the target lacks, each with its name there.

    :param taken: names that other relations of the target have.
    """
    there = [_likeness(index) for index in present.indexes] if present else []
    used = set(taken)
    names: dict[str, str] = {}
    for index in carried_indexes(source):
        if _likeness(index) in there:
            continue
        suffix = index.name.removeprefix(source.table.name).strip("_") or "index"
        name = shortened(f"{target.name}_{suffix}")
        if name in used:
            name = shortened(f"{target.name}_{suffix}_{hashlib.sha256(index.name.encode()).hexdigest()[:8]}")
        used.add(name)
        names[index.name] = name
    return names


def constraint_clause(kind: str, index: Index, key: t.Sequence[str]) -> Composed:
    """``PRIMARY KEY (…) INCLUDE (…) WITH (…)`` with what the source's index behind it has, over the columns ``key``."""
    included = [name for name in index.included if name not in key]
    parts: list[Composable] = [sql.SQL(kind)]
    if index.nulls_not_distinct:
        parts.append(sql.SQL("NULLS NOT DISTINCT"))
    parts.append(sql.SQL("({})").format(columns(key)))
    if included:
        parts.append(sql.SQL("INCLUDE ({})").format(columns(included)))
    if index.options:
        parts.append(sql.SQL("WITH ({})").format(storage(index.options)))
    if index.tablespace:
        parts.append(sql.SQL("USING INDEX TABLESPACE {}").format(sql.Identifier(index.tablespace)))
    if index.deferrable:
        parts.append(sql.SQL("DEFERRABLE INITIALLY DEFERRED" if index.deferred else "DEFERRABLE"))
    return sql.SQL(" ").join(parts)


def storage(options: t.Sequence[str]) -> Composed:
    """Storage parameters as the catalog holds them (``fillfactor=70``), as a list for WITH."""
    pairs = (option.split("=", 1) for option in options)
    return sql.SQL(", ").join(sql.SQL("{} = {}").format(_option_name(name), sql.Literal(value)) for name, value in pairs)


def _option_name(name: str) -> Composed:
    return sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))  # toast.autovacuum_enabled


def comment(kind: str, name: Composable, text: str | None, table: Table) -> list[Step]:
    """A comment, where there is one to carry."""
    if text is None:
        return []
    return [Step(sql.SQL("COMMENT ON {} {} IS {}").format(sql.SQL(kind), name, sql.Literal(text)), NEW_OBJECT, str(table))]


def constraint_comment(name: str, text: str | None, table: Table) -> list[Step]:
    return comment("CONSTRAINT", sql.SQL("{} ON {}").format(sql.Identifier(name), table.identifier), text, table)


def _indexes(source: Description, target: Table, names: t.Mapping[str, str]) -> t.Iterator[Step]:
    for index in source.indexes:
        name = names.get(index.name)
        if name is None:
            continue
        if index.constraint:
            clause = constraint_clause("UNIQUE", index, index.columns)
            statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(target.identifier, sql.Identifier(name), clause)
        else:
            statement = sql.SQL("CREATE {}INDEX {} ON {} {}").format(
                sql.SQL("UNIQUE " if index.unique else ""), sql.Identifier(name), target.identifier, _definition(index)
            )
        yield Step(statement, NEW_OBJECT, str(target), f"as {index.name}")
        yield from comment("INDEX", sql.Identifier(target.schema, name), index.comment, target)
        if index.constraint:
            yield from constraint_comment(name, index.constraint_comment, target)


def _definition(index: Index) -> Composed:
    parts: list[Composable] = [verbatim(index.definition)]
    if index.tablespace:
        parts.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(index.tablespace)))
    if index.predicate:
        parts.append(verbatim(f"WHERE {index.predicate}"))
    return sql.SQL(" ").join(parts)


def _likeness(index: Index) -> tuple[t.Any, ...]:
    return index.definition, index.predicate, index.unique, index.constraint is not None, index.deferrable, index.deferred


def _checks(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    if present is None:  # LIKE copied them
        return
    there = {(check.name, check.definition) for check in present.checks}
    for check in source.checks:
        if (check.name, check.definition) not in there:
            yield _add_constraint(target, check.name, check.definition, NEW_OBJECT, str(target))
            yield from constraint_comment(check.name, check.comment, target)


def _foreign_keys(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    there = {(key.name, key.definition) for key in present.foreign_keys} if present else set()
    for key in source.foreign_keys:
        if (key.name, key.definition) not in there:
            yield _add_constraint(target, key.name, key.definition, SHARE_ROW_EXCLUSIVE, str(key.referenced))
            yield from constraint_comment(key.name, key.comment, target)


def _add_constraint(target: Table, name: str, definition: str, lock: str, on: str) -> Step:
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(target.identifier, sql.Identifier(name), verbatim(definition))
    return Step(statement, lock, on, "at once: the new table is empty")


def _dropped_constraints(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    """Those that the old table has no longer must not refuse its rows."""
    if present is None:
        return
    for name, _definition in sorted(_named_constraints(present) - _named_constraints(source)):
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target.identifier, sql.Identifier(name))
        yield Step(statement, NEW_OBJECT, str(target), "the old table has it no longer")


def _named_constraints(table: Description) -> set[tuple[str, str]]:
    return {(check.name, check.definition) for check in table.checks} | {(key.name, key.definition) for key in table.foreign_keys}


def _columns(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    for column in source.columns:
        there = present.column(column.name) if present else None
        change = sql.SQL("ALTER TABLE {} ALTER {} ").format(target.identifier, sql.Identifier(column.name))
        if column.statistics is not None and (there is None or there.statistics != column.statistics):
            yield Step(change + sql.SQL("SET STATISTICS {}").format(sql.Literal(column.statistics)), NEW_OBJECT, str(target))
        if there is not None and there.default != column.default:
            default = sql.SQL("SET DEFAULT {}").format(verbatim(column.default)) if column.default else sql.SQL("DROP DEFAULT")
            yield Step(change + default, NEW_OBJECT, str(target), "it changed on the old table")


def _owner(source: Description, target: Table, partitions: t.Sequence[Table], present: Description | None) -> t.Iterator[Step]:
    if present is None:
        yield from owned(source, [target, *partitions])
    elif present.owner != source.owner:
        for table in (target, *partitions):
            statement = sql.SQL("ALTER TABLE {} OWNER TO {}").format(table.identifier, sql.Identifier(source.owner))
            yield Step(statement, NEW_OBJECT, str(table), "it changed on the old table")


def _grants(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    there = set(present.grants) if present else set()
    for grant in dict.fromkeys(source.grants):  # two grantors may have given the same
        if grant not in there:
            yield Step(_grant("GRANT", "TO", grant, target, " WITH GRANT OPTION" if grant.grantable else ""), NEW_OBJECT, str(target))
    for grant in sorted(there - set(source.grants), key=repr):
        yield Step(_grant("REVOKE", "FROM", grant, target, ""), NEW_OBJECT, str(target), "the old table grants it no longer")


def _grant(verb: str, to: str, grant: Grant, target: Table, ending: str) -> Composed:
    column = sql.SQL(" ({})").format(sql.Identifier(grant.column)) if grant.column else sql.SQL("")
    words = [sql.SQL(word) for word in (verb, grant.privilege, to, ending)]
    return sql.SQL("{} {}{} ON {} {} {}{}").format(words[0], words[1], column, target.identifier, words[2], _role(grant.grantee), words[3])


def _role(name: str) -> Composable:
    return sql.Identifier(name) if name else sql.SQL("PUBLIC")


def _policies(source: Description, target: Table, present: Description | None) -> t.Iterator[Step]:
    there = set(present.policies) if present else set()
    for gone in sorted(there - set(source.policies), key=lambda policy: policy.name):
        drop = sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(gone.name), target.identifier)
        yield Step(drop, NEW_OBJECT, str(target), "it changed on the old table")
    for policy in source.policies:
        if policy not in there:
            yield Step(_policy(policy, target), NEW_OBJECT, str(target))
            name = sql.SQL("{} ON {}").format(sql.Identifier(policy.name), target.identifier)
            yield from comment("POLICY", name, policy.comment, target)
    if source.row_security != (present.row_security if present else False):
        verb = sql.SQL("ENABLE" if source.row_security else "DISABLE")
        yield Step(sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(target.identifier, verb), NEW_OBJECT, str(target))


def _policy(policy: Policy, target: Table) -> Composed:
    roles = sql.SQL(", ").join(_role(role) for role in policy.roles or ("",))
    kind = "PERMISSIVE" if policy.permissive else "RESTRICTIVE"
    head = sql.SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {}").format(
        sql.Identifier(policy.name), target.identifier, sql.SQL(kind), sql.SQL(policy.command), roles
    )
    using = sql.SQL(" USING ({})").format(verbatim(policy.using)) if policy.using else sql.SQL("")
    check = sql.SQL(" WITH CHECK ({})").format(verbatim(policy.check)) if policy.check else sql.SQL("")
    return head + using + check


def _remarks(source: Description, target: Table, partitions: t.Sequence[Table], present: Description | None) -> t.Iterator[Step]:
    if source.comment != (present.comment if present else None):
        statement = sql.SQL("COMMENT ON TABLE {} IS {}").format(target.identifier, sql.Literal(source.comment))
        yield Step(statement, NEW_OBJECT, str(target))
    if present is None or present.replica_identity != source.replica_identity:
        yield from _replica_identity(source, [target, *partitions], but="d" if present is None else "")


def _replica_identity(source: Description, tables: t.Sequence[Table], but: str = "d") -> t.Iterator[Step]:
    identity = REPLICA_IDENTITIES.get(source.replica_identity)
    if identity is None or source.replica_identity == but:
        return
    for table in tables:
        yield Step(sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(table.identifier, sql.SQL(identity)), NEW_OBJECT, str(table))

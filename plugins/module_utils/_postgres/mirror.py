# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The mirror: every write to one table reaches the other in the same transaction.

Why it is correct while a copy runs. *Insert, update*: whoever comes second finds the other's key in the unique index and waits; the mirror then overwrites,
the copy does nothing. *Delete, change of key*: the row may be in a batch that has read it and not yet written it; so the trigger first takes the row's range
FOR SHARE, which the copy holds FOR UPDATE (the fence). A READ COMMITTED writer then sees what the batch wrote and deletes it; an older snapshot gets 40001,
as every such client must expect. A snapshot from before the ranges were written gets 40001 too. The trigger's name sorts first, so it sees a row before a
trigger of the application writes it again.
"""

from __future__ import annotations

import typing as t

from .._common.postgres.driver import sql
from .names import STATE_SCHEMA, columns, row, state
from .steps import ACCESS_EXCLUSIVE, NEW_OBJECT, SHARE_ROW_EXCLUSIVE, Step

if t.TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from .._common.postgres.connect import Connection
    from .catalog import Description
    from .ranges import KeySpace
    from .state import Job

FORWARD, REVERSE = "forward", "reverse"


def functions(job: Job, source: Description, space: KeySpace) -> list[Composed]:
    """The job's trigger functions, with the names that source and target bear now; run again after each swap."""
    return [
        _function(f"mirror_{job.id}_{FORWARD}", _forward_body(job, source, space)),
        _function(f"mirror_{job.id}_{REVERSE}", _reverse_body(job, source)),
        _function(f"mirror_{job.id}_truncate_{FORWARD}", _truncate_body(job, job.target.identifier)),
        _function(f"mirror_{job.id}_truncate_{REVERSE}", _truncate_body(job, job.source.identifier)),
        _function(f"mirror_{job.id}_truncate_leaf", _leaf_body()),
    ]


def _function(name: str, body: Composable) -> Composed:
    # SECURITY DEFINER: a writer needs no right on the other table. The fixed search_path is what makes that safe.
    return sql.SQL(
        "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {}"
    ).format(state(name), sql.Literal(body.as_string(None)))


def _quiet(job: Job, body: Composable) -> Composed:
    """The body with the other direction kept quiet while it runs. Transaction-local, so an error resets it too."""
    setting = sql.Literal(job.setting)
    return sql.SQL(
        "#variable_conflict use_column\n"  # a column may be called new, found or tg_op
        "BEGIN\n  PERFORM set_config({0}, 'on', true);\n{1}\n  PERFORM set_config({0}, '', true);\n  RETURN NULL;\nEND"
    ).format(setting, body)


def _forward_body(job: Job, source: Description, space: KeySpace) -> Composed:
    old_key, new_key = row(job.target_key, "old"), row(job.target_key, "new")
    body = sql.SQL(
        "  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND {old_key} IS DISTINCT FROM {new_key}) THEN\n"
        "    {fence}\n"
        "    DELETE FROM {target} AS mirrored WHERE {same_row};\n"
        "  END IF;\n"
        "  IF TG_OP <> 'DELETE' THEN\n"
        "    {upsert};\n"
        "  END IF;"
    ).format(
        old_key=old_key,
        new_key=new_key,
        fence=_fence(job, space),
        target=job.target.identifier,
        same_row=_same_row(job.target_key, "mirrored", "old"),
        upsert=upsert(job, source, sql.SQL("VALUES ({})").format(columns(source.stored_columns, "new"))),
    )
    return _quiet(job, body)


def _fence(job: Job, space: KeySpace) -> Composed:
    """Wait for a batch that may have read the old row; make one that has not skip its range."""
    ranges = state(job.ranges)
    return sql.SQL(
        "PERFORM FROM {ranges} AS fence WHERE NOT fence.done AND fence.number =\n"
        "      (SELECT number FROM {ranges} WHERE {bound} >= {old_key} ORDER BY {bounds} LIMIT 1) FOR SHARE;\n"
        "    IF NOT EXISTS (SELECT FROM {ranges} WHERE number = 0) THEN\n"
        "      RAISE 'the snapshot is older than the mirror of this table' USING ERRCODE = 'serialization_failure', HINT = 'Retry the transaction.';\n"
        "    END IF;"
    ).format(ranges=ranges, bound=row(space.bounds), old_key=row(space.names, "old"), bounds=columns(space.bounds))


def upsert(job: Job, source: Description, rows: Composable) -> Composed:
    """Write rows into the target, over what is there."""
    identity_always = any(column.identity == "a" for column in source.columns)
    others = _written_over(source, job.target_key)
    action: Composable = sql.SQL("DO NOTHING")
    if others:
        assignments = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
        action = sql.SQL("DO UPDATE SET {}").format(assignments)
    return sql.SQL("INSERT INTO {} ({}) {}{} ON CONFLICT ({}) {}").format(
        job.target.identifier,
        columns(source.stored_columns),
        sql.SQL("OVERRIDING SYSTEM VALUE ") if identity_always else sql.SQL(""),
        rows,
        columns(job.target_key),
        action,
    )


def _written_over(source: Description, key: t.Sequence[str]) -> list[str]:
    """What an upsert sets: all but the key, and of that what may be equal without being the same, as 1.0 and 1.00 are."""
    return [column.name for column in source.columns if not column.generated and (column.name not in key or not column.exact)]


def _same_row(key: t.Sequence[str], left: str, right: str) -> Composed:
    return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name)) for name in key)


def _reverse_body(job: Job, source: Description) -> Composed:
    """Writes of the new table back into the old one, whose narrower key may refuse what the new one takes: then the write fails, as it did before."""
    old_key, new_key = row(job.target_key, "old"), row(job.target_key, "new")
    identity_always = any(column.identity == "a" for column in source.columns)
    others = _written_over(source, job.source_key)
    moved = [name for name in job.target_key if name not in job.source_key]
    insert = sql.SQL("INSERT INTO {} AS mirrored ({}) {}VALUES ({}) ON CONFLICT ({}) ").format(
        job.source.identifier,
        columns(source.stored_columns),
        sql.SQL("OVERRIDING SYSTEM VALUE ") if identity_always else sql.SQL(""),
        columns(source.stored_columns, "new"),
        columns(job.source_key),
    )
    if others:
        insert += sql.SQL("DO UPDATE SET {}").format(
            sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
        )
        if moved:
            insert += sql.SQL(" WHERE {}").format(_same_row(moved, "mirrored", "excluded"))
    else:
        insert += sql.SQL("DO NOTHING")
    body = sql.SQL(
        "  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND {old_key} IS DISTINCT FROM {new_key}) THEN\n"
        "    DELETE FROM {source} AS mirrored WHERE {same_row};\n"
        "  END IF;\n"
        "  IF TG_OP <> 'DELETE' THEN\n"
        "    {insert};\n"
        "    IF NOT FOUND {and_moved} THEN\n"
        "      RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = {message},\n"
        "        HINT = 'The old table stays equal until it is dropped, so its key still holds.';\n"
        "    END IF;\n"
        "  END IF;"
    ).format(
        old_key=old_key,
        new_key=new_key,
        source=job.source.identifier,
        same_row=_same_row(job.target_key, "mirrored", "old"),
        insert=insert,
        and_moved=sql.SQL("") if moved and others else sql.SQL("AND false"),
        message=sql.Literal(
            f"duplicate key value violates the unique key ({', '.join(job.source_key)}) of {job.schema_name}.{job.retired_name}"
        ),
    )
    return _quiet(job, body)


def _truncate_body(job: Job, other: Composable) -> Composed:
    """TRUNCATE empties both; the leaves' own triggers are told that it came from above."""
    flag = sql.Literal(f"{STATE_SCHEMA}.truncating")
    return sql.SQL(
        "BEGIN\n"
        "  IF TG_WHEN = 'BEFORE' THEN\n"
        "    PERFORM set_config({flag}, 'on', true);\n"
        "    IF current_setting({applying}, true) IS DISTINCT FROM 'on' THEN\n"
        "      PERFORM set_config({applying}, 'on', true);\n"
        "      TRUNCATE {other};\n"
        "      PERFORM set_config({applying}, '', true);\n"
        "      PERFORM set_config({flag}, 'on', true);\n"
        "    END IF;\n"
        "  ELSE\n"
        "    PERFORM set_config({flag}, '', true);\n"
        "  END IF;\n"
        "  RETURN NULL;\n"
        "END"
    ).format(flag=flag, applying=sql.Literal(job.setting), other=other)


def _leaf_body() -> Composed:
    return sql.SQL(
        "BEGIN\n"
        "  IF current_setting({}, true) IS DISTINCT FROM 'on' THEN\n"
        "    RAISE 'partition % is mirrored and cannot be truncated by itself', TG_RELID::regclass\n"
        "      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'DELETE its rows, or TRUNCATE the whole table.';\n"
        "  END IF;\n"
        "  RETURN NULL;\n"
        "END"
    ).format(sql.Literal(f"{STATE_SCHEMA}.truncating"))


def trigger_name(job: Job, what: str) -> str:
    return f"!governed_{job.id}_{what}"  # "!" sorts before every name an application is likely to use


def install_steps(job: Job, leaves: t.Sequence[tuple[str, str]]) -> list[Step]:
    """The triggers of both directions, enabled also for sessions in replica mode.

    :param leaves: (schema, name) of each leaf of the target.
    """
    steps = []
    for table, direction, lock in ((job.target, REVERSE, NEW_OBJECT), (job.source, FORWARD, SHARE_ROW_EXCLUSIVE)):
        name = trigger_name(job, "mirror")
        create = sql.SQL(
            "CREATE TRIGGER {} AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW WHEN (current_setting({}, true) IS DISTINCT FROM 'on') EXECUTE FUNCTION {}()"
        ).format(sql.Identifier(name), table.identifier, sql.Literal(job.setting), state(f"mirror_{job.id}_{direction}"))
        truncates = [
            sql.SQL("CREATE TRIGGER {} {} TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()").format(
                sql.Identifier(trigger_name(job, f"truncate_{when.lower()}")),
                sql.SQL(when),
                table.identifier,
                state(f"mirror_{job.id}_truncate_{direction}"),
            )
            for when in ("BEFORE", "AFTER")
        ]
        names = [name, trigger_name(job, "truncate_before"), trigger_name(job, "truncate_after")]
        for statement in (create, *truncates):
            steps.append(Step(statement, lock, str(table)))
        for trigger in names:
            always = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(table.identifier, sql.Identifier(trigger))
            steps.append(Step(always, lock, str(table), "also for sessions with session_replication_role = replica"))
    for schema, leaf in leaves:
        steps += leaf_steps(job, schema, leaf)
    return steps


def leaf_steps(job: Job, schema: str, leaf: str) -> list[Step]:
    """A leaf truncated by itself would go past the mirror: refuse that."""
    name = sql.Identifier(trigger_name(job, "truncate_leaf"))
    table = sql.Identifier(schema, leaf)
    create = sql.SQL("CREATE TRIGGER {} BEFORE TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()").format(
        name, table, state(f"mirror_{job.id}_truncate_leaf")
    )
    always = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(table, name)
    return [Step(create, NEW_OBJECT, f"{schema}.{leaf}"), Step(always, NEW_OBJECT, f"{schema}.{leaf}")]


def remove_steps(job: Job) -> list[Step]:
    """Take both directions away; the functions go with their triggers."""
    steps = []
    for table, lock in ((job.source, ACCESS_EXCLUSIVE), (job.target, NEW_OBJECT)):
        for what in ("mirror", "truncate_before", "truncate_after"):
            drop = sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(trigger_name(job, what)), table.identifier)
            steps.append(Step(drop, lock, str(table)))
    for name in (FORWARD, REVERSE, f"truncate_{FORWARD}", f"truncate_{REVERSE}", "truncate_leaf"):
        drop = sql.SQL("DROP FUNCTION IF EXISTS {}() CASCADE").format(state(f"mirror_{job.id}_{name}"))
        steps.append(Step(drop, NEW_OBJECT, f"{STATE_SCHEMA}.mirror_{job.id}_{name}", "only our own triggers hang on it"))
    return steps


def missing(connection: Connection, job: Job) -> list[str]:
    """The mirror triggers that are gone or not enabled always, on the two tables and every leaf. Empty: the mirror is whole."""
    query = """
        WITH wanted AS (
          SELECT %(source)s::oid AS relation, name FROM unnest(%(table_names)s::text[]) name
          UNION ALL SELECT %(target)s::oid, name FROM unnest(%(table_names)s::text[]) name
          UNION ALL SELECT relid::oid, %(row_name)s FROM pg_partition_tree(%(target)s) WHERE isleaf AND level > 0)
        SELECT format('%%s on %%s', w.name, w.relation::regclass) FROM wanted w
        WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = w.relation AND t.tgname = w.name AND t.tgenabled = 'A') ORDER BY 1
    """
    names = [trigger_name(job, what) for what in ("mirror", "truncate_before", "truncate_after")]
    values = {"source": job.source_oid, "target": job.target_oid, "table_names": names, "row_name": names[0]}
    return [name for (name,) in connection.execute(query, values).fetchall()]

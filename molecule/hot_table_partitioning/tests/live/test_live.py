# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new layout carries the name, holds every row, and the old one follows. The application writes meanwhile."""

from __future__ import annotations

import typing as t

import psycopg

Session = psycopg.Connection[tuple[t.Any, ...]]
Ask = t.Callable[..., t.Any]


def test_the_name_is_the_partitioned_table(ask: Ask) -> None:
    assert ask(
        "SELECT relname || ' ' || relkind::text FROM pg_class WHERE oid IN ('app.docs'::regclass, 'app.docs_retired'::regclass) ORDER BY 1"
    ) == [
        "docs p",
        "docs_retired r",
    ]


def test_partitions_are_those_declared(ask: Ask) -> None:
    leaves = ask("SELECT relid::regclass::text FROM pg_partition_tree('app.docs') WHERE isleaf")
    months = [*(f"2013{month:02d}" for month in range(1, 13)), "201401", "default"]
    assert sorted(leaves) == sorted(f"app.docs_partitioned_{group}_{month}" for group in ("united", "delta", "default") for month in months)


def test_rows_are_where_they_belong(ask: Ask) -> None:
    misplaced = """
        SELECT count(*) FROM app.docs WHERE tableoid::regclass::text NOT LIKE
        CASE WHEN tenant_id = 'UA' THEN '%_united_%' WHEN tenant_id IN ('DL', '9E') THEN '%_delta_%' ELSE '%_default_%' END
    """
    assert ask(misplaced) == [0]
    assert ask("SELECT count(*) > 0 FROM app.docs_partitioned_united_201307") == [True]


def test_both_layouts_hold_the_same_rows(session: Session) -> None:
    """In one statement, so in one snapshot, for the application goes on writing."""
    compare = """
        SELECT (SELECT count(*) FROM app.docs), (SELECT count(*) FROM app.docs_retired),
               (SELECT count(*) FROM (TABLE app.docs EXCEPT ALL TABLE app.docs_retired) a),
               (SELECT count(*) FROM (TABLE app.docs_retired EXCEPT ALL TABLE app.docs) b)
    """
    row = session.execute(compare).fetchone()
    assert row is not None
    rows, rows_of_the_old_one, only_new, only_old = row
    assert rows == rows_of_the_old_one > 25_000
    assert (only_new, only_old) == (0, 0)


def test_writes_reach_both_tables(session: Session, ask: Ask) -> None:
    seen: t.LiteralString = "SELECT tenant_id || ' ' || (body ->> 'note') FROM app.docs_retired WHERE id = %s"
    row = session.execute(
        "INSERT INTO app.docs (tenant_id, created_at, body) VALUES ('UA', '2013-07-04', '{\"note\": \"new\"}') RETURNING id"
    ).fetchone()
    assert row is not None
    assert ask(seen, row[0]) == ["UA new"]
    session.execute("UPDATE app.docs SET tenant_id = 'DL', body = '{\"note\": \"moved\"}' WHERE id = %s", row)
    assert ask(seen, row[0]) == ["DL moved"]
    session.execute("DELETE FROM app.docs WHERE id = %s", row)
    assert ask(seen, row[0]) == []


def test_what_the_table_had_came_along(ask: Ask) -> None:
    assert ask("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app.docs'::regclass AND contype = 'p'") == [
        "PRIMARY KEY (tenant_id, id, created_at)"
    ]
    assert ask("SELECT obj_description('app.docs'::regclass)") == ["What the application keeps"]
    assert ask(
        "SELECT has_table_privilege('docs_reader', 'app.docs', 'SELECT') AND NOT has_table_privilege('docs_reader', 'app.docs', 'INSERT')"
    ) == [True]
    assert ask("SELECT conname::text FROM pg_constraint WHERE conrelid = 'app.docs'::regclass AND contype = 'c'") == ["body_is_an_object"]
    assert ask("SELECT pg_get_serial_sequence('app.docs', 'id')") == ["app.docs_id_seq"]
    assert ask(
        "SELECT count(*) > 0 FROM pg_indexes WHERE schemaname = 'app' AND tablename = 'docs' AND indexdef LIKE '%(tenant_id, created_at)'"
    ) == [True]


def test_the_view_reads_the_new_table(ask: Ask) -> None:
    reads = "SELECT DISTINCT refobjid::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class = 'app.docs_of_united'::regclass"
    assert "app.docs" in ask(reads)
    assert "app.docs_retired" not in ask(reads)
    assert ask("SELECT (SELECT count(*) FROM app.docs_of_united) = (SELECT count(*) FROM app.docs WHERE tenant_id = 'UA')") == [True]


def test_no_transaction_of_the_application_failed(failed_transactions: list[str]) -> None:
    assert failed_transactions == []

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old table is the only one again, as it was, and nothing of ours hangs on it."""

from __future__ import annotations

import typing as t

Ask = t.Callable[..., t.Any]


def test_the_name_is_the_old_table_alone(ask: Ask) -> None:
    assert ask(
        "SELECT relname || ' ' || relkind::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1"
    ) == [
        "docs r",
        "docs_id_seq S",
        "docs_of_united v",
    ]


def test_nothing_fires_on_it(ask: Ask) -> None:
    assert ask("SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'app.docs'::regclass AND NOT tgisinternal") == []
    assert ask("SELECT proname::text FROM pg_proc WHERE pronamespace = 'governed_delivery'::regnamespace AND proname LIKE 'mirror%'") == []


def test_no_shift_is_remembered(ask: Ask) -> None:
    assert ask("SELECT count(*) FROM governed_delivery.job") == [0]
    assert ask("SELECT relname::text FROM pg_class WHERE relnamespace = 'governed_delivery'::regnamespace AND relname LIKE 'range%'") == []


def test_it_has_what_it_had(ask: Ask) -> None:
    assert ask(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app.docs'::regclass AND contype IN ('p', 'c') ORDER BY contype"
    ) == [
        "CHECK ((jsonb_typeof(body) = 'object'::text))",
        "PRIMARY KEY (id)",
    ]
    assert ask("SELECT pg_get_serial_sequence('app.docs', 'id')") == ["app.docs_id_seq"]
    assert ask("SELECT obj_description('app.docs'::regclass)") == ["What the application keeps"]
    assert ask("SELECT has_table_privilege('docs_reader', 'app.docs', 'SELECT')") == [True]
    assert ask("SELECT count(*) > 25000 FROM app.docs") == [True]
    assert ask("SELECT (SELECT count(*) FROM app.docs_of_united) = (SELECT count(*) FROM app.docs WHERE tenant_id = 'UA')") == [True]


def test_no_transaction_of_the_application_failed(failed_transactions: list[str]) -> None:
    assert failed_transactions == []

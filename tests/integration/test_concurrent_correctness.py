# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few random rounds under concurrent writers (``python -m tests.integration.rounds`` plays more), and the same without the fence."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._postgres import mirror
from ansible_collections.governed.delivery.plugins.module_utils._postgres.copy import Copier
from psycopg import sql

from playground.postgres import Postgres
from tests.integration.rounds import Plan, play

SEED = 2013
ROUNDS = 3


@pytest.fixture
def database(postgres_16: Postgres) -> t.Iterator[Postgres]:
    """One version is enough here: the races themselves are played on each."""
    fresh = postgres_16.with_database("correctness")
    yield fresh
    fresh.drop_database("correctness")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_nothing_is_lost_or_doubled_there_and_back_three_times(database: Postgres, number: int) -> None:
    plan = Plan.draw(SEED, number)
    result = play(database, plan)
    assert result.differences == []
    assert set(result.counts.operations) == {"insert", "update", "many", "delete", "rekey", "renumber", "reuse"}
    assert result.counts.transactions > 100


@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read"])
def test_negative_control_without_the_fence_rows_rise_again(
    database: Postgres, monkeypatch: pytest.MonkeyPatch, isolation: t.Literal["read_committed", "repeatable_read"]
) -> None:
    """With the fence the same slow batches do no harm; without it they do, and both comparisons see it."""
    plain = Copier._insert

    def slow(self: Copier, condition: sql.Composable, *, careful: bool) -> sql.Composed:
        # Between the statement's snapshot and the first row that it reads.
        return plain(self, sql.SQL("{} AND (SELECT pg_sleep(0.05)) IS NOT NULL").format(condition), careful=careful)

    monkeypatch.setattr(Copier, "_insert", slow)
    plan = dataclasses.replace(Plan.draw(SEED, 0), isolation=isolation, layout="hash", rows=600, hot=600, range_rows=20, duty_percent=100)
    assert play(database, plan).differences == []
    monkeypatch.setattr(mirror, "_fence", lambda _job, _space: sql.SQL(""))
    differences = play(database, plan).differences
    assert any("copied: pg_reconcile" in difference for difference in differences)
    assert any("copied: EXCEPT ALL" in difference for difference in differences)

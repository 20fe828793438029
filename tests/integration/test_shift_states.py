# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module in every state of a shift: where it leads, where it does nothing, where it is refused, and that check mode says so beforehand."""

from __future__ import annotations

import typing as t

import pytest

from playground.postgres import Postgres
from playground.sessions import Connection
from tests.support import pictures
from tests.support.shifts import HASH_BY_TENANT, STATES, STEPS, Shift, codes

TABLE = """
CREATE SCHEMA app;
CREATE TABLE app.docs (id bigserial PRIMARY KEY, tenant_id text NOT NULL, body text);
INSERT INTO app.docs (tenant_id, body) SELECT 'tenant ' || i % 5, repeat('x', 20) FROM generate_series(1, 60) AS i;
CREATE VIEW app.seen AS SELECT id, body FROM app.docs;
"""

PLACES = ("absent", *STATES, "contracted")

RUNS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "partition": ("pg_partition", {**STEPS["expanded"][1], "partition_by": HASH_BY_TENANT}),
    "partition absent": ("pg_partition", {"state": "absent"}),
    "rehearse": ("pg_partition", {"state": "rehearsed", "partition_by": HASH_BY_TENANT, "minimum_rows": 0}),
    "mirror": STEPS["mirrored"],  # type: ignore[dict-item]
    "mirror absent": ("pg_mirror", {"state": "absent"}),
    "backfill": STEPS["copied"],  # type: ignore[dict-item]
    "reconcile": ("pg_reconcile", {"again": True}),
    "cut over": STEPS["live"],  # type: ignore[dict-item]
    "roll back": ("pg_cutover", {"state": "rolled_back"}),
    "contract": ("pg_cutover", {"state": "contracted", "confirm": "docs_retired"}),
    "info": ("pg_partition_info", {}),
}

# What each run does in each state, in the order of PLACES: the state it leads to, "-" for nothing to do, or the code of its refusal.
OUTCOMES = {
    "partition": ("expanded", "-", "-", "-", "-", "-", "-"),
    "partition absent": ("-", "absent", "wrong_state", "wrong_state", "wrong_state", "wrong_state", "-"),
    "rehearse": ("-", "-", "-", "-", "-", "not_a_table", "not_a_table"),
    "mirror": ("no_job", "mirrored", "-", "-", "-", "-", "no_job"),
    "mirror absent": ("-", "-", "expanded", "expanded", "expanded", "wrong_state", "-"),
    "backfill": ("no_job", "wrong_state", "copied", "-", "-", "-", "no_job"),
    "reconcile": ("no_job", "wrong_state", "wrong_state", "compared", "-", "-", "no_job"),  # nothing is changed, but now it is known
    "cut over": ("no_job", "wrong_state", "wrong_state", "wrong_state", "live", "-", "no_job"),
    "roll back": ("-", "-", "-", "-", "-", "verified", "-"),
    "contract": ("-", "wrong_state", "wrong_state", "wrong_state", "wrong_state", "contracted", "-"),
    "info": ("-", "-", "-", "-", "-", "-", "-"),
}
REFUSALS = {"no_job", "wrong_state", "not_a_table"}


def at(database: Postgres, place: str) -> Shift:
    """A shift in that state, with rows written at each step on the way."""
    with database.connect(autocommit=True) as connection:
        connection.execute(TABLE)
        shift = Shift(database)
        for state in STATES[: PLACES.index(place)]:
            shift.step(state)
            write(connection)
        if place == "contracted":
            shift.contracted()
    return shift


def write(connection: Connection) -> None:
    connection.execute("INSERT INTO app.docs (tenant_id) SELECT 'tenant 9' FROM generate_series(1, 5)")
    connection.execute("UPDATE app.docs SET body = 'changed', tenant_id = 'tenant 7' WHERE id % 7 = 0")
    connection.execute("DELETE FROM app.docs WHERE id = (SELECT min(id) FROM app.docs)")


@pytest.mark.parametrize("place", PLACES)
def test_every_module_in_every_state(postgres: Postgres, place: str) -> None:
    original = postgres.with_database("states")
    try:
        shift = at(original, place)
        for name, (module, options) in RUNS.items():
            outcome = OUTCOMES[name][PLACES.index(place)]
            if outcome in REFUSALS:
                refused(shift, module, options, outcome, name)
            elif outcome == "compared":
                with_copy(postgres, lambda copy: compared(Shift(copy)))
            elif outcome == "-":
                twice_nothing(shift, module, options, place, name)
            else:
                with_copy(postgres, lambda copy, *run: leads_to(Shift(copy), *run), module, options, outcome, name)
    finally:
        postgres.drop_database("states")


def with_copy(postgres: Postgres, test: t.Callable[..., None], *arguments: t.Any) -> None:
    """A test on a copy of the database, so that the next one finds the state as it was."""
    copy = postgres.with_database("states_copy", template="states")
    try:
        test(copy, *arguments)
    finally:
        postgres.drop_database("states_copy")


def compared(shift: Shift) -> None:
    with shift.database.connect(autocommit=True) as connection:
        with pictures.untouched(connection):
            assert shift.step("verified", check=True)["changed"] is False
        assert shift.state == "copied"
        before = application(pictures.taken(connection))
        assert shift.step("verified")["changed"] is False
        assert shift.state == "verified"
        assert application(pictures.taken(connection)) == before


def refused(shift: Shift, module: str, options: dict[str, t.Any], code: str, name: str) -> None:
    with shift.database.connect(autocommit=True) as connection, pictures.untouched(connection):
        for check in (True, False):
            result = shift.run(module, check=check, fails=True, **options)
            assert set(codes(result)) >= {code}, name
            assert all(refusal["remedy"] for refusal in result["refusals"])


def twice_nothing(shift: Shift, module: str, options: dict[str, t.Any], place: str, name: str) -> None:
    with shift.database.connect(autocommit=True) as connection:
        before = pictures.taken(connection)
        for check in (True, False):
            result = shift.run(module, check=check, **options)
            assert result["changed"] is False, name
            assert name == "rehearse" or result.get("plan", []) == [], name
            assert name == "contract" or name == "rehearse" or result["state"] in (place, "absent", "verified"), name
        after = pictures.taken(connection)
        assert after["catalog"] == before["catalog"] or name == "rehearse", name
        assert application(after) == application(before), name
        if name != "reconcile":  # it notes when it compared
            assert after["rows"] == before["rows"], name


def application(taken: dict[str, pictures.Picture]) -> pictures.Picture:
    return {table: rows for table, rows in taken["rows"].items() if not table.startswith("governed_delivery.")}


def leads_to(shift: Shift, module: str, options: dict[str, t.Any], state: str, name: str) -> None:
    with shift.database.connect(autocommit=True) as connection:
        with pictures.untouched(connection):
            predicted = shift.run(module, check=True, diff=True, **options)
        count = connection.execute("SELECT count(*) FROM app.docs").fetchone()
        done = shift.run(module, diff=True, **options)
        assert (predicted["changed"], done["changed"]) == (True, True), name
        assert predicted["plan"] == done["plan"], name
        assert predicted.get("diff") == done.get("diff"), name
        assert done["state"] == shift.state == state, name
        again = shift.run(module, **options)
        assert (again["changed"], again.get("plan")) == (False, []), name
        assert connection.execute("SELECT count(*) FROM app.docs").fetchone() == count
        write(connection)
        assert (
            connection.execute("SELECT count(*) FROM app.seen").fetchone() == connection.execute("SELECT count(*) FROM app.docs").fetchone()
        )

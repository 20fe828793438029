# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every table has its turn within the days, however they come, grow and go; and a copy is read as its manifest says."""

from __future__ import annotations

import datetime
import typing as t

import hypothesis.strategies as st
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture import sampling
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture.inventory import Table
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture.sampling import Sample
from hypothesis import given

TODAY = datetime.date(2026, 11, 20)
SIZES = st.dictionaries(st.sampled_from([f"t{number}" for number in range(12)]), st.integers(1, 10**12), min_size=1)


@given(st.lists(SIZES, min_size=1, max_size=40), st.integers(1, 10))
def test_no_table_waits_longer_than_the_days(nights: list[dict[str, int]], days: int) -> None:
    last: dict[str, datetime.date] = {}
    for number, sizes in enumerate(nights):
        night = TODAY + datetime.timedelta(days=number)
        for name in sampling.due(sizes, last, night, days):
            last[name] = night
        assert all((night - last[name]).days < days for name in sizes), "one that is there is due in time"
        assert sampling.coverage(sizes, last, night, days).ratio == 1.0


@given(st.integers(2, 10), st.integers(20, 60))
def test_every_night_has_about_its_share(days: int, tables: int) -> None:
    sizes = {f"t{number:02}": 100 for number in range(tables)}
    last = {name: TODAY - datetime.timedelta(days=1 + index % days) for index, name in enumerate(sizes)}
    for number in range(3 * days):
        night = TODAY + datetime.timedelta(days=number)
        chosen = sampling.due(sizes, last, night, days)
        assert len(chosen) * 100 <= sum(sizes.values()) / days + 100 + 100
        last.update(dict.fromkeys(chosen, night))


def test_coverage_counts_bytes_and_days() -> None:
    sizes = {"old": 100, "new": 300}
    last = {"old": TODAY - datetime.timedelta(days=31), "new": TODAY}
    assert sampling.coverage(sizes, last, TODAY, 30) == sampling.Coverage(0.75, 31)
    assert sampling.coverage(sizes, {"new": TODAY}, TODAY, 30) == sampling.Coverage(0.75, None)
    assert sampling.coverage({}, {}, TODAY, 30) == sampling.Coverage(1.0, 0)


def table(name: str, size: int, *, heap: bool = True, key: tuple[str, ...] = ("id",)) -> Table:
    return Table("app", name, f"app.{name}", False, heap, size // 8192, size, ("id",), "c0", key)


def chosen(kind: sampling.Kind, tables: dict[str, Table], last: dict[str, datetime.date] | None = None) -> t.Mapping[str, Sample]:
    done = {name: TODAY - datetime.timedelta(days=1) for name in tables} if last is None else last
    choose = sampling.rotating(kind, percent=5.0, label="a", today=TODAY, days=1000, last_full={"shop": done}, small=1000)
    return choose("shop", tables)


def test_small_tables_and_those_without_a_way_are_read_fully() -> None:
    tables = {
        one.name: one
        for one in (
            table("small", 1000),
            table("big", 10**6),
            table("big2", 10**6),
            table("keyless", 10**6, key=()),
            table("columnar", 10**6, heap=False),
        )
    }
    assert set(chosen("logical", tables)) <= {"app.big", "app.big2", "app.columnar"}
    assert set(chosen("physical", tables)) <= {"app.big", "app.big2", "app.keyless"}
    assert len(chosen("logical", tables)) == 2, "one of three has its turn"
    assert {one.method for one in chosen("physical", tables).values()} == {"blocks"}
    assert {one.method for one in chosen("logical", tables).values()} == {"keys"}
    assert chosen("logical", tables, {}) == {}, "what was never read fully is read fully first"


def test_a_copy_is_read_as_its_manifest_says() -> None:
    sample = {"method": "keys", "percent": 5.0, "seed": 9, "rows": 3}
    said = {"shop": {"tables": {"app.big": {"sample": sample, "full": None}, "app.small": {"full": "2026-11-20"}}}}
    assert sampling.as_captured(said)("shop", {"app.big": table("big", 1)}) == {"app.big": Sample("keys", 5.0, 9)}
    assert sampling.as_captured(said)("shop", {}) == {}
    assert sampling.last_full(said) == {"shop": {"app.small": TODAY}}


def test_seeds_differ_by_label_and_stay() -> None:
    assert sampling.seed_of("a") == sampling.seed_of("a") != sampling.seed_of("b")
    assert 0 <= sampling.seed_of("a") < 2**31

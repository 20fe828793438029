# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a manifest and a copy has a name and a code."""

from __future__ import annotations

import copy
import typing as t

import hypothesis.strategies as st
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture import compare
from hypothesis import given


def table(rows: int = 3, lane: str = "7", **more: t.Any) -> dict[str, t.Any]:
    return {"rows": rows, "lanes": [lane, "-9"], "bytes": 8192, "columns": "c0", **more}


def database(**more: t.Any) -> dict[str, t.Any]:
    return {
        "encoding": "UTF8",
        "collate": "C",
        "ctype": "C",
        "collation_version": "2.36",
        "collations": {},
        "extensions": {"plpgsql": "1.0"},
        "schema": {
            "relation app.docs": "1",
            "index app.docs_pkey": "2",
            "column app.docs.id": "3",
            "domain constraint app.positive c": "4",
        },
        "tables": {"app.docs": table()},
        "materialized_views": {"app.totals": table()},
        "sequences": {"app.ids": {"value": "100", "until": "110", "increment": "1", "cache": "1", "cycle": False}},
        "large_objects": {"count": 1, "lanes": ["1", "2"]},
        "excluded": {},
        **more,
    }


def told(expected: dict[str, t.Any], found: dict[str, t.Any], kind: compare.Kind = "physical", exact: bool = True) -> list[tuple[str, str]]:
    result = compare.compare(expected, found, kind=kind, exact=exact, database="shop")
    return [(one.code, one.about.removeprefix("shop: ")) for one in result.findings]


@pytest.mark.parametrize("kind", ["physical", "logical"])
def test_the_same_is_the_same(kind: compare.Kind) -> None:
    result = compare.compare(database(), database(), kind=kind, exact=True)
    assert result.findings == ()
    assert (result.compared, result.matched) == ((2, 2) if kind == "physical" else (1, 1))
    assert result.mismatches == ()


DIFFERENCES: list[tuple[str, dict[str, t.Any], list[tuple[str, str]]]] = [
    ("fewer rows", {"tables": {"app.docs": table(rows=2)}}, [("COUNT_MISMATCH", "app.docs")]),
    ("other rows", {"tables": {"app.docs": table(lane="8")}}, [("CHECKSUM_MISMATCH", "app.docs")]),
    ("other columns", {"tables": {"app.docs": table(columns="c1")}}, [("CHECKSUM_MISMATCH", "app.docs")]),
    (
        "unreadable",
        {"tables": {"app.docs": {"error": "XX001: invalid page", "bytes": 1, "columns": "c0"}}},
        [("UNREADABLE_TABLE", "app.docs")],
    ),
    ("extra", {"tables": {"app.docs": table(), "app.more": table()}}, [("SCHEMA_MISMATCH", "extra tables")]),
    (
        "no tables",
        {"tables": {}, "schema": {}},
        [("EMPTY_BACKUP", "tables"), *[("SCHEMA_MISMATCH", "missing domain constraints")], ("SCHEMA_MISMATCH", "missing indexes")],
    ),
    ("extension", {"extensions": {}}, [("SCHEMA_MISMATCH", "extension plpgsql")]),
    ("encoding", {"encoding": "LATIN1"}, [("SCHEMA_MISMATCH", "encoding")]),
    ("library", {"collation_version": "2.41"}, [("COLLATION_MISMATCH", "collation of the database")]),
    ("large objects", {"large_objects": {"count": 2, "lanes": ["1", "2"]}}, [("COUNT_MISMATCH", "large objects")]),
    ("their bytes", {"large_objects": {"count": 1, "lanes": ["1", "3"]}}, [("CHECKSUM_MISMATCH", "large objects")]),
    ("not allowed", {"large_objects": {"count": 1, "lanes": None}}, [("NOT_COMPARED", "large objects")]),
]


@pytest.mark.parametrize(("changed", "codes"), [one[1:] for one in DIFFERENCES], ids=[one[0] for one in DIFFERENCES])
def test_each_difference_is_named(changed: dict[str, t.Any], codes: list[tuple[str, str]]) -> None:
    assert told(database(), database(**changed)) == codes


def test_missing_table_is_named_once_with_the_reason_for_its_absence() -> None:
    found = database(
        tables={"app.other": table()},
        schema={"index app.docs_pkey": "2", "domain constraint app.positive c": "4"},
        excluded={"app.docs": "unlogged"},
    )
    expected = database(tables={"app.docs": table(), "app.other": table()})
    assert told(expected, found) == [("SCHEMA_MISMATCH", "missing tables")]
    finding = compare.compare(expected, found, kind="logical", exact=True).findings[0]
    assert finding.found == "app.docs (unlogged)"


def test_a_copy_at_another_point_is_compared_by_its_schema_alone() -> None:
    found = database(tables={"app.docs": table(rows=5)}, schema={})
    assert [code for code, _about in told(database(), found, exact=False)] == ["SCHEMA_MISMATCH"] * 4 + ["NOT_COMPARED"]


def test_a_logical_copy_has_indexes_and_views_of_its_own() -> None:
    found = database(collation_version="2.41", materialized_views={})
    assert told(database(), found, "logical") == []
    assert [code for code, _about in told(database(), found)] == ["COLLATION_MISMATCH"]


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        ("100", "physical", True),
        ("143", "physical", True),  # 110 + 32 + cache 1
        ("144", "physical", False),
        ("99", "physical", False),
        ("99", "logical", False),
        ("5000", "logical", True),
        (None, "logical", False),
    ],
)
def test_sequences_are_never_behind_and_hardly_ahead(value: str | None, kind: compare.Kind, fits: bool) -> None:
    found = database()
    found["sequences"] = {"app.ids": {**found["sequences"]["app.ids"], "value": value}}
    assert told(database(), found, kind) == ([] if fits else [("COUNT_MISMATCH", "sequence app.ids")])


def test_descending_sequences_count_down() -> None:
    expected, found = database(), database()
    for one, value in ((expected, "-100"), (found, "-90")):
        one["sequences"] = {"app.ids": {"value": value, "until": value, "increment": "-1", "cache": "1", "cycle": False}}
    assert told(expected, found) == [("COUNT_MISMATCH", "sequence app.ids")]
    assert told(found, expected) == []


def test_other_samples_are_not_compared() -> None:
    sample = {"method": "blocks", "percent": 1.0, "seed": 4, "rows": 2}
    expected = database(tables={"app.docs": table(sample=sample)})
    found = database(tables={"app.docs": table(lane="8", sample={**sample, "seed": 5})})
    assert told(expected, found) == [("NOT_COMPARED", "app.docs")]
    assert compare.compare(expected, copy.deepcopy(expected), kind="physical", exact=True).sampled == 1


def test_many_differences_are_few_findings_and_all_names() -> None:
    expected = database(tables={f"app.t{number:03}": table() for number in range(100)})
    found = database(tables={f"app.t{number:03}": table(rows=4) for number in range(100)})
    result = compare.compare(expected, found, kind="logical", exact=True)
    assert len(result.findings) == compare.MOST + 1
    assert result.findings[-1].found == "80 more"
    assert len(result.mismatches) == 100


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 5), st.integers(-3, 3)), min_size=1), st.data())
def test_equal_exactly_when_nothing_was_changed(tables: dict[str, tuple[int, int]], data: st.DataObject) -> None:
    expected = database(tables={name: table(rows, str(lane)) for name, (rows, lane) in tables.items()})
    changed = data.draw(st.sets(st.sampled_from(sorted(tables))))
    found = copy.deepcopy(expected)
    for name in changed:
        found["tables"][name]["lanes"][1] = "changed"
    result = compare.compare(expected, found, kind="logical", exact=True)
    assert set(result.mismatches) == changed
    assert result.matched == len(tables) - len(changed)


def test_nothing_at_all_is_no_backup() -> None:
    finding = compare.nothing_in({"shop": database(tables={})})
    assert finding is not None
    assert finding.code == "EMPTY_BACKUP"
    assert compare.nothing_in({"postgres": database(tables={}), "shop": database()}) is None

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map: the hash is pinned, ids are taken as they are, and every mistake in a map has its own refusal."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal, Refusals
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import SLOTS, SlotRange, TenantMap
from hypothesis import given
from hypothesis import strategies as st

HALVES = (SlotRange(0, 8191, "a"), SlotRange(8192, SLOTS - 1, "b"))
TENANTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def halves(version: int = 1, overrides: t.Mapping[str, str] | None = None) -> TenantMap:
    return TenantMap(version, ("a", "b"), HALVES, overrides or {})


# Computed once with sha256sum. When one of these changes, every row of every user is on the wrong shard.
@pytest.mark.parametrize(
    ("tenant", "slot"),
    [("acme", 2208), ("Acme", 11571), ("UA", 13849), ("42", 3725), ("é", 851), ("tenant with space", 6354), ("x" * 1000, 14851)],
)
def test_the_hash_never_changes(tenant: str, slot: int) -> None:
    assert routes.slot_of(tenant) == slot


@given(TENANTS)
def test_slot_is_the_first_eight_bytes_of_sha256(tenant: str) -> None:
    assert routes.slot_of(tenant) == int(hashlib.sha256(tenant.encode()).hexdigest()[:16], 16) % 16384


@pytest.mark.parametrize("tenant", [None, "", 42, True, b"acme", "a\0b", "\ud800", ["acme"]])
def test_what_is_no_tenant_id_is_refused(tenant: t.Any) -> None:
    with pytest.raises(Refusal) as caught:
        halves().shard_for(tenant)
    assert caught.value.code == "bad_tenant"


def test_slots_decide_and_overrides_win() -> None:
    tenants = halves(overrides={"acme": "b"})
    assert halves().shard_for("acme") == "a"
    assert tenants.shard_for("acme") == "b"
    assert tenants.shard_for("42") == "a"
    assert halves(overrides={"acme": "a"}).shard_for("Acme") == "b", "another tenant: case is not folded"


@given(TENANTS)
def test_a_tenant_is_on_the_shard_that_owns_its_slot(tenant: str) -> None:
    tenants = halves()
    [owner] = [part.shard for part in tenants.ranges if part.first <= routes.slot_of(tenant) <= part.last]
    assert tenants.shard_for(tenant) == owner


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"version": 0}, "bad_version", "found 0"),
        ({"version": True}, "bad_version", "found True"),
        ({"version": "7"}, "bad_version", "found '7'"),
        ({"version": 1 << 63}, "bad_version", "whole number"),
        ({"shards": ("a", "b", "a")}, "shard_twice", "shard a"),
        ({"shards": ("a", "b", "x y")}, "bad_shard_name", "'x y'"),
        ({"shards": ("a", "b", "PgBouncer")}, "bad_shard_name", "pgbouncer"),
        ({"shards": ("a", "b", "-c")}, "bad_shard_name", "-c"),
        ({"shards": ("a", "b", None)}, "bad_shard_name", "nothing"),
        ({"ranges": HALVES[:1]}, "slots_uncovered", "slots 8192 to 16383"),
        ({"ranges": (SlotRange(0, 8000, "a"), HALVES[1])}, "slots_uncovered", "slots 8001 to 8191"),
        ({"ranges": (SlotRange(0, 9000, "a"), HALVES[1])}, "slots_twice", "a and b"),
        ({"ranges": (*HALVES, SlotRange(3, 3, "b"))}, "slots_twice", "slot 3"),
        ({"ranges": (*HALVES, SlotRange(9, 5, "b"))}, "bad_range", "slots 9 to 5"),
        ({"ranges": (*HALVES, SlotRange(SLOTS, SLOTS, "b"))}, "bad_range", "16384"),
        ({"ranges": (HALVES[0], SlotRange(8192, SLOTS - 1, "c"))}, "unknown_shard", "'c'"),
        ({"overrides": {"acme": "c"}}, "unknown_shard", "override of tenant 'acme'"),
        ({"overrides": {"": "a"}}, "bad_tenant", "tenant id"),
    ],
)
def test_every_mistake_has_its_refusal(change: dict[str, t.Any], code: str, words: str) -> None:
    with pytest.raises(Refusals) as caught:
        dataclasses.replace(halves(), **change)
    assert [refusal.code for refusal in caught.value.refusals] == [code]
    assert words in str(caught.value)


def test_all_mistakes_are_found_in_one_look() -> None:
    with pytest.raises(Refusals) as caught:
        TenantMap(0, (), (SlotRange(0, 5, "a"),), {"": "z"})
    codes = [refusal.code for refusal in caught.value.refusals]
    assert codes == ["bad_version", "no_shards", "unknown_shard", "slots_uncovered", "bad_tenant", "unknown_shard"]


def test_maps_that_say_the_same_are_equal_however_they_were_written() -> None:
    pieces = (SlotRange(100, 8191, "a"), SlotRange(8192, SLOTS - 1, "b"), SlotRange(0, 99, "a"))
    assert TenantMap(1, ("b", "a"), pieces, {"y": "a", "x": "b"}) == halves(overrides={"x": "b", "y": "a"})


def test_digest_is_of_the_content_alone() -> None:
    assert halves(1).digest == halves(2).digest
    assert halves().digest != halves(overrides={"acme": "a"}).digest
    assert halves().digest == "sha256:2c1f5d6a62ed66cc96e3e73b80845da0a6cab5e14ea9778a04cfba8ff05ea95d", "recorded in shards and files"


def test_a_map_cannot_be_changed() -> None:
    tenants = halves(overrides={"acme": "b"})
    with pytest.raises(TypeError):
        tenants.overrides["acme"] = "a"  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        tenants.version = 2  # type: ignore[misc]


@given(st.dictionaries(TENANTS, st.sampled_from(["a", "b"]), max_size=5), st.integers(1, (1 << 63) - 1))
def test_written_and_read_again_it_is_the_same(overrides: dict[str, str], version: int) -> None:
    tenants = halves(version, overrides)
    assert TenantMap.from_json(tenants.to_json()) == tenants


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_map"),
        ("[]", "no_map"),
        ("{}", "no_map"),
        ("null", "no_map"),
        ('"x"', "no_map"),
        (halves().to_json()[:-3], "no_map"),
        (halves().to_json().replace('"format":1', '"format":2'), "no_map"),
        (halves().to_json().replace('"slots":16384', '"slots":1024'), "no_map"),
        (halves().to_json().replace('"overrides":{}', '"overrides":{"acme":"b"}'), "digest_differs"),
        (halves().to_json().replace("8191", "8190").replace("8192", "8191"), "digest_differs"),
    ],
)
def test_a_text_that_is_no_whole_map_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        TenantMap.from_json(text)
    assert caught.value.code == code


def test_a_document_with_mistakes_names_them() -> None:
    document = json.loads(halves().to_json())
    document["shards"]["a"] = [[0, 8000]]
    with pytest.raises(Refusals, match="slots 8001 to 8191"):
        TenantMap.from_dict(document)


def test_moves_tell_slots_and_tenants_apart() -> None:
    after = TenantMap(2, ("a", "b"), (SlotRange(0, 8189, "a"), SlotRange(8190, SLOTS - 1, "b")), {"acme": "b", "Acme": "b"})
    assert routes.moves(halves(), after) == [
        {"slots": [8190, 8191], "source": "a", "target": "b"},
        {"tenant": "acme", "source": "a", "target": "b"},
    ]
    assert routes.moves(None, after) == []
    assert routes.moves(after, after) == []

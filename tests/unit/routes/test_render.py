# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as a ConfigMap and as PgBouncer's databases, and files that change whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._postgres import routes_render as render
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import TenantMap
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_render import Address, Place
from hypothesis import given
from hypothesis import strategies as st

TENANTS = share_out(None, {"a": 1, "b": 1}, {"acme": "b", "é: {}\n--- |": "a"}, version=7)
PLACES = {
    "a": Place(Address("a.example.net", 5432, "shop"), (Address("a2.example.net", 5433, "shop"),)),
    "b": Place(Address("", 6432, "it's a shop")),
}


def config_map(tenants: TenantMap = TENANTS) -> t.Any:
    return yaml.safe_load(render.config_map(tenants, PLACES, name="tenant-map", namespace="shop"))


def test_the_config_map_holds_the_map_and_the_addresses() -> None:
    manifest = config_map()
    assert (manifest["kind"], manifest["apiVersion"]) == ("ConfigMap", "v1")
    assert (manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == ("tenant-map", "shop")
    assert all(isinstance(value, str) for value in manifest["metadata"]["annotations"].values())
    assert TenantMap.from_json(manifest["data"]["tenant_map.json"]) == TENANTS
    addresses = json.loads(manifest["data"]["shards.json"])
    assert addresses["a"]["host"] == "a.example.net"
    assert addresses["a"]["replicas"] == [{"host": "a2.example.net", "port": 5433, "database": "shop"}]
    assert addresses["b"] == {"host": "", "port": 6432, "database": "it's a shop"}


@given(st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), st.just("a"), max_size=4))
def test_no_tenant_id_can_break_out_of_the_config_map(overrides: dict[str, str]) -> None:
    tenants = share_out(None, {"a": 1, "b": 1}, overrides)
    manifest = config_map(tenants)
    assert set(manifest) == {"apiVersion", "kind", "metadata", "data"}
    assert TenantMap.from_json(manifest["data"]["tenant_map.json"]) == tenants


def test_a_config_map_that_kubernetes_would_not_take_is_refused() -> None:
    tenants = share_out(None, {"a": 1}, {f"tenant-{number:060}": "a" for number in range(16000)})
    with pytest.raises(Refusal) as caught:
        render.config_map(tenants, PLACES, name="n", namespace="n")
    assert caught.value.code == "config_map_too_large"


def test_pgbouncer_gets_a_database_for_every_shard_and_replica() -> None:
    assert render.pgbouncer(TENANTS, PLACES).splitlines() == [
        "; governed.delivery/tenant-map-version: 7",
        f"; {TENANTS.digest}",
        "[databases]",
        "a = host=a.example.net port=5432 dbname=shop",
        "a.replica1 = host=a2.example.net port=5433 dbname=shop",
        "b = port=6432 dbname='it''s a shop'",
    ]


def test_an_address_that_would_start_a_line_of_its_own_is_refused() -> None:
    places = {**PLACES, "b": Place(Address("h", 1, "shop\nevil = host=elsewhere"))}
    with pytest.raises(Refusal) as caught:
        render.pgbouncer(TENANTS, places)
    assert caught.value.code == "bad_address"


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    text = render.pgbouncer(TENANTS, PLACES)
    file = render.look_at(str(path), text, version=7)
    assert (file.changes, file.found) == (True, None)
    render.write(file)
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    assert not render.look_at(str(path), text, version=7).changes
    render.write(render.look_at(str(path), f"{text}; more\n", version=7))
    assert path.read_text() == f"{text}; more\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "map.yml"
    old = render.pgbouncer(TENANTS, PLACES)
    path.write_text(old)
    file = render.look_at(str(path), f"{old}; more\n", version=7)

    def full(_descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        render.write(file)
    assert path.read_text() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    path.write_text(render.pgbouncer(TENANTS, PLACES))
    render.write(render.look_at(str(path), None, version=7))
    assert not path.exists()
    assert not render.look_at(str(path), None, version=7).changes


def test_what_stands_in_the_way_is_refused(tmp_path: Path) -> None:
    text = render.pgbouncer(TENANTS, PLACES)
    path = tmp_path / "map.yml"

    def code(at: Path, version: int = 7) -> str:
        with pytest.raises(Refusal) as caught:
            render.look_at(str(at), text, version=version)
        return caught.value.code

    assert code(tmp_path / "missing" / "map.yml") == "no_folder"
    assert code(tmp_path) == "not_our_file"
    path.write_text("[databases]\nmine = host=here\n")
    assert code(path) == "not_our_file"
    path.write_text(text)
    assert code(path, version=6) == "backwards"
    path.write_text(render.config_map(TENANTS, PLACES, name="n", namespace="n"))
    assert code(path, version=6) == "backwards"

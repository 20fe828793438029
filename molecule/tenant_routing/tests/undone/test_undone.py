# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map of two shards is back, as a newer version: the third shard lets nobody in, and no router takes the old version for the new one."""

from __future__ import annotations

import json
import typing as t

Insert = t.Callable[[str, str, int], str]


def test_the_map_is_that_of_two_shards_and_newer(published: dict[str, str]) -> None:
    document = json.loads(published["tenant_map.json"])
    assert document["version"] == 3
    assert document["shards"] == {"shard_a": [[0, 8191]], "shard_b": [[8192, 16383]]}
    assert document["overrides"] == {}


def test_who_moved_is_back(published: dict[str, str], insert: Insert, moved: list[str]) -> None:
    version = json.loads(published["tenant_map.json"])["version"]
    assert len(moved) > 2
    for airline in moved:
        assert insert("shard_c", airline, version) == "TR002"
        assert sorted(insert(shard, airline, version) for shard in ("shard_a", "shard_b")) == ["", "TR002"]
        assert {insert(shard, airline, version - 1) for shard in ("shard_a", "shard_b", "shard_c")} == {"TR001"}

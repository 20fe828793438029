# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tenant_shard, as a template calls it."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.governed.delivery.plugins.filter.tenant_shard import FilterModule
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_balance import share_out

TENANTS = share_out(None, {"a": 1, "b": 1}, {"acme": "b"})


def shard(tenant: t.Any, tenants: t.Any) -> t.Any:
    return FilterModule().filters()["tenant_shard"](tenant, tenants)


def test_the_map_may_be_a_mapping_or_its_text() -> None:
    assert shard("acme", TENANTS.as_dict()) == "b"
    assert shard("acme", TENANTS.to_json()) == "b"


@pytest.mark.parametrize(
    ("tenant", "tenants", "words"),
    [
        (42, TENANTS.as_dict(), "expected a non-empty string.*found 42.*Quote ids"),
        (None, TENANTS.as_dict(), "found nothing"),
        ("acme", {}, "expected a mapping with format"),
        ("acme", None, "expected a mapping with format"),
        ("acme", {**TENANTS.as_dict(), "overrides": {}}, "changed by hand"),
    ],
)
def test_what_cannot_be_answered_is_a_message(tenant: t.Any, tenants: t.Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        shard(tenant, tenants)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: the shard of a tenant."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal, Refusals
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes import TenantMap


def tenant_shard(tenant: t.Any, tenant_map: t.Any) -> str:
    """The name of the shard that the tenant lives on."""
    try:
        tenants = TenantMap.from_json(tenant_map) if isinstance(tenant_map, str) else TenantMap.from_dict(tenant_map)
        return tenants.shard_for(tenant)
    except (Refusal, Refusals) as refusal:
        raise AnsibleFilterError(f"tenant_shard: {refusal}") from refusal


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"tenant_shard": tenant_shard}

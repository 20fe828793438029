# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure whether every tenant is let in by its shard, and by no other."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_map_check
short_description: Measure whether every tenant is let in by its shard, and by no other
version_added: 0.1.0
description:
  - Asks the shards as routers do, and counts what they answer. It judges nothing, thresholds are the plan's.
    Where there is no map, all values are null.
  - Changes nothing but one row, in C(governed_delivery.route_probe) of each shard, which it writes to see where the write can be read.
options:
  sample_size:
    description:
      - How many tenants to ask for on every shard. Half of them are tenants that have rows in O(tenant_tables), if there are so many,
        the others are made up.
    type: int
    default: 1000
  write_rounds:
    description: How many writes to make and read back on every shard.
    type: int
    default: 20
  replica_wait:
    description: Seconds to wait for a replica before the read goes to the primary.
    type: float
    default: 1.0
  seed:
    description: Start of the random numbers. The same seed asks for the same tenants.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    description: Measures what can be measured without a write. C(read_your_writes_violations) is null then.
  diff_mode:
    support: none
    description: Nothing is changed that a person would want to see.
  idempotent:
    support: full
    description: Never reports a change.
extends_documentation_fragment:
  - governed.delivery.tenant_shards
seealso:
  - module: governed.delivery.tenant_map
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Is every tenant let in by its shard alone?
  governed.delivery.tenant_map_check:
    shards:
      - {name: shard_a, login_host: a.db.example.net, login_db: shop, replicas: [{login_host: a2.db.example.net}]}
      - {name: shard_b, login_host: b.db.example.net, login_db: shop}
    tenant_tables:
      - {schema: app, table: docs}
  register: checked

- name: Judge it
  governed.delivery.promotion_judge:
    measures: "{{ checked.measures }}"
    goals:
      - {measure: routed_wrong, at_most: 0, samples_at_least: 1000}
      - {measure: stale_router_refused, equals: 100, samples_at_least: 10}
      - {measure: shards_at_version, equals: 100, samples_at_least: 1}
      - {measure: read_your_writes_violations, at_most: 0, samples_at_least: 10}
"""

RETURN = r"""
version:
  description: Version of the map, the newest that a shard is at. V(0) when there is none.
  returned: success
  type: int
digest:
  description: Digest of what the map says.
  returned: success
  type: str
measures:
  description:
    - V(shards_at_version), percentage of shards whose fence lets in exactly what the map gives them.
    - V(routed_wrong), tenants for which the shards that let them in are not exactly the router's, or whose rows are elsewhere.
    - V(stale_router_refused), percentage of transactions with an older map version that got the error C(TR001).
    - V(read_your_writes_violations), reads, on servers that the write's token allowed, that missed the write.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the measure.
      type: str
    value:
      description: The number, or null when it could not be observed.
      type: float
    unit:
      description: Its unit.
      type: str
    samples:
      description: How many observations stand behind it.
      type: int
    at:
      description: When the observation ended.
      type: str
    how:
      description: How it was observed.
      type: str
refusals:
  description: What stands in the way, each with what to do about it.
  returned: failure
  type: list
  elements: dict
  contains:
    object:
      description: What it is about.
      type: str
    expected:
      description: What has to hold.
      type: str
    found:
      description: What was there instead.
      type: str
    remedy:
      description: What to do next.
      type: str
    code:
      description: A short reason for programs.
      type: str
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_check import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

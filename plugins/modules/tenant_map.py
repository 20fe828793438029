# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which shard a tenant lives on, to the shards themselves and to the routers."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tenant_map
short_description: Say which shard a tenant lives on, to the shards themselves and to the routers
version_added: 0.1.0
description:
  - A tenant's id hashes to one of 16384 slots, and the map gives every slot to a shard. An override gives one tenant to a shard whatever its slot.
    The map has a version that only grows, and a digest.
  - Every shard's database gets a fence, C(governed_delivery.assert_route(tenant, version)), which the application calls first in its transaction.
    A router with an older map gets the error C(TR001). A tenant that lives elsewhere gets C(TR002), whatever version the router names.
  - While a map changes, shards first give tenants up, then others take them on, so that no two shards ever let in the same tenant.
    Giving up waits for the transactions that are under way.
    A run that was cut at any point leaves this true, and the next run finishes it.
  - Shards are given slots in proportion to their weights, and only slots that must move do. The same input gives the same map.
  - Renders the map as a Kubernetes ConfigMap and as PgBouncer's databases. No user and no password is in them.
  - A map says where tenants live, and moves no rows. A map that would leave rows on the wrong shard is refused, see O(moved_tenants).
options:
  state:
    description:
      - V(present) brings all shards to the map that O(shards) and O(overrides) ask for.
      - V(reverted) brings back what the map said before its last change, or at O(version), as a still newer version. Done twice it changes nothing.
        Where there was no map then, it does as V(absent).
      - V(absent) removes fences and files. The fences' functions are gone then, so applications that call them fail until they are told otherwise.
        Versions begin at 1 again afterwards.
    type: str
    default: present
    choices: [present, reverted, absent]
  overrides:
    description: Tenant id to shard name, for tenants that do not follow their slot. All of them, each time.
    type: dict
    default: {}
  version:
    description:
      - Version of the map. Left out, it counts up by one when the map changes.
        Only needed after shards were restored from a backup, to get above the versions that routers may know.
      - With O(state=reverted), the version whose content to bring back, V(0) for the time before any map. Left out, the one before the last change.
    type: int
  moved_tenants:
    description:
      - Tenants whose rows were copied to their new shard already. What their old shard still holds counts as a leftover.
      - Any other tenant with rows on a shard that would lose it makes the module fail before anything is changed.
        It is looked at again once nobody can write for it any more.
      - That the new shard has rows of the tenant is checked. That it has all of them is for whoever moved them to check.
    type: list
    elements: str
    default: []
  refuse_stale:
    description:
      - Whether a router with an older map is refused altogether, as soon as all shards and files have the new one.
      - V(false) goes on serving it for tenants that did not move, for the time that a ConfigMap needs to reach all routers. Then run again with V(true).
    type: bool
    default: true
  application_roles:
    description: Roles that applications log in as. They may call the fence's functions, and see none of its tables.
    type: list
    elements: str
    default: []
  patience:
    description:
      - Seconds to wait on a shard for a moment without an open transaction that has asserted a route.
      - When it is over, what other shards have given up already is given back, and the module fails.
    type: int
    default: 30
  config_map_path:
    description: File for the ConfigMap.
    type: path
  config_map_name:
    description: Name of the ConfigMap.
    type: str
    default: tenant-map
  config_map_namespace:
    description: Namespace of the ConfigMap.
    type: str
    default: default
  pgbouncer_path:
    description: File for PgBouncer's C([databases]) section, for C(%include) in its configuration. PgBouncer is not reloaded.
    type: path
attributes:
  check_mode:
    support: full
    description: Reads all shards and files in read-only sessions, makes every check, and says what would be run.
  diff_mode:
    support: full
    description: Shows the map, the fences and the files before and after.
  idempotent:
    support: full
    description: Shards, files and rights that are as they should be are left alone.
extends_documentation_fragment:
  - governed.delivery.tenant_shards
seealso:
  - module: governed.delivery.tenant_map_check
  - plugin: governed.delivery.tenant_shard
    plugin_type: filter
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Two shards, and one customer who wants to be on the second
  governed.delivery.tenant_map:
    shards:
      - {name: shard_a, login_host: a.db.example.net, login_db: shop}
      - {name: shard_b, login_host: b.db.example.net, login_db: shop}
    overrides:
      acme: shard_b
    tenant_tables:
      - {schema: app, table: docs}
    application_roles: [shop]
    config_map_path: deploy/tenant-map.yml
    pgbouncer_path: /etc/pgbouncer/shards.ini

- name: A third shard, after the rows of two tenants were copied there
  governed.delivery.tenant_map:
    shards: "{{ shards + [{'name': 'shard_c', 'login_host': 'c.db.example.net', 'login_db': 'shop'}] }}"
    moved_tenants: [contoso, globex]
    tenant_tables:
      - {schema: app, table: docs}

- name: As it was before
  governed.delivery.tenant_map:
    state: reverted
    shards: "{{ shards }}"
    tenant_tables:
      - {schema: app, table: docs}
"""

RETURN = r"""
version:
  description: Version of the map, V(0) when there is none any more.
  returned: success
  type: int
  sample: 3
version_before:
  description: Version of the map that was found, V(0) when there was none.
  returned: success
  type: int
  sample: 2
digest:
  description: Digest of what the map says. Maps that say the same have the same, whatever their versions.
  returned: success
  type: str
  sample: sha256:2c1f5d6a62ed66cc96e3e73b80845da0a6cab5e14ea9778a04cfba8ff05ea95d
map:
  description: The map, as routers and the filter P(governed.delivery.tenant_shard#filter) read it.
  returned: success
  type: dict
moves:
  description: What changes its shard.
  returned: success
  type: list
  elements: dict
  contains:
    slots:
      description: First and last slot.
      type: list
      elements: int
    tenant:
      description: Tenant that an override moves.
      type: str
    source:
      description: Shard that gives it up.
      type: str
    target:
      description: Shard that takes it on.
      type: str
config_map:
  description: The ConfigMap as YAML.
  returned: success
  type: str
pgbouncer:
  description: PgBouncer's C([databases]) section.
  returned: success
  type: str
plan:
  description: The steps in order, run or (in check mode) to be run.
  returned: success
  type: list
  elements: dict
  contains:
    phase:
      description:
        - C(install) creates the fence's objects, C(narrow) gives tenants up, C(settle) takes them on, C(publish) writes a file,
          C(retire) refuses older routers, C(remove) removes.
      type: str
    shard:
      description: Shard on which the statement is run.
      type: str
    sql:
      description: The statement.
      type: str
    lock:
      description: The strongest table lock it takes.
      type: str
    table:
      description: The table that is locked.
      type: str
    why:
      description: What it is for.
      type: str
    file:
      description: File that is written or removed.
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
from ansible_collections.governed.delivery.plugins.module_utils._postgres.routes_change import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the new, partitioned layout of a hot table beside it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_partition
short_description: Make the new, partitioned layout of a hot table beside it
version_added: 0.1.0
description:
  - Creates a partitioned table that carries everything the old one has - keys, indexes, constraints, identity, defaults, storage, grants,
    policies, comments - and refuses, before any write, what cannot be carried, with what to do about it.
  - The old table stays as it is and stays live. Rows come with M(governed.delivery.pg_mirror) and M(governed.delivery.pg_backfill).
  - Run again, it adds partitions for the time to come and carries over what the old table got meanwhile.
options:
  schema:
    description: Schema of the table, spelled as the catalog spells it, without quotes.
    type: str
    default: public
  table:
    description: Name of the hot table, as the application names it.
    type: str
    required: true
  state:
    description:
      - V(present) makes the layout, or brings it up to date.
      - V(absent) drops it again while the mirror is off, and what a killed rehearsal left. The live table is not touched.
      - V(rehearsed) puts a sample of rows into the layout and into a plain copy, compares both, times reads on both, and drops both.
    type: str
    default: present
    choices: [present, absent, rehearsed]
  partition_by:
    description: The levels of the layout, outermost first. Needed for O(state=present) and O(state=rehearsed).
    type: list
    elements: dict
    suboptions:
      method:
        description: How this level divides.
        type: str
        required: true
        choices: [list, hash, range]
      column:
        description: The column it divides by. It becomes part of the key, so it must be NOT NULL.
        type: str
        required: true
      groups:
        description:
          - For V(list), the values of each partition, by partition name.
          - Some 430 values of 5 bytes or 150 UUIDs surely fit one partition; more are refused.
        type: dict
      modulus:
        description: For V(hash), the number of partitions, 2 to 1024.
        type: int
      interval:
        description: For V(range), how much time one partition holds.
        type: str
        choices: [hour, day, week, month, year]
      start:
        description: For V(range), where the first partition begins. Left out, with the oldest row.
        type: str
      end:
        description: For V(range), where the last partition ends. Left out, O(partition_by[].ahead) says.
        type: str
      ahead:
        description: For V(range), how many partitions to keep ready after the current one. Left out, 2.
        type: int
      default:
        description: For V(list) and V(range), whether a default partition takes what no other does. Left out, there is one.
        type: bool
  minimum_rows:
    description: A table with fewer rows is refused, because it is not worth it.
    type: int
    default: 10000
  free_disk_bytes:
    description: Free bytes of the server's disk, where the caller knows them. Without it they are looked up when the server is this machine.
    type: int
  rehearse_rows:
    description: Size of the sample of O(state=rehearsed).
    type: int
    default: 50000
  patience:
    description:
      - Seconds to wait for a moment at which no long transaction holds the table.
      - We wait outside, without a lock request that others would queue behind, and give up cleanly when it is over.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Plans from reads of the catalog. No statement of the plan is run.
  diff_mode:
    support: full
    description: Shows the plan as SQL, each statement with the lock it takes.
  idempotent:
    support: full
    description: A second run finds nothing to do.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_mirror
  - module: governed.delivery.pg_partition_info
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Divide by a hash of the tenant
  governed.delivery.pg_partition:
    login_db: shop
    schema: app
    table: docs
    partition_by:
      - method: hash
        column: tenant_id
        modulus: 16

- name: Big tenants of their own, and months within them
  governed.delivery.pg_partition:
    login_db: shop
    schema: app
    table: docs
    partition_by:
      - method: list
        column: tenant_id
        groups:
          united: [UA]
          delta: [DL, "9E"]
      - method: range
        column: created_at
        interval: month
        start: "2026-01-01"
        ahead: 3

- name: Try it on a sample first
  governed.delivery.pg_partition:
    login_db: shop
    schema: app
    table: docs
    state: rehearsed
    partition_by:
      - method: hash
        column: tenant_id
        modulus: 16
  register: rehearsal
"""

RETURN = r"""
plan:
  description: The statements, run or (in check mode) to be run.
  returned: success
  type: list
  elements: dict
  contains:
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
state:
  description: Where the shift is now.
  returned: success
  type: str
  sample: expanded
target:
  description: The new table.
  returned: O(state=present)
  type: str
  sample: app.docs_partitioned
target_key:
  description: The new table's key, the old one and the columns that the layout divides by.
  returned: O(state=present)
  type: list
  elements: str
partitions:
  description: Number of partitions, at all levels.
  returned: O(state=present)
  type: int
rehearsal:
  description: What the rehearsal found.
  returned: O(state=rehearsed), not in check mode
  type: dict
  contains:
    rows:
      description: Rows of the sample.
      type: int
    mismatches:
      description: Rows that are not the same in both layouts.
      type: int
    default_rows:
      description: Rows that no declared partition took.
      type: int
    partitions:
      description: Partitions made, at all levels.
      type: int
    seconds:
      description: How long it took to make and fill both.
      type: float
    shadow_reads:
      description: Reads on both layouts, with median milliseconds (name, old_ms, new_ms, rounds, slower).
      type: list
      elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_partition import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

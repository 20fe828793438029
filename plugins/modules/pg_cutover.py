# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the name of a hot table to its new layout, and back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_cutover
short_description: Give the name of a hot table to its new layout, and back
version_added: 0.1.0
description:
  - Swaps two names in one short transaction, at a moment when nobody holds the tables for long. Views, sequences and identities follow.
  - Before it, everything is looked at once more - columns, indexes, grants, the mirror, a fresh comparison - and reads are timed on both layouts.
  - After it every write goes to the old table too, so that the way back is the same swap and loses nothing.
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
      - V(live) gives the name to the new table.
      - V(rolled_back) gives it back to the old one.
      - V(contracted) drops the old table and the mirror. There is no way back from that.
    type: str
    default: live
    choices: [live, rolled_back, contracted]
  verified_within_minutes:
    description: How old the last comparison without a difference may be.
    type: int
    default: 60
  shadow_reads:
    description:
      - Statements of the application to time on both layouts.
      - Left out, reads by the old key alone and by the new one. An empty list times nothing.
    type: list
    elements: dict
    suboptions:
      name:
        description: What to call it.
        type: str
        required: true
      statement:
        description:
          - The SQL, with C({table}) where the table stands and C(%(column)s) where the value of a sampled row goes.
          - Double other braces and percent signs.
        type: str
        required: true
  shadow_percent:
    description: How much slower a read may be, in percent.
    type: float
    default: 20.0
  shadow_floor_ms:
    description: How much slower it may be in any case, in milliseconds.
    type: float
    default: 0.5
  slower_reads:
    description: What to do about a read that is slower than that.
    type: str
    default: refuse
    choices: [refuse, allow]
  watch_seconds:
    description: How long to watch the foreground before and after the swap. V(0) leaves it out.
    type: int
    default: 0
  confirm:
    description: For O(state=contracted), the name of the table that will be dropped.
    type: str
  feed_file:
    description:
      - File that the application's load appends to, one line a finished transaction,
        C(epoch seconds,milliseconds including COMMIT,kind,ok 1 or 0).
      - Left out, a probe of our own stands in, a point read and a one-row commit sixty times a second.
    type: path
  patience:
    description:
      - Seconds to wait for a moment at which no long transaction holds the table.
      - We wait outside, without a lock request that others would queue behind, and give up cleanly when it is over.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Looks at everything, times the reads and prints the swap. No statement of it is run.
  diff_mode:
    support: full
    description: Shows the swap as SQL, with its locks.
  idempotent:
    support: full
    description: A second run finds the name where it should be.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_reconcile
  - module: governed.delivery.pg_partition_info
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Cut over
  governed.delivery.pg_cutover:
    login_db: shop
    schema: app
    table: docs
    shadow_reads:
      - name: newest of a tenant
        statement: "SELECT * FROM {table} WHERE tenant_id = %(tenant_id)s ORDER BY created_at DESC LIMIT 20"

- name: Take it back
  governed.delivery.pg_cutover:
    login_db: shop
    schema: app
    table: docs
    state: rolled_back

- name: End it, after the soak
  governed.delivery.pg_cutover:
    login_db: shop
    schema: app
    table: docs
    state: contracted
    confirm: docs_retired
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
  sample: live
epoch:
  description: Counts the swaps.
  returned: when there is a shift
  type: int
locked_ms:
  description: How long the name was locked, from the first lock to the commit, in milliseconds.
  returned: when it swapped
  type: float
waits:
  description: How often somebody was in the way and we waited outside.
  returned: when it swapped
  type: int
shadow_reads:
  description: Reads on both layouts, with median milliseconds (name, old_ms, new_ms, rounds, slower).
  returned: when it would swap
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_cutover import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every change of a hot table to its new layout too, in the same transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_mirror
short_description: Write every change of a hot table to its new layout too, in the same transaction
version_added: 0.1.0
description:
  - Installs triggers for INSERT, UPDATE, DELETE and TRUNCATE in both directions. The direction from the live table works. The other one
    starts with the cutover, so that the way back stays open.
  - Before that it cuts the table's key space into ranges of equal row count for M(governed.delivery.pg_backfill). A range's row is the fence
    that keeps a delete and a batch that has already read the row apart.
  - It waits for a moment at which the triggers can be made without anyone queueing behind us.
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
      - V(present) starts the mirror.
      - V(absent) ends it, empties the new table and forgets the copy. Without a mirror the copy would grow stale.
    type: str
    default: present
    choices: [present, absent]
  range_rows:
    description: Rows of one range, the smallest unit of the copy.
    type: int
    default: 100
  baseline_seconds:
    description: How long to watch the foreground before the mirror starts, as the outer baseline. V(0) leaves it out.
    type: int
    default: 10
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
    description: Plans from reads of the catalog. No statement of the plan is run.
  diff_mode:
    support: full
    description: Shows the triggers and functions as SQL, with their locks.
  idempotent:
    support: full
    description: A second run finds the mirror whole.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_partition
  - module: governed.delivery.pg_backfill
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Mirror from now on
  governed.delivery.pg_mirror:
    login_db: shop
    schema: app
    table: docs

- name: Give up before the cutover
  governed.delivery.pg_mirror:
    login_db: shop
    schema: app
    table: docs
    state: absent
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
  sample: mirrored
waits:
  description: How often somebody was in the way and we waited outside.
  returned: when the mirror was started
  type: int
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_mirror import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

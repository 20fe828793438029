# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a hot table and its new layout hold the same rows."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_reconcile
short_description: Prove that a hot table and its new layout hold the same rows
version_added: 0.1.0
description:
  - Compares both tables row by row and byte by byte, both sides of a stretch in one snapshot, while the application goes on writing.
  - Where a range differs it names the rows, and repairs them when asked. Before the cutover the old table is right, after it the new one.
  - Without a difference the shift becomes V(verified), which M(governed.delivery.pg_cutover) asks for.
options:
  schema:
    description: Schema of the table, spelled as the catalog spells it, without quotes.
    type: str
    default: public
  table:
    description: Name of the hot table, as the application names it.
    type: str
    required: true
  repair:
    description: Make the differing rows of the copy as they should be, each in a short transaction of its own and with an event.
    type: bool
    default: false
  workers:
    description: Connections that compare at the same time.
    type: int
    default: 1
  ranges_each:
    description: Ranges compared in one statement.
    type: int
    default: 100
  duty_percent:
    description: Share of time to compare.
    type: int
    default: 100
  max_seconds:
    description: Return after about this many seconds, done or not. V(0) means when done. The next run goes on.
    type: int
    default: 0
  again:
    description: Begin anew even if an earlier pass was cut off.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Compares and writes nothing, neither a repair nor what it found.
  diff_mode:
    support: none
    description: It changes rows only to make them equal.
  idempotent:
    support: full
    description: Reports a change only when it repaired rows.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_backfill
  - module: governed.delivery.pg_cutover
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Are they equal?
  governed.delivery.pg_reconcile:
    login_db: shop
    schema: app
    table: docs
    again: true
  register: comparison

- name: Make them equal
  governed.delivery.pg_reconcile:
    login_db: shop
    schema: app
    table: docs
    repair: true
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
  sample: verified
finished:
  description: Whether the pass went over all ranges.
  returned: success
  type: bool
ranges:
  description: Ranges in all.
  returned: success
  type: int
ranges_compared:
  description: Ranges compared in this pass.
  returned: success
  type: int
rows_compared:
  description: Rows compared in this pass.
  returned: success
  type: int
rows_per_second:
  description: Rows compared a second.
  returned: success
  type: int
mismatches:
  description: Rows that differ and were not repaired.
  returned: success
  type: int
repaired:
  description: Rows repaired.
  returned: success
  type: int
differences:
  description: The differing rows, at most 1000, each with its kind (missing, extra, changed) and key.
  returned: success
  type: list
  elements: dict
seconds:
  description: How long it took.
  returned: success
  type: float
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_reconcile import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

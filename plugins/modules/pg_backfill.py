# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the rows of a hot table to its new layout, giving way to the foreground."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_backfill
short_description: Copy the rows of a hot table to its new layout, giving way to the foreground
version_added: 0.1.0
description:
  - Copies in short transactions, each of which writes rows and progress together. Killed at any point, it goes on where it was.
  - Never overwrites a row that the mirror wrote, and never waits long for a lock.
  - Works and holds in turns, compares what the foreground feels in both, and steers its share of time by that.
  - Several may run at once, on one host or many. They share the ranges without further coordination.
options:
  schema:
    description: Schema of the table, spelled as the catalog spells it, without quotes.
    type: str
    default: public
  table:
    description: Name of the hot table, as the application names it.
    type: str
    required: true
  workers:
    description: Connections that copy at the same time.
    type: int
    default: 1
  max_duty_percent:
    description: The largest share of time a worker spends in transactions. It begins with at most 20. V(100) is unthrottled and holds for nobody.
    type: int
    default: 30
  batch_milliseconds:
    description: How long a batch should take. Its size hurts the foreground more than its rate.
    type: float
    default: 3.0
  copy_seconds:
    description: Length of a stretch of copying.
    type: float
    default: 5.0
  hold_seconds:
    description: Length of the stretch of rest that follows it, as its baseline.
    type: float
    default: 1.0
  p95_percent:
    description: What the copy may add to the foreground's p95, in percent of it.
    type: float
    default: 5.0
  p95_floor_ms:
    description: What it may add in any case, in milliseconds. The throttle steers for half of it.
    type: float
    default: 0.5
  feed_file:
    description:
      - File that the application's load appends to, one line a finished transaction,
        C(epoch seconds,milliseconds including COMMIT,kind,ok 1 or 0).
      - Left out, a probe of our own stands in, a point read and a one-row commit sixty times a second.
    type: path
  part:
    description: Which part of the ranges to copy, from 1. With O(parts) several hosts or job slices share the work.
    type: int
    default: 1
  parts:
    description: How many parts there are.
    type: int
    default: 1
  max_seconds:
    description: Return after about this many seconds, done or not. V(0) means when done.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Says how many ranges are left.
  diff_mode:
    support: partial
    description: Shows ranges done before and after, not rows.
  idempotent:
    support: full
    description: Nothing is left to copy on a second run.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_mirror
  - module: governed.delivery.pg_reconcile
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Copy at the foreground's pace
  governed.delivery.pg_backfill:
    login_db: shop
    schema: app
    table: docs
    feed_file: /var/log/shop/latency.csv

- name: Copy one slice of an AWX job that is cut in several
  governed.delivery.pg_backfill:
    login_db: shop
    schema: app
    table: docs
    part: "{{ awx_job_slice_number | default(1) }}"
    parts: "{{ awx_job_slice_count | default(1) }}"

- name: Copy as fast as it goes, in the maintenance window
  governed.delivery.pg_backfill:
    login_db: shop
    schema: app
    table: docs
    workers: 2
    max_duty_percent: 100
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
  sample: copied
finished:
  description: Whether all ranges (of the part) are copied.
  returned: success
  type: bool
ranges:
  description: Ranges in all (of the part).
  returned: success
  type: int
ranges_done:
  description: Ranges that are copied.
  returned: success
  type: int
rows_copied:
  description: Rows the copy wrote, in all runs. The mirror wrote the others.
  returned: success
  type: int
rows_this_run:
  description: Rows the copy wrote in this run.
  returned: success
  type: int
rows_per_second:
  description: Rows a second in this run, stretches of rest included.
  returned: success
  type: int
p95_copying_ms:
  description: The foreground's p95 in the last stretch of copying.
  returned: success
  type: float
p95_holding_ms:
  description: The foreground's p95 in the last stretch of rest.
  returned: success
  type: float
duty_percent:
  description: The share of time the throttle allows by now.
  returned: success
  type: float
seconds:
  description: How long it took.
  returned: success
  type: float
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_backfill import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

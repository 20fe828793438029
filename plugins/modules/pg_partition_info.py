# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say where the shift of a hot table is, and what was measured on the way."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pg_partition_info
short_description: Say where the shift of a hot table is, and what was measured on the way
version_added: 0.1.0
description:
  - Reads the shift's own records and the catalog, and writes nothing.
options:
  schema:
    description: Schema of the table, spelled as the catalog spells it, without quotes.
    type: str
    default: public
  table:
    description: Name of the hot table, as the application names it.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Writes nothing at all.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: Changes nothing.
extends_documentation_fragment:
  - governed.delivery.postgres
seealso:
  - module: governed.delivery.pg_partition
  - module: governed.delivery.pg_cutover
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Where are we?
  governed.delivery.pg_partition_info:
    login_db: shop
    schema: app
    table: docs
  register: shift
"""

RETURN = r"""
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
  description: Where the shift is, V(absent) if there is none. V(contracted) means that it has ended and the old table is gone.
  returned: success
  type: str
  sample: copied
target_key:
  description: The new table's key.
  returned: when there is a shift
  type: list
  elements: str
layout:
  description: The layout as declared.
  returned: when there is a shift
  type: list
  elements: dict
epoch:
  description: Counts the swaps.
  returned: when there is a shift
  type: int
partitions:
  description: Partitions that hold rows.
  returned: when there is a shift
  type: int
ranges:
  description: Ranges in all.
  returned: when there is a shift
  type: int
ranges_done:
  description: Ranges that are copied.
  returned: when there is a shift
  type: int
rows_copied:
  description: Rows the copy wrote.
  returned: when there is a shift
  type: int
rows_compared:
  description: Rows compared in the last pass.
  returned: when there is a shift
  type: int
mismatches:
  description: Rows that differed in it.
  returned: when there is a shift
  type: int
verified_at:
  description: When the last pass without a difference ended.
  returned: when there is a shift
  type: str
verified_minutes_ago:
  description: How long ago that is, by the server's clock.
  returned: when there is a shift
  type: float
mirror_missing:
  description: Triggers of the mirror that are gone or disabled. Empty means whole.
  returned: when there is a shift
  type: list
  elements: str
default_rows:
  description: Rows that no declared partition took.
  returned: when there is a shift
  type: int
events:
  description: What happened, in order (at, what, detail).
  returned: when there is a shift
  type: list
  elements: dict
foreground:
  description:
    - What the application felt, in milliseconds.
    - C(copy), C(copy_since_before) and C(cutover) each compare a phase with its baseline (baseline_ms, p95_ms, change_ms, interval_ms, noise_ms, samples).
    - C(copy_rows_per_second), C(longest_ms), C(failed) and C(samples) are single numbers.
  returned: when there is a shift
  type: dict
timeline:
  description: The stretches of time that were watched (phase, kind, started, ended, p95_ms, samples, failed, rows).
  returned: when there is a shift
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG
from ansible_collections.governed.delivery.plugins.module_utils._postgres.work_info import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: dr_report
short_description: Write the quarter's report about restores
version_added: 0.1.0
description:
  - Writes one HTML page, and Markdown beside it, from what M(governed.delivery.restore_validate) signed into the ledger. Nights planned, proved, failed
    and missing; recovery time by phase and loss against their goals; growth and when it crosses the goal; failures with cause, corrective action and
    re-test; full-speed drills; exclusions; a mapping to controls; the ledger's own verification; lines to sign.
  - The page follows from the ledger, the options and the day alone. Made again from the same, it has the same bytes, and nothing is changed.
  - It says compliant only when no planned night is missing, the ledger is sound, every goal is met, every failure was put right, and the period is over.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  quarter:
    description: Which quarter, as V(2026-Q4).
    type: str
  first:
    description: First day, as V(2026-10-01), where O(quarter) does not fit.
    type: str
  last:
    description: Last day.
    type: str
  cluster:
    description: Which cluster. May be left out where the ledger speaks of one only.
    type: str
  engine:
    description: What made its backups. May be left out where the ledger speaks of one only.
    type: str
  nights:
    description: The days of the week whose nights were planned. An empty list for every night. A night goes by its date in UTC.
    type: list
    elements: str
    choices: [mon, tue, wed, thu, fri, sat, sun]
    default: []
  rto_seconds:
    description: The recovery time that was promised.
    type: float
    default: 900.0
  rpo_seconds:
    description: The loss that was promised. The longest gap between uploads within 24 hours is held against it, too.
    type: float
    default: 300.0
  corrective_actions:
    description:
      - What became of failures. One is put right when it has a cause, an action and a re-test, and the re-test is a later run in the ledger that passed.
    type: list
    elements: dict
    default: []
    suboptions:
      run:
        description: Name of the run that failed, or the date of a night that is missing.
        type: str
        required: true
      cause:
        description: Why it failed.
        type: str
        default: ""
      action:
        description: What was done about it.
        type: str
        default: ""
      retest:
        description: Name of the run that showed it.
        type: str
        default: ""
  destination:
    description: File to write; the Markdown has the same name with C(.md). By default C(restores-<cluster>-<engine>-<period>.html) in O(directory).
    type: path
  today:
    description: The first day whose night is not over, as V(2027-01-04). Nights from then on are still ahead. The day in UTC by default.
    type: str
extends_documentation_fragment:
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and say what it would do.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.restore_validate
  - module: governed.delivery.restore_accept
  - module: governed.delivery.ledger
"""

EXAMPLES = r"""
- name: Write the report of the last quarter
  governed.delivery.dr_report:
    directory: evidence
    quarter: 2026-Q4
    cluster: shop
    corrective_actions:
      - run: 20261105T020012Z-1f3a9c
        cause: archive_command had been replaced by a script that always succeeds
        action: script removed, its path alarmed
        retest: 20261106T020009Z-77ab01
  register: restores

- name: Hold a release until the quarter is in order
  ansible.builtin.assert:
    that: restores.compliant
    fail_msg: "{{ restores.in_the_way | join('; ') }}"
"""

RETURN = r"""
path:
  description: The page. The Markdown lies beside it.
  returned: success
  type: str
  sample: /home/dba/evidence/restores-shop-pgbackrest-2026-Q4.html
compliant:
  description: Whether RV(standing) is V(compliant).
  returned: success
  type: bool
standing:
  description: V(compliant), V(not compliant), or V(in progress) for a period that is not over and has nothing in the way so far.
  returned: success
  type: str
in_the_way:
  description: What keeps it from being compliant, in words.
  returned: success
  type: list
  elements: str
  sample: [1 night is missing, "recovery time: goal missed"]
nights:
  description: How many nights were planned, done, passed, failed, error, inconclusive, missing, and are still ahead.
  returned: success
  type: dict
goals:
  description: Each goal with its limit, result, how many runs have a value, the worst, median and 95th percentile, in seconds.
  returned: success
  type: list
  elements: dict
open:
  description: Failed runs and missing nights that are not put right.
  returned: success
  type: list
  elements: str
ledger_sound:
  description: Whether every entry, tile and signature of the ledger is what was signed.
  returned: success
  type: bool
"""

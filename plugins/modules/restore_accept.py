# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: restore_accept
short_description: Accept a restore as the baseline that later ones may not shrink from
version_added: 0.1.0
description:
  - Signs into the ledger that a person accepts a run of M(governed.delivery.restore_validate), with its row counts. Later runs are held against them.
  - The baseline is never simply the run before. Else a table that loses a little every night would be fine for ever.
  - A run can be accepted that passed, or that found nothing but that tables shrank, which somebody has to give the reason for.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  run:
    description: Name of the run, as its record has it.
    type: str
    required: true
  reason:
    description: Why it may be the baseline.
    type: str
    required: true
  by:
    description: Who accepts. By default the user that runs Ansible.
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
  - module: governed.delivery.dr_report
"""

EXAMPLES = r"""
- name: Orders older than ten years were deleted, and that is right
  governed.delivery.restore_accept:
    directory: evidence
    run: 20261105T020012Z-1f3a9c
    reason: retention run of November, ticket OPS-4711
  register: baseline
"""

RETURN = r"""
rows:
  description: Rows by table, for the option O(governed.delivery.restore_validate#module:accepted) of later runs.
  returned: success
  type: dict
  sample: {"shop: public.orders": 120034}
"""

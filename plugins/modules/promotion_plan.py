# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_plan
short_description: Read a promotion plan and resolve a stage of it
version_added: 0.1.0
description:
  - Reads a plan, checks it to the last key, and returns one of its stages with all numbers filled in.
  - The plan digest is of the plan with the values of its variables, and of every file of the roles and collections that it runs. It is the same for all stages.
  - The stage digest adds the hosts, the values of the roles' options there, who may approve, and the calendar. People approve a stage digest.
  - What looks secret is named in the digest, not contained. Both are SHA-256 of canonical JSON (RFC 8785).
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
extends_documentation_fragment:
  - governed.delivery.promotion
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and give the same answer.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_enter
"""

EXAMPLES = r"""
- name: Read the stage that this inventory is for
  governed.delivery.promotion_plan:
    directory: evidence
    plan: sprint_36
    stage: "{{ promotion_stage }}"
    variables:
      p95_floor_ms: 1
  run_once: true
  register: promotion_read
"""

RETURN = r"""
plan:
  description: Name, title, digest, variables and content of the plan.
  returned: success
  type: dict
  sample: {name: sprint_36, title: Scale-out data, digest: 5f0c…, variables: {p95_percent: 5}}
stage:
  description: Name, summary, digest, target, hosts, the stages it needs, and its actions, each with capability, role, prefix, variables and goals.
  returned: success
  type: dict
"""

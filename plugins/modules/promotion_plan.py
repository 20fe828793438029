# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_plan
short_description: Read a promotion plan and pick a stage of it
version_added: 0.1.0
description:
  - Reads a plan, checks it to the last key, and returns one of its stages with all numbers filled in.
  - The plan's digest is the SHA-256 of its content as canonical JSON, with the values of its variables. Whatever changes the plan changes the digest.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  plan:
    description: Path of a plan, or the name of one that the collection ships.
    type: str
    required: true
  stage:
    description: Name of the stage.
    type: str
    required: true
  variables:
    description: Numbers to use instead of those the plan gives its variables, by name. They are part of the digest.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in check mode and give the same answer.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
    details: Nothing is changed.
seealso:
  - module: governed.delivery.promotion_judge
  - module: governed.delivery.promotion_evidence
"""

EXAMPLES = r"""
- name: Read the stage that this inventory is for
  governed.delivery.promotion_plan:
    plan: sprint_36
    stage: "{{ promotion_stage }}"
    variables:
      p95_floor_ms: 1
  register: promotion_read
"""

RETURN = r"""
plan:
  description: Name, title, digest, variables and content of the plan. The digest is of the content.
  returned: success
  type: dict
  sample: {name: sprint_36, title: Scale-out data, digest: 5f0c…, variables: {p95_percent: 5}}
stage:
  description: Name, summary, the stages it needs, and its actions, each with capability, role, prefix, variables and goals.
  returned: success
  type: dict
run:
  description: A new name for this run, which sorts by time.
  returned: success
  type: str
  sample: 20260330T101500Z-1f9a3c
"""

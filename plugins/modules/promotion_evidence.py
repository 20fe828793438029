# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_evidence
short_description: Keep and query the statements of a promotion
version_added: 0.1.0
description:
  - Appends a statement to the evidence, or makes sure that stages have passed according to it.
  - The evidence is a file C(statements.jsonl) in a directory, one JSON object a line. Nothing in it is signed yet.
  - Appending locks the file, and returns when the line is on disk. A torn last line, left by a crash, is never read, and cut off by the next append.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  directory:
    description: Directory of the evidence. A relative path starts at the directory that the run was started in.
    type: path
    required: true
  append:
    description: The statement to keep. C(at) and C(by) are added to it.
    type: dict
    suboptions:
      type:
        description: What the statement says.
        type: str
        required: true
        choices:
          started: A run is about to apply the stage's first action.
          verified: What one capability measured, and the verdicts.
          promoted: Every verdict of the stage was PASS.
          undone: One capability was brought back, and could be applied anew.
          undo_failed: One capability could not be brought back.
          not_promoted: The stage ended without a promotion.
      run:
        description: Name of the run.
        type: str
        required: true
      plan:
        description: Name of the plan.
        type: str
        required: true
      plan_digest:
        description: Digest of the plan.
        type: str
        required: true
      plan_content:
        description: The plan itself, as M(governed.delivery.promotion_plan) returned it. Belongs into V(started), where the report finds it.
        type: dict
      stage:
        description: Name of the stage.
        type: str
        required: true
      host:
        description: Host that it is about.
        type: str
      capability:
        description: Capability that it is about.
        type: str
      measures:
        description: Measures, as the verify door set them.
        type: raw
      verdicts:
        description: Verdicts, as M(governed.delivery.promotion_judge) returned them.
        type: raw
      timeline:
        description: Phases, series and marks, as the verify door set them.
        type: raw
      reason:
        description: Why, in words.
        type: str
  by:
    description: Who promotes. By default the user that runs Ansible.
    type: str
  require_passed:
    description: Stages that must stand promoted, with every verdict PASS, under exactly this plan. Fails for the first that does not.
    type: dict
    suboptions:
      plan:
        description: Name of the plan.
        type: str
        required: true
      plan_digest:
        description: Digest of the plan.
        type: str
        required: true
      stages:
        description: Names of the stages.
        type: list
        elements: str
        required: true
attributes:
  check_mode:
    description: Can run in check mode and say what it would do.
    support: full
    details: Queries for real, writes nothing.
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_report
"""

EXAMPLES = r"""
- name: The stage before has passed
  governed.delivery.promotion_evidence:
    directory: evidence
    require_passed:
      plan: sprint_36
      plan_digest: "{{ promotion_read.plan.digest }}"
      stages: [dev]

- name: Keep the verdicts
  governed.delivery.promotion_evidence:
    directory: evidence
    append:
      type: verified
      run: "{{ promotion_read.run }}"
      plan: sprint_36
      plan_digest: "{{ promotion_read.plan.digest }}"
      stage: stage
      capability: hot_table_partitioning
      measures: "{{ hot_table_partitioning_measures }}"
      verdicts: "{{ promotion_judged.verdicts }}"
"""

RETURN = r"""
path:
  description: File of the statements.
  returned: success
  type: str
statement:
  description: The statement that was kept, or would be.
  returned: when O(append) is given
  type: dict
passed:
  description: The stages that have passed.
  returned: when O(require_passed) is given
  type: list
  elements: str
"""

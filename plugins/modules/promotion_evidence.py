# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_evidence
short_description: Keep what happens in a run
version_added: 0.1.0
description:
  - Appends statements to the ledger, signed, in one step, as long as the run still holds its target. A run that was replaced is refused.
  - Before an C(intent) it resolves the plan again. When anything has changed since the run began, or a freeze has begun, it refuses.
  - Raw measures, timelines and the plan are attached by their digest.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  about:
    description: What M(governed.delivery.promotion_enter) returned as C(about).
    type: dict
    required: true
  append:
    description: The statements to keep. C(about), C(at) and C(by) are added to each.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description: What the statement says.
        type: str
        required: true
        choices:
          started: A run took the target; approvals are used up.
          resumed: A run that was cut or held goes on.
          taken_over: A run that was cut, held or promoted is being brought back.
          intent: A capability is about to be applied.
          done: A capability was applied.
          verified: What one capability measured on one host, and the verdicts.
          failed: "Something is not as it must be: what was begun is being brought back."
          undoing: A capability is about to be brought back.
          undone: A capability was brought back, and could be applied anew.
          undo_failed: A capability could not be brought back.
          promoted: Every verdict of the stage was PASS.
          held: "No verdict was FAIL, but not all were PASS: the stage stays as it is until somebody decides."
          not_promoted: The stage ended without a promotion; everything was brought back.
          rolled_back: A promoted stage was brought back.
          quarantined: "Not everything could be brought back: nothing may be promoted until two people have resolved it."
          soak: One observation of a promoted stage.
          approval: A decision that a person has signed.
          resolved: Two people have ended a quarantine.
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
      lease_seconds:
        description: For how long the run may be silent from here on.
        type: float
extends_documentation_fragment:
  - governed.delivery.promotion
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and say what it would keep; it writes nothing.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_report
"""

EXAMPLES = r"""
- name: Keep what is about to be done
  governed.delivery.promotion_evidence:
    directory: evidence
    plan: sprint_36
    stage: prod
    about: "{{ promotion_entered.about }}"
    append:
      - type: intent
        capability: hot_table_partitioning
"""

RETURN = r"""
statements:
  description: The statements that were kept, or would be.
  returned: success
  type: list
  elements: dict
to_undo:
  description: What would have to be brought back now, last first, with what it was told.
  returned: success
  type: list
  elements: dict
"""

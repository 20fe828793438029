# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_enter
short_description: Take a target for a run, or say what stands in the way
version_added: 0.1.0
description:
  - Decides from the ledger alone whether a run may begin, and keeps that it has. Of any number that try at once, one gets the target.
  - A run that was cut is gone on with when exactly the same is promoted again; otherwise it has to be recovered first.
  - A run counts as cut when its process is dead, which its own machine knows at once, or when it has been silent for longer than it said it would be.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  doing:
    description: What for.
    type: str
    default: promote
    choices:
      promote: Promote a stage. The plan's preconditions have to be met.
      recover: Bring back what a run left that was cut or held. Nothing to do is no failure.
      rollback: Bring back what was promoted last.
  look_only:
    description: Only say what would be refused.
    type: bool
    default: false
  lease_seconds:
    description: For how long the run may be silent before it counts as cut.
    type: float
    default: 900.0
  digest:
    description: Beginning of the plan digest that was picked. Another one is refused.
    type: str
  take_over:
    description: The run that holds the target is dead, although it does not look so.
    type: bool
    default: false
extends_documentation_fragment:
  - governed.delivery.promotion
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and say what would be refused, without failing.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_evidence
"""

EXAMPLES = r"""
- name: Take the target
  governed.delivery.promotion_enter:
    directory: evidence
    plan: sprint_36
    stage: prod
  run_once: true
  register: promotion_entered
"""

RETURN = r"""
conditions:
  description: Everything that has to hold, each with C(name), C(met), C(found), C(needed) and C(remedy).
  returned: always
  type: list
  elements: dict
exit_code:
  description: 0 when the run may begin, 3 when the target is quarantined, 5 when a condition is not met, 6 when another run holds it.
  returned: always
  type: int
about:
  description: What every later statement of the run says about itself. Hand it to M(governed.delivery.promotion_evidence).
  returned: success
  type: dict
to_undo:
  description: What has to be brought back, last first, with what it was told.
  returned: success
  type: list
  elements: dict
needed:
  description: Whether there is anything to do.
  returned: success
  type: bool
"""

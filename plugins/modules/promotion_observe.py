# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_observe
short_description: Keep one observation of a promoted stage
version_added: 0.1.0
description:
  - Keeps whether the stage is healthy, and what several clocks say.
  - The gate of a later stage credits the time between two healthy observations of the same plan digest.
  - Healthy is only what was looked at and passed in every goal of the stage.
  - Reads the controller's clocks itself. Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  verdicts:
    description: Verdicts of all capabilities on all hosts, each with C(capability), C(host), C(measure) and C(verdict).
    type: list
    elements: dict
    required: true
  clocks:
    description: Readings of the hosts' clocks, as M(governed.delivery.promotion_witness) returned them.
    type: dict
    default: {}
  reason:
    description: Why it could not be looked at. Then it is not healthy.
    type: str
    default: ""
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
  - module: governed.delivery.promotion_enter
"""

EXAMPLES = r"""
- name: Keep the observation
  governed.delivery.promotion_observe:
    directory: evidence
    plan: sprint_36
    stage: stage
    verdicts: "{{ promotion_verdicts }}"
    clocks: "{{ promotion_host.clocks }}"
  run_once: true
"""

RETURN = r"""
healthy:
  description: Whether the stage was seen healthy.
  returned: success
  type: bool
soak:
  description: What has been credited since the stage was promoted, with the usual gap of 15 minutes and two clocks.
  returned: success
  type: dict
"""

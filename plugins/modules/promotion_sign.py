# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_sign
short_description: Sign a decision about a stage with one's SSH key
version_added: 0.1.0
description:
  - Resolves the stage here and now, signs a decision about exactly that digest with C(ssh-keygen -Y sign), and keeps it in the ledger.
  - A signature counts once, until it expires, for this plan, stage, target, hosts and variables.
    It does not count when the signer has written the plan or started the run.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
requirements:
  - OpenSSH 8.2 or later on the controller
options:
  decision:
    description: What is decided.
    type: str
    default: approve
    choices:
      approve: The stage may be promoted.
      deny: It may not, whoever else approves. Final for this plan digest.
      revoke: Takes back one's own earlier decisions about it.
      waive: One goal may be missed.
      resolve: A quarantine may end.
  key:
    description: SSH private key, or the public key of one that the agent holds.
    type: path
    required: true
  digest:
    description: Beginning of the stage digest that you have looked at. Another one is refused.
    type: str
  reason:
    description: Why. Needed for V(deny), V(waive) and V(resolve).
    type: str
    default: ""
  valid_for:
    description: How long the signature counts, as C(90s), C(15m), C(24h) or C(2d).
    type: str
    default: 24h
  goal:
    description: The goal that V(waive) lets go.
    type: dict
    suboptions:
      capability:
        description: Capability of the goal.
        type: str
        required: true
      measure:
        description: Measure of the goal.
        type: str
        required: true
extends_documentation_fragment:
  - governed.delivery.promotion
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and say what would be signed; it signs and writes nothing.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_enter
"""

EXAMPLES = r"""
- name: Approve
  governed.delivery.promotion_sign:
    directory: evidence
    plan: sprint_36
    stage: prod
    people: "{{ promotion_people }}"
    by: ann
    key: ~/.ssh/id_ed25519
    digest: 5f0c12ab34cd
  run_once: true
"""

RETURN = r"""
signed:
  description: What was signed, or would be.
  returned: success
  type: dict
"""

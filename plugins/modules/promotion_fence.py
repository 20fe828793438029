# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_fence
short_description: Show a host the ledger and the run's epoch before acting on it
version_added: 0.1.0
description:
  - The host remembers the highest checkpoint of the ledger and the highest epoch of the target that it was ever shown
    (M(governed.delivery.promotion_witness)).
  - Fails when the ledger was cut, copied or rebuilt since, and when the run was replaced by a later one.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  about:
    description: What M(governed.delivery.promotion_enter) returned as C(about).
    type: dict
    required: true
  memory:
    description: Directory on the host where it keeps what it remembers.
    type: path
    default: ~/.governed-delivery
  since:
    description: The size that this returned last, so that the proof can be sent along at once.
    type: int
    default: 0
extends_documentation_fragment:
  - governed.delivery.promotion.ledger
attributes:
  check_mode:
    description: Can run in check mode and say what it would refuse.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_enter
  - module: governed.delivery.promotion_witness
"""

EXAMPLES = r"""
- name: Show the host what the ledger says
  governed.delivery.promotion_fence:
    directory: evidence
    about: "{{ promotion_entered.about }}"
"""

RETURN = r"""
size:
  description: How many entries the ledger has.
  returned: always
  type: int
clocks:
  description: Readings of the host's clocks.
  returned: success
  type: dict
"""

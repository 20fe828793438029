# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_report
short_description: Write the report of a promotion
version_added: 0.1.0
description:
  - Writes one HTML page from the evidence of a plan, with the verdict of every stage, goals beside measures, a timeline of what the application felt,
    how each number was measured, and the statements themselves as JSON.
  - The page needs no network and no script, and prints well.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  plan:
    description: Name of the plan. The report is about the plan as the last run that was started used it.
    type: str
    required: true
  destination:
    description: File to write. By default C(<plan>.html) in O(directory).
    type: path
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
  - module: governed.delivery.promotion_evidence
"""

EXAMPLES = r"""
- name: Write the report
  governed.delivery.promotion_report:
    directory: evidence
    plan: sprint_36
"""

RETURN = r"""
path:
  description: The page.
  returned: success
  type: str
  sample: /home/release/evidence/sprint_36.html
"""

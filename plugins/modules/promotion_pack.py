# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_pack
short_description: Make or verify the acceptance pack of a plan
version_added: 0.1.0
description:
  - With O(plan), makes one zip from the ledger, with everything that is needed to accept the sprint and to check it years later.
    In it are one HTML page, the whole ledger up to its checkpoint, a proof of each entry about the plan, raw measures, and who might sign.
  - With O(pack), verifies such a zip from its own bytes, without a network and without unpacking it to disk. Signatures, digests, the Merkle tree,
    approvals and soak are checked again, and every verdict is recomputed from its raw measures.
  - Fails when there is a fault, and names the file or ledger entry. A sprint that was not accepted is no fault; RV(accepted) says it.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
requirements:
  - OpenSSH 8.2 or later on the controller, where there are approvals
options:
  plan:
    description: Name of the plan, or path of its file. The pack is about the plan as the last run that was started used it.
    type: str
  directory:
    description: Directory of the ledger and of the reports, needed with O(plan).
    type: path
    required: false
  verifier_keys:
    description:
      - Keys that are believed, as you got them from whoever runs the ledger.
      - With O(pack) and none, the key in the pack is believed, and the result says so.
    type: list
    elements: str
    default: []
  destination:
    description: Zip to write. By default C(<plan>.acceptance.zip) in O(directory).
    type: path
  at:
    description: When the pack is made, as C(2026-03-30T10:00:00.000Z). Now by default. The same ledger and time give the same bytes.
    type: str
  pack:
    description: Zip to verify.
    type: path
  page:
    description: File to write the page of O(pack) to, made anew from what was verified. Nothing is written by default, nor when there is a fault.
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
  - module: governed.delivery.promotion_report
"""

EXAMPLES = r"""
- name: Make the acceptance pack of a sprint
  governed.delivery.promotion_pack:
    directory: evidence
    plan: sprint_36

- name: Verify one that somebody handed over
  governed.delivery.promotion_pack:
    pack: sprint_36.acceptance.zip
    verifier_keys:
      - delivery-5f0c12ab+1d2c3b4a+AVsRz0mTq0bTQm1CkTXJ1rRk7sTj7k3t5iWJpKQ8u2hN
"""

RETURN = r"""
path:
  description: The zip.
  returned: always
  type: str
  sample: /home/release/evidence/sprint_36.acceptance.zip
accepted:
  description: Whether every stage stands promoted and every criterion is met or waived, and there is no fault.
  returned: always
  type: bool
outcome:
  description: The same in one sentence.
  returned: always
  type: str
  sample: "Accepted: promoted through dev, stage and prod, all 28 criteria are met"
checks:
  description: Every check with C(name), C(about), C(result) (C(ok), C(FAULT), C(not made)) and C(faults).
  returned: always
  type: list
  elements: dict
faults:
  description: Everything that is wrong, each naming a file or ledger entry.
  returned: always
  type: list
  elements: str
"""

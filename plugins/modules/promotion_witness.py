# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_witness
short_description: What a managed host knows of promotions by itself
version_added: 0.1.0
description:
  - Reads the host's clocks, and remembers the highest checkpoint of a ledger and the highest epoch of a target that it was ever shown.
  - Fails when the ledger is older than what it remembers, does not go on from it, or shows another tree of the same size;
    so whoever cuts or rebuilds a ledger is found out by every host.
  - Fails when a run of a smaller epoch wants to act, one that was replaced while it was paused.
  - Needs nothing but Python on the host.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  memory:
    description: Directory where the host keeps what it remembers.
    type: path
    default: ~/.governed-delivery
  name:
    description: The host's name, for its clocks.
    type: str
    required: true
  origin:
    description: Name of the ledger. Without it, only the clocks are read.
    type: str
  size:
    description: How many entries the ledger has.
    type: int
  root:
    description: Root hash of the ledger's tree, in Base64.
    type: str
  proof:
    description: Hashes in Base64 that lead from what the host remembers to this tree.
    type: list
    elements: str
    default: []
  target:
    description: What the run acts on.
    type: str
    default: ""
  epoch:
    description: The run's epoch.
    type: int
    default: -1
attributes:
  check_mode:
    description: Can run in check mode and say what it would do.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
seealso:
  - module: governed.delivery.promotion_fence
"""

EXAMPLES = r"""
- name: Read the host's clocks
  governed.delivery.promotion_witness:
    name: "{{ inventory_hostname }}"
  register: promotion_host
"""

RETURN = r"""
clocks:
  description: Readings of the host's clocks, by name.
  returned: success
  type: dict
  sample: {db1: {seconds: 1774864800.1, boot_id: null}, db1_uptime: {seconds: 8123.4, boot_id: 6c5f…}}
remembered:
  description: The checkpoint and the epochs that the host remembered before.
  returned: when O(origin) is given
  type: dict
needs_proof_from:
  description: The size that a proof has to lead from, when none was given and one is needed. Nothing is remembered then.
  returned: when a proof is needed
  type: int
"""

import base64
import pathlib

from ansible_collections.governed.delivery.plugins.module_utils._common.argument_spec import ArgumentSpec
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import Context, Outcome, run_module
from ansible_collections.governed.delivery.plugins.module_utils._ledger.checkpoint import Checkpoint
from ansible_collections.governed.delivery.plugins.module_utils._promotion import clocks, memory

SPEC = ArgumentSpec(
    options={
        "memory": {"type": "path", "default": "~/.governed-delivery"},
        "name": {"type": "str", "required": True},
        "origin": {"type": "str"},
        "size": {"type": "int"},
        "root": {"type": "str"},
        "proof": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "target": {"type": "str", "default": ""},
        "epoch": {"type": "int", "default": -1},
    },
    required_together=(("origin", "size", "root"),),
)


def work(context: Context) -> Outcome:
    """Read the clocks; decide and remember when there is something to remember."""
    told = context.parameters
    facts = {"clocks": clocks.read_here(told["name"])}
    if told["origin"] is None:
        return Outcome(False, facts)
    directory = pathlib.Path(told["memory"])
    checkpoint = Checkpoint(told["origin"], told["size"], base64.b64decode(told["root"]))
    offer = memory.Offer(checkpoint, tuple(base64.b64decode(step) for step in told["proof"]), told["target"], told["epoch"])
    before = memory.read(directory, told["origin"])
    facts["remembered"] = before.as_dict()
    seen = before.checkpoint
    if seen is not None and not offer.proof and 0 < seen.size < checkpoint.size:
        return Outcome(False, {**facts, "needs_proof_from": seen.size})
    if context.check_mode:
        return Outcome(memory.decide(before, offer) != before, facts)
    before, after = memory.keep(directory, offer)
    return Outcome(after != before, facts)


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()

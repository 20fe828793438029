# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: ledger
short_description: Verify a ledger, prove entries of it, show them
version_added: 0.1.0
description:
  - Reads the append-only ledger of statements in a directory, and writes nothing.
  - The ledger is a C2SP tlog-tiles log of in-toto statements in DSSE envelopes, under a signed checkpoint.
  - What the ledger alone cannot show, that its end was cut off or its history written anew with the right key, takes checkpoints that were kept
    elsewhere, O(trusted).
  - Runs on the controller.
requirements:
  - cryptography
  - rfc8785
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  directory:
    description:
      - Directory of the ledger, with C(checkpoint) and C(tile) in it, or the directory around it that has it as C(ledger).
      - A relative path starts at the directory that the run was started in.
    type: path
    required: true
  state:
    description: What to do.
    type: str
    default: verified
    choices:
      verified: Check every entry, tile and signature. Fails, and says what is wrong and where, when one is not as it must be.
      proved: Return proofs that the O(entries) are in the ledger, for somebody who has only the ledger's verifier key.
      shown: Return the O(entries), or the last ones.
  verifier_keys:
    description:
      - The ledger's verifier keys, C(<name>+<hash>+<base64>). At least one of them has to have signed.
      - By default the one in the file beside the ledger with C(.vkey) added to its name; with a warning, as whoever can change the ledger
        can most likely change that file, too.
    type: list
    elements: str
    default: []
  origin:
    description: The ledger's name, as its checkpoint says it. By default the name of the first verifier key.
    type: str
    default: ''
  trusted:
    description: Files with checkpoints of this ledger that were kept elsewhere, for instance by managed hosts.
    type: list
    elements: path
    default: []
  witness_keys:
    description: Verifier keys of witnesses, at least one of which has to have cosigned the checkpoint. Without any, none has to.
    type: list
    elements: str
    default: []
  statements:
    description: Also read every statement and check its signature, not only that it belongs to the tree. Takes some ten times as long.
    type: bool
    default: true
  only_new:
    description: Check only the entries after the largest trusted checkpoint, and that they go on from it.
    type: bool
    default: false
  skew_seconds:
    description: How much older than one before it an entry may say it is.
    type: float
    default: 300.0
  entries:
    description: Indexes of entries, from 0. Required for O(state=proved).
    type: list
    elements: int
    default: []
  last:
    description: How many of the last entries to show, when no O(entries) are named.
    type: int
    default: 20
attributes:
  check_mode:
    description: Can run in check mode and say what it would do.
    support: full
    details: Never changes anything.
  diff_mode:
    description: Shows what would change.
    support: none
"""

EXAMPLES = r"""
- name: The ledger is what its hosts remember
  governed.delivery.ledger:
    directory: evidence/ledger
    verifier_keys:
      - example.com/ledger+5a0a9bd1+AcWDmHoCKkZUvz0bVz5PgqbC/VgLqfXNm8a0tSgGQl9o
    trusted:
      - remembered/db1.checkpoint
      - remembered/db2.checkpoint

- name: Proofs for the auditors
  governed.delivery.ledger:
    directory: evidence/ledger
    state: proved
    entries: [17, 42]
  register: proved

- name: Each in a file of its own
  ansible.builtin.copy:
    content: "{{ item.proof }}"
    dest: "proofs/{{ item.index }}.tlog-proof"
    mode: "0644"
  loop: "{{ proved.proofs }}"

- name: The last ten statements
  governed.delivery.ledger:
    directory: evidence/ledger
    state: shown
    last: 10
"""

RETURN = r"""
fault:
  description:
    - What is wrong, V(ok) if nothing is.
    - V(mismatch) an entry, a tile and the root do not belong together; V(cut) there are fewer entries than a trusted checkpoint has;
      V(fork) the history is not that of a trusted checkpoint; V(signature) a checkpoint or an entry is signed by no known key, or wrongly;
      V(order) an entry is missing, or older than the one before; V(object) a file is missing or cannot be read; V(form) an entry is not canonical.
  returned: when O(state=verified)
  type: str
exit_code:
  description: The same as a number, 0 for V(ok), then 10, 11, 12, 13, 14, 16 and 19 in the order above.
  returned: when O(state=verified)
  type: int
first_bad_entry:
  description: Index of the first entry that it is about; null where no single one can be named.
  returned: when O(state=verified)
  type: int
reason:
  description: The same in words.
  returned: when O(state=verified)
  type: str
origin:
  description: Name of the ledger.
  returned: when O(state=verified)
  type: str
size:
  description: Number of entries.
  returned: when O(state=verified) or O(state=shown)
  type: int
root:
  description: Root hash of the tree, as hex.
  returned: when O(state=verified) or O(state=shown)
  type: str
checked:
  description: How many entries were hashed.
  returned: when O(state=verified)
  type: int
statements:
  description: Whether the statements and their signatures were checked.
  returned: when O(state=verified)
  type: bool
signers:
  description: Keys that signed or cosigned the checkpoint, name and hash.
  returned: when O(state=verified)
  type: list
  elements: str
proofs:
  description: For each entry C(index), C(proof) (the text of a C2SP C(.tlog-proof) file), C(entry) (its bytes in base64) and C(statement).
  returned: when O(state=proved)
  type: list
  elements: dict
entries:
  description: C(index), C(kind) and C(statement) of each.
  returned: when O(state=shown)
  type: list
  elements: dict
table:
  description: The same for people, line by line.
  returned: success
  type: list
  elements: str
"""

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the ledger is, and what is promoted, said once for all actions of a promotion."""

from __future__ import annotations


class ModuleDocFragment:
    LEDGER = r"""
options:
  directory:
    description:
      - Directory of the ledger and of the reports. A relative path starts at the directory that the run was started in.
      - It holds C(ledger/), and by default C(ledger.key) and C(ledger.vkey). The first statement makes them.
    type: path
    required: true
  key_file:
    description: The key that signs the ledger. C(ledger.key) in O(directory) by default; better kept where only the controller can read it.
    type: path
  verifier_keys:
    description: Keys whose signature on the ledger is believed. By default the one in C(ledger.vkey); pin them where others can write O(directory).
    type: list
    elements: str
    default: []
  s3:
    description: Keep the ledger in a bucket instead, best one with versioning and object lock. Credentials come from boto3's own chain.
    type: dict
    suboptions:
      bucket:
        description: Name of the bucket.
        type: str
        required: true
      prefix:
        description: What the keys of the ledger's objects begin with.
        type: str
        default: ""
      endpoint:
        description: URL of the server, where it is not AWS.
        type: str
      region:
        description: Region of the bucket.
        type: str
      profile:
        description: Profile of the AWS configuration.
        type: str
      retain_days:
        description: For how many days nobody can delete what was written, in a bucket with object lock. The bucket's default where it is left out.
        type: int
"""

    DOCUMENTATION = r"""
options:
  by:
    description: Who does it. By default the user that runs Ansible.
    type: str
  plan:
    description: Path of a plan, or the name of one that the collection ships.
    type: str
    default: ""
  stage:
    description: Name of the stage.
    type: str
    default: ""
  variables:
    description: Numbers to use instead of those the plan gives its variables, by name. They are part of the digest.
    type: dict
    default: {}
  target:
    description: What only one run at a time may change. The stage's name by default.
    type: str
  people:
    description: Who may approve. Each with C(name), C(roles), C(key) (the line of the C(.pub) file) and C(revoked).
    type: list
    elements: dict
    default: []
  calendar:
    description: When nothing may be promoted.
    type: list
    elements: dict
    default: []
"""

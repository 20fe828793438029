# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups lie, and the ledger that a record goes into, said once."""

from __future__ import annotations


class ModuleDocFragment:
    SOURCE = r"""
options:
  source:
    description: Where the backups, the archive and the manifests lie. docs/verified_backups.md has their names below it.
    type: dict
    required: true
    suboptions:
      directory:
        description: A directory. One of O(source.directory) and O(source.s3) has to be given.
        type: path
      s3:
        description: An S3 bucket. Where it keeps versions, what is read is pinned by version.
        type: dict
        suboptions:
          bucket:
            description: Its name.
            type: str
            required: true
          prefix:
            description: What all keys begin with.
            type: str
            default: ""
          endpoint:
            description: URL of a server that is not AWS.
            type: str
          region:
            description: Its region.
            type: str
          profile:
            description: Profile of the shared credentials file. Without it, the environment, the file's default or a web identity.
            type: str
          ca_bundle:
            description: File of the certificates to trust, in place of the system's.
            type: path
          io_timeout:
            description: Seconds to wait for a connection, and for an answer.
            type: float
            default: 10.0
          allow_imds:
            description: Whether the machine's metadata service may give credentials.
            type: bool
            default: false
"""

    LEDGER = r"""
options:
  ledger:
    description: Where to sign what was found, on the controller. Left out, it is only returned.
    type: dict
    suboptions:
      directory:
        description: Evidence directory.
        type: path
        required: true
      key_file:
        description: Key that signs. C(ledger.key) in O(ledger.directory), made with the first statement, where it is left out.
        type: path
      verifier_keys:
        description: Keys to believe the ledger by. The one beside it without any.
        type: list
        elements: str
        default: []
      s3:
        description: Bucket that holds the ledger, in place of the directory.
        type: dict
        suboptions:
          bucket:
            description: Its name.
            type: str
            required: true
          prefix:
            description: What all keys begin with.
            type: str
            default: ""
          endpoint:
            description: URL of a server that is not AWS.
            type: str
          region:
            description: Its region.
            type: str
          profile:
            description: Profile of the shared credentials file.
            type: str
          retain_days:
            description: For how many days nobody can delete what is written.
            type: int
"""

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the row that tells how much a restore lost."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_heartbeat
short_description: Keep the row that tells how much a restore lost
version_added: 0.1.0
description:
  - Makes the table C(governed_delivery.heartbeat) with one row, C(id), C(seq) and C(ts), that a service updates every second by the server's own clock.
    A restored copy's row says from when the copy is, so C(restore_validate) measures the recovery point by data, not by what the archiver says of itself.
  - The heartbeat gives the write-ahead log something to archive also while nobody else writes.
options:
  state:
    description: Whether the table is to be there. V(absent) drops it, and the schema if nothing else is in it.
    type: str
    choices: [present, absent]
    default: present
  beat_seconds:
    description: Beat once a second for so long, then end. For a test or a first look; a service does it for good.
    type: float
    default: 0.0
extends_documentation_fragment:
  - governed.delivery.postgres
attributes:
  check_mode:
    support: full
    description: Says whether the table would be made or dropped.
  diff_mode:
    support: full
    description: Shows whether the table is there before and after.
  idempotent:
    support: partial
    description: Beating is a change.
seealso:
  - module: governed.delivery.backup_manifest
  - module: governed.delivery.restore_validate
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: The primary has a heartbeat
  governed.delivery.backup_heartbeat:
    login_host: db.example.net
    login_db: shop

- name: One beat, as a service makes it every second
  ansible.builtin.command:
    argv:
      - psql
      - --dbname=shop
      - --command=UPDATE governed_delivery.heartbeat SET seq = seq + 1, ts = clock_timestamp()
  changed_when: true

- name: It is not needed any more
  governed.delivery.backup_heartbeat:
    login_host: db.example.net
    login_db: shop
    state: absent
"""

RETURN = r"""
seq:
  description: How many beats there were. Null without the table.
  returned: success
  type: int
  sample: 86400
ts:
  description: When the last one was, by the server's clock.
  returned: success
  type: str
  sample: "2026-11-20T02:00:00.123456+00:00"
"""

from ansible_collections.governed.delivery.plugins.module_utils._backups.work_heartbeat import SPEC, work
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

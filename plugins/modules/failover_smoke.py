# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearse a failover on a scratch pair of servers, and measure it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: failover_smoke
short_description: Rehearse a failover on a scratch pair of servers, and measure it
version_added: 0.1.0
description:
  - Makes a PostgreSQL primary and a standby that streams from it, of nothing or of a copy of a base backup, and writes to the primary with a log of every
    commit that was acknowledged. Kills the primary with SIGKILL, promotes the standby, writes and reads there, and counts the acknowledged writes that
    are missing. Brings the old primary back by C(pg_rewind).
  - Both servers listen on a Unix socket in a private folder only, archive nothing, and are removed at the end. The server that a backup was taken of is
    never asked. What a run leaves that was killed is removed by the next one.
  - What goes wrong in the rehearsal is in the record's verdict, it does not fail the task.
    Nothing but V(PASS) is a success, look at it as the example does.
  - Detection of the failure and the decision to promote are a cluster manager's, and in no number here.
  - Needs Linux, and PostgreSQL's programs, 15 or newer, on the host.
options:
  work_directory:
    description:
      - Folder for both servers, made when it is missing. Space for twice the backup, 300 MB, and 10 MB for each second of writing
        is asked for, with a fifth to spare.
      - One rehearsal at a time runs in it.
    type: path
    required: true
  backup:
    description:
      - Folder that C(pg_basebackup --format=plain --wal-method=stream) wrote. It is copied, and must be of the programs' major version.
      - Left out, the primary begins empty.
    type: path
  login_user:
    description: The superuser to be; of O(backup), a role that it has.
    type: str
    default: postgres
  replication:
    description: V(synchronous) waits with each commit until the standby has applied it (C(synchronous_commit=remote_apply)).
    type: str
    choices: [asynchronous, synchronous]
    default: asynchronous
  writers:
    description: How many sessions write.
    type: int
    default: 2
  write_seconds:
    description: How long to write with the standby streaming.
    type: float
    default: 5.0
  partition_seconds:
    description:
      - How long to go on writing after the standby was parted from the primary, before the kill. It shows what a standby that lags costs.
      - With synchronous replication, no commit is acknowledged in this time.
    type: float
    default: 0.0
  rejoin:
    description: Whether to make the old primary a standby of the new one by C(pg_rewind).
    type: bool
    default: true
  failover_at_most:
    description: Seconds from the order to promote to the first acknowledged write. Not judged when it is left out.
    type: float
  lost_writes_at_most:
    description: Acknowledged writes that may be missing. Left out, none with synchronous replication, else it is not judged.
    type: int
  timeout:
    description: Seconds that any one step may take.
    type: float
    default: 120.0
  bin_dir:
    description: Folder of PostgreSQL's programs, as V(/usr/lib/postgresql/16/bin). Left out, the search path.
    type: path
  run_as:
    description: Account that the servers run as, when the task runs as root. Left out, V(postgres).
    type: str
  cluster:
    description: Name of the cluster that this stands for, in the record.
    type: str
    default: scratch
  night:
    description: Date that the run was planned for, as V(2026-11-20). Left out, today, in UTC.
    type: str
attributes:
  check_mode:
    support: full
    description: Says what would be done, and fails with what stands in the way; makes nothing.
  diff_mode:
    support: none
    description: Nothing stays.
  idempotent:
    support: none
    description: Each run is a new observation.
extends_documentation_fragment:
  - governed.delivery.backups.ledger
seealso:
  - module: governed.delivery.restore_validate
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Would stage survive its primary tonight?
  governed.delivery.failover_smoke:
    work_directory: /var/lib/failover_smoke
    bin_dir: /usr/lib/postgresql/16/bin
    run_as: postgres
    replication: synchronous
    failover_at_most: 30
    cluster: orders
    ledger:
      directory: /var/lib/evidence
  become: true
  register: smoke
  failed_when: smoke is failed or (not ansible_check_mode and smoke.record.verdict != 'PASS')

- name: What does an asynchronous standby lose that lags by two seconds?
  governed.delivery.failover_smoke:
    work_directory: /var/lib/failover_smoke
    backup: /backups/orders/latest
    partition_seconds: 2
  register: lagging
"""

RETURN = r"""
record:
  description: What the ledger keeps. Numbers that could not be measured are null.
  returned: success, not in check mode
  type: dict
  contains:
    run:
      description: Name of the run.
      type: str
    verdict:
      description: V(PASS), V(FAIL), V(ERROR) or V(INCONCLUSIVE).
      type: str
    findings:
      description: What is wrong, each with code, verdict, about, expected and found.
      type: list
      elements: dict
    failover_seconds:
      description: From the order to promote to the first acknowledged write, connecting included.
      type: float
    phases:
      description: Seconds of provision, write, promote, first_write, first_read, verify and rejoin.
      type: dict
    writes:
      description: How many were acknowledged, lost and in doubt, and by how many seconds the oldest lost one was older than the kill.
      type: dict
    read_ok:
      description: Whether the first row written on the new primary was read back.
      type: bool
    timeline:
      description: The timelines before and after.
      type: dict
    cleanup:
      description: Whether both servers are gone, and how many bytes that freed, those of dead runs included.
      type: dict
measures:
  description: The same as measures of a verify door.
  returned: success, not in check mode
  type: list
  elements: dict
timeline:
  description: The phases, as a report draws them.
  returned: success, not in check mode
  type: dict
plan:
  description: What would be done.
  returned: in check mode
  type: list
  elements: str
ledger_index:
  description: Index of the statement in the ledger.
  returned: when O(ledger) is given, not in check mode
  type: int
"""

from ansible_collections.governed.delivery.plugins.module_utils._backups.failover.failover_work import SPEC, work
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a backup restores, and measure what it takes."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restore_validate
short_description: Prove that a backup restores, and measure what it takes
version_added: 0.1.0
description:
  - Restores the newest backup, or a named one, into a throw-away server beside nothing else, compares it with its source at a provably equal point,
    and measures recovery time and recovery point from data.
  - The verdict is C(PASS), C(FAIL) when the backup or its archive is bad or a goal is missed, C(ERROR) when the test could not run,
    or C(INCONCLUSIVE) when it was restored and something required could not be compared. The task fails unless it is C(PASS); the record is returned anyway.
  - What is restored is what lay in the place at one moment, the cut, taken when the task begins. Nothing younger is seen, so that a busy archive
    cannot make the recovery point look better than it is.
  - The server has no network, archives nothing and follows nobody. It is deleted at the end, with everything that was restored;
    a run that was killed is cleaned up after by the next one.
  - The rate limit, the pinned versions and the checksums count for every engine, as all bytes come through one fetcher.
requirements:
  - psycopg >= 3.2
  - cryptography
  - rfc8785
  - boto3, for O(source.s3)
  - PostgreSQL's programs of the backup's major version, on the host that runs the task
options:
  engine:
    description: What made the backup.
    type: str
    choices: [basebackup, pgbackrest, pg_dump]
    default: basebackup
  backup:
    description: Label of a backup, or V(latest), the one that ended last by its own account.
    type: str
    default: latest
  target_time:
    description: Recover up to this time instead of the archive's end. ISO 8601 with zone, between the backup's end and the archive's.
    type: str
  target_lsn:
    description: Recover up to this position instead of the archive's end.
    type: str
  manifest_keys:
    description:
      - Verifier keys whose signature makes a manifest believable, as RV(governed.delivery.backup_manifest#module:verifier_key) returns them.
      - Without one nothing can be compared, and the verdict is C(INCONCLUSIVE).
    type: list
    elements: str
    default: []
  work_directory:
    description: Folder for throw-away servers, on a volume of its own. Made when it is missing. One run at a time.
    type: path
    required: true
  bin_dir:
    description: Folder of PostgreSQL's programs, of the backup's major version. The search path without it.
    type: path
  run_as:
    description: Account to run the server as when the task runs as root. V(postgres) where there is one.
    type: str
  superuser:
    description: A superuser of the backed up cluster, as whom the copy is looked at. No password is asked for.
    type: str
    default: postgres
  server_settings:
    description:
      - Settings of the throw-away server, for instance C(shared_buffers) or C(shared_preload_libraries).
      - What keeps it apart from the world cannot be set.
    type: dict
    default: {}
  jobs:
    description: Files fetched, tables read and processes used at the same time.
    type: int
    default: 2
  bytes_per_second:
    description: How fast to fetch at most, over all connections. No limit without it.
    type: float
  is_drill:
    description: Run at full speed, whatever O(bytes_per_second) says, and mark the record as a drill.
    type: bool
    default: false
  cluster:
    description: Name of what was backed up, for the record, the metrics and the report.
    type: str
    default: main
  night:
    description: The night that this run is for, as YYYY-MM-DD. Today in UTC without it.
    type: str
  run:
    description: Name of the run. Made from the time without it.
    type: str
  rto_at_most:
    description: Goal for the recovery time in seconds; more is C(GOAL_RTO). Judged on the measured time, also under a rate limit.
    type: float
    default: 900.0
  rpo_at_most:
    description: Goal for the recovery point in seconds, for this night's loss and for the largest gap in the archive of the day before; more is C(GOAL_RPO).
    type: float
    default: 300.0
  max_age:
    description: Seconds that the backup's own end may lie back; more is C(STALE_BACKUP).
    type: float
    default: 93600.0
  required_lock_days:
    description: How long every object of the backup has to be locked yet. Not looked at without it.
    type: int
  accepted:
    description:
      - Rows by table of the last run that a person accepted, for the shrink check.
      - With O(ledger), the last C(restore_accepted) of this cluster and engine in it.
    type: dict
  max_shrink_percent:
    description: How many of a table's rows may be gone since then.
    type: float
    default: 20.0
  invariants:
    description: Queries that return no row when all is well. They are read-only, and take five minutes at most.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What is true, for people.
        type: str
        required: true
      database:
        description: Database to ask.
        type: str
        required: true
      query:
        description: The query. Its rows are counted, never shown.
        type: str
        required: true
  amcheck:
    description: Whether to run pg_amcheck on the copy. V(auto) does where the extension is installed, and says when it is not.
    type: str
    choices: [required, auto, "off"]
    default: auto
  coverage_days:
    description: Within how many days every table is to be compared whole, where the manifest samples big ones. For the record.
    type: int
    default: 30
  heartbeat:
    description: Connection to the primary, to see at the cut whether its heartbeat beats, its number, and how far its clock is off.
    type: dict
    suboptions:
      login_host:
        description: Host. Empty for a local socket.
        type: str
        default: ""
      login_port:
        description: Port.
        type: int
        default: 5432
      login_unix_socket:
        description: Folder of the socket.
        type: path
        default: ""
      login_user:
        description: Role.
        type: str
        default: postgres
      login_password:
        description: Its password.
        type: str
        default: ""
      login_db:
        description: Database that has the heartbeat.
        type: str
        required: true
      ssl_mode:
        description: As libpq's C(sslmode).
        type: str
        choices: [allow, disable, prefer, require, verify-ca, verify-full]
        default: prefer
      ca_cert:
        description: File of the certificates to trust.
        type: path
      connect_params:
        description: More of libpq's parameters.
        type: dict
        default: {}
  heartbeat_database:
    description: Database of the copy that has the heartbeat.
    type: str
    default: postgres
  heartbeat_period:
    description: Seconds between two beats.
    type: float
    default: 1.0
  keep_on_failure:
    description: Keep the restored data when the verdict is not C(PASS), until the next run. It is production's; delete it when you are done.
    type: bool
    default: false
  run_timeout:
    description: Seconds that the run may take; more is C(RUN_TIMEOUT).
    type: float
    default: 7200.0
  pgbackrest:
    description: For O(engine=pgbackrest).
    type: dict
    suboptions:
      stanza:
        description: Name of the stanza.
        type: str
        required: true
      config:
        description: Configuration file, where the repository is encrypted.
        type: path
  textfile:
    description: File for the node exporter's textfile collector, on the host that restores. It ends with C(.prom).
    type: path
  reuse_within:
    description:
      - With O(ledger), take what the last run of this cluster and engine found instead, if it passed and ended at most so many seconds ago.
        A gate that is looked at every few minutes need not restore each time.
    type: float
    default: 0.0
attributes:
  check_mode:
    support: full
    description: Locates the backup, looks at its manifest, sizes, objects and locks, and at the space. Nothing is fetched, started or signed.
  diff_mode:
    support: none
    description: Nothing stays of what it makes.
  idempotent:
    support: none
    description: Every run restores, and reports a change when it did.
extends_documentation_fragment:
  - governed.delivery.backups.ledger
  - governed.delivery.backups.source
seealso:
  - module: governed.delivery.backup_manifest
  - module: governed.delivery.backup_heartbeat
  - module: governed.delivery.dr_report
author:
  - Governed Delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Does last night's backup restore?
  governed.delivery.restore_validate:
    cluster: shop
    source:
      s3:
        bucket: shop-backups
    manifest_keys: ["{{ lookup('ansible.builtin.file', 'backup.vkey') }}"]
    work_directory: /var/lib/governed_delivery/restore
    required_lock_days: 30
    heartbeat:
      login_host: shop-primary
      login_user: monitor
      login_db: postgres
    invariants:
      - name: every order has a customer
        database: shop
        query: SELECT FROM orders LEFT JOIN customers USING (customer_id) WHERE customers.customer_id IS NULL
    ledger:
      directory: evidence
  become: true
  become_user: postgres

- name: Back to the minute before the accident
  governed.delivery.restore_validate:
    cluster: shop
    engine: pgbackrest
    pgbackrest:
      stanza: shop
    source:
      directory: /var/lib/pgbackrest
    target_time: "2026-03-30T03:59:00+00:00"
    work_directory: /var/lib/governed_delivery/restore
    bytes_per_second: 20000000
"""

RETURN = r"""
verdict:
  description: C(PASS), C(FAIL), C(ERROR) or C(INCONCLUSIVE).
  returned: always, but for a wrong option
  type: str
  sample: PASS
record:
  description: Everything that was found, as it is signed. Numbers that were not measured are null.
  returned: after a run
  type: dict
  contains:
    run:
      description: Name of the run.
      type: str
    verdict:
      description: As RV(verdict).
      type: str
    t0:
      description: The cut. Nothing that came into the place later was seen.
      type: str
    findings:
      description:
        - What is not as it must be, each with code, verdict, what it is about, what was expected and what was found.
        - docs/runbooks/backup_validation_failed.md has every code.
      type: list
      elements: dict
    backup:
      description: Label, begin and end, bytes, files, positions in the log, and age at the cut.
      type: dict
    manifest:
      description: SHA-256 of the manifest, who signed it, and the point at which it is exact.
      type: dict
    source:
      description: The place, a digest over its objects' versions, and, with O(required_lock_days), the weakest lock and its earliest end.
      type: dict
    target:
      description: The point that was asked for, and where recovery ended.
      type: dict
    bytes:
      description: How many bytes of the backup and of the log were fetched.
      type: dict
    rates:
      description: Bytes a second of fetch and replay, the limit, and the most that came in one second.
      type: dict
    rto:
      description: Recovery time in seconds, by phase, with its goal. Detection and decision are not in it.
      type: dict
    rpo:
      description: Recovery point in seconds, the largest gap in the archive within a day, and heartbeats that were lost.
      type: dict
    checks:
      description: Each check with its result (ok, failed, error or not_run), its seconds, and what it saw.
      type: list
      elements: dict
    tables:
      description: How many tables were compared, how many matched, and which did not.
      type: dict
    cleanup:
      description: Whether everything that was restored is deleted, and how many bytes that were.
      type: dict
measures:
  description: Measures for a plan's goals.
  returned: after a run
  type: list
  elements: dict
timeline:
  description: The phases, for a report.
  returned: after a run
  type: dict
plan:
  description: The backup that would be restored, its manifest, the space it needs, and what is wrong with it already.
  returned: in check mode
  type: dict
table:
  description: Phases, goals, checks and findings as lines of text.
  returned: always, but for a wrong option
  type: list
  elements: str
ledger_index:
  description: Index of the record's statement in the ledger.
  returned: with O(ledger)
  type: int
"""

from ansible_collections.governed.delivery.plugins.module_utils._backups.restore.work_validate import SPEC, work
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

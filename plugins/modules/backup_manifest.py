# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a backup and sign what the source held at its point."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_manifest
short_description: Take a backup and sign what the source held at its point
version_added: 0.1.0
description:
  - Takes a backup by C(pg_dump), C(pg_basebackup) or pgBackRest, captures what the databases hold at a point where a restore can stand, and puts a
    signed manifest beside the backup. C(restore_validate) restores to that point and compares every table with it.
  - The manifest has, for each table, the number of rows and a checksum over all of them; for each other object of the schema a digest of its definition;
    sequences, large objects, extensions, encoding and collation versions; size and SHA-256 of each file of the backup. It has no row data.
  - A dump shares its exported snapshot with the sessions that add up the checksums. A physical backup is followed by an anchor, the snapshot of a temporary
    logical replication slot, or a standby whose replay is paused meanwhile. A snapshot with an LSN read next to it is never used; the two do not agree.
  - A backup gets its label, and its manifest behind it, only when it is whole. A run that is killed leaves neither, and the next one clears up.
options:
  engine:
    description: What takes the backup. V(pg_dump) writes a directory archive of each database, and the globals without passwords.
    type: str
    choices: [pg_dump, basebackup, pgbackrest]
    required: true
  key_file:
    description:
      - File with the Ed25519 key that signs the manifest, on the host that runs the task. Only its owner may read it.
      - The first backup of a place makes it when it is missing. RV(verifier_key) is what O(governed.delivery.restore_validate#module:manifest_keys) believes.
    type: path
    required: true
  label:
    description:
      - The backup's name, of letters, digits, dashes and underscores. The time, as C(20261120T020000Z), when it is left out.
      - A backup of that label that has a manifest is left as it is.
      - pgBackRest names its backups itself. Name one only with O(take=false).
    type: str
  take:
    description: Take the backup. V(false) writes the manifest of one that is there, C(label) says which; of a dump no exact one then.
    type: bool
    default: true
  databases:
    description: The databases to capture, and to dump. All but templates, for a physical backup; O(login_db), for a dump.
    type: list
    elements: str
  anchor:
    description:
      - How a physical backup's content is anchored. V(auto) is V(standby) if O(standby) is given, else V(slot) if the server's C(wal_level) is
        V(logical), else V(none). A dump is always anchored by its own snapshot.
      - V(slot) is for a cluster of which one database has tables. It waits for the end of each transaction that is running.
      - With V(none) the schema can be compared, but no rows.
    type: str
    choices: [auto, snapshot, slot, standby, none]
    default: auto
  anchor_timeout:
    description: Seconds to wait for an anchor.
    type: float
    default: 60.0
  standby:
    description:
      - How to reach a standby. Its replay is paused while it is read, and goes on afterwards, also when this module is killed.
      - The role needs EXECUTE on C(pg_wal_replay_pause) and C(pg_wal_replay_resume).
    type: dict
    suboptions:
      login_host:
        description: Host of the standby. Empty means the local socket.
        type: str
        default: ""
      login_port:
        description: Its port.
        type: int
        default: 5432
      login_unix_socket:
        description: Directory of its Unix socket.
        type: path
        default: ""
      login_user:
        description: Role to log in as.
        type: str
        default: postgres
      login_password:
        description: Its password.
        type: str
        default: ""
      ssl_mode:
        description: How to protect the connection.
        type: str
        default: prefer
        choices: [allow, disable, prefer, require, verify-ca, verify-full]
      ca_cert:
        description: File with the certificates of the authorities to trust.
        type: path
      connect_params:
        description: Further libpq connection parameters by name.
        type: dict
        default: {}
  jobs:
    description: Sessions that add up checksums at the same time, and processes of C(pg_dump) and pgBackRest.
    type: int
    default: 2
  strong:
    description: Checksums by SHA-256, which nobody can forge rows for, and which take twice as long.
    type: bool
    default: false
  sample:
    description: Add up only a sample of big tables. Rows are counted in all. Leave it out to add up everything.
    type: dict
    suboptions:
      percent:
        description: Percentage of a table's blocks (physical) or primary keys (dump).
        type: float
        default: 1.0
      coverage_days:
        description: Each table is added up fully at least so often.
        type: int
        default: 30
      above_bytes:
        description: Smaller tables are always added up fully.
        type: int
        default: 10737418240
  format:
    description: What C(pg_basebackup) writes. A cluster with tablespaces needs V(tar).
    type: str
    choices: [tar, plain]
    default: tar
  compress:
    description: Level of gzip for C(pg_dump), or for C(pg_basebackup) in format V(tar). The program's own default when it is left out.
    type: int
  bytes_per_second:
    description: The most that C(pg_basebackup) is to ask the server for.
    type: int
  pgbackrest:
    description: How to run pgBackRest.
    type: dict
    suboptions:
      stanza:
        description: Name of the stanza.
        type: str
        required: true
      config:
        description: Its configuration file.
        type: path
      repo:
        description: Number of the repository that O(source) is.
        type: int
        default: 1
      type:
        description: What to take.
        type: str
        choices: [full, diff, incr]
        default: full
  bin_dir:
    description: Directory of PostgreSQL's programs, which must be of the server's major version. The search path when it is left out.
    type: path
  run_as:
    description: Account to run the programs as. C(postgres), when we are root.
    type: str
  work_directory:
    description: Where a backup for S3 is made before it is uploaded. The temporary directory when it is left out.
    type: path
extends_documentation_fragment:
  - governed.delivery.backups.source
  - governed.delivery.postgres
requirements:
  - cryptography
  - rfc8785
  - boto3, for O(source.s3)
attributes:
  check_mode:
    support: full
    description: Looks at everything that could stand in the way, and takes nothing.
  diff_mode:
    support: partial
    description: Names the manifest that was written.
  idempotent:
    support: partial
    description: With a O(label). Without one each run takes another backup.
notes:
  - The role reads every table, so it has to be a superuser, or to have C(pg_read_all_data) and, where there are policies, BYPASSRLS.
    An anchor by slot, and C(pg_basebackup), need REPLICATION.
seealso:
  - module: governed.delivery.backup_heartbeat
  - module: governed.delivery.restore_validate
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: A dump tonight, with its manifest
  governed.delivery.backup_manifest:
    login_host: db.example.net
    login_db: shop
    engine: pg_dump
    source:
      directory: /srv/backups
    key_file: /etc/governed/backup.key

- name: A base backup, whose verifier key is kept where restores are proved
  governed.delivery.backup_manifest:
    login_host: db.example.net
    login_db: shop
    engine: basebackup
    source:
      directory: /srv/backups
    key_file: /etc/governed/backup.key
  register: taken

- name: Keep it
  ansible.builtin.copy:
    content: "{{ taken.verifier_key }}\n"
    dest: backup.vkey
    mode: "0644"
  delegate_to: localhost

- name: A base backup into a locked bucket, anchored by a standby that is paused meanwhile
  governed.delivery.backup_manifest:
    login_host: db.example.net
    login_db: shop
    engine: basebackup
    source:
      s3:
        bucket: shop-backups
        region: eu-central-1
    standby:
      login_host: standby.example.net
    key_file: /etc/governed/backup.key
    label: nightly-2026-11-20

- name: The manifest of a backup that pgBackRest has just taken by itself
  governed.delivery.backup_manifest:
    login_unix_socket: /var/run/postgresql
    login_db: shop
    engine: pgbackrest
    pgbackrest:
      stanza: shop
    take: false
    label: 20261120-020001F
    source:
      directory: /var/lib/pgbackrest
    key_file: /etc/governed/backup.key
"""

RETURN = r"""
label:
  description: The backup's name.
  returned: success
  type: str
  sample: 20261120T020000Z
plan:
  description: What would be done.
  returned: in check mode, when there is something to do
  type: list
  elements: str
manifest:
  description: Where the manifest is below the place, the SHA-256 of its bytes, and the label of the key that signed it.
  returned: success, but not in check mode
  type: dict
  sample: {path: manifests/20261120T020000Z.json, sha256: "9f86d081…", signer: "shop/backups+1b2c3d4e"}
verifier_key:
  description: The public part of the key that signed, for O(governed.delivery.restore_validate#module:manifest_keys).
  returned: success, but not in check mode
  type: str
  sample: backups-5c3a1f20+1b2c3d4e+AbCd…
anchor:
  description: The point at which the content was captured. Rows can be compared only when it is C(exact).
  returned: success, but not in check mode
  type: dict
  sample: {method: slot, lsn: 0/5000060, exact: true, taken: "2026-11-20T02:03:04+00:00"}
backup:
  description: From when to when, from where to where in the log, how many bytes in how many files.
  returned: success, but not in check mode
  type: dict
  sample: {started: "2026-11-20T02:00:00+00:00", stopped: "2026-11-20T02:03:00+00:00", start_lsn: 0/4000028, stop_lsn: 0/4000138, bytes: 16777216, files: 3}
tables:
  description: How many tables were added up.
  returned: success, but not in check mode
  type: int
  sample: 212
sampled:
  description: How many of them by a sample.
  returned: success, but not in check mode
  type: int
  sample: 0
rows:
  description: How many rows they have.
  returned: success, but not in check mode
  type: int
  sample: 7500000
refusals:
  description: What stands in the way, with what to do about it.
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._backups.taking.work_manifest import SPEC, work
from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.postgres.driver import PSYCOPG


def main() -> None:
    run_module(SPEC, work, libraries=[PSYCOPG])


if __name__ == "__main__":
    main()

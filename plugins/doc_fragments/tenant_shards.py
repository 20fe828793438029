# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shards of a tenant map, said once for the modules that work on all of them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  shards:
    description:
      - All shards, each with the connection to its primary.
      - A shard that owns tenants must be listed, also one that is to be emptied. Give that one the weight V(0), and leave it out later.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the shard. Letters, digits, V(_) and V(-). It is also the name of its database in PgBouncer.
          - A shard keeps its name. The name is written into its database.
        type: str
        required: true
      weight:
        description: How large its share of the slots is, beside the others' weights. V(0) means none.
        type: int
        default: 1
      login_host:
        description: Host of the server. Empty means the local socket.
        type: str
        default: ""
      login_port:
        description: Port of the server.
        type: int
        default: 5432
      login_unix_socket:
        description: Directory of the server's Unix socket. Wins over O(shards[].login_host).
        type: path
        default: ""
      login_user:
        description: Role to log in as. It creates the fence, owns it, and reads the tenant tables.
        type: str
        default: postgres
      login_password:
        description: Password of O(shards[].login_user). It is written nowhere. Leave it out where the server asks for none, or for C(~/.pgpass).
        type: str
        default: ""
      login_db:
        description: Database of the shard.
        type: str
        required: true
      ssl_mode:
        description: How to protect the connection, as libpq's C(sslmode).
        type: str
        default: prefer
        choices: [allow, disable, prefer, require, verify-ca, verify-full]
      ca_cert:
        description: File with the certificates of the authorities to trust, as libpq's C(sslrootcert).
        type: path
      connect_params:
        description: Further libpq connection parameters by name. They are written nowhere.
        type: dict
        default: {}
      advertised_host:
        description: Host by which applications reach the server, where that differs from O(shards[].login_host).
        type: str
      advertised_port:
        description: Port by which applications reach the server, where that differs from O(shards[].login_port).
        type: int
      replicas:
        description: Streaming copies of the shard that applications may read from. User, password and database are the shard's.
        type: list
        elements: dict
        default: []
        suboptions:
          login_host:
            description: Host of the replica. Empty means the local socket.
            type: str
            default: ""
          login_port:
            description: Port of the replica.
            type: int
            default: 5432
          login_unix_socket:
            description: Directory of the replica's Unix socket.
            type: path
            default: ""
          advertised_host:
            description: Host by which applications reach it.
            type: str
          advertised_port:
            description: Port by which applications reach it.
            type: int
  tenant_tables:
    description:
      - Tables that hold the rows of tenants, so that a map that would leave rows on the wrong shard is found before anything is written.
      - A shard may lack a table, but a table must be in one shard at least. An empty list says that no table holds tenants yet.
      - The module M(governed.delivery.tenant_map) requires it, but for removing a map.
    type: list
    elements: dict
    suboptions:
      schema:
        description: Schema of the table, spelled as the catalog spells it, without quotes.
        type: str
        default: public
      table:
        description: Name of the table.
        type: str
        required: true
      column:
        description: Column that says whose row it is. An index that starts with it makes looking through the table quick.
        type: str
        default: tenant_id
requirements:
  - psycopg >= 3.2
notes:
  - Connect to the servers themselves or through a pooler in session mode. A transaction pooler would lose the advisory lock that keeps two runs apart.
"""

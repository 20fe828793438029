# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a PostgreSQL server, said once for all modules."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  login_host:
    description: Host of the server. Empty means the local socket.
    type: str
    default: ""
  login_port:
    description: Port of the server.
    type: int
    default: 5432
  login_unix_socket:
    description: Directory of the server's Unix socket. Wins over O(login_host).
    type: path
    default: ""
  login_user:
    description: Role to log in as. To change a table it must own it.
    type: str
    default: postgres
  login_password:
    description: Password of O(login_user). Leave it out where the server asks for none, or for C(~/.pgpass).
    type: str
    default: ""
  login_db:
    description: Database to work in.
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
    description: Further libpq connection parameters by name, for instance C(target_session_attrs).
    type: dict
    default: {}
requirements:
  - psycopg >= 3.2
notes:
  - Connect to the server itself or through a pooler in session mode. A transaction pooler would lose the advisory lock that keeps two runs apart.
"""

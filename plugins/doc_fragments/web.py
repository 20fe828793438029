# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server is that is asked over HTTP, said once for each kind."""

from __future__ import annotations


class ModuleDocFragment:
    PROMETHEUS = r"""
options:
  prometheus:
    description: A Prometheus, or what answers like one. Certificates are verified, and redirects not followed.
    type: dict
    suboptions:
      url:
        description: Where it is, with its path if it has one, without C(/api/v1).
        type: str
        required: true
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password of O(prometheus.username).
        type: str
      token:
        description: Bearer token.
        type: str
      ca_path:
        description: File or folder of the certificates to trust, in place of the system's.
        type: path
      timeout:
        description: Seconds that one request may take from its beginning to its end.
        type: float
        default: 30.0
      tries:
        description: How often to ask when there is no answer, or HTTP 429 or 5xx.
        type: int
        default: 3
      use_proxy:
        description: Whether to go through the proxy that the environment names.
        type: bool
        default: true
"""

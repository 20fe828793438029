# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The options that name a ledger, as an argument specification has them."""

from __future__ import annotations

import typing as t

OPTIONS: dict[str, t.Any] = {
    "directory": {"type": "path", "required": True},
    "key_file": {"type": "path", "no_log": False},
    "verifier_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "s3": {
        "type": "dict",
        "options": {
            "bucket": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": ""},
            "endpoint": {"type": "str"},
            "region": {"type": "str"},
            "profile": {"type": "str"},
            "retain_days": {"type": "int"},
        },
    },
}

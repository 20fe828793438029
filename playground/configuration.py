# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playground's servers are configured to: one file, included by postgresql.conf, that starts write anew."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from .errors import Refusal

FILE = "playground.conf"

COMMON: t.Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
}

PROFILES: t.Mapping[str, t.Mapping[str, str]] = {
    # For the demo and the bench. Checkpoints come by time only, and rarely: a measurement should not meet one by chance.
    "measure": {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "maintenance_work_mem": "256MB"},
    # For tests: starts fast, and several stand side by side.
    "small": {"shared_buffers": "64MB", "max_wal_size": "1GB"},
}


def merged(profile: str, settings: t.Mapping[str, str]) -> dict[str, str]:
    """All settings of a profile, with the caller's own on top.

    :raises Refusal: when there is no such profile, or a setting's name is none.
    """
    if profile not in PROFILES:
        raise Refusal(f"profile {profile}", expected=f"one of {', '.join(PROFILES)}", found=repr(profile), remedy="Use one of these.")
    for name in settings:
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            raise Refusal(
                f"setting {name!r}", expected="the name of a PostgreSQL setting", found=repr(name), remedy="See the view pg_settings."
            )
    return {**COMMON, **PROFILES[profile], **settings}


def render(settings: t.Mapping[str, str]) -> str:
    """The text of a configuration file. Values are quoted as PostgreSQL wants it, whatever is in them."""
    lines = [f"{name} = '{_escape(value)}'\n" for name, value in sorted(settings.items())]
    return "# Written at each start by the playground.\n" + "".join(lines)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")


def last_port(data: Path) -> int | None:
    """The port that the server of this data folder was last started with."""
    try:
        text = (data / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    match = re.search(r"^port = '(\d+)'$", text, re.MULTILINE)
    return int(match[1]) if match else None

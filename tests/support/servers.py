# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of one's own for a test run, gone when the run is over."""

from __future__ import annotations

import contextlib
import os
import typing as t

from playground import postgres

SETTINGS = {"max_connections": "60", "max_locks_per_transaction": "256"}


@contextlib.contextmanager
def server(
    name: str, version: int = 16, *, profile: str = "small", settings: t.Mapping[str, str] | None = None
) -> t.Iterator[postgres.Postgres]:
    """A running server with an empty database of the same name."""
    started = postgres.start(
        version, postgres.place(f"{name}-{version}-{os.getpid()}"), profile=profile, settings=SETTINGS if settings is None else settings
    )
    try:
        yield started.with_database(name.replace("-", "_"))
    finally:
        started.remove()

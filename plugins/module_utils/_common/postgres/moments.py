# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Moments that Python has no value for (infinity, 4000 BC, the year 12345) come as the server's text instead of failing."""

from __future__ import annotations

import importlib
import typing as t

from .driver import psycopg

if t.TYPE_CHECKING:
    from .connect import Connection

LOADERS = {"date": "DateLoader", "timestamp": "TimestampLoader", "timestamptz": "TimestamptzLoader", "interval": "IntervalLoader"}


def read_all(connection: Connection) -> None:
    """Let the connection read every moment there is."""
    module = importlib.import_module("psycopg.types.datetime")
    for type_name, loader in LOADERS.items():
        connection.adapters.register_loader(type_name, _tolerant(getattr(module, loader)))


def _tolerant(plain: t.Any) -> t.Any:
    def load(self: t.Any, data: t.Any) -> t.Any:
        try:
            return plain.load(self, data)
        except psycopg.DataError:
            return bytes(data).decode()

    return type(f"Tolerant{plain.__name__}", (plain,), {"load": load})

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Names of database objects: quoting is psycopg's, shortening is ours."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from .._common.postgres.driver import sql

if t.TYPE_CHECKING:
    from psycopg.sql import Composed, Identifier

LONGEST_NAME = 63  # bytes; NAMEDATALEN - 1 of a stock server
STATE_SCHEMA = "governed_delivery"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table by schema and name, exactly as the catalog spells them."""

    schema: str
    name: str

    @property
    def identifier(self) -> Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def sibling(self, suffix: str) -> Table:
        """A table beside this one, its name shortened if it must be."""
        return Table(self.schema, shortened(f"{self.name}_{suffix}"))


def shortened(name: str) -> str:
    """The name itself, or one of at most 63 bytes that ends in a hash of the whole: the server would cut silently, and two names might meet."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    head = name.encode()[: LONGEST_NAME - 9].decode(errors="ignore")
    return f"{head}_{digest}"


def columns(names: t.Iterable[str], alias: str | None = None) -> Composed:
    """A comma-separated list of quoted columns, each behind ``alias`` where one is given."""
    parts = [sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names]
    return sql.SQL(", ").join(parts)


def row(names: t.Sequence[str], alias: str | None = None) -> Composed:
    """A row constructor over the columns, for comparisons that an index can serve."""
    return sql.SQL("({})").format(columns(names, alias))


def verbatim(text: str) -> Composed:
    """SQL that the server itself printed (a type, an index definition, a policy's expression): quoted already, nobody's input."""
    return sql.SQL(text.replace("{", "{{").replace("}", "}}")).format()


def state(name: str) -> Identifier:
    """An object of the schema in which a shift keeps its state."""
    return sql.Identifier(STATE_SCHEMA, name)

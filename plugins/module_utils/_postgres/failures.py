# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the server said no to, in plain words: the one place where its errors become refusals."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._common.errors import Refusal
from .._common.postgres.driver import psycopg

if t.TYPE_CHECKING:
    from .._common.frame import Context, Outcome

OUR_SYNTAX = "42601"
WHOLE = "Every step was committed whole or not at all"


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What an error means for whoever runs a module."""

    code: str
    expected: str
    remedy: str


LOST = Meaning("server_lost", "a server that stays until the work is done", "Run again when the server is well: it goes on where it was.")
BAD_VALUE = Meaning("bad_value", "values that the server can read as the type of their column", "Mend the option that holds it.")
OTHER = Meaning(
    "server_refused", "a statement that the server can run", "Look at the message; when it is mended, run again: it goes on where it was."
)

# By SQLSTATE, the longest beginning counts (https://www.postgresql.org/docs/current/errcodes-appendix.html).
MEANINGS: t.Mapping[str, Meaning] = {
    "08": LOST,
    "22": BAD_VALUE,
    "23": Meaning("row_refused", "rows that both layouts take", "Mend the row or the layout, then run again."),
    "25006": Meaning(
        "read_only", "a server and a role that take writes", "Connect to the primary, or unset default_transaction_read_only for this role."
    ),
    "25P03": LOST,  # silent for too long within a transaction: a process that was stopped, a network that was cut
    "25P04": LOST,
    "40": Meaning("gave_way", "a moment without a conflicting transaction", "Run again: it goes on where it was."),
    "42501": Meaning(
        "no_privilege",
        "a role that may do this",
        "Log in as the owner of the table and of the schema governed_delivery, or grant what the message names.",
    ),
    "3F000": Meaning("moved_meanwhile", "the objects seen a moment ago", "Someone dropped or renamed one meanwhile. Look, then run again."),
    "42P01": Meaning("moved_meanwhile", "the objects seen a moment ago", "Someone dropped or renamed one meanwhile. Look, then run again."),
    "42703": Meaning("columns_changed", "the columns seen a moment ago", "Someone dropped or renamed one meanwhile. Look, then run again."),
    "42710": Meaning("name_taken", "free names for what is made", "Look at what bears the name, then rename or drop it."),
    "42P07": Meaning("name_taken", "free names for what is made", "Look at what bears the name, then rename or drop it."),
    "53": LOST,
    "53100": Meaning("disk_full", "room on the server's disk", "Make room and run again: it goes on where it was."),
    "54": Meaning("server_limit", "a layout within the server's limits", "Declare fewer partitions, or fewer values in one."),
    "55P03": Meaning("gave_way", "a moment without a conflicting lock", "Run again: it goes on where it was."),
    "57": LOST,
    "57014": Meaning(
        "canceled", "statements that may run to their end", "Somebody or statement_timeout stopped it. Run again: it goes on where it was."
    ),
}  # fmt: skip


def explained(work: t.Callable[[Context], Outcome]) -> t.Callable[[Context], Outcome]:
    """A module's work that refuses in plain words where the server does. What is left is a defect of ours and shows its traceback."""

    @functools.wraps(work)
    def refusing(context: Context) -> Outcome:
        try:
            return work(context)
        except psycopg.Error as error:
            meaning = meaning_of(error)
            if meaning is None:
                raise
            raise Refusal(
                _thing(error, meaning, context.parameters),
                expected=meaning.expected,
                found=f"{' '.join(str(error).split())} ({error.sqlstate or 'connection lost' if meaning is LOST else error.sqlstate or 'no SQLSTATE'})",
                remedy=f"{WHOLE}. {meaning.remedy}",
                code=meaning.code,
                details={"sqlstate": error.sqlstate},
            ) from error

    return refusing


def meaning_of(error: psycopg.Error) -> Meaning | None:
    """What the error means; None when it is a defect of ours."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.DataError):
            return BAD_VALUE
        return LOST if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) else None
    if state == OUR_SYNTAX:
        return None
    return next((MEANINGS[state[:length]] for length in (5, 2) if state[:length] in MEANINGS), OTHER)


def _thing(error: psycopg.Error, meaning: Meaning, parameters: t.Mapping[str, t.Any]) -> str:
    if meaning is LOST:
        return f"database {parameters['login_db']}"
    if error.diag.table_name:
        return f"{error.diag.schema_name}.{error.diag.table_name}"
    return f"{parameters['schema']}.{parameters['table']}"

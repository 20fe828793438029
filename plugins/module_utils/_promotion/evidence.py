# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. A promotion's statements in the ledger.

Here a statement is a plain mapping with at least ``type``; in the ledger it is an in-toto statement about the plan's digest. What is large
(raw measures, timelines, the plan itself) is attached, and the statement names it by its digest.
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing as t

from .._common.errors import Refusal
from .._ledger import canonical, statement, verification
from .._ledger.log import Head, HeadMoved, Log
from .._ledger.store import Missing

Statement = t.Mapping[str, t.Any]

ATTACHED = ("measures", "timeline", "plan_content", "resolved")
LARGEST_EXACT = 2**53 - 1  # JSON's numbers are doubles


@dataclasses.dataclass(frozen=True)
class Reading:
    """All statements, oldest first; a statement's place is its index in the ledger. ``head`` is the ledger's end, for ``append``."""

    statements: tuple[Statement, ...]
    head: Head | None = None


class Evidence:
    """The statements in a ledger.

    :param log: with a signer where statements are to be kept.
    """

    def __init__(self, log: Log) -> None:
        self.log = log

    def read(self, whole: bool = False) -> Reading:
        """Everything kept so far; with ``whole`` also what is attached.

        :raises Refusal: the ledger is damaged, or not signed by its key.
        """
        head = self.log.head()
        entries = self.log.read(0, head)
        return Reading(tuple(self._plain(entry.statement, whole) for entry in entries), head)

    def require_sound(self) -> None:
        """Every entry, tile and attachment is what was signed. A run appends to the tiles and makes its report from what is attached.

        :raises Refusal: one is not; it names the first.
        """
        if not self.read(whole=True).statements:
            return
        # Without the statements' times: a clock that was set back must not close the gate for ever.
        report = verification.verify(self.log.store, verification.Policy(self.log.keys, self.log.origin, statements=False))
        if report.fault != "ok":
            first = "" if report.first_bad_entry is None else f"; first bad entry: {report.first_bad_entry}"
            raise Refusal(
                f"ledger {self.log.origin}",
                expected="a ledger whose entries and tiles belong to its checkpoint",
                found=f"{report.reason}{first}",
                remedy="Verify the ledger with governed.delivery.ledger, and restore what it names from a copy.",
                code="ledger_damaged",
            )

    def append(self, statements: t.Sequence[Statement], after: Reading) -> None:
        """Keep the statements right behind what was read; when this returns, they survive a power cut.

        :raises HeadMoved: they would not stand right behind it. Nothing is kept then.
        :raises Refusal: one is no JSON object, or the store does not take it.
        """
        self.log.append([self._sealed(said) for said in statements], after.head)

    def _sealed(self, said: Statement) -> statement.Statement:
        predicate = {key: _finite(value) for key, value in said.items() if key != "type"}
        attached = {key: self.log.store.attach(canonical.canonical(predicate.pop(key))) for key in ATTACHED if predicate.get(key)}
        if attached:
            predicate["attached"] = attached
        subjects = {
            f"{name} of {said.get('plan', '')}": str(said[name])
            for name in ("plan_digest", "stage_digest")
            if statement.SHA256.fullmatch(str(said.get(name)))
        }
        return statement.statement(str(said["type"]), predicate, subjects or {"promotion": canonical.digest(predicate)})

    def _plain(self, found: statement.Statement, whole: bool) -> Statement:
        predicate = dict(found["predicate"])
        attached = predicate.get("attached", {})
        if whole:
            predicate.update({key: self._attachment(digest) for key, digest in attached.items()})
        return {"type": statement.kind(found), **predicate}

    def _attachment(self, digest: str) -> t.Any:
        try:
            return json.loads(self.log.store.attachment(digest))
        except Missing as problem:
            remedy = "Restore the attachment from a copy of the ledger."
            raise Refusal(
                f"attachment {digest}", expected="to be kept", found="nothing", remedy=remedy, code="attachment_missing"
            ) from problem


def record(evidence: Evidence, decide: t.Callable[[Reading], t.Sequence[Statement]]) -> tuple[Reading, tuple[Statement, ...]]:
    """Read, decide, keep; decided anew whenever somebody else was quicker, so that a decision always stands on all that was said before it.

    :return: what was read last, and what was kept behind it.
    """
    while True:
        reading = evidence.read()
        statements = tuple(decide(reading))
        try:
            if statements:
                evidence.append(statements, reading)
            return reading, statements
        except HeadMoved:
            continue


def _finite(found: t.Any) -> t.Any:
    """The same content; NaN, infinities and numbers that JSON cannot hold exactly as text: a dead measure has to be on record, too."""
    if isinstance(found, t.Mapping):
        return {str(key): _finite(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_finite(value) for value in found]
    if isinstance(found, bool) or found is None:
        return found
    if isinstance(found, float):
        return float(found) if math.isfinite(found) and abs(found) <= LARGEST_EXACT else str(float(found))
    if isinstance(found, int):
        return int(found) if abs(found) <= LARGEST_EXACT else str(int(found))
    return str(found) if isinstance(found, str) else found

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a person signs: one decision about one digest of one stage on one target, once, until a moment."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import typing as t

from .._common import shape
from .._common.errors import Refusal

NAMESPACE = "governed-delivery-approval"  # of the SSH signature, so that one made for anything else is none here
STATEMENT = "approval"  # the type of the statement that carries ``signed`` and ``signature``
Kind = t.Literal["approve", "deny", "revoke", "waive", "resolve"]
KINDS: tuple[Kind, ...] = ("approve", "deny", "revoke", "waive", "resolve")
FIELDS = ("decision", "plan", "plan_digest", "stage", "stage_digest", "target", "by", "nonce", "issued_at", "expires_at", "reason")
NONCE = re.compile(r"[0-9a-f]{32}\Z")  # 16 random bytes
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)\Z")


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a decision is about. ``plan_digest`` is of the plan as written, ``stage_digest`` of all that it resolves to: hosts, files, variables."""

    plan: str
    plan_digest: str
    stage: str
    stage_digest: str
    target: str


@dataclasses.dataclass(frozen=True)
class WaivedGoal:
    """The one goal that a waiver lets go: a measure of a capability."""

    capability: str
    measure: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was signed. Times are UTC."""

    decision: Kind
    scope: Scope
    by: str
    nonce: str
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    reason: str
    goal: WaivedGoal | None = None

    def as_dict(self) -> dict[str, t.Any]:
        goal = {} if self.goal is None else {"goal": dataclasses.asdict(self.goal)}
        return {
            "decision": self.decision,
            **dataclasses.asdict(self.scope),
            "by": self.by,
            "nonce": self.nonce,
            "issued_at": spelt(self.issued_at),
            "expires_at": spelt(self.expires_at),
            "reason": self.reason,
            **goal,
        }


def parse(found: object, path: str = "signed") -> Decision:
    """A decision from plain data with exactly the keys of ``FIELDS``, and ``goal`` with a waiver.

    :raises Refusal: anything is missing, unknown or of the wrong form.
    """
    entries = shape.mapping(found, path, required=FIELDS, optional=("goal",))
    kind = next((known for known in KINDS if known == entries["decision"]), None)
    if kind is None:
        raise shape.wrong(f"{path}.decision", f"one of {', '.join(KINDS)}", entries["decision"], "Correct it.")
    for key in FIELDS:
        if not isinstance(entries[key], str):
            raise shape.wrong(f"{path}.{key}", "text", entries[key], "Write it as text.")
    for key in ("plan", "plan_digest", "stage", "target", "by"):
        shape.text(entries[key], f"{path}.{key}")
    if kind in ("waive", "resolve", "deny"):
        shape.text(entries["reason"], f"{path}.reason")
    if not NONCE.match(entries["nonce"]):
        raise shape.wrong(f"{path}.nonce", "32 hexadecimal digits", entries["nonce"], "Take 16 random bytes.")
    if (kind == "waive") != ("goal" in entries):
        raise shape.wrong(f"{path}.goal", "the one goal with waive, none with another decision", f"decision {kind}", "Add or remove it.")
    decision = Decision(
        kind,
        Scope(**{key: str(entries[key]) for key in ("plan", "plan_digest", "stage", "stage_digest", "target")}),
        str(entries["by"]),
        str(entries["nonce"]),
        moment(entries["issued_at"], f"{path}.issued_at"),
        moment(entries["expires_at"], f"{path}.expires_at"),
        str(entries["reason"]),
        _goal(entries["goal"], f"{path}.goal") if "goal" in entries else None,
    )
    if decision.expires_at <= decision.issued_at:
        raise shape.wrong(f"{path}.expires_at", "a moment after issued_at", entries["expires_at"], "Let it last a while.")
    return decision


def payload(decision: Decision) -> bytes:
    """The bytes that are signed: canonical JSON.

    Everything in it is text and every key is ASCII, so sorted keys without spaces are already what RFC 8785 asks for.

    :raises Refusal: a text holds half a character (a lone surrogate), which has no bytes.
    """
    try:
        return json.dumps(decision.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        raise Refusal(
            "signed", expected="text in UTF-8", found=f"a lone surrogate at {problem.start}", remedy="Remove it.", code="approval_text"
        ) from problem


def statement(decision: Decision, signature: str) -> dict[str, t.Any]:
    """The statement that carries a signed decision; the ledger adds ``at``."""
    about = {"plan": decision.scope.plan, "plan_digest": decision.scope.plan_digest, "stage": decision.scope.stage}
    return {"type": STATEMENT, **about, "by": decision.by, "signed": decision.as_dict(), "signature": signature}


def spelt(when: datetime.datetime) -> str:
    """RFC 3339 in UTC with milliseconds; what is finer is cut off, so a decision never lasts longer than it says."""
    return when.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(found: object, path: str) -> datetime.datetime:
    """A moment spelt as RFC 3339 in UTC.

    :raises Refusal: it is none.
    """
    if isinstance(found, str) and MOMENT.match(found):
        try:
            return datetime.datetime.fromisoformat(found)
        except ValueError:  # the 30th of February
            pass
    raise shape.wrong(path, "a moment in UTC like 2026-03-30T10:00:00.000Z", found, "Write it so.")


def _goal(found: object, path: str) -> WaivedGoal:
    entries = shape.mapping(found, path, required=("capability", "measure"))
    return WaivedGoal(shape.text(entries["capability"], f"{path}.capability"), shape.text(entries["measure"], f"{path}.measure"))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a plan asks of a measure."""

from __future__ import annotations

import dataclasses
import typing as t

from .._common import shape, words
from .._common.errors import Refusal

Bound = t.Literal["at_most", "at_least", "equals", "worse_by_at_most"]
BOUNDS: tuple[Bound, ...] = ("at_most", "at_least", "equals", "worse_by_at_most")
Variables = t.Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Share:
    """A limit that follows another measure: the larger of ``percent`` % of measure ``of`` and ``floor``, in the measure's unit."""

    percent: float
    of: str
    floor: float = 0


@dataclasses.dataclass(frozen=True)
class Goal:
    """One measure, the bound its value has to keep, and how many observations must stand behind it."""

    measure: str
    bound: Bound
    limit: float | Share
    samples_at_least: int

    def as_dict(self) -> dict[str, t.Any]:
        """The goal as a plan spells it, with numbers where the plan had names of variables; ``parse`` reads it back."""
        limit = dataclasses.asdict(self.limit) if isinstance(self.limit, Share) else self.limit
        return {"measure": self.measure, self.bound: limit, "samples_at_least": self.samples_at_least}


def parse(found: object, path: str, variables: Variables | None = None) -> Goal:
    """A goal from what the plan says at ``path``. A name in place of a number stands for that plan variable.

    :raises Refusal: it names the path, what is wrong there and what to do.
    """
    known = variables or {}
    entries = shape.mapping(found, path, required=("measure", "samples_at_least"), optional=BOUNDS)
    given = [bound for bound in BOUNDS if bound in entries]
    if len(given) != 1:
        raise shape.wrong(
            path,
            "exactly one of at_most, at_least, equals, worse_by_at_most",
            " and ".join(given) or "none of them",
            "Write one; use two goals for a range.",
        )
    bound = given[0]
    samples = _number(entries["samples_at_least"], f"{path}.samples_at_least", known)
    if not isinstance(samples, int) or samples < 1:
        raise shape.wrong(f"{path}.samples_at_least", "a whole number of at least 1", samples, "A goal met by no observation is no goal.")
    return Goal(
        measure=shape.name(entries["measure"], f"{path}.measure"),
        bound=bound,
        limit=_limit(entries[bound], f"{path}.{bound}", bound, known),
        samples_at_least=samples,
    )


def _limit(found: object, path: str, bound: Bound, variables: Variables) -> float | Share:
    if not isinstance(found, t.Mapping):
        limit = _number(found, path, variables)
        if bound == "worse_by_at_most" and limit <= 0:
            raise shape.wrong(path, "percent above 0", limit, "How much worse than its control the candidate may be at most.")
        return limit
    if bound == "worse_by_at_most":
        raise shape.wrong(path, "a number of percent", found, "The control in each pair is what it is compared with.")
    if bound == "equals":
        raise shape.wrong(path, "a number", found, "A share of another measure can be a limit, not an exact value.")
    entries = shape.mapping(found, path, required=("percent", "of"), optional=("floor",))
    share = Share(
        percent=_number(entries["percent"], f"{path}.percent", variables),
        of=shape.name(entries["of"], f"{path}.of"),
        floor=_number(entries.get("floor", 0), f"{path}.floor", variables),
    )
    for key, value in (("percent", share.percent), ("floor", share.floor)):
        if value < 0:
            raise shape.wrong(f"{path}.{key}", "0 or more", value, "Write how far the measure may move, without a sign.")
    return share


def _number(found: object, path: str, variables: Variables) -> float:
    if not isinstance(found, str):
        return shape.number(found, path)
    if found not in variables:
        declared = ", ".join(sorted(variables)) or "none"
        raise Refusal(
            path,
            expected="a number, or the name of a plan variable",
            found=words.described(found),
            remedy=f"Plan variables: {declared}.",
            code="plan_shape",
        )
    return shape.number(variables[found], f"variables.{found}")

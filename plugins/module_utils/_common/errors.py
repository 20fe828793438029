# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The failures a user can cause or mend."""

from __future__ import annotations

import typing as t


class Refusal(Exception):
    """Something is not as it must be; nothing was half-done.

    :param thing: the object it is about, as the user knows it (``app.docs``, ``partition_by[1].interval``).
    :param expected: what has to hold.
    :param found: what was there instead.
    :param remedy: what to do next.
    :param code: short machine-readable reason, stable between releases.
    :param details: anything a program may want to read, returned beside the message.
    """

    def __init__(
        self, thing: str, *, expected: str, found: str, remedy: str, code: str = "refused", details: t.Mapping[str, t.Any] | None = None
    ) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.code = code
        self.details = dict(details or {})
        super().__init__(f"{thing}: expected {expected}; found {found}. {remedy}")

    def as_dict(self) -> dict[str, t.Any]:
        return {"object": self.thing, "expected": self.expected, "found": self.found, "remedy": self.remedy, "code": self.code}


class Refusals(Exception):
    """Several refusals found in one look, so that the user mends them in one go."""

    def __init__(self, refusals: t.Sequence[Refusal]) -> None:
        self.refusals = list(refusals)
        lines = [str(refusal) for refusal in self.refusals]
        super().__init__(lines[0] if len(lines) == 1 else f"{len(lines)} things stand in the way: " + " | ".join(lines))

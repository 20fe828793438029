# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The checks of a run, each with its own result: one that breaks does not hide the next."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..findings import Finding, Stopped, verdict

Result = t.Literal["ok", "failed", "error", "not_run"]
RESULTS: t.Mapping[str, Result] = {"PASS": "ok", "FAIL": "failed", "ERROR": "error", "INCONCLUSIVE": "not_run"}


@dataclasses.dataclass(frozen=True)
class Look:
    """What a check saw."""

    detail: str
    findings: tuple[Finding, ...] = ()


@dataclasses.dataclass
class Checks:
    """Collects results in the order they were made, and everything that was found."""

    results: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    clock: t.Callable[[], float] = time.monotonic

    def run(self, name: str, look: t.Callable[[], Look | None]) -> None:
        """Make a check. What stops it is its finding; None says that it cannot be made here, and need not be."""
        began = self.clock()
        try:
            seen: Look | None = look()
        except Stopped as stopped:
            seen = Look(str(stopped.finding), (stopped.finding,))
        if seen is None:
            self.skip(name, "cannot be made here, and is not required")
        else:
            self.note(name, seen, self.clock() - began)

    def note(self, name: str, seen: Look, seconds: float) -> None:
        """Keep the result of a check that was made elsewhere."""
        self.findings.extend(seen.findings)
        result = RESULTS[verdict(seen.findings)]
        self.results.append({"name": name, "result": result, "seconds": round(seconds, 3), "detail": seen.detail})

    def skip(self, name: str, why: str) -> None:
        """Say that a check was not made."""
        self.results.append({"name": name, "result": "not_run", "seconds": 0.0, "detail": why})

    @property
    def seconds(self) -> float:
        return float(sum(one["seconds"] for one in self.results))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What is wrong with a collector's configuration."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._common.errors import Refusal, Refusals

ERROR, WARNING = "error", "warning"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    ``code`` is stable between releases. ``path`` is where it stands, as ``processors.tail_sampling.policies[2].latency``. An error fails the
    module; a warning is told.
    """

    code: str
    path: str
    severity: str
    expected: str
    found: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return dataclasses.asdict(self)

    def as_refusal(self) -> Refusal:
        return Refusal(self.path, expected=self.expected, found=self.found, remedy=self.remedy, code=self.code)

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}; found {self.found}. {self.remedy}"


def error(code: str, path: str, *, expected: str, found: str, remedy: str) -> Finding:
    return Finding(code, path, ERROR, expected, found, remedy)


def warning(code: str, path: str, *, expected: str, found: str, remedy: str) -> Finding:
    return Finding(code, path, WARNING, expected, found, remedy)


def refuse_errors(findings: t.Iterable[Finding]) -> None:
    """:raises Refusals: there are errors among them; all of them at once."""
    errors = [finding.as_refusal() for finding in findings if finding.severity == ERROR]
    if errors:
        raise Refusals(errors)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a validation found wrong, and what that makes of it.

FAIL: the backup or its archive is bad, or a goal is missed. ERROR: the test could not run. INCONCLUSIVE: restored, but something that is required
could not be compared. Only PASS is a success.
"""

from __future__ import annotations

import dataclasses
import typing as t

Verdict = t.Literal["PASS", "FAIL", "ERROR", "INCONCLUSIVE"]

# Stable between releases: alerts, reports and people know them.
CODES: t.Mapping[str, Verdict] = {
    # the source
    "EMPTY_SOURCE": "FAIL",  # no backup at all
    "STALE_BACKUP": "FAIL",  # the newest ended too long ago, by its own stop time
    "EMPTY_BACKUP": "FAIL",  # no tables in it
    "CORRUPT_FILE": "FAIL",  # size or checksum of an object is not what the manifest says
    "FILE_MISSING": "FAIL",
    "OBJECT_REPLACED": "FAIL",  # a write-once object has a second version
    "DELETE_MARKER": "PASS",  # deleted on top, still there below: said, not judged
    "LOCK_MISSING": "FAIL",
    "LOCK_EXPIRED": "FAIL",
    "NO_MANIFEST": "INCONCLUSIVE",
    "MANIFEST_FORGED": "FAIL",
    "WRONG_CLUSTER": "FAIL",
    "NO_CREDENTIALS": "ERROR",
    "ACCESS_DENIED": "ERROR",
    "NOT_FOUND": "ERROR",
    "TLS": "ERROR",
    "TIMEOUT": "ERROR",
    "SOURCE_UNREADABLE": "ERROR",
    # the write-ahead log
    "WAL_GAP": "FAIL",
    "WAL_CORRUPT": "FAIL",
    "TARGET_UNREACHABLE": "FAIL",
    "TARGET_BEFORE_BACKUP": "FAIL",
    # the target
    "DISK_FULL": "ERROR",
    "VERSION_MISMATCH": "ERROR",
    "EXTENSION_MISSING": "ERROR",
    "TARGET_REFUSED": "ERROR",
    "RUN_TIMEOUT": "ERROR",
    "START_FAILED": "FAIL",  # the server does not come up from it
    "RESTORE_FAILED": "FAIL",  # the engine's own tool says no
    "TOOL_MISSING": "ERROR",
    "ABORTED": "ERROR",
    # the content
    "VERIFYBACKUP_FAILED": "FAIL",
    "SCHEMA_MISMATCH": "FAIL",
    "COLLATION_MISMATCH": "INCONCLUSIVE",
    "COUNT_MISMATCH": "FAIL",
    "CHECKSUM_MISMATCH": "FAIL",
    "UNREADABLE_TABLE": "FAIL",
    "AMCHECK_FAILED": "FAIL",
    "AMCHECK_MISSING": "INCONCLUSIVE",
    "INVARIANT_FAILED": "FAIL",
    "SHRUNK": "FAIL",
    "NOT_COMPARED": "INCONCLUSIVE",  # no exact anchor: checksums say nothing
    # recovery point and time
    "HEARTBEAT_MISSING": "INCONCLUSIVE",
    "HEARTBEAT_STALE": "INCONCLUSIVE",
    "CUT_LEAK": "FAIL",  # younger than the cut: a defect of the test
    "GOAL_RTO": "FAIL",
    "GOAL_RPO": "FAIL",
    "RATE_EXCEEDED": "PASS",  # said, not judged
    # the failover
    "PROMOTE_FAILED": "FAIL",
    "WRITES_LOST": "FAIL",
    "READ_DIFFERS": "FAIL",  # rows with another content than was written
    "REJOIN_FAILED": "FAIL",
    "GOAL_FAILOVER": "FAIL",
    "NOTHING_WRITTEN": "INCONCLUSIVE",  # no write was acknowledged before the kill: nothing could be lost
}
ORDER: tuple[Verdict, ...] = ("FAIL", "ERROR", "INCONCLUSIVE", "PASS")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be. No row data, no secrets: it goes into the ledger."""

    code: str
    about: str
    expected: str
    found: str

    @property
    def verdict(self) -> Verdict:
        return CODES[self.code]

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "verdict": self.verdict, "about": self.about, "expected": self.expected, "found": self.found}

    def __str__(self) -> str:
        return f"{self.code} {self.about}: expected {self.expected}, found {self.found}"


class Stopped(Exception):
    """The validation cannot go on behind this finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


def stop(code: str, about: str, *, expected: str, found: str) -> Stopped:
    """To be raised: the finding that ends the run."""
    return Stopped(Finding(code, about, expected, found))


def verdict(found: t.Iterable[Finding]) -> Verdict:
    """The worst of all: a bad backup outweighs a test that broke later."""
    seen = {one.verdict for one in found}
    return next((one for one in ORDER if one in seen), "PASS")

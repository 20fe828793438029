# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a goal can come to."""

from __future__ import annotations

import enum


class Result(enum.Enum):
    """What a goal came to, from best to worst."""

    PASS = "PASS"
    WAIVED = "WAIVED"  # not met, and two people have signed that it need not be
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"
    FAIL = "FAIL"  # worse than ERROR: a broken promise that was seen says more than one that could not be looked at


OPEN = (Result.PASS, Result.WAIVED)  # what opens a gate
UNKNOWN = "UNKNOWN"  # instead of a verdict, where nothing is measured: a rehearsal

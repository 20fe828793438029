# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of all unit tests."""

from __future__ import annotations

import hypothesis

# No deadline, and nothing is too slow: the machine may be busy. No database: a failing example is printed, and belongs into the test as an @example.
USUAL = hypothesis.settings(deadline=None, database=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow])

# The same examples in every run: a change is refused for what it did, not for what was found by chance that day.
hypothesis.settings.register_profile("unit", USUAL, derandomize=True)
# Others in every run, and many: python -m pytest tests/unit --hypothesis-profile=explore
hypothesis.settings.register_profile("explore", USUAL, max_examples=2000)
hypothesis.settings.load_profile("unit")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: promotion_judge
short_description: Judge measures against goals
version_added: 0.1.0
description:
  - Gives every goal a verdict. V(PASS) when the value and its whole interval keep the bound. V(FAIL) when neither the value nor any of its interval does.
    V(INCONCLUSIVE) when there are too few samples or the interval reaches over the limit.
    V(ERROR) when the measure is missing, reported twice, or not a finite number, or when the goal makes no sense.
  - Only V(PASS) opens a gate. No goals at all is V(ERROR).
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
options:
  measures:
    description:
      - List of measures, as a capability's verify door sets them in C(<role>_measures).
      - A measure is a mapping of C(name), C(value), C(unit), C(samples), optionally C(interval), and C(at) and C(how).
      - Anything else is taken too, and judged V(ERROR).
    type: raw
    required: true
  goals:
    description:
      - List of goals. A goal is a mapping of C(measure), one of C(at_most), C(at_least), C(equals) and C(worse_by_at_most), and C(samples_at_least).
      - A limit is a number, or a mapping of C(percent), C(of) and C(floor), the larger of so many percent of another measure and the floor.
    type: raw
    required: true
  stage:
    description: Stage that is judged, for the summary of the run.
    type: str
    default: ""
  capability:
    description: Capability that is judged, for the summary of the run.
    type: str
    default: ""
  waivers:
    description: Goals that two people let go, as M(governed.delivery.promotion_enter) returned them.
    type: list
    elements: dict
    default: []
  fail_on_verdict:
    description: Whether the task fails unless every verdict is V(PASS).
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
    details: Nothing is measured in a rehearsal, so every verdict is V(UNKNOWN), or V(ERROR) where the goal makes no sense.
  diff_mode:
    description: Shows what would change.
    support: none
    details: Nothing is changed.
seealso:
  - module: governed.delivery.promotion_plan
"""

EXAMPLES = r"""
- name: No row is missing, and the application did not feel the copy
  governed.delivery.promotion_judge:
    measures: "{{ hot_table_partitioning_measures }}"
    goals:
      - measure: reconcile_mismatches
        at_most: 0
        samples_at_least: 1
      - measure: foreground_p95_change
        at_most: {percent: 5, of: foreground_p95_baseline, floor: 0.5}
        samples_at_least: 3000
"""

RETURN = r"""
verdict:
  description: The worst of all verdicts, in the order V(PASS), V(INCONCLUSIVE), V(ERROR), V(FAIL). V(UNKNOWN) in check mode.
  returned: always
  type: str
  sample: PASS
cause:
  description: The measures that kept the verdict from V(PASS), each with its own verdict.
  returned: always
  type: str
  sample: foreground_p95_change INCONCLUSIVE; rows_copied FAIL
verdicts:
  description: One verdict a goal, with the reason in words, and one V(ERROR) for every measure without a name.
  returned: always
  type: list
  elements: dict
  contains:
    measure:
      description: Name of the measure.
      type: str
    verdict:
      description: V(PASS), V(INCONCLUSIVE), V(ERROR), V(FAIL) or V(UNKNOWN).
      type: str
    reason:
      description: Measure, what was expected and what was found.
      type: str
      sample: "reconcile_mismatches: expected at most 0; found 3, 12 samples."
    why:
      description: What kept the verdict from being plain, alone.
      type: str
      sample: the interval reaches over the limit
    needed:
      description: The bound, for people.
      type: str
      sample: at most 0.5 ms
    limit_from:
      description: Where the limit comes from, when it follows another measure.
      type: str
    measured:
      description: The value and its interval, for people.
      type: str
      sample: 0.04 ms [-0.05 … 0.11]
    value:
      description: The measured value.
      type: float
    bound:
      description: V(at_most), V(at_least), V(equals) or V(worse_by_at_most).
      type: str
    limit:
      description: The limit in the measure's unit.
      type: float
    interval:
      description: Both ends of the interval, which holds the value.
      type: list
      elements: float
    unit:
      description: The unit.
      type: str
    samples:
      description: How many observations stand behind the value.
      type: int
    samples_needed:
      description: How many the goal asks for.
      type: int
    at:
      description: When the observation ended.
      type: str
    how:
      description: How it was observed.
      type: str
"""

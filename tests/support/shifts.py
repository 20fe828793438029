# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table's way through the states of a shift, by the modules, as a playbook would drive it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from playground import modules
from playground.postgres import Postgres

Layout = t.Sequence[t.Mapping[str, t.Any]]

HASH_BY_TENANT: Layout = [{"method": "hash", "column": "tenant_id", "modulus": 2}]

# What moves a shift on, by the state it leads to. Small tables and no foreground: nothing to measure, nobody to spare.
STEPS: t.Mapping[str, tuple[str, t.Mapping[str, t.Any]]] = {
    "expanded": ("pg_partition", {"minimum_rows": 0}),
    "mirrored": ("pg_mirror", {"baseline_seconds": 0, "range_rows": 10, "patience": 5}),
    "copied": ("pg_backfill", {"max_duty_percent": 100}),
    "verified": ("pg_reconcile", {}),
    "live": ("pg_cutover", {"shadow_reads": [], "patience": 5}),
}
STATES = tuple(STEPS)


@dataclasses.dataclass
class Shift:
    """A table on its way."""

    database: Postgres
    schema: str = "app"
    table: str = "docs"
    layout: Layout = dataclasses.field(default_factory=lambda: HASH_BY_TENANT)
    login: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def given(self, **options: t.Any) -> dict[str, t.Any]:
        """A module's options: connection and table before what is given."""
        return {**self.database.module_parameters(), **self.login, "schema": self.schema, "table": self.table, **options}

    def run(self, module: str, *, check: bool = False, diff: bool = False, fails: bool = False, **options: t.Any) -> modules.Result:
        """Run a module on the table; any other end than the expected one fails the test with what the module said."""
        result = modules.run(module, self.given(**options), check=check, diff=diff)
        if result["failed"] != fails:
            answer = result.get("msg") or {name: value for name, value in result.items() if name not in ("plan", "invocation", "diff")}
            pytest.fail(f"{module} was expected to {'fail' if fails else 'succeed'}; it said: {answer}")
        return result

    def step(self, state: str, *, check: bool = False, fails: bool = False, **options: t.Any) -> modules.Result:
        """The step that leads to a state."""
        module, usual = STEPS[state]
        layout = {"partition_by": self.layout} if module == "pg_partition" else {}
        given: dict[str, t.Any] = {**layout, **usual, **options}
        return self.run(module, check=check, fails=fails, **given)

    def to(self, state: str) -> modules.Result:
        """All steps from the start to a state; the last one's result."""
        results = [self.step(passed) for passed in STATES[: STATES.index(state) + 1]]
        return results[-1]

    def back(self) -> modules.Result:
        """From ``live``: the old table is live again."""
        return self.run("pg_cutover", state="rolled_back", patience=5)

    def absent(self) -> modules.Result:
        """From any state before ``live``: nothing is left of the shift."""
        self.run("pg_mirror", state="absent", patience=5)
        return self.run("pg_partition", state="absent", patience=5)

    def contracted(self) -> modules.Result:
        """From ``live``: the old table is dropped."""
        retired = self.run("pg_cutover", fails=True, state="contracted", confirm="")["refusals"][0]["expected"]
        return self.run("pg_cutover", state="contracted", confirm=retired.partition("(")[2].rstrip(")"), patience=5)

    @property
    def state(self) -> str:
        """Where the shift is."""
        return str(self.run("pg_partition_info")["state"])


def codes(result: modules.Result) -> list[str]:
    """The codes of the refusals a failed module gave."""
    return [refusal["code"] for refusal in result["refusals"]]

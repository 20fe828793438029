# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same configuration and the same traces for a replay and a real collector of every version: the sets of kept traces are equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground import collector
from tests.support.collectors import kept
from tests.support.components import had
from tests.support.differences import differences
from tests.support.generated_traces import trace_sets
from tests.support.tail_sampling_cases import known_by

SETS = 200
SEED = 1


@pytest.fixture(scope="session")
def sent() -> list[str]:
    """Requests, a trace each."""
    return [request for traces in trace_sets(SETS, SEED) for request in traces]


@pytest.fixture
def recorded(sent: list[str], tmp_path: Path) -> Path:
    """The same as a file."""
    path = tmp_path / "sent.jsonl"
    path.write_text("\n".join([*sent, ""]), encoding="utf-8")
    return path


def test_every_deterministic_policy_keeps_what_was_foretold(sent: list[str], recorded: Path, tmp_path: Path, version: str) -> None:
    samplings = {case.name: case.sampling for case in known_by(version)}
    really = kept(tmp_path, samplings, [sent], version=version)
    assert differences(samplings, really, recorded, version) == []


def test_versions_are_told_apart(sent: list[str], recorded: Path, tmp_path: Path) -> None:
    """The comparison is worth something: one that took the oldest collector for the newest would be found out."""
    oldest, newest = collector.versions()[0], collector.newest()
    had(f"{collector.PREFIX}{oldest}")
    samplings = {case.name: case.sampling for case in known_by(oldest)}
    really = kept(tmp_path, samplings, [sent], version=oldest)
    found = differences(samplings, really, recorded, newest)
    assert {line.partition(" ")[0] for line in found} >= {"latency", "latency_zero"}

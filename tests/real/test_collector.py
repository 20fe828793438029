# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest collector: how the playground starts it, and that it keeps what a replay foretells. tests/collectors asks more, and of every version."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from playground import collector, loopback, traces
from playground.errors import Refusal
from tests.support.collectors import Raw, configuration, kept
from tests.support.components import had
from tests.support.differences import differences
from tests.support.generated_traces import trace_sets
from tests.support.tail_sampling_cases import EVERY, known_by

SETS = 40
SEED = 2
SAMPLING: Raw = {"decision_wait": "1s", "policies": [EVERY]}


@pytest.fixture(autouse=True)
def version() -> str:
    had(f"{collector.PREFIX}{collector.newest()}")
    return collector.newest()


def test_it_keeps_what_was_foretold(version: str, tmp_path: Path) -> None:
    sent = [request for requests in trace_sets(SETS, SEED) for request in requests]
    recorded = tmp_path / "sent.jsonl"
    recorded.write_text("\n".join(sent), encoding="utf-8")
    samplings = {case.name: case.sampling for case in known_by(version)}
    really = kept(tmp_path, samplings, [sent], version=version)
    assert differences(samplings, really, recorded, version) == []
    assert len(really["always"]) == len(sent) > len(really["status_error"]) > 0


def test_it_shows_its_own_metrics_and_ends_with_the_block(tmp_path: Path) -> None:
    with collector.serving(tmp_path, configuration(tmp_path, {"all": SAMPLING})) as running:
        collector.send(running.url, traces.lines("ordinary", traces=20))
        assert 'otelcol_receiver_accepted_spans{receiver="otlp"' in loopback.page(running.metrics)
        assert psutil.pid_exists(running.pid)
    assert not psutil.pid_exists(running.pid)
    with pytest.raises(OSError, match="refused"):
        loopback.page(running.metrics)


def test_it_reads_its_file_anew_when_it_is_told_to(tmp_path: Path) -> None:
    config = tmp_path / "given.yaml"
    config.write_text(json.dumps(configuration(tmp_path, {"all": SAMPLING})), encoding="utf-8")
    with collector.serving(tmp_path, config) as running:
        config.write_text(json.dumps(configuration(tmp_path, {"other": SAMPLING})), encoding="utf-8")
        os.kill(running.pid, signal.SIGHUP)
        until = time.monotonic() + 10
        while not (tmp_path / "other.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert (tmp_path / "other.jsonl").exists()


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    wrong = configuration(tmp_path, {"all": {**SAMPLING, "decision_waits": "1s"}})
    assert "decision_waits" in str(collector.validate(tmp_path, wrong))
    with pytest.raises(Refusal, match="decision_waits"), collector.serving(tmp_path, wrong):
        pass
    assert collector.validate(tmp_path, configuration(tmp_path, {"all": SAMPLING})) is None


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    with collector.serving(tmp_path, configuration(tmp_path, {"all": SAMPLING})) as running, pytest.raises(Refusal, match="400"):
        collector.send(running.url, ["{"])


def test_the_caller_s_failure_ends_it_too(tmp_path: Path) -> None:
    seen = []
    with contextlib.suppress(ZeroDivisionError), collector.serving(tmp_path, configuration(tmp_path, {"all": SAMPLING})) as running:
        seen.append(running.pid)
        raise ZeroDivisionError
    assert [psutil.pid_exists(pid) for pid in seen] == [False]


def test_sample_traces_are_the_same_bytes_for_the_same_seed() -> None:
    one, same, other = (list(traces.lines("incident", traces=200, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other

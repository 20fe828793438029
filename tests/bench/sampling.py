# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foretelling what a tail sampler keeps beside a real collector that samples the same file, and the memory it takes on ten times as much."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t

import psutil

from playground import collector, traces
from playground.errors import Refusal

from .ledger import circumstances, say
from .result import BUILD, Options, Result, in_turns, skipped

TRACES = 20_000  # at most
TIMES_AS_LONG = 10
SECONDS_TO_DECIDE = 4
SAMPLING: dict[str, t.Any] = {
    "decision_wait": "1s",
    "num_traces": 50_000,
    "policies": [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {
            "name": "failed",
            "type": "numeric_attribute",
            "numeric_attribute": {"key": "http.response.status_code", "min_value": 500, "max_value": 599},
        },
        {"name": "slow", "type": "latency", "latency": {"threshold_ms": 1000}},
        {"name": "exemplar", "type": "string_attribute", "string_attribute": {"key": "exemplar", "values": ["true"]}},
        {"name": "baseline", "type": "probabilistic", "probabilistic": {"sampling_percentage": 5}},
    ],
}
# Runs by itself, so that its memory is its own: prints seconds of the processor, and the peak of its memory in kB.
REPLAYED = """
import json, re, sys, time
from ansible_collections.governed.delivery.plugins.module_utils._tracing.otlp.reading import read
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.config import parse
from ansible_collections.governed.delivery.plugins.module_utils._tracing.policies.versions import Version
from ansible_collections.governed.delivery.plugins.module_utils._tracing.replay.replay import replay
version = Version.parse(sys.argv[2])
sampling = parse(json.loads(sys.argv[3]), version)
begun = time.process_time()
replay(sampling, read([sys.argv[1]]), version, measure_bytes=False)
spent = time.process_time() - begun
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print(spent, peak[1])
"""


def replay_rate(options: Options) -> Result:
    """Spans a second of one core, ours and the collector's."""
    goal = "ours >= 200000"
    try:
        collector.program()
    except Refusal as refusal:
        return skipped("replay_rate", goal, str(refusal))
    with recorded(min(options.rows, TRACES)) as path:
        spans = path.read_text(encoding="utf-8").count('"traceId"')
        conditions = {
            **circumstances("spans/s of one core: of the processor's seconds that were spent, from the file to all decisions"),
            "peer": f"OpenTelemetry Collector {collector.newest()}: OTLP/HTTP, tail_sampling, file exporter; its seconds after the start",
            "bytes": path.stat().st_size,
            "spans": spans,
        }

        def ours() -> float:
            say("replay")
            return spans / replayed(path)[0]

        def peer() -> float:
            say("collector")
            return spans / collected(path)

        return in_turns("replay_rate", ours, peer, options.times, goal, conditions)


def replay_memory(options: Options) -> Result:
    """The peak of memory on a file that is ten times as long, beside the one on the file: what ``num_traces`` and the remembered ids fill up to."""
    count = min(options.rows, TRACES)
    with recorded(count) as path, recorded(TIMES_AS_LONG * count) as longer:
        sizes = [path.stat().st_size, longer.stat().st_size]

        def peak(of: pathlib.Path) -> float:
            say(f"{of.stat().st_size / 1e6:.0f} MB")
            return replayed(of)[1]

        conditions = {**circumstances("kB of memory, at most"), "peer": "the same on a tenth", "bytes": sizes}
        return in_turns("replay_memory", lambda: peak(longer), lambda: peak(path), options.times, "ours <= 131072", conditions)


@contextlib.contextmanager
def recorded(count: int) -> t.Iterator[pathlib.Path]:
    """A file with so many traces of an ordinary time."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="sampling-") as directory:
        path = pathlib.Path(directory) / "traces.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in traces.lines("ordinary", traces=count))
        yield path


def replayed(path: pathlib.Path) -> tuple[float, float]:
    """Seconds of the processor, and the peak of memory in kB, of a process that replays the file."""
    told = [sys.executable, "-c", REPLAYED, str(path), collector.newest(), json.dumps(SAMPLING)]
    seconds, memory = subprocess.run(told, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(memory)


def collected(path: pathlib.Path) -> float:
    """Seconds of the processor that a collector spends on the file: reading the requests, deciding, writing what it keeps."""
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        folder = pathlib.Path(directory)
        config = {
            "receivers": {"otlp": {"protocols": {"http": {}}}},
            "processors": {"tail_sampling": SAMPLING},
            "exporters": {"file": {"path": str(folder / "kept.jsonl")}},
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["tail_sampling"], "exporters": ["file"]}}},
        }
        with collector.serving(folder, config) as running:
            process = psutil.Process(running.pid)
            before = spent(process)
            with path.open(encoding="utf-8") as lines:
                collector.send(running.url, lines)
            time.sleep(SECONDS_TO_DECIDE)
            return spent(process) - before


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


BENCHES = (replay_rate, replay_memory)

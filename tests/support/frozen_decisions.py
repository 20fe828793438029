# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real collectors of every version kept of some traces, on record, so that a machine without any still compares.

``python -m tests.support.frozen_decisions`` asks the collectors that are built here again and writes the record.
"""

from __future__ import annotations

import json
import tempfile
import typing as t
from pathlib import Path

from . import tail_sampling_cases as cases

FILE = Path(__file__).parents[1] / "unit" / "tracing" / "frozen_decisions.json"
SEED, SETS = 5, 8


class Frozen(t.NamedTuple):
    """Requests, one a trace, and which of them each version kept, by case."""

    requests: list[str]
    kept: dict[str, dict[str, list[int]]]


def load() -> Frozen:
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return Frozen([json.dumps(request) for request in found["requests"]], found["kept"])


def trace_id(request: str) -> str:
    return str(json.loads(request)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"])


def record() -> None:
    from playground import collector  # it needs what only a machine with collectors has

    from . import collectors, generated_traces

    requests = [request for found in generated_traces.trace_sets(SETS, SEED) for request in found]
    numbers = {trace_id(request): number for number, request in enumerate(requests)}
    kept: dict[str, dict[str, list[int]]] = {}
    for version in collector.versions():
        samplings = {case.name: case.sampling for case in cases.known_by(version)}
        with tempfile.TemporaryDirectory() as folder:
            found = collectors.kept(Path(folder), samplings, [requests], version=version)
        kept[version] = {name: sorted(numbers[one] for one in ids) for name, ids in found.items()}
    lines = [f'"{version}": {json.dumps(found)}' for version, found in kept.items()]
    texts = ",\n".join(requests)
    FILE.write_text(f'{{"requests": [\n{texts}\n],\n"kept": {{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    record()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hours of a service that flaps, as Prometheus would have recorded them, with the pages that a naive alert sent; and all files of a small site."""

from __future__ import annotations

import json
import sys
import time
import typing as t
from pathlib import Path

from playground import prometheus

MINUTES, HEALTHY, BAD, TURN = 300, 60, 6, 14
CATALOG = """\
services:
  gateway:
    availability: 99.9
    owner: team-edge
    runbook: runbook.md#errors
"""


def samples(now: float) -> t.Iterator[prometheus.SAMPLE]:
    """600 requests a minute; after a healthy hour all fail for six of every fourteen minutes, and each time somebody was paged."""
    start = now // 60 * 60 - 60 * MINUTES
    served, failed = 0, 0
    for minute in range(MINUTES):
        phase = (minute - HEALTHY) % TURN
        is_bad = minute >= HEALTHY and phase < BAD
        served, failed = served + 600 * (not is_bad), failed + 600 * is_bad
        moment = start + 60 * minute
        for code, count in (("200", served), ("503", failed)):
            yield f'http_server_request_duration_seconds_count{{job="gateway",http_response_status_code="{code}"}}', moment, float(count)
        if is_bad and phase >= 2 and minute < HEALTHY + 17 * TURN:
            yield 'ALERTS{alertname="TooManyErrors",alertstate="firing",severity="page"}', moment, 1.0


def main(folder: Path) -> None:
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "runbook.md").write_text("# The gateway\n\n## Errors\n\nLook at the last release.\n", encoding="utf-8")
    settings = {"global": {"evaluation_interval": "1m"}, "rule_files": [str(folder / "rules" / "*.yml")]}
    (folder / "prometheus.yml").write_text(json.dumps(settings), encoding="utf-8")
    for name in ("prometheus", "promtool"):
        (folder / f"{name}.path").write_text(str(prometheus.program(name)), encoding="utf-8")
    prometheus.record(folder, samples(time.time()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

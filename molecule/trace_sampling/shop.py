# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector with the shop's traffic, in the background, where one is built: ``begin FOLDER`` starts it, ``end FOLDER`` ends it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from playground import collector, components, traces
from playground.errors import Refusal

VERSION = "0.161"
SECONDS_TO_START = 40
LONGEST_SECONDS = 600  # if nobody ends it
ROUND, PAUSE = 60, 0.3  # traces at a time, and seconds between


def begin(folder: Path) -> None:
    """Start it and wait until it says where it is; without a collector that is built, write that there is none."""
    if not components.component(f"otelcol-{VERSION}").is_built:
        (folder / "collector.json").write_text("{}", encoding="utf-8")
        return
    (folder / "collector.stop").unlink(missing_ok=True)
    with (folder / "shop.log").open("wb") as log:
        subprocess.Popen(
            [sys.executable, __file__, "run", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + SECONDS_TO_START
    while not (folder / "collector.json").exists():
        if time.monotonic() > deadline:
            raise SystemExit((folder / "shop.log").read_text(encoding="utf-8"))
        time.sleep(0.1)


def run(folder: Path) -> None:
    """Serve and send until somebody wants an end."""
    os.environ["KEPT"] = str(folder / "kept.jsonl")
    with collector.serving(folder / "collector", folder / "config.yaml", version=VERSION) as running:
        (folder / "collector.pid").write_text(f"{running.pid}\n", encoding="ascii")
        told = {"metrics": running.metrics, "program": str(collector.program(VERSION))}
        beside = folder / "collector.json.new"
        beside.write_text(json.dumps(told), encoding="utf-8")
        beside.replace(folder / "collector.json")
        over = time.monotonic() + LONGEST_SECONDS
        for seed in itertools.count(2):
            with contextlib.suppress(OSError, Refusal):  # it is away while it reloads
                collector.send(running.url, traces.lines("ordinary", traces=ROUND, seed=seed, rate=1000.0))
            time.sleep(PAUSE)
            if (folder / "collector.stop").exists() or time.monotonic() > over:
                break
    (folder / "collector.json").unlink()


def end(folder: Path) -> None:
    """Have it end, and wait for it."""
    (folder / "collector.stop").touch()
    if (folder / "collector.json").exists() and (folder / "collector.json").read_text(encoding="utf-8") == "{}":
        (folder / "collector.json").unlink()
    deadline = time.monotonic() + SECONDS_TO_START
    while (folder / "collector.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    {"begin": begin, "run": run, "end": end}[sys.argv[1]](Path(sys.argv[2]))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that is killed at a random moment of a random phase: the next one cleans up after it and passes, and nothing of either is left.

What is lost here is a validation that does not pass afterwards, or anything that a dead run leaves: a folder, a server, a socket.
"""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import time
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups import run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore import progress

from playground import modules, postgres
from tests.support.restores import Scene, scene

from .passes import Tally
from .phases import Broken

VERSION = 16
ROWS = 60_000
SECONDS = 120
ENGINES = ("basebackup", "pg_dump")


def run(points: int, seed: int, say: t.Callable[[str], None], tally: Tally) -> None:
    """So many kills, half of them SIGKILL and half SIGTERM, of validations by both engines.

    :raises Broken: a validation that nobody killed did not pass.
    """
    chance = random.Random(f"{seed}/restore")
    server = postgres.place(f"faults-restore-{os.getpid()}")

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(VERSION, server, settings=settings, profile="small")

    with scene(start, rows=ROWS) as made, made.busy(writes=False):
        for engine in ENGINES:
            answer = made.take(engine=engine, label=engine)
            if answer["failed"]:
                raise Broken(f"backup_manifest: {answer['msg']}")
        made.switch()
        lasting = {engine: _undisturbed(made, engine) for engine in ENGINES}
        for point in range(points):
            engine = ENGINES[point % len(ENGINES)]
            _killed(made, engine, lasting[engine], chance, tally)
            _cleaned_up(made, engine, tally)
        say(f"restore: {points} kills, {tally.lost} that left something or were not made good")


def _undisturbed(made: Scene, engine: str) -> float:
    """Seconds that a validation takes."""
    began = time.monotonic()
    result = made.validate(engine=engine, backup=engine)
    if result["failed"] or result["verdict"] != "PASS":
        raise Broken(f"{engine}: {result.get('record', result)}")
    return time.monotonic() - began


def _killed(made: Scene, engine: str, seconds: float, chance: random.Random, tally: Tally) -> None:
    """End a validation somewhere between its beginning and its end."""
    process = modules.spawn("restore_validate", made.wanted(engine=engine, backup=engine))
    while not list(made.work.glob(f"{run_directory.PREFIX}*/{progress.FILE}")) and process.poll() is None:
        time.sleep(0.005)
    sign = chance.choice([signal.SIGKILL, signal.SIGTERM])
    time.sleep(chance.random() * seconds)
    phase = made.phase or "end"
    process.send_signal(sign)
    answer = _answer(process)
    if sign == signal.SIGTERM and answer is not None and "ABORTED" in _codes(answer):
        tally.lost += bool(_left(made))  # it was asked, so it cleans up itself
    tally.points[phase] += 1
    tally.kills[sign.name] += 1


def _answer(process: subprocess.Popen[str]) -> modules.Result | None:
    try:
        return modules.finished(process, SECONDS)
    except RuntimeError:  # told to end before it could listen
        return None


def _codes(answer: modules.Result) -> set[str]:
    return {one["code"] for one in answer.get("record", {}).get("findings", [])}


def _cleaned_up(made: Scene, engine: str, tally: Tally) -> None:
    """The next validation passes, and names what it cleaned up after."""
    before = {path.name.removeprefix(run_directory.PREFIX) for path in made.work.glob(f"{run_directory.PREFIX}*")}
    result = made.validate(engine=engine, backup=engine)
    passed = not result["failed"] and result["verdict"] == "PASS" and set(result["record"]["aborted"]) == before
    tally.lost += not passed or bool(_left(made))


def _left(made: Scene) -> list[str]:
    """Folders of runs, and processes that were started in one."""
    found = [str(path) for path in made.work.glob(f"{run_directory.PREFIX}*")]
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(f"{made.work}/{run_directory.PREFIX}".encode() in one for one in arguments[1:]) and b"postgres" in arguments[0]:
            found.append(path.parent.name)
    return found

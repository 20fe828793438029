# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore beside the bare engine's, what its checks take beside it, how often it equals its source, and whether it keeps to its rate."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import time
import typing as t

import psycopg
from ansible_collections.governed.delivery.plugins.module_utils._backups import run_directory
from ansible_collections.governed.delivery.plugins.module_utils._backups.restore.target import ALONE

from playground import modules, postgres
from tests.integration.restores import exact_matches
from tests.support.restores import Scene, scene

from .ground import load, say
from .result import Options, Result, in_turns, skipped

LOG_BYTES_A_ROW = 150  # written behind the backup: 300 MB for two million rows
CAP = 20_000_000
WITHIN = 0.2  # of the cap, in every second
SECONDS = 300.0
LIMITS = {"max_connections": "60", "max_locks_per_transaction": "64"}  # a standby may not have less than its primary
SETTINGS = {"max_wal_size": "4GB", "shared_buffers": "256MB"}  # of every server here
# Nobody writes while a bench runs, so the heart beats as seldom: every turn reads the same archive.
WANTED: t.Mapping[str, t.Any] = {"backup": "measured", "server_settings": SETTINGS, "heartbeat_period": 86_400.0}


@contextlib.contextmanager
def prepared(options: Options, name: str, **take: t.Any) -> t.Iterator[Scene]:
    """The flights in a cluster with one backup, called ``measured``, and some log behind it."""
    data = postgres.place(f"bench-{name}-{os.getpid()}")

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(options.version, data, settings={**settings, **SETTINGS}, profile="small")

    with scene(start, rows=100) as made, made.primary.connect(autocommit=True) as session:
        load(session, "flights", options.rows)
        session.execute("CHECKPOINT")
        made.switch()
        for segment in made.segments():  # from before the backup: no restore asks for it
            made.archive(segment).unlink()
        said = made.take(label="measured", **take)
        if said["failed"]:
            raise RuntimeError(said["msg"])
        write_log(session, options.rows * LOG_BYTES_A_ROW)
        made.switch()
        yield made


def write_log(session: psycopg.Connection[tuple[t.Any, ...]], size: int) -> None:
    """Rows changed here and there until so many bytes of log are written."""
    found = session.execute("SELECT pg_current_wal_lsn()").fetchone()
    for turn in range(10_000):
        session.execute("UPDATE app.flights SET created_at = created_at + interval '1 second' WHERE id %% 1000 = %s", [turn * 7 % 1000])
        written = session.execute("SELECT pg_current_wal_lsn() - %s::pg_lsn", found).fetchone()
        if written is not None and written[0] >= size:
            return


def amount(made: Scene) -> int:
    """Bytes that a restore of the scene reads: the backup, and the log since its beginning."""
    backup = made.place / "backups" / "measured"
    return sum(path.stat().st_size for path in [*backup.rglob("*"), *made.archive().iterdir()] if path.is_file())


def circumstances(made: Scene, unit: str, size: int, **more: t.Any) -> dict[str, t.Any]:
    """What a number depends on."""
    return {
        "unit": unit,
        "bytes": size,
        "log_files": len(made.segments()),
        "server": f"PostgreSQL {made.primary.version}",
        "cores": os.cpu_count(),
        "load_average_before": round(os.getloadavg()[0], 2),
        "settings": SETTINGS,
        **more,
    }


def validated(made: Scene, **more: t.Any) -> dict[str, t.Any]:
    """The record of a validation that passed."""
    os.sync()  # nobody pays for what was written before
    answer = made.validate(**WANTED, **more)
    record: dict[str, t.Any] = answer["record"]
    if record["verdict"] != "PASS":
        raise RuntimeError(str(record["findings"]))
    return record


def bare(made: Scene, data: pathlib.Path) -> dict[str, float]:
    """What an administrator types: unpack, recover from the archive, wait for a primary, ask and write. Seconds by phase."""
    os.sync()
    backup, run = made.place / "backups" / "measured", made.account.run
    began = time.monotonic()
    data.mkdir(mode=0o700)
    if not made.account.is_ours:
        os.chown(data, made.account.uid, made.account.gid)
    tars = {"base.tar": data, "pg_wal.tar": data / "pg_wal"}
    commands = (
        [("tar", "-xf", str(backup / name), "-C", str(folder)) for name, folder in tars.items()]
        if (backup / "base.tar").exists()
        else [("cp", "-a", f"{backup}/.", str(data))]
    )
    settings = {
        **ALONE,
        **SETTINGS,
        **LIMITS,
        "unix_socket_directories": str(data),
        "restore_command": f"cp {made.archive()}/%f %p",
    }
    for program, *arguments in commands:
        answer = run(pathlib.Path(str(shutil.which(program))), *arguments)
        if answer.returncode != 0:
            raise RuntimeError(answer.stdout)
    fetched = time.monotonic()
    text = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    for path, content in {
        "postgresql.auto.conf": "",
        "postgresql.conf": text,
        "pg_hba.conf": "local all all trust\n",
        "recovery.signal": "",
    }.items():
        (data / path).write_text(content, encoding="utf-8")
    control = made.bin_dir / "pg_ctl"
    answer = run(control, "start", "-w", "-t", str(int(SECONDS)), "-D", str(data), "-l", str(data / "log"))
    if answer.returncode != 0:
        raise RuntimeError(answer.stdout)
    try:
        started = time.monotonic()
        with psycopg.connect(
            host=str(data), port=int(ALONE["port"]), user=made.primary.user, dbname="postgres", autocommit=True
        ) as session:
            while session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
                if time.monotonic() - started > SECONDS:
                    raise RuntimeError((data / "log").read_text(encoding="utf-8"))
                time.sleep(0.01)
            promoted = time.monotonic()
            session.execute("SELECT count(*) FROM pg_class")
            session.execute("CREATE TABLE first_write AS SELECT 1")
        ended = time.monotonic()
    finally:
        run(control, "stop", "-m", "immediate", "-D", str(data))
        shutil.rmtree(data)
    return {"fetch": fetched - began, "to_consistent": started - fetched, "replay": promoted - started, "first_query": ended - promoted}


def overhead(options: Options, name: str, **take: t.Any) -> Result:
    """Ours and the bare engine in turns, from the first byte to the first write; a turn of each before, to warm up."""
    phases: dict[str, list[t.Mapping[str, float]]] = {"ours": [], "peer": []}
    with prepared(options, name.replace("_", "-"), **take) as made:
        size = amount(made)

        def rate(who: str, found: t.Mapping[str, float]) -> float:
            phases[who].append({phase: round(seconds, 2) for phase, seconds in found.items()})
            say(f"  {who}: {sum(found.values()):.2f} s {json.dumps(phases[who][-1])}")
            return size / 1000 / sum(found.values())

        def ours() -> float:
            return rate("ours", validated(made)["rto"]["phases"])

        def peer() -> float:
            return rate("peer", bare(made, made.folder / "bare"))

        conditions = circumstances(made, "kB/s of backup and log, from the first byte to the first write", size)
        say("a turn of each to warm up")
        ours()
        peer()
        result = in_turns(name, ours, peer, options.times, "ratio >= 0.95", conditions)
    return dataclasses.replace(result, conditions={**result.conditions, "phases": {who: found[1:] for who, found in phases.items()}})


def restore_overhead(options: Options) -> Result:
    """A backup in one tar."""
    return overhead(options, "restore_overhead")


def restore_overhead_plain(options: Options) -> Result:
    """A backup in files."""
    return overhead(options, "restore_overhead_plain", format="plain")


def restore_checks(options: Options) -> Result:
    with prepared(options, "checks") as made:
        conditions = circumstances(made, "s", amount(made), peer="the recovery time of the same run")
        validated(made)
        records = [validated(made) for _turn in range(options.times)]
    checks, recoveries = [one["verify_seconds"] for one in records], [one["rto"]["seconds"] for one in records]
    ratios = [check / recovery for check, recovery in zip(checks, recoveries, strict=True)]
    return Result(
        name="restore_checks",
        ours=round(statistics.median(checks), 2),
        peer=round(statistics.median(recoveries), 2),
        ratio=round(statistics.median(ratios), 3),
        goal="ratio <= 1.0",
        n=options.times,
        spread=(round(min(ratios), 3), round(max(ratios), 3)),
        conditions={
            **conditions,
            "rows_compared": records[-1]["tables"]["rows"],
            "seconds_by_check": {one["name"]: one["seconds"] for one in records[-1]["checks"]},
            "all": {"ours": checks, "peer": recoveries},
        },
    )


def restore_exact(options: Options) -> Result:
    """As many backups under load as turns."""
    matches = exact_matches(options.times, options.version, say)
    return Result(
        name="restore_exact",
        ours=float(sum(matches)),
        peer=None,
        ratio=None,
        goal=f"ours = {options.times}: every backup equal to its manifest at the anchor",
        n=options.times,
        spread=None,
        conditions={"unit": "exact matches", "server": f"PostgreSQL {options.version}", "cores": os.cpu_count()},
    )


def restore_rate(options: Options) -> Result:
    """How the restored files grow, second by second, while a backup is fetched under a cap."""
    with prepared(options, "rate") as made:
        conditions = circumstances(made, "bytes/s", amount(made), cap=CAP)
        process = modules.spawn("restore_validate", made.wanted(**WANTED, bytes_per_second=CAP))
        seconds = list(growth(made, lambda: process.poll() is None))
        answer = modules.finished(process, SECONDS)
    if answer is None or answer.get("verdict") != "PASS":
        raise RuntimeError(str(answer))
    whole = seconds[1:-1]
    if not whole:
        return skipped("restore_rate", "every second near the cap", "too few bytes for three seconds")
    worst = max(whole, key=lambda count: abs(count - CAP))
    return Result(
        name="restore_rate",
        ours=round(statistics.mean(whole)),
        peer=None,
        ratio=round(statistics.mean(whole) / CAP, 3),
        goal=f"every second within {WITHIN:.0%} of the cap, but for the first and the last",
        n=len(whole),
        spread=(min(whole), max(whole)),
        conditions={**conditions, "worst": worst, "met": abs(worst - CAP) <= WITHIN * CAP, "by_its_record": answer["record"]["rates"]},
    )


def growth(made: Scene, is_running: t.Callable[[], bool]) -> t.Iterator[int]:
    """Bytes that came into the restored files in each second, from the first that has any to the last, while the validation fetches."""
    before, begun, moment = 0, False, time.monotonic()
    pause: list[int] = []  # seconds in which nothing grew: they count only when it goes on
    while is_running():
        moment += 1
        time.sleep(max(0.0, moment - time.monotonic()))
        if made.phase not in ("fetch", ""):
            return
        size = lying(made.work)
        grown, before = size - before, size
        if grown:
            yield from pause if begun else ()
            yield grown
            begun, pause = True, []
        else:
            pause.append(0)


def lying(work: pathlib.Path) -> int:
    """Bytes in the data folder of the run that is at work there."""
    total = 0
    for path in work.glob(f"{run_directory.PREFIX}*/data/**/*"):
        with contextlib.suppress(FileNotFoundError):  # it got its name meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


BENCHES = (restore_overhead, restore_overhead_plain, restore_checks, restore_exact, restore_rate)

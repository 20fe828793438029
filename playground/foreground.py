# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady foreground load on one table: what the application would do while the table is moved underneath it.

``python -m playground.foreground start --feed FILE --pid FILE`` leaves it running in the background; ``stop --pid FILE`` ends it and prints
its summary; ``check --book FILE`` compares the table with what the clients saw committed.

One process with a thread a connection. A process a connection was measured too: the same p95 on an idle machine and on a busy one.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import gc
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg

from . import book, processes, schedule
from . import connection as connection_file
from .errors import Refusal, run_command
from .sessions import Isolation, in_one_line
from .transactions import MIX
from .worker import Load, Record, Worker

SECONDS_TO_START = 60
SECONDS_TO_STOP = 60
HEAD_START = 0.1  # seconds between "everybody is ready" and the first transaction


def drive(load: Load, stopped: threading.Event, ready: t.Callable[[], None] = lambda: None) -> list[Record]:
    """Run the load in this process until it ends; one record a connection.

    :param ready: called when every connection stands, before the first transaction.
    :raises Refusal: when the server does not answer, or there is no such table, or nothing in it.
    """
    workers = [Worker(load, number) for number in range(load.connections)]
    try:
        templates = [worker.prepare() for worker in workers]
    except psycopg.Error as error:
        raise Refusal(
            f"{load.schema}.{load.table}",
            expected="a table with columns id, tenant_id, created_at and body that the load may read and write",
            found=in_one_line(error),
            remedy="Load it first: python -m playground.flights",
        ) from error
    if not all(templates):
        raise Refusal(f"{load.schema}.{load.table}", expected="rows", found="too few", remedy="Load it first: python -m playground.flights")
    ready()
    gc.collect()
    gc.disable()  # a collection would show up as latency, and nothing here is cyclic
    try:
        begin = time.monotonic() + HEAD_START
        with ThreadPoolExecutor(len(workers)) as threads:
            return list(threads.map(lambda worker: worker.run(begin, stopped), workers))
    finally:
        gc.enable()


def summarise(records: t.Sequence[Record], seconds: float) -> dict[str, t.Any]:
    """All connections' records as one: latencies in milliseconds from the scheduled start to after COMMIT."""
    by_kind: dict[str, list[float]] = {kind: [] for kind in MIX}
    for record in records:
        for kind, latency in zip(record.kinds, record.latencies, strict=True):
            by_kind[kind].append(latency)
    failures = sum((record.failures for record in records), collections.Counter[str]())
    retries = sum((record.retries for record in records), collections.Counter[str]())
    return {
        "ended": "; ".join(sorted({record.ended for record in records})),
        "seconds": round(seconds, 1),
        "transactions": {kind: len(latencies) for kind, latencies in by_kind.items()},
        "failures": dict(failures),
        "retries": dict(retries),
        "unexpected": sum(len(record.unexpected) for record in records),
        "latency_ms": schedule.summary(latency for latencies in by_kind.values() for latency in latencies),
        "latency_ms_by_kind": {kind: schedule.summary(latencies) for kind, latencies in by_kind.items()},
        # How late the load itself was to send: its own noise, part of the latencies above.
        "lateness_ms": schedule.summary(late for record in records for late in record.lateness),
        "messages": [message for record in records for message in (*record.unexpected, *record.messages)][:50],
    }


def _run(options: argparse.Namespace) -> int:
    """The process in the background."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    load = _load(options)
    started = time.monotonic()

    def ready() -> None:
        nonlocal started
        started = time.monotonic()
        _write(options.pid, f"{os.getpid()}\n{psutil.Process().create_time()}\n{_summary_path(options.feed)}\n")

    try:
        records = drive(load, stopped, ready)
        entries = [entry for record in records for entry in record.entries]
        _write(_book_path(options.feed), json.dumps(entries))
        report = summarise(records, time.monotonic() - started)
        _write(_summary_path(options.feed), json.dumps({**report, "book": str(_book_path(options.feed))}, indent=2))
    finally:
        options.pid.unlink(missing_ok=True)
    return 0


def _start(options: argparse.Namespace) -> int:
    if _running(options.pid) is not None:
        raise Refusal(str(options.pid), expected="no load running yet", found="one that runs", remedy="Stop it first: foreground stop.")
    options.pid.unlink(missing_ok=True)
    _summary_path(options.feed).unlink(missing_ok=True)
    options.feed.parent.mkdir(parents=True, exist_ok=True)
    log = options.feed.with_name(f"{options.feed.name}.log")
    command = [sys.executable, "-m", "playground.foreground", "run", *options.given]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(connection_file.REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]),
            },
        )
    deadline = time.monotonic() + SECONDS_TO_START
    while not options.pid.exists():
        if process.poll() is not None:
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise Refusal("foreground load", expected="to start", found=" ".join(last) or "an early end", remedy=f"Read {log}.")
        if time.monotonic() > deadline:
            process.kill()
            raise Refusal("foreground load", expected=f"to start within {SECONDS_TO_START} s", found="no sign of it", remedy=f"Read {log}.")
        time.sleep(0.05)
    print(json.dumps({"pid": process.pid, "feed": str(options.feed), "summary": str(_summary_path(options.feed))}))
    return 0


def _stop(options: argparse.Namespace) -> int:
    process = _running(options.pid)
    if process is None:
        raise Refusal(
            str(options.pid),
            expected="the pid file of a running load",
            found="no running load",
            remedy="It may have ended by itself: its summary lies beside the feed.",
        )
    summary = Path(options.pid.read_text(encoding="utf-8").splitlines()[2])
    process.terminate()
    deadline = time.monotonic() + SECONDS_TO_STOP
    while processes.alive(process):
        if time.monotonic() > deadline:
            process.kill()
            raise Refusal(
                f"process {process.pid}", expected=f"to end within {SECONDS_TO_STOP} s", found="it was killed", remedy="Start anew."
            )
        time.sleep(0.05)
    if not summary.exists():
        raise Refusal(str(summary), expected="the load's summary", found="nothing", remedy="Read the log beside the feed.")
    print(summary.read_text(encoding="utf-8"))
    return 0


def _check(options: argparse.Namespace) -> int:
    entries = json.loads(options.book.read_text(encoding="utf-8"))
    with psycopg.connect(connection_file.dsn(connection_file.read(options.connection)), autocommit=True) as session:
        findings = book.check(session, options.schema, options.table, entries)
    print(json.dumps(findings.as_dict()))
    return 0 if findings.clean else 1


def _running(pid_file: Path) -> psutil.Process | None:
    """The load that a pid file names, if it still is that process and runs."""
    try:
        number, created, *_unused = pid_file.read_text(encoding="utf-8").split()
        process = psutil.Process(int(number))
        same = abs(process.create_time() - float(created)) < 0.1
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if same and processes.alive(process) else None


def _summary_path(feed: Path) -> Path:
    return feed.with_name(f"{feed.name}.summary.json")


def _book_path(feed: Path) -> Path:
    return feed.with_name(f"{feed.name}.book.json")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _load(options: argparse.Namespace) -> Load:
    dsn = connection_file.dsn(connection_file.read(options.connection))
    names = {field.name for field in dataclasses.fields(Load)} - {"dsn"}
    return Load(dsn=dsn, **{name: value for name, value in vars(options).items() if name in names})


def _positive(text: str) -> float:
    value = float(text)
    if math.isnan(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def _milliseconds(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, found {text}")
    return value


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.foreground", description="A steady foreground load on one table.")
    commands = parser.add_subparsers(dest="command", required=True)
    begin = commands.add_parser("start", help="start the load in the background; returns when it is under way")
    body = commands.add_parser("run", help="the load itself, in the foreground (start calls this)")
    end = commands.add_parser("stop", help="end the load and print its summary")
    compare = commands.add_parser("check", help="compare the table with what the clients saw committed; exit code 1 on any difference")
    build = connection_file.DEFAULT_FILE.parent
    for command in (begin, body, compare):
        command.add_argument("--connection", type=_path, default=connection_file.DEFAULT_FILE, help="connection file (%(default)s)")
        command.add_argument("--schema", default="app", help="schema (app)")
        command.add_argument("--table", default="docs", help="table (docs)")
    for command in (begin, body):
        command.add_argument("--rate", type=_positive, default=300.0, help="transactions a second, over all connections (%(default)s)")
        command.add_argument("--connections", type=int, choices=range(1, 65), metavar="1-64", default=4, help="number of connections (4)")
        command.add_argument("--isolation", choices=t.get_args(Isolation), default="read_committed", help="isolation level (%(default)s)")
        command.add_argument(
            "--lock-timeout", dest="lock_timeout_ms", type=_milliseconds, default=1000, help="milliseconds, 0 for none (%(default)s)"
        )
        command.add_argument("--unprepared", dest="prepared", action="store_false", help="do not prepare statements")
        command.add_argument("--seconds", type=_positive, default=1800.0, help="end by itself after this time (%(default)s)")
        command.add_argument("--seed", type=int, default=1, help="start of the random numbers (1)")
        command.add_argument("--feed", type=_path, default=build / "feed.csv", help="feed file to append to (%(default)s)")
    for command in (begin, body, end):
        command.add_argument("--pid", type=_path, default=build / "foreground.pid", help="pid file (%(default)s)")
    compare.add_argument("--book", type=_path, default=build / "feed.csv.book.json", help="the book that the load left (%(default)s)")
    options = parser.parse_args(arguments)
    options.given = list(arguments[1:])
    return {"start": _start, "run": _run, "stop": _stop, "check": _check}[options.command](options)


def _path(text: str) -> Path:
    return Path(text).absolute()


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups under load, each restored to its manifest's point and compared with it: as many exact matches as rounds.

``python -m tests.integration.anchors --rounds 10 --version 16`` prints a line a round and ends with the number of matches.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
import typing as t

from ansible_collections.governed.delivery.plugins.module_utils._backups.capture import compare, content
from ansible_collections.governed.delivery.plugins.module_utils._backups.capture.compare import Comparison
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place_directory import DirectoryPlace
from ansible_collections.governed.delivery.plugins.module_utils._backups.taking import manifest

from playground.postgres import Postgres, available_versions
from tests.support import backups
from tests.support.backups import Source

Method = t.Literal["snapshot", "slot", "standby"]
METHODS: tuple[Method, ...] = ("snapshot", "slot", "standby")


def round_of(origin: Source, method: Method, standby: Postgres | None = None) -> tuple[manifest.Manifest, Comparison]:
    """Take under load, restore to the point, compare."""
    more: dict[str, t.Any] = {}
    if standby is not None:
        more["standby"] = {name: value for name, value in standby.module_parameters().items() if name != "login_db"}
    with backups.load(origin.server) as done:
        time.sleep(0.3)
        before = sum(done)
        engine = "pg_dump" if method == "snapshot" else "basebackup"
        taken = origin.take(engine=engine, anchor=method, label=f"round-{next(backups.NUMBERS)}", **more)
        assert sum(done) > before, "nobody wrote meanwhile"
        time.sleep(0.3)
    read = manifest.read(DirectoryPlace(str(origin.place)), taken["label"], [origin.trusted], time.time() + 1)
    assert read.anchor.exact
    assert read.anchor.method == method
    if method == "snapshot":
        copy = backups.restored_dump(origin, read.label)
        found = content.capture(backups.connector(copy), [copy.database])[copy.database]
        copy.drop_database(copy.database)
        return read, compare.compare(read.databases[backups.DATABASE], found, kind="logical", exact=True)
    archived(origin)
    with backups.restored(origin, read.label, str(read.anchor.lsn)) as copy:
        found = content.capture(backups.connector(copy), [backups.DATABASE])[backups.DATABASE]
        return read, compare.compare(read.databases[backups.DATABASE], found, kind="physical", exact=True)


def archived(origin: Source) -> None:
    """Wait until the log as it is now has come into the archive."""
    with origin.server.connect(autocommit=True) as connection:
        found = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert found is not None
    deadline = time.monotonic() + 60
    while not (origin.place / "wal" / str(found[0])).exists():
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--version", type=int, default=16, choices=available_versions())
    parser.add_argument("--method", choices=METHODS, action="append")
    options = parser.parse_args(arguments)
    wrong = 0
    with contextlib.ExitStack() as opened:
        origin = opened.enter_context(backups.source("anchors", options.version))
        for method in options.method or METHODS:
            standby = opened.enter_context(backups.standby(origin.server)) if method == "standby" else None
            matches = 0
            for number in range(1, options.rounds + 1):
                read, found = round_of(origin, method, standby)
                matches += not found.findings
                print(
                    f"{method} {number}: {found.matched} of {found.compared} tables, {found.rows} rows, anchor {read.anchor.lsn}",
                    flush=True,
                )
                for finding in found.findings:
                    print(f"  {finding}")
            print(f"{method}: {matches} of {options.rounds} exact")
            wrong += options.rounds - matches
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups under load, each validated by restore_validate while the load goes on: as many exact matches at the anchor as rounds.

``python -m tests.integration.restores --rounds 10 --version 16`` prints a line a round and ends with the number of matches.
"""

from __future__ import annotations

import argparse
import os
import sys
import typing as t

from playground import postgres
from tests.support.restores import Scene, scene

FORMATS = ("tar", "plain")


def exact_matches(rounds: int, version: int, say: t.Callable[[str], None]) -> list[bool]:
    """Whether each round's backup came back as its manifest says, every table of it."""
    data = postgres.place(f"restores-{version}-{os.getpid()}")

    def start(settings: t.Mapping[str, str]) -> postgres.Postgres:
        return postgres.start(version, data, settings=settings, profile="small")

    with scene(start) as made, made.busy():
        return [_round(made, f"round-{number}", FORMATS[number % 2], say) for number in range(rounds)]


def _round(made: Scene, label: str, layout: str, say: t.Callable[[str], None]) -> bool:
    taken = made.take(label=label, format=layout)
    if taken["failed"]:
        raise RuntimeError(taken["msg"])
    made.switch()
    record = made.validate(backup=label)["record"]
    tables, read = record["tables"], record["manifest"]
    say(
        f"{label}, {layout}: {tables['matched']} of {tables['compared']} tables, {tables['rows']} rows, anchor {read['anchor_lsn']}, {record['verdict']}"
    )
    for finding in record["findings"]:
        say(f"  {finding}")
    return record["verdict"] == "PASS" and read["exact"] is True and 0 < tables["compared"] == tables["matched"]


def main(arguments: t.Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--version", type=int, default=16, choices=postgres.available_versions())
    options = parser.parse_args(arguments)
    matches = exact_matches(options.rounds, options.version, print)
    print(f"{sum(matches)} of {options.rounds} exact")
    return 0 if all(matches) else 1


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat beats, and one restore was made, measured and signed."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import psycopg
import yaml

Session = psycopg.Connection[tuple[t.Any, ...]]


def test_the_heartbeat_beats(session: Session) -> None:
    def beats() -> int:
        [(seq,)] = session.execute("SELECT seq FROM governed_delivery.heartbeat").fetchall()
        return int(seq)

    before = beats()
    time.sleep(2.2)
    assert beats() >= before + 1


def test_the_run_was_signed_from_its_beginning_to_its_end(said: list[tuple[str, dict[str, t.Any]]]) -> None:
    (_begun, begun), (_ended, ended) = said[-2:]
    assert [kind for kind, _said in said[-2:]] == ["restore_started", "restore_finished"]
    assert begun["run"] == ended["run"]
    assert (ended["verdict"], ended["cluster"]) == ("PASS", "shop")
    assert ended["tables"]["matched"] == 2


def test_nothing_of_the_restored_data_is_left(folder: Path) -> None:
    work = Path(yaml.safe_load((folder / "backups.yml").read_text())["work_directory"])
    assert [path.name for path in work.iterdir()] == [".restore_validate.lock"]

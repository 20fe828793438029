# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import concurrent.futures
import pathlib

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, statement
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers

from tests.unit.ledger.sample import told


def test_a_key_that_lies_elsewhere_publishes_its_verifier_beside_the_ledger(tmp_path: pathlib.Path) -> None:
    elsewhere = tmp_path / "vault" / "release.key"
    key = keys.generate(elsewhere, "release")
    directory = tmp_path / "evidence"
    ledgers.log({"directory": directory, "key_file": elsewhere}, writes=True)
    assert (directory / "ledger.vkey").read_text().strip() == key.verifier.text()
    reader = ledgers.log({"directory": directory}, writes=False)
    assert [found.text() for found in reader.keys] == [key.verifier.text()]


def test_a_ledger_that_is_there_gets_no_new_key(tmp_path: pathlib.Path) -> None:
    log = ledgers.log({"directory": tmp_path}, writes=True)
    log.append([told(0)], None)
    (tmp_path / "ledger.key").rename(tmp_path / "lost.key")
    with pytest.raises(Refusal, match="earlier statement unbelievable"):
        ledgers.log({"directory": tmp_path}, writes=True)


def test_what_is_said_by_many_at_once_is_all_there(tmp_path: pathlib.Path) -> None:
    ledgers.say(ledgers.log({"directory": tmp_path}, writes=True), "restore_started", {"run": 0})

    def said(run: int) -> int:
        return ledgers.say(ledgers.log({"directory": tmp_path}, writes=True), "restore_started", {"run": run})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        indexes = list(pool.map(said, range(1, 17)))
    entries = ledgers.log({"directory": tmp_path}, writes=False).read()
    assert sorted(indexes) == list(range(1, 17))
    assert {statement.kind(entry.statement) for entry in entries} == {"restore_started"}
    assert [entries[index].statement["predicate"]["run"] for index in indexes] == list(range(1, 17))


def test_a_record_of_many_tables_is_attached_and_comes_back(tmp_path: pathlib.Path) -> None:
    rows = {f"shop: app.table_{number}": number for number in range(5000)}
    record = {"run": "r", "rows": rows, "tables": {"compared": 5000}}
    log = ledgers.log({"directory": tmp_path}, writes=True)
    ledgers.say(log, "restore_finished", record)
    entry = log.read()[0].statement["predicate"]
    assert "rows" not in entry
    assert entry["tables"] == {"compared": 5000}, "what is small stays"
    said = ledgers.entries(ledgers.log({"directory": tmp_path}, writes=False))[0].said
    assert said["rows"] == rows
    attachment = next(path for path in tmp_path.rglob(entry["attached"]["rows"]))
    attachment.unlink()
    with pytest.raises(Refusal, match="expected to be kept"):
        ledgers.entries(ledgers.log({"directory": tmp_path}, writes=False))

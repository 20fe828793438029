# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action answers, without Ansible around it."""

from __future__ import annotations

import base64
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.governed.delivery.plugins.action import ledger as action
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys, merkle
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import EXIT_CODES, Policy
from ansible_collections.governed.delivery.plugins.modules import ledger as documented

from tests.unit.ledger.sample import KEY, filled, log_of, told, tree

KEPT = ("type", "required", "default", "elements")


def test_the_documentation_has_the_options_that_the_action_takes() -> None:
    options: dict[str, dict[str, t.Any]] = yaml.safe_load(documented.DOCUMENTATION)["options"]
    assert {name: {key: option[key] for key in KEPT if key in option} for name, option in options.items()} == {
        name: {key: option[key] for key in KEPT if key in option} for name, option in action.SPEC.options.items()
    }
    assert list(options["state"]["choices"]) == action.SPEC.options["state"]["choices"]
    returned = yaml.safe_load(documented.RETURN)
    assert all(f"V({fault})" in str(returned["fault"]) for fault in EXIT_CODES)
    assert yaml.safe_load(documented.EXAMPLES)


def test_a_sound_and_a_changed_ledger(tmp_path: pathlib.Path) -> None:
    _log, head = filled(tmp_path / "ledger", 12)
    before = tree(tmp_path)
    answer = action._verified(DirectoryStore(tmp_path / "ledger", files_first=True), Policy((KEY.verifier,)), "evidence/ledger")
    assert (answer["fault"], answer["exit_code"], answer["size"], answer["root"]) == ("ok", 0, 12, head.root.hex())
    assert "failed" not in answer
    assert answer["table"][-1].split() == ["result", "OK"]
    assert tree(tmp_path) == before
    path = tmp_path / "ledger/tile/entries/000.p/12"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    answer = action._verified(DirectoryStore(tmp_path / "ledger", files_first=True), Policy((KEY.verifier,)), "evidence/ledger")
    assert (answer["failed"], answer["fault"], answer["exit_code"], answer["first_bad_entry"]) == (True, "mismatch", 10, 11)
    assert answer["msg"] == (
        "evidence/ledger: mismatch (exit code 10): entry 11 is not the one whose hash the tree has. First bad entry: 11."
    )


def test_proofs_are_whole(tmp_path: pathlib.Path) -> None:
    log, head = filled(tmp_path, 12)
    answer = action._proved(log, [7, 2])
    assert [one["index"] for one in answer["proofs"]] == [7, 2]
    for one in answer["proofs"]:
        steps = [base64.b64decode(line) for line in one["proof"].split("\n\n")[0].splitlines()[2:]]
        assert merkle.includes(merkle.leaf_hash(base64.b64decode(one["entry"])), one["index"], 12, steps, head.root)
        assert one["statement"] == told(one["index"])
    assert [line.split()[0] for line in answer["table"]] == ["entry", "7", "2"]
    with pytest.raises(Refusal, match="an index below 12"):
        action._proved(log, [12])


def test_entries_are_shown(tmp_path: pathlib.Path) -> None:
    assert action._shown(log_of(tmp_path / "none"), [], 20) == {
        "size": 0,
        "root": "",
        "entries": [],
        "table": ["entry  at  kind  about  by"],
    }
    log, _head = filled(tmp_path, 12)
    log.append([told(12, plan="sprint_36", stage="stage", by="captain")], log.head())
    answer = action._shown(log, [], 2)
    assert [one["index"] for one in answer["entries"]] == [11, 12]
    assert answer["table"][-1].split() == ["12", "2026-03-30", "10:00:12+00:00", "done", "sprint_36", "stage", "captain"]
    assert [one["statement"] for one in action._shown(log, [3, 1], 2)["entries"]] == [told(3), told(1)]
    with pytest.raises(Refusal, match="an index below 13"):
        action._shown(log, [13], 2)


def test_the_key_is_pinned_or_lies_beside_the_ledger(tmp_path: pathlib.Path) -> None:
    filled(tmp_path / "ledger", 1)
    assert action._directory(str(tmp_path)) == action._directory(str(tmp_path / "ledger")) == tmp_path / "ledger"
    with pytest.raises(Refusal, match="Ask whoever keeps the ledger"):
        action._keys([], tmp_path / "ledger")
    (tmp_path / "ledger.vkey").write_text(KEY.verifier.text() + "\n")
    assert action._keys([], tmp_path / "ledger") == (KEY.verifier,)
    pinned = keys.new("other").verifier
    assert action._keys([pinned.text()], tmp_path / "ledger") == (pinned,)
    with pytest.raises(Refusal, match="none of the known keys"):
        Log(DirectoryStore(tmp_path / "ledger"), [pinned], origin=KEY.name).head()

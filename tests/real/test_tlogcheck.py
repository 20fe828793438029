# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's libraries, which know nothing of ours, accept our ledgers and proofs, and refuse whatever was changed in them."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import keys
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from hypothesis import strategies as st

from .ledgers import judged, said

KEY = keys.new("example.com/ledger")
SIZES = (1, 2, 255, 256, 257, 513, 1000)


def grown(directory: Path, *sizes: int) -> tuple[Log, list[bytes]]:
    """A ledger that had these sizes one after the other, and its checkpoints."""
    log = Log(DirectoryStore(directory), [KEY.verifier], signer=KEY)
    head = log.head()
    notes = []
    for size in sizes:
        begin = head.size if head else 0
        head = log.append([said(str(number)) for number in range(begin, size)], head)
        notes.append(head.note)
    return log, notes


def test_a_ledger_and_all_its_earlier_checkpoints(tlogcheck: Path, tmp_path: Path) -> None:
    directory = tmp_path / "ledger"
    _log, notes = grown(directory, *SIZES)
    for size, content in zip(SIZES, notes, strict=True):
        older = tmp_path / "older"
        older.write_bytes(content)
        answer = judged(tlogcheck, KEY.verifier.text(), "ledger", directory, older)
        assert answer == (0, f"1000 entries included; consistent with the checkpoint of size {size}")


@pytest.mark.parametrize("size", SIZES)
def test_every_proof(tlogcheck: Path, tmp_path: Path, size: int) -> None:
    log, _notes = grown(tmp_path / "ledger", size)
    entries = log.read()
    proof, entry = tmp_path / "proof", tmp_path / "entry"
    for index in sorted({0, size // 3, size - 1}):
        proof.write_text(log.prove(index), encoding="utf-8")
        entry.write_bytes(entries[index].raw)
        assert judged(tlogcheck, KEY.verifier.text(), "proof", proof, entry) == (0, f"entry {index} of {size} included")
        entry.write_bytes(entries[index].raw + b" ")
        assert judged(tlogcheck, KEY.verifier.text(), "proof", proof, entry)[0] == 1


@pytest.mark.parametrize("width", [1, 5])
def test_a_history_that_was_written_anew_with_the_right_key(tlogcheck: Path, tmp_path: Path, width: int) -> None:
    _log, [older] = grown(tmp_path / "one", 300)
    (tmp_path / "older").write_bytes(older)
    log = Log(DirectoryStore(tmp_path / "other"), [KEY.verifier], signer=KEY)
    log.append([said("other")] + [said(str(number)) for number in range(1, 300 + width)], None)
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", tmp_path / "other")[0] == 0
    code, words = judged(tlogcheck, KEY.verifier.text(), "ledger", tmp_path / "other", tmp_path / "older")
    assert (code, "not consistent with the older checkpoint of size 300" in words) == (1, True)


def test_a_tail_that_was_cut(tlogcheck: Path, tmp_path: Path) -> None:
    _log, [older] = grown(tmp_path / "long", 10)
    (tmp_path / "older").write_bytes(older)
    grown(tmp_path / "short", 9)
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", tmp_path / "short", tmp_path / "older") == (
        1,
        "tlogcheck: 9 entries, fewer than the older checkpoint's 10",
    )


def test_another_key(tlogcheck: Path, tmp_path: Path) -> None:
    grown(tmp_path, 3)
    other = keys.new("example.com/ledger").verifier.text()
    assert judged(tlogcheck, other, "ledger", tmp_path)[0] == 1
    assert judged(tlogcheck, "nonsense", "ledger", tmp_path)[0] == 1
    assert judged(tlogcheck, other)[0] == 2


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 300 entries."""
    directory = tmp_path_factory.mktemp("kept")
    grown(directory, 300)
    return directory


@hypothesis.given(data=st.data())
def test_any_changed_byte_is_found(tlogcheck: Path, kept: Path, data: st.DataObject) -> None:
    public = sorted([*(path for path in (kept / "tile").rglob("*") if path.is_file()), kept / "checkpoint"])
    path = data.draw(st.sampled_from(public))
    content = path.read_bytes()
    # Go reads base64 without looking at the bits that the last letter of a signature leaves over.
    place = data.draw(st.integers(0, len(content) - (5 if path.name == "checkpoint" else 1)))
    flip = data.draw(st.integers(1, 255))
    changed = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
    try:
        path.write_bytes(changed)
        code, words = judged(tlogcheck, KEY.verifier.text(), "ledger", kept)
    finally:
        path.write_bytes(content)
    assert (code, words.startswith("tlogcheck: ")) == (1, True), (path, place, flip, words)


def test_the_kept_ledger_is_accepted_unchanged(tlogcheck: Path, kept: Path) -> None:
    assert judged(tlogcheck, KEY.verifier.text(), "ledger", kept) == (0, "300 entries included")

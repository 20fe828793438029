# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: what is read is proven, who appends signs, and many writers make one line."""

from __future__ import annotations

import base64
import multiprocessing
import pathlib

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import checkpoint, keys, merkle, note
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.log import Log
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import HeadMoved
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, verify
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ledger.sample import KEY, ORIGIN, filled, log_of, told

WRITERS, APPENDS = 8, 12


@pytest.mark.parametrize("start", [0, 1, 255, 256, 257, 512, 599, 600, 700])
def test_reading_from_anywhere(tmp_path: pathlib.Path, start: int) -> None:
    log, _head = filled(tmp_path, 600)
    assert [entry.index for entry in log.read(start)] == list(range(start, 600))
    assert all(entry.statement == told(entry.index) for entry in log.read(start))


def test_an_earlier_head_can_still_be_read(tmp_path: pathlib.Path) -> None:
    log = log_of(tmp_path)
    heads = []
    head = None
    for number in range(0, 560, 70):
        head = log.append([told(one) for one in range(number, number + 70)], head)
        heads.append(head)
    for earlier in heads:
        assert [entry.index for entry in log_of(tmp_path).read(3, earlier)] == list(range(3, earlier.size))


@settings(max_examples=30)
@given(data=st.data())
def test_a_proof_holds_without_the_ledger(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1, 2, 3, 255, 256, 257, 300, 511, 513]))
    index = data.draw(st.integers(0, size - 1))
    log, head = filled(tmp_path_factory.mktemp("ledger"), size)
    proof = log.prove(index)
    head_line, index_line, *lines = proof.split("\n\n", 1)[0].splitlines()
    signed = proof.split("\n\n", 1)[1].encode()
    assert (head_line, index_line, signed) == ("c2sp.org/tlog-proof@v1", f"index {index}", head.note)
    tree = checkpoint.parse(note.verify(signed, [KEY.verifier]).text)
    leaf = merkle.leaf_hash(log.read(index)[0].raw)
    assert merkle.includes(leaf, index, tree.size, [base64.b64decode(line) for line in lines], tree.root)
    old = data.draw(st.integers(0, size))
    edge: list[bytes] = []
    merkle.grow(edge, 0, [merkle.leaf_hash(entry.raw) for entry in log.read()[:old]])
    assert merkle.is_consistent(old, size, log.consistency_proof(old, head), merkle.root(edge), head.root)


def test_what_is_not_there_has_no_proof(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="expected entries; found none"):
        log_of(tmp_path / "none").prove(0)
    log, head = filled(tmp_path, 3)
    for index in (-1, 3):
        with pytest.raises(Refusal, match="an index below 3"):
            log.prove(index)
    with pytest.raises(Refusal, match="expected at least 4 entries; found 3"):
        log.consistency_proof(4, head)


def test_a_statement_has_a_limit_and_nothing_of_the_batch_is_kept(tmp_path: pathlib.Path) -> None:
    log, head = filled(tmp_path, 3)
    with pytest.raises(Refusal, match="Attach what is large"):
        log.append([told(3), told(4, filler="x" * 60_000)], head)
    with pytest.raises(Refusal, match="predicateType"):
        log.append([told(3), {**told(4), "predicateType": "other"}], head)
    with pytest.raises(Refusal, match="2\\^53"):
        log.append([told(3), told(4, nanoseconds=2**60)], head)
    assert log_of(tmp_path).head() == head
    assert log.append([told(3, filler="x" * 48_000)], head).size == 4
    assert len(log_of(tmp_path).read()) == 4


def test_another_key_is_not_believed(tmp_path: pathlib.Path) -> None:
    filled(tmp_path, 3)
    other = keys.new(ORIGIN)
    with pytest.raises(Refusal, match="none of the known keys"):
        log_of(tmp_path, other).head()
    with pytest.raises(Refusal, match=r"expected example\.com/other"):
        Log(DirectoryStore(tmp_path), [KEY.verifier], origin="example.com/other").head()
    assert Log(DirectoryStore(tmp_path), [other.verifier, KEY.verifier]).head() is not None
    with pytest.raises(ValueError, match="a signer"):
        Log(DirectoryStore(tmp_path), [KEY.verifier]).append([told(3)], None)


def test_entries_that_are_not_the_checkpoints_are_neither_read_nor_built_upon(tmp_path: pathlib.Path) -> None:
    log, head = filled(tmp_path, 300)
    (tmp_path / "journal").unlink()
    for name in ("tile/entries/000", "tile/0/001.p/44"):
        path = tmp_path / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        fresh = log_of(tmp_path)
        with pytest.raises(Refusal) as refused:
            fresh.read() if "entries" in name else fresh.append([told(300)], head)
        assert refused.value.code == "ledger_damaged"
        path.write_bytes(whole)
    (tmp_path / "tile/entries/000").unlink()
    with pytest.raises(Refusal, match="no tile/entries/000"):
        log_of(tmp_path).read()
    assert log.head() == head


def _append(directory: str, writer: int) -> None:
    log = log_of(pathlib.Path(directory))
    for number in range(APPENDS):
        while True:
            head = log.head()
            seen = len(log.read(0, head))
            try:
                log.append([told(number, writer=writer, seen=seen)], head)
            except HeadMoved:
                continue
            break


def test_eight_writers_make_no_fork(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(str(tmp_path), writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(120)
    assert [process.exitcode for process in writers] == [0] * WRITERS
    entries = log_of(tmp_path).read()
    found = [entry.statement["predicate"] for entry in entries]
    assert [one["seen"] for one in found] == list(range(WRITERS * APPENDS)), "somebody decided without having seen all before"
    for writer in range(WRITERS):
        assert [one["number"] for one in found if one["writer"] == writer] == list(range(APPENDS))
    assert verify(DirectoryStore(tmp_path), Policy((KEY.verifier,))).fault == "ok"

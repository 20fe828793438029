# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory store: a commit is whole or not there, whatever was cut off, lost or full; and reading writes nothing."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import journal, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import HeadMoved, Missing
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, verify
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ledger.sample import KEY, filled, log_of, told, tree


def numbers(directory: pathlib.Path) -> list[int]:
    return [entry.statement["predicate"]["number"] for entry in log_of(directory).read()]


def is_sound(directory: pathlib.Path) -> bool:
    return verify(DirectoryStore(directory, files_first=True), Policy((KEY.verifier,))).fault == "ok"


@pytest.fixture
def small_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that begins anew every few commits."""
    monkeypatch.setattr(journal, "CAPACITY", 5 * journal.PAGE)


def test_a_directory_without_a_ledger_is_empty(tmp_path: pathlib.Path) -> None:
    assert DirectoryStore(tmp_path / "none").head() is None
    assert log_of(tmp_path / "none").read() == []
    assert not (tmp_path / "none").exists()


def test_what_is_committed_is_there_for_everybody(tmp_path: pathlib.Path) -> None:
    log, head = filled(tmp_path, 600)
    assert numbers(tmp_path) == list(range(600))
    assert log_of(tmp_path).head() == head == log.head()
    assert (tmp_path / "checkpoint").read_bytes() == head.note
    found = {str(path.relative_to(tmp_path)) for path in (tmp_path / "tile").rglob("*") if path.is_file()}
    assert set(tiles.touched(0, 600)) <= found


def test_who_was_slower_has_to_look_again(tmp_path: pathlib.Path) -> None:
    one, other = log_of(tmp_path), log_of(tmp_path)
    head = one.append([told(0)], None)
    before = tree(tmp_path)
    with pytest.raises(HeadMoved):
        other.append([told(1)], None)
    assert tree(tmp_path) == before
    assert other.append([told(1)], other.head()).size == 2
    with pytest.raises(HeadMoved):
        one.append([told(2)], head)
    assert numbers(tmp_path) == [0, 1]


@pytest.mark.usefixtures("small_journal")
@settings(max_examples=15)
@given(batches=st.lists(st.tuples(st.sampled_from([1, 3, 60, 256, 300]), st.booleans()), min_size=1, max_size=10))
def test_writers_take_turns_over_many_rounds_of_the_journal(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[int, bool]]
) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    logs = (log_of(directory), log_of(directory))
    reader = log_of(directory)
    count = 0
    for size, who in batches:
        log = logs[who]
        log.append([told(number) for number in range(count, count + size)], log.head())
        count += size
        head = reader.head()
        assert head is not None
        assert head.size == count
        assert len(reader.read(count // 2, head)) == count - count // 2
    assert numbers(directory) == list(range(count))
    assert is_sound(directory)


@pytest.mark.usefixtures("small_journal")
def test_partial_tiles_go_once_their_complete_tile_is_there(tmp_path: pathlib.Path) -> None:
    _log, _head = filled(tmp_path, 530, batch=10)
    left = {path.parent.name for path in tmp_path.rglob("*") if path.parent.name.endswith(".p")}
    assert left <= {"002.p", "000.p"}  # 002: still growing; 000 is that of level 1
    assert not (tmp_path / "tile" / "0" / "000.p").exists()
    assert is_sound(tmp_path)


def test_a_reader_sees_what_only_the_journal_has_and_writes_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 10)
    with monkeypatch.context() as killed:  # right after the journal's record
        killed.setattr(DirectoryStore, "_write_out", lambda _self, _view: None)
        log = log_of(tmp_path)
        log.append([told(number) for number in range(10, 300)], log.head())
    before = tree(tmp_path)
    assert "tile/0/000" not in before
    assert numbers(tmp_path) == list(range(300))
    assert is_sound(tmp_path)
    assert log_of(tmp_path).prove(299).startswith("c2sp.org/tlog-proof@v1\nindex 299\n")
    assert tree(tmp_path) == before
    log = log_of(tmp_path)
    log.append([told(300)], log.head())
    assert "tile/0/000" in tree(tmp_path)
    assert numbers(tmp_path) == list(range(301))


@pytest.mark.usefixtures("small_journal")
@settings(max_examples=15)
@given(commits=st.integers(1, 12), data=st.data())
def test_a_power_cut_may_lose_every_file_that_was_not_waited_for(
    tmp_path_factory: pytest.TempPathFactory, commits: int, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    log, _head = filled(directory, commits * 40, batch=40)
    assert isinstance(log.store, DirectoryStore)
    view = log.store._view
    assert view is not None
    kept = set(tiles.touched(0, view.base)) | set(tiles.load_paths(view.base))
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_file() and name.startswith("tile/") and name not in kept:
            fate = data.draw(st.sampled_from(["there", "gone", "empty", "zeros"]), label=name)
            if fate == "gone":
                path.unlink()
            elif fate != "there":
                path.write_bytes(b"" if fate == "empty" else bytes(path.stat().st_size))
    assert numbers(directory) == list(range(commits * 40))
    again = log_of(directory)
    again.append([told(commits * 40)], again.head())
    assert is_sound(directory)
    published = directory.with_name(directory.name + "-published")
    shutil.copytree(directory, published, ignore=shutil.ignore_patterns("journal", "lock"))
    assert is_sound(published)
    assert numbers(published) == list(range(commits * 40 + 1))


@pytest.mark.usefixtures("small_journal")
@settings(max_examples=15)
@given(st.data())
def test_a_torn_record_was_never_acknowledged(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    log, head = filled(directory, 5)
    content = (directory / "journal").read_bytes()
    before = tree(directory)
    log.append([told(5), told(6)], head)
    after = (directory / "journal").read_bytes()
    changed = [place for place in range(len(after)) if content[place] != after[place]]
    torn = data.draw(st.integers(changed[0], changed[-1]), label="written up to")
    for path in set(tree(directory)) - set(before):
        (directory / path).unlink()
    (directory / "checkpoint").write_bytes(before["checkpoint"][0])
    (directory / "journal").write_bytes(after[:torn] + content[torn:])
    assert numbers(directory) == list(range(5))
    again = log_of(directory)
    again.append([told(7)], again.head())
    assert numbers(directory) == [0, 1, 2, 3, 4, 7]
    assert is_sound(directory)


def test_a_damaged_journal_is_no_shorter_ledger(tmp_path: pathlib.Path) -> None:
    filled(tmp_path, 6, batch=2)
    with (tmp_path / "journal").open("r+b") as file:
        file.seek(journal.PAGE + 100)
        file.write(b"x")
    with pytest.raises(Refusal, match="a journal that ends at 2 entries, before the checkpoint"):
        DirectoryStore(tmp_path).head()


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, head = filled(tmp_path, 10)
    before = tree(tmp_path)
    write = os.pwrite

    def half(descriptor: int, content: bytes, position: int) -> int:
        if position % journal.PAGE:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[: len(content) // 2 or 1], position)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        with pytest.raises(Refusal, match="No space left on device"):
            log.append([told(10)], head)
    assert {name: content for name, (content, _time) in tree(tmp_path).items() if name != "journal"} == {
        name: content for name, (content, _time) in before.items() if name != "journal"
    }
    assert log_of(tmp_path).head() == head == log.head()
    log.append([told(11)], head)
    assert numbers(tmp_path) == [*range(10), 11]


def test_a_failed_sync_is_no_commit(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, head = filled(tmp_path, 10)

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        with pytest.raises(Refusal, match="Input/output error"):
            log.append([told(10)], head)
    assert log_of(tmp_path).head() == head == log.head()


@pytest.mark.usefixtures("small_journal")
def test_tiles_that_cannot_be_written_wait_and_the_journal_does_not_begin_anew(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, head = filled(tmp_path, 2, batch=1)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(DirectoryStore, "_put", full)
        for number in range(2, 5):
            head = log.append([told(number)], head)
        with pytest.raises(Refusal, match="No space left on device"):
            log.append([told(5)], head)
        assert numbers(tmp_path) == [0, 1, 2, 3, 4]
    log.append([told(6)], log.head())
    assert numbers(tmp_path) == [0, 1, 2, 3, 4, 6]
    assert is_sound(tmp_path)


@pytest.mark.usefixtures("small_journal")
def test_a_batch_may_be_larger_than_the_journal(tmp_path: pathlib.Path) -> None:
    log, head = filled(tmp_path, 3)
    head = log.append([told(number, filler="x" * 9000) for number in range(3, 20)], head)
    log.append([told(20)], head)
    assert numbers(tmp_path) == list(range(21))
    assert is_sound(tmp_path)


def test_attachments_are_checked_when_they_are_read(tmp_path: pathlib.Path) -> None:
    store = DirectoryStore(tmp_path / "ledger")
    digest = store.attach(b"raw samples" * 10_000)
    assert store.attach(b"raw samples" * 10_000) == digest
    assert store.attachment(digest) == b"raw samples" * 10_000
    with pytest.raises(Missing):
        store.attachment("0" * 64)
    (tmp_path / "ledger" / "attachments" / "sha256" / digest).write_bytes(b"others")
    with pytest.raises(Refusal, match="expected content with the SHA-256"):
        store.attachment(digest)


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    log = log_of(tmp_path / "file")
    with pytest.raises(Refusal, match="expected a directory that can be read"):
        log.head()
    with pytest.raises(Refusal, match="expected a directory that can be written to"):
        log.append([told(0)], None)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack on a ledger's files is found, by its own exit code, and the first bad entry is named."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._ledger import checkpoint, envelope, keys, merkle, note, statement, tiles
from ansible_collections.governed.delivery.plugins.module_utils._ledger.canonical import canonical
from ansible_collections.governed.delivery.plugins.module_utils._ledger.checkpoint import Checkpoint
from ansible_collections.governed.delivery.plugins.module_utils._ledger.directory import DirectoryStore
from ansible_collections.governed.delivery.plugins.module_utils._ledger.keys import SigningKey
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import Commit
from ansible_collections.governed.delivery.plugins.module_utils._ledger.verification import Policy, Report, verify
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ledger.sample import KEY, ORIGIN, filled, log_of, told

SIZE = 700
POLICY = Policy((KEY.verifier,))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Tiles and checkpoint, as anybody may have copied them."""
    directory = tmp_path_factory.mktemp("published")
    filled(directory, SIZE, batch=70)
    (directory / "journal").unlink()
    (directory / "lock").unlink()
    return directory


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """With its journal, which knows every entry: the files count all the same."""
    directory = tmp_path_factory.mktemp("live")
    filled(directory, SIZE, batch=70)
    return directory


@pytest.fixture
def copied(published: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(published, tmp_path / "ledger")
    return tmp_path / "ledger"


def report(directory: pathlib.Path, **policy: t.Any) -> Report:
    return verify(DirectoryStore(directory, files_first=True), dataclasses.replace(POLICY, **policy))


def outcome(directory: pathlib.Path, **policy: t.Any) -> tuple[int, int | None]:
    found = report(directory, **policy)
    assert found.reason or not found.exit_code
    return found.exit_code, found.first_bad_entry


def rebuilt(directory: pathlib.Path, entries: t.Sequence[bytes], key: SigningKey = KEY) -> bytes:
    """A whole ledger of these entries, tiles and checkpoint right, signed with the key; its checkpoint."""
    shutil.rmtree(directory, ignore_errors=True)
    root = root_of(entries)
    head = DirectoryStore(directory).commit(None, Commit(tuple(entries), note.sign(Checkpoint(ORIGIN, len(entries), root).text(), key)))
    return head.note


def root_of(entries: t.Sequence[bytes]) -> bytes:
    edge: list[bytes] = []
    merkle.grow(edge, 0, map(merkle.leaf_hash, entries))
    return merkle.root(edge)


def entries_of(directory: pathlib.Path) -> list[bytes]:
    return [entry.raw for entry in log_of(directory).read()]


def test_a_sound_ledger(published: pathlib.Path) -> None:
    found = report(published)
    assert found.as_dict() == {
        "fault": "ok",
        "first_bad_entry": None,
        "reason": "",
        "origin": ORIGIN,
        "size": SIZE,
        "root": root_of(entries_of(published)).hex(),
        "checked": SIZE,
        "statements": True,
        "signers": [KEY.verifier.label],
        "exit_code": 0,
    }
    assert outcome(published, statements=False) == (0, None)


@settings(max_examples=150)
@given(data=st.data(), with_journal=st.booleans())
def test_a_turned_bit_anywhere_is_found(published: pathlib.Path, live: pathlib.Path, with_journal: bool, data: st.DataObject) -> None:
    published = live if with_journal else published
    names = [*sorted(tiles.touched(0, SIZE)), "checkpoint"]
    path = published / data.draw(st.sampled_from(names))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        code, entry = outcome(published, statements=data.draw(st.booleans()))
    finally:
        path.write_bytes(whole)
    if path.name == "checkpoint":
        assert code in (13, 16, 19)
        return
    assert code == 10
    relative = str(path.relative_to(published))
    begin = 512 if ".p" in relative and "/1/" not in relative else 256 * int(path.name) if "/1/" not in relative else 0
    if relative.startswith("tile/entries/"):
        ends = 0
        for number, one in enumerate(tiles.decode_bundle(whole)):
            ends += len(one) + 2
            if place < ends:
                assert entry == begin + number
                break
    elif relative.startswith("tile/0/"):
        assert entry == begin + place // 32
    else:
        assert entry == place // 32 * 256


def test_an_entry_changed_dropped_or_moved_in_its_bundle(copied: pathlib.Path) -> None:
    path = copied / "tile/entries/001"
    whole = tiles.decode_bundle(path.read_bytes())
    for changed, code, entry in (
        ([*whole[:5], whole[6], whole[5], *whole[7:]], 10, 261),
        ([*whole[:5], *whole[6:]], 10, 261),
        ([*whole[:5], whole[4], *whole[5:-1]], 10, 261),
        (whole[:-1], 14, 511),
        ([], 14, 256),
    ):
        path.write_bytes(tiles.encode_bundle(changed))
        assert outcome(copied) == (code, entry)


@pytest.mark.parametrize(("name", "entry"), [("tile/entries/001", 256), ("tile/0/002.p/188", 512), ("tile/1/000.p/2", 0)])
def test_a_file_that_is_gone(copied: pathlib.Path, name: str, entry: int) -> None:
    (copied / name).unlink()
    assert outcome(copied) == (16, entry)
    (copied / name).write_bytes(b"")
    assert outcome(copied) == ((14, entry) if "entries" in name else (10, entry))


def test_no_checkpoint_is_no_sound_ledger(tmp_path: pathlib.Path, published: pathlib.Path) -> None:
    assert outcome(tmp_path) == (16, 0)
    assert outcome(tmp_path, trusted=((published / "checkpoint").read_bytes(),)) == (11, 0)


def test_a_cut_tail_takes_a_trusted_checkpoint(published: pathlib.Path, tmp_path: pathlib.Path) -> None:
    trusted = (published / "checkpoint").read_bytes()
    rebuilt(tmp_path / "cut", entries_of(published)[:600])
    assert outcome(tmp_path / "cut") == (0, None), "it is a sound ledger; only memory tells"
    assert outcome(tmp_path / "cut", trusted=(trusted,)) == (11, 600)


@pytest.mark.parametrize("change", ["dropped", "moved", "other", "grown"])
def test_a_chain_rebuilt_with_the_right_key_takes_a_trusted_checkpoint(
    published: pathlib.Path, tmp_path: pathlib.Path, change: str
) -> None:
    whole = entries_of(published)
    early = rebuilt(tmp_path / "early", whole[:300])
    trusted = (early, (published / "checkpoint").read_bytes())
    other = envelope.seal(canonical(told(9999)), KEY)
    changed = {
        "dropped": [*whole[:400], *whole[401:], other],
        "moved": [*whole[:400], whole[401], whole[400], *whole[402:]],
        "other": [*whole[:400], other, *whole[401:]],
        "grown": [*whole[:400], other, *whole[401:], other, other],
    }[change]
    rebuilt(tmp_path / "forged", changed)
    assert outcome(tmp_path / "forged", statements=False) == (0, None)
    assert outcome(tmp_path / "forged", statements=False, trusted=trusted) == (12, 300)
    assert outcome(tmp_path / "forged", statements=False, trusted=trusted, only_new=True) == (12, 300)


def test_signed_again_with_another_key(published: pathlib.Path, tmp_path: pathlib.Path) -> None:
    thief = keys.new(ORIGIN)
    whole = entries_of(published)
    forged = [envelope.seal(envelope.unseal(entry).payload, thief) for entry in whole[350:]]
    rebuilt(tmp_path / "all", [*whole[:350], *forged], thief)
    assert outcome(tmp_path / "all") == (13, 350)
    rebuilt(tmp_path / "entries", [*whole[:350], *forged])
    assert outcome(tmp_path / "entries") == (13, 350)
    assert outcome(tmp_path / "entries", statements=False) == (0, None)
    taken = bytearray(whole[20])
    taken[taken.rindex(b'"sig":"') + 9] ^= 1
    rebuilt(tmp_path / "one", [*whole[:20], bytes(taken), *whole[21:]])
    assert report(tmp_path / "one").first_bad_entry == 20
    trusted = note.sign(Checkpoint(ORIGIN, 3, bytes(32)).text(), thief)
    assert outcome(published, trusted=(trusted,)) == (13, None)


def test_entries_that_are_no_statements(published: pathlib.Path, tmp_path: pathlib.Path) -> None:
    whole = entries_of(published)
    good = canonical(told(5))
    for bad in (
        b"{}",
        envelope.seal(good.replace(b'"number":5', b'"number":5,"number":6'), KEY),
        envelope.seal(good.replace(b'"number":5', b'"number": 5'), KEY),
        envelope.seal(canonical({"no": "statement"}), KEY),
        envelope.seal(canonical(told(5, at="yesterday")), KEY),
        envelope.seal(canonical(told(5, at="2026-03-30T10:00:00")), KEY),
    ):
        rebuilt(tmp_path / "bad", [*whole[:300], bad, *whole[300:]])
        assert outcome(tmp_path / "bad") == (19, 300)


def test_time_that_goes_back(published: pathlib.Path, tmp_path: pathlib.Path) -> None:
    whole = entries_of(published)
    late = envelope.seal(canonical(statement.statement("done", {"at": "2026-03-30T10:01:00.5+00:00"}, {"x": "0" * 64})), KEY)
    rebuilt(tmp_path / "back", [*whole[:600], late, *whole[600:]])
    assert outcome(tmp_path / "back") == (14, 600)
    assert outcome(tmp_path / "back", skew_seconds=600) == (0, None)


def test_witnesses(published: pathlib.Path, tmp_path: pathlib.Path) -> None:
    witness = keys.new("witness.example", keys.COSIGNATURE)
    assert outcome(published, witnesses=(witness.verifier,)) == (13, None)
    shutil.copytree(published, tmp_path / "cosigned")
    path = tmp_path / "cosigned" / "checkpoint"
    path.write_bytes(note.cosign(path.read_bytes(), witness, 1_774_864_800))
    found = report(tmp_path / "cosigned", witnesses=(witness.verifier,))
    assert (found.exit_code, found.signers) == (0, (KEY.verifier.label, witness.verifier.label))


@pytest.mark.parametrize("size", [1, 256, 300, 512, 700])
def test_going_on_from_a_trusted_checkpoint(published: pathlib.Path, tmp_path: pathlib.Path, size: int) -> None:
    trusted = rebuilt(tmp_path / "early", entries_of(published)[:size])
    found = report(published, trusted=(trusted,), only_new=True)
    assert (found.fault, found.checked) == ("ok", SIZE - size // 256 * 256)
    assert checkpoint.parse_note(trusted).size == size


def test_another_log_is_not_this_one(published: pathlib.Path) -> None:
    assert outcome(published, origin="example.com/other") == (13, None)

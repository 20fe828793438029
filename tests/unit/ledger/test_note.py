# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and notes as Go's note package writes them, checkpoints, cosignatures, and what a witness decides."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import string

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import checkpoint, keys, merkle, note, witness
from ansible_collections.governed.delivery.plugins.module_utils._ledger.checkpoint import Checkpoint, Malformed
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ledger import sample

# From the documentation of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = f"{GO_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"  # the public checksum database's

WITNESS = keys.new("witness.example", keys.COSIGNATURE)
ROOT = merkle.leaf_hash(b"x")
TEXT = Checkpoint(sample.ORIGIN, 1, ROOT).text()
NOTE = note.sign(TEXT, sample.KEY)


def test_keys_and_notes_of_go() -> None:
    key = keys.parse_signing(GO_PRIVATE)
    assert (key.text(), key.verifier.text()) == (GO_PRIVATE, GO_PUBLIC)
    assert keys.parse_verifier(GO_PUBLIC) == key.verifier
    assert note.sign(GO_TEXT, key).decode() == GO_NOTE
    assert note.verify(GO_NOTE.encode(), [key.verifier]) == note.Verified(GO_TEXT, (key.verifier,))
    assert keys.parse_verifier(SUMDB).text() == SUMDB


def test_a_key_file_is_for_its_owner_and_never_overwritten(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "deep" / "ledger.key"
    key = keys.generate(path, sample.ORIGIN)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.read(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["ledger.key"]
    before = path.read_bytes()
    with pytest.raises(Refusal, match="expected a new file for a key; found File exists"):
        keys.generate(path, "other")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["ledger.key"]
    path.chmod(0o640)
    with pytest.raises(Refusal, match="mode 0640"):
        keys.read(path)
    with pytest.raises(Refusal, match="No such file"):
        keys.read(tmp_path / "none")


@pytest.mark.parametrize(
    "text", ["", "x", "a+b", GO_PUBLIC, GO_PRIVATE[:-1], GO_PRIVATE.replace("c74f", "c74e"), GO_PRIVATE + "A", "\ufffd"]
)
def test_what_is_no_signing_key_is_refused_without_being_shown(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(Refusal) as refused:
        keys.read(path)
    assert refused.value.code == "key_malformed"
    assert "AYEKFALVFGy" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "x", GO_PRIVATE, GO_PUBLIC.replace("c74f", "c74e"), GO_PUBLIC.replace("Peter", "Paul"), GO_PUBLIC[:-4]]
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        keys.parse_verifier(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b"])
def test_a_key_needs_a_name(name: str) -> None:
    with pytest.raises(Refusal):
        keys.new(name)


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 7))
def test_a_turned_bit_makes_a_note_untrusted(place: int, bit: int) -> None:
    changed = bytearray(NOTE)
    changed[place] ^= 1 << bit
    with pytest.raises((note.Untrusted, Malformed)):
        note.verify(bytes(changed), [sample.KEY.verifier])


def test_bits_of_base64_that_carry_nothing_are_not_another_note() -> None:
    head, last = NOTE[:-3], NOTE[-3:]
    assert last.endswith(b"=\n"), "68 bytes leave two bits over"
    same = [
        letter
        for letter in string.ascii_letters + string.digits + "+/"
        if base64.b64decode(f"AA{letter}=") == base64.b64decode(b"AA" + last[:2])
    ]
    assert len(same) == 4
    for letter in set(same) - {chr(last[0])}:
        with pytest.raises(Malformed):
            note.verify(head + letter.encode() + b"=\n", [sample.KEY.verifier])


def test_other_peoples_signatures_count_for_nothing() -> None:
    other = keys.new(sample.ORIGIN)
    with pytest.raises(note.Untrusted, match="none of the known keys"):
        note.verify(NOTE, [other.verifier])
    both = NOTE + note.sign(TEXT, other).removeprefix(f"{TEXT}\n".encode())
    assert note.verify(both, [sample.KEY.verifier]).signers == (sample.KEY.verifier,)
    assert note.verify(both, [other.verifier, sample.KEY.verifier]).signers == (sample.KEY.verifier, other.verifier)
    assert note.verify(NOTE + NOTE.splitlines(keepends=True)[-1], [sample.KEY.verifier]).signers == (sample.KEY.verifier,)


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    other = keys.new("other.example")
    wrong = note.sign(TEXT + "more\n", other).splitlines(keepends=True)[-1]
    assert note.verify(NOTE + wrong, [sample.KEY.verifier]).text == TEXT
    with pytest.raises(note.Untrusted, match="is wrong"):
        note.verify(NOTE + wrong, [sample.KEY.verifier, other.verifier])


def test_a_cosignature_is_over_time_and_text() -> None:
    cosigned = note.cosign(NOTE, WITNESS, 1679315147)
    assert note.verify(cosigned, [WITNESS.verifier]).signers == (WITNESS.verifier,)
    line = cosigned.decode().splitlines()[-1]
    content = base64.b64decode(line.split(" ")[2])
    expected_id = hashlib.sha256(b"witness.example\n\x04" + WITNESS.verifier.public).digest()[:4]
    assert (content[:4], content[4:12]) == (expected_id, (1679315147).to_bytes(8, "big"))
    WITNESS.verifier.key.verify(content[12:], b"cosignature/v1\ntime 1679315147\n" + TEXT.encode())
    later = content[:4] + (1679315148).to_bytes(8, "big") + content[12:]
    with pytest.raises(note.Untrusted, match="is wrong"):
        note.verify(cosigned.replace(base64.b64encode(content), base64.b64encode(later)), [WITNESS.verifier])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"a\n\nb\n",
        b"a\n\n\xe2\x80\x94 name\n",
        b"a\n\n\xe2\x80\x94 name AAAA\n",
        NOTE[:-1],
        b"\xff" + NOTE,
        b"\t" + NOTE,
        bytes(1_000_001),
    ],
)
def test_what_is_no_note_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        note.split(content)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back(size: int, root: bytes) -> None:
    made = Checkpoint("o", size, root, ("extension",))
    assert checkpoint.parse(made.text()) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        TEXT[:-1],
        TEXT.replace("\n1\n", "\n01\n"),
        TEXT.replace("\n1\n", "\n-1\n"),
        TEXT.replace("\n1\n", "\n¹\n"),
        TEXT.replace("=", ""),
        TEXT + "\n",
        "\n" + TEXT,
    ],
)
def test_what_is_no_checkpoint_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        checkpoint.parse(text)


LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(9)]


def tree(leaves: list[bytes]) -> Checkpoint:
    edge: list[bytes] = []
    return Checkpoint("o", merkle.grow(edge, 0, leaves), merkle.root(edge))


def node(level: int, index: int) -> bytes:
    return merkle.complete_root(LEAVES[index << level : (index + 1) << level])


def test_what_a_witness_decides() -> None:
    five, nine, forked = tree(LEAVES[:5]), tree(LEAVES), tree([*LEAVES[:4], bytes(32)])
    proof = merkle.consistency_proof(5, 9, node)
    assert witness.decide(None, five, []) == witness.Decision("accepted", "first checkpoint seen", five)
    accepted = witness.decide(five, nine, proof)
    assert (accepted.answer, accepted.remember) == ("accepted", nine)
    for remembered, offered, given_proof, answer in (
        (five, five, [], "accepted"),
        (nine, five, proof, "stale"),
        (five, forked, [], "fork"),
        (forked, nine, proof, "inconsistent"),
        (five, nine, proof[:-1], "inconsistent"),
        (five, nine, [], "inconsistent"),
        (five, Checkpoint("other", 9, nine.root), proof, "inconsistent"),
    ):
        decision = witness.decide(remembered, offered, given_proof)
        assert (decision.answer, decision.remember) == (answer, remembered)

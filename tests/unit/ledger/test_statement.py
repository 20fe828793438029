# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: the fast way and the library's write the same bytes; statements and envelopes are read in one form only."""

from __future__ import annotations

import hashlib
import json
import math
import typing as t

import pytest
import rfc8785
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger import envelope, keys, statement
from ansible_collections.governed.delivery.plugins.module_utils._ledger.canonical import LARGEST, canonical, digest
from ansible_collections.governed.delivery.plugins.module_utils._ledger.checkpoint import Malformed
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ledger import sample

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not LARGEST < abs(number) < 1e21)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-LARGEST, LARGEST),
        FLOATS,
        TEXT,
        st.text('"\\/\x00\x1f\x7f\u2028é'),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
)


@given(JSON)
def test_the_bytes_are_the_librarys(content: t.Any) -> None:
    assert canonical(content) == rfc8785.dumps(content)
    assert digest(content) == hashlib.sha256(rfc8785.dumps(content)).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        math.nan,
        9007199254740992.0,
        {"é": [-1e20]},
        math.inf,
        LARGEST + 1,
        -LARGEST - 1,
        {1: 2},
        {"a": {2.5: 1}},
        pytest.param(object(), id="an object"),
        {"a": {1}},
        "\ud800",
        {"\ud800": 1},
        {"é": "\ud800"},
        b"x",
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(content: t.Any) -> None:
    with pytest.raises(Refusal) as refused:
        canonical({"content": content})
    assert refused.value.code == "not_canonical"


def test_a_mapping_within_itself_is_refused() -> None:
    content: dict[str, t.Any] = {}
    content["self"] = content
    with pytest.raises(Refusal):
        canonical(content)


@given(predicate=st.dictionaries(TEXT, JSON, max_size=4))
def test_a_statement_comes_back(predicate: dict[str, t.Any]) -> None:
    made = statement.statement("done", predicate, {"one": "0" * 64, "two": "f" * 64})
    entry = envelope.seal(canonical(made), sample.KEY)
    found = envelope.unseal(entry)
    assert canonical(statement.parse(found.payload)) == canonical(made)
    assert statement.kind(statement.parse(found.payload)) == "done"
    assert found.signers([keys.new("another").verifier, sample.KEY.verifier]) == (sample.KEY.verifier,)
    assert rfc8785.dumps(json.loads(entry)) == entry


def test_what_is_signed_is_the_standards_encoding() -> None:
    payload = canonical(sample.told(1))
    encoded = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
    assert envelope.authenticated(payload) == encoded
    [(label, signature)] = envelope.unseal(envelope.seal(payload, sample.KEY)).signatures
    assert label == sample.KEY.verifier.label
    sample.KEY.verifier.key.verify(signature, encoded)


@pytest.mark.parametrize(
    ("kind", "subjects"),
    [("Done", sample.PLAN), ("", sample.PLAN), ("done", {}), ("done", {"": "a" * 64}), ("done", {"x": "zz"}), ("a/b", sample.PLAN)],
)
def test_what_makes_no_statement_is_refused(kind: str, subjects: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        statement.statement(kind, {}, subjects)
    assert refused.value.code == "statement_shape"


GOOD = canonical(sample.told(1))


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (GOOD.replace(b'{"_type"', b'{"_type":"x","_type"'), "the key '_type' twice"),
        (GOOD.replace(b'"number":1', b'"number":1,"number":1'), "the key 'number' twice"),
        (GOOD.replace(b'":', b'": ', 1), "the same content otherwise written"),
        (GOOD.replace(b'"number":1', b'"number":1.0'), "the same content otherwise written"),
        (GOOD.replace(b'"number":1', b'"number":NaN'), "NaN is no JSON"),
        (GOOD.replace(b'"number":1', b'"number":9007199254740993'), "2\\^53"),
        (b"[]", "found list"),
        (b"\xff", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (canonical({**sample.told(1), "more": 1}), "more"),
        (canonical({**sample.told(1), "predicateType": "https://example.com/done/v1"}), "predicateType"),
        (canonical({**sample.told(1), "subject": []}), "at least one name"),
        (canonical({**sample.told(1), "subject": [{"name": "x", "digest": {"sha256": 1}}]}), "64 hexadecimal"),
        (canonical({**sample.told(1), "predicate": []}), "a mapping"),
        (canonical({**sample.told(1), "_type": "other"}), "_type"),
    ],
)
def test_other_bytes_are_no_statement(payload: bytes, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        statement.parse(payload)


SEALED = envelope.seal(GOOD, sample.KEY)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"[]",
        b"{}",
        SEALED + b"\n",
        SEALED.replace(b"in-toto", b"in_toto"),
        SEALED.replace(b'"signatures":[', b'"signatures":[],"signatures":['),
        SEALED.replace(b'"sig":"', b'"sig":"='),
        SEALED.replace(b'"sig"', b'"sag"'),
        SEALED[: SEALED.index(b"[") + 1] + b"]}",
    ],
)
def test_other_bytes_are_no_envelope(entry: bytes) -> None:
    with pytest.raises(Malformed):
        envelope.unseal(entry)

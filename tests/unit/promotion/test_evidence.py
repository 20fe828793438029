"""Statements go into the ledger and come out as they were; only who has read to the end may append."""

from __future__ import annotations

import math
import pathlib
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._ledger.store import HeadMoved
from ansible_collections.governed.delivery.plugins.module_utils._promotion import evidence
from ansible_collections.governed.delivery.plugins.plugin_utils import ledgers
from hypothesis import given
from hypothesis import strategies as st

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**53) + 1, 2.0**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def opened(directory: pathlib.Path, *, writes: bool = True) -> evidence.Evidence:
    return ledgers.evidence({"directory": directory}, writes=writes)


def keep(kept: evidence.Evidence, *statements: dict[str, t.Any]) -> None:
    evidence.record(kept, lambda _reading: statements)


@given(st.lists(st.tuples(plain, plain), max_size=4))
def test_what_is_kept_is_read(tmp_path_factory: pytest.TempPathFactory, contents: list[tuple[t.Any, t.Any]]) -> None:
    directory = tmp_path_factory.mktemp("evidence")
    said = [{"type": "verified", "reason": reason, "measures": [measures]} for reason, measures in contents]
    for statement in said:
        keep(opened(directory), statement)
    assert [dict(statement, attached=None) for statement in opened(directory, writes=False).read(whole=True).statements] == [
        dict(statement, attached=None) for statement in said
    ]


def test_what_is_large_is_attached_and_read_only_when_asked_for(tmp_path: pathlib.Path) -> None:
    keep(opened(tmp_path), {"type": "verified", "measures": [{"name": "x" * 100_000}], "plan": "trial", "plan_digest": "a" * 64})
    found = opened(tmp_path).read().statements[0]
    assert "measures" not in found
    attached = tmp_path / "ledger" / "attachments" / "sha256" / found["attached"]["measures"]
    assert len(attached.read_bytes()) > 100_000
    attached.chmod(0o600)
    attached.write_bytes(b"[]")
    with pytest.raises(Refusal):
        opened(tmp_path).read(whole=True)
    attached.unlink()
    with pytest.raises(Refusal, match="expected to be kept; found nothing"):
        opened(tmp_path).read(whole=True)


def test_numbers_that_json_cannot_hold_are_on_record_as_text(tmp_path: pathlib.Path) -> None:
    keep(opened(tmp_path), {"type": "verified", "measures": [math.nan, -math.inf, 2**60, 1e17, 1e300], "verdicts": [math.inf]})
    found = opened(tmp_path).read(whole=True).statements[0]
    assert (found["measures"], found["verdicts"]) == (["nan", "-inf", str(2**60), "1e+17", "1e+300"], ["inf"])


def test_who_has_not_read_to_the_end_does_not_append(tmp_path: pathlib.Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    before = one.read()
    keep(other, {"type": "started"})
    with pytest.raises(HeadMoved):
        one.append([{"type": "started"}], before)
    seen: list[int] = []

    def decide(reading: evidence.Reading) -> list[dict[str, t.Any]]:
        seen.append(len(reading.statements))
        if len(seen) == 1:
            keep(other, {"type": "intent"})
        return [{"type": "done"}]

    evidence.record(one, decide)
    assert seen == [1, 2]
    assert [statement["type"] for statement in one.read().statements] == ["started", "intent", "done"]


def test_reading_makes_nothing(tmp_path: pathlib.Path) -> None:
    assert opened(tmp_path / "nothing", writes=False).read().statements == ()
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_whose_key_is_gone_takes_no_new_one(tmp_path: pathlib.Path) -> None:
    keep(opened(tmp_path), {"type": "started"})
    (tmp_path / "ledger.key").unlink()
    assert len(opened(tmp_path, writes=False).read().statements) == 1
    with pytest.raises(Refusal, match="expected the key of the ledger that is there; found no such file"):
        opened(tmp_path)

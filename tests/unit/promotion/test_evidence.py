"""Evidence: what was acknowledged is there, what was not is never read, and a file that somebody changed is refused."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import pathlib
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Evidence, JsonLines, Reading
from hypothesis import given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
)


def test_what_is_kept_can_be_read(tmp_path: pathlib.Path) -> None:
    kept: Evidence = JsonLines(str(tmp_path / "deep" / "evidence"))
    assert kept.read() == Reading(())
    kept.append({"type": "started", "note": "line\nbreak, \u2028 and ä"})
    kept.append({"type": "promoted"})
    assert kept.read() == Reading(({"type": "started", "note": "line\nbreak, \u2028 and ä"}, {"type": "promoted"}))


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5))
def test_any_statement_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, statements: list[dict[str, t.Any]]) -> None:
    kept = JsonLines(str(tmp_path_factory.mktemp("evidence")))
    for statement in statements:
        kept.append(statement)
    assert list(kept.read().statements) == statements


@settings(deadline=None)
@given(cut=st.integers(1, 60))
def test_a_torn_last_line_is_named_and_never_read_and_does_not_spoil_the_next(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    kept = JsonLines(str(tmp_path_factory.mktemp("evidence")))
    kept.append({"number": 1})
    kept.append({"number": 2, "text": "x" * 60})
    content = kept.path.read_bytes()
    kept.path.write_bytes(content[:-cut])
    reading = kept.read()
    assert reading.statements == ({"number": 1},)
    assert reading.torn is not None
    assert "line 2" in reading.torn
    kept.append({"number": 3})
    assert kept.read() == Reading(({"number": 1}, {"number": 3}))


def test_a_torn_first_line_is_no_statement(tmp_path: pathlib.Path) -> None:
    kept = JsonLines(str(tmp_path))
    kept.path.write_bytes(b'{"number": 1}')
    assert kept.read().statements == ()
    kept.append({"number": 2})
    assert kept.read() == Reading(({"number": 2},))


@pytest.mark.parametrize("damage", [b"nonsense\n", b"[1]\n", b"\n", b'{"a":\n', b"\xff\n", b"7\n"])
def test_a_file_that_somebody_changed_is_refused(tmp_path: pathlib.Path, damage: bytes) -> None:
    kept = JsonLines(str(tmp_path))
    kept.append({"number": 1})
    kept.path.write_bytes(kept.path.read_bytes() + damage + b'{"number":3}\n')
    with pytest.raises(Refusal, match="line 2: expected one statement as a JSON object"):
        kept.read()


def _append_many(directory: str, writer: int, count: int) -> None:
    kept = JsonLines(directory)
    for number in range(count):
        kept.append({"writer": writer, "number": number, "filler": "x" * 5000})


def test_many_processes_lose_nothing(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(str(tmp_path), writer, 25)) for writer in range(4)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(60)
    assert [process.exitcode for process in writers] == [0, 0, 0, 0]
    found = [(statement["writer"], statement["number"]) for statement in JsonLines(str(tmp_path)).read().statements]
    assert sorted(found) == [(writer, number) for writer in range(4) for number in range(25)]
    assert all([number for who, number in found if who == writer] == list(range(25)) for writer in range(4))


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = JsonLines(str(tmp_path))
    kept.append({"number": 1})
    before = kept.path.read_bytes()
    write = os.pwrite

    def half(descriptor: int, content: bytes, position: int) -> int:
        if len(content) < 10:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[: len(content) // 2], position)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(Refusal, match="No space left on device"):
        kept.append({"number": 2, "text": "x" * 100})
    assert kept.path.read_bytes() == before


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    kept = JsonLines(str(tmp_path / "file"))
    with pytest.raises(Refusal, match="expected a file that can be written to"):
        kept.append({})
    with pytest.raises(Refusal, match="expected a file that can be read"):
        kept.read()


def test_a_dead_measure_is_on_record_as_text(tmp_path: pathlib.Path) -> None:
    kept = JsonLines(str(tmp_path))
    kept.append({"measures": [{"value": math.nan}, {"value": -math.inf}]})
    assert kept.read().statements == ({"measures": [{"value": "nan"}, {"value": "-inf"}]},)
    json.loads(kept.path.read_text())


def test_what_json_cannot_say_is_refused(tmp_path: pathlib.Path) -> None:
    kept = JsonLines(str(tmp_path))
    with pytest.raises(Refusal, match="expected text, numbers, lists and mappings"):
        kept.append({"at": object()})
    assert not kept.path.exists()

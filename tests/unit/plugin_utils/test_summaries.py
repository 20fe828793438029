"""The summary of a run: aligned, no wider than a log, and it says why."""

from __future__ import annotations

from ansible_collections.governed.delivery.plugins.plugin_utils import summaries, tables
from ansible_collections.governed.delivery.plugins.plugin_utils.summaries import Judged
from ansible_collections.governed.delivery.plugins.plugin_utils.tables import Column
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugin_utils import sample


def judged(**options: object) -> list[Judged]:
    seen = [one for one in sample.statements(**options) if one["type"] == "verified"]  # type: ignore[arg-type]
    return [Judged(one["stage"], one["capability"], one["host"], one["verdicts"]) for one in seen]


def test_every_goal_stands_with_its_verdict_on_one_line() -> None:
    lines = summaries.told(judged(), report="evidence/sprint_36.html")
    texts = [line.text for line in lines]
    assert all(len(text) <= summaries.WIDTH for text in texts)
    (change,) = [text for text in texts if text.startswith("foreground_p95_change ")]
    assert change.split("  ", 1)[1].split() == ["0.04", "ms", "[-0.05", "…", "0.11]", "at", "most", "0.5", "ms", "26,871", "PASS"]
    assert texts[-1] == "Report: evidence/sprint_36.html"
    assert sum(line.verdict == "PASS" for line in lines) == 15


def test_a_verdict_is_coloured_alone() -> None:
    lines = [line for line in summaries.told(judged()) if line.verdict]
    assert {line.text[line.start :] for line in lines} == {"PASS"}


def test_what_did_not_pass_says_why() -> None:
    told = summaries.told(judged(changed={"foreground_failed": None}))
    assert "  ERROR foreground_failed: expected at most 0; found nothing (null) as its value." in [line.text for line in told]


def test_the_end_is_told() -> None:
    told = [line.text for line in summaries.told([], sample.statements(changed={"reconcile_mismatches": 1}))]
    assert told == ["", "sprint_36 was promoted to dev.", "hot_table_partitioning was undone.", "sprint_36 was NOT promoted to stage."]


def test_a_run_that_judges_nothing_tells_nothing() -> None:
    assert summaries.told([]) == []


def test_several_hosts_are_told_apart() -> None:
    (one, *_others) = judged()
    told = [line.text for line in summaries.told([one, Judged(one.stage, one.capability, "second", one.verdicts)])]
    assert any("hot_table_partitioning on second" in text for text in told)


WORDS = st.text(st.characters(categories=("L", "N", "P", "Z")), max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS, st.integers(0, 10**9).map(str)), max_size=6), st.integers(60, 140))
def test_a_table_is_aligned_and_no_wider_than_asked(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column("goal", wrapped=True), Column("needed", wrapped=True), Column("samples", right=True))
    lines = tables.lines(columns, rows, width)
    widths = {tuple(len(cell) for cell in line) for line in lines}
    assert len(widths) == 1
    assert all(len("  ".join(line)) <= width for line in lines)
    for index in range(3):
        told = "".join("".join(line[index].split()) for line in lines[1:])
        assert told == "".join("".join(row[index].split()) for row in rows)

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-ahead log's arithmetic, and the chain that a restore needs."""

from __future__ import annotations

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import wal
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.wal import Segment
from hypothesis import given
from hypothesis import strategies as st

SIZE = wal.SEGMENT_BYTES
POSITIONS = st.integers(0, 2**64 - 1)
SIZES = st.sampled_from([1 << power for power in range(20, 31)])


@given(POSITIONS)
def test_a_position_is_read_as_it_is_written(place: int) -> None:
    assert wal.position(wal.written(place)) == place


@given(POSITIONS, st.integers(1, 2**32 - 1), SIZES)
def test_a_name_is_parsed_as_it_is_made(place: int, timeline: int, size: int) -> None:
    segment = wal.holding(place, timeline, size)
    assert wal.parse(segment.name(size), size) == segment
    assert wal.parse(f"{segment.name(size)}.gz", size) == segment
    assert segment.begins(size) <= place < segment.next().begins(size)


def test_names_as_postgresql_makes_them() -> None:
    """The position is the documentation's example of a pg_lsn."""
    assert wal.holding(wal.position("16/B374D848"), 1).name() == "0000000100000016000000B3"


@pytest.mark.parametrize(
    "name", ["00000001.history", "000000010000000000000002.partial", "000000010000000000000002.00000028.backup", "x", ""]
)
def test_what_is_no_segment(name: str) -> None:
    assert wal.parse(name) is None


@given(st.integers(0, 40), st.integers(0, 40), st.sets(st.integers(0, 60)))
def test_a_chain_is_whole_or_names_its_first_gap(start: int, last: int, present: set[int]) -> None:
    there = {Segment(number, 1) for number in present if number <= last}
    found = wal.chain(start * SIZE, 1, there, last=last)
    numbers = [segment.number for segment in found.segments]
    assert numbers == list(range(start, start + len(numbers)))
    assert set(found.segments) <= there
    if found.gap:
        assert found.gap.first_missing == Segment(start + len(numbers), 1)
        assert found.gap.later == sum(number > found.gap.first_missing.number for number in (one.number for one in there)) > 0
    else:
        assert not any(one.number > start + len(numbers) for one in there if one.number >= start)


def test_the_chain_goes_over_to_the_newest_timeline() -> None:
    """Timeline 2 left 1 in segment 3, timeline 4 left 2 in segment 5; 3 is another branch of 1, from before the backup."""
    histories = {2: {1: 3 * SIZE + 100}, 3: {1: SIZE}, 4: {1: 3 * SIZE + 100, 2: 5 * SIZE + 8}}
    there = {Segment(2, 1), Segment(3, 1), Segment(3, 2), Segment(4, 2), Segment(5, 4), Segment(6, 4)}
    found = wal.chain(2 * SIZE, 1, there, last=6, histories=histories)
    assert found.segments == (Segment(2, 1), Segment(3, 2), Segment(4, 2), Segment(5, 4), Segment(6, 4))
    assert found.gap is None


def test_a_timeline_that_does_not_come_from_the_backup_is_left_alone() -> None:
    found = wal.chain(5 * SIZE, 1, {Segment(5, 1), Segment(6, 1)}, last=6, histories={2: {1: 3 * SIZE}})
    assert found.segments == (Segment(5, 1), Segment(6, 1))


def test_a_history_is_read_without_its_comments() -> None:
    assert wal.switches("# remark\n1\t0/A000198\tbefore 2000-01-01\n\n2\t0/C0000A8\tno recovery target\n") == {1: 0xA000198, 2: 0xC0000A8}

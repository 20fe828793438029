# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest gap between uploads to the archive."""

from __future__ import annotations

from ansible_collections.governed.delivery.plugins.module_utils._backups.source.place import Item, Listing
from ansible_collections.governed.delivery.plugins.module_utils._backups.source.uploads import Gap, worst_gap
from hypothesis import given
from hypothesis import strategies as st

T0 = 1_000_000.0


def archive(*written: float, names: str = "wal/0000000100000000{:08X}") -> Listing:
    return Listing({names.format(number): Item(names.format(number), 16, moment) for number, moment in enumerate(written)})


def test_the_gap_up_to_now_counts_too() -> None:
    assert worst_gap(archive(T0 - 300, T0 - 240, T0 - 180), T0) == Gap(180, T0, 3)
    assert worst_gap(archive(T0 - 300, T0 - 100, T0 - 40), T0) == Gap(200, T0 - 100, 3)


def test_a_gap_that_ended_in_the_window_counts_whole() -> None:
    assert worst_gap(archive(T0 - 5000, T0 - 50, T0), T0, window=100) == Gap(4950, T0 - 50, 2)
    assert worst_gap(archive(T0 - 5000, T0 - 150, T0 - 60, T0), T0, window=100) == Gap(90, T0 - 60, 2)


def test_an_archive_that_stands_still_since_before_the_window_is_told() -> None:
    assert worst_gap(archive(T0 - 5000), T0, window=100) == Gap(5000, T0, 0)


def test_nothing_to_measure_is_no_number() -> None:
    assert worst_gap(archive(), T0) == Gap(None, None, 0)
    assert worst_gap(archive(T0 + 1), T0) == Gap(None, None, 0)


def test_only_whole_segments_count() -> None:
    names = ["00000002.history", "000000010000000000000003.00000028.backup", "000000010000000000000004.partial"]
    listing = Listing({name: Item(name, 1, T0) for name in names})
    assert worst_gap(listing, T0) == Gap(None, None, 0)
    for name in ("000000010000000000000003.gz", "archive/main/15-1/0000000100000000/000000010000000000000003-" + "a" * 40 + ".zst"):
        assert worst_gap(Listing({name: Item(name, 1, T0 - 7)}), T0) == Gap(7, T0, 1)


@given(st.lists(st.floats(0, 200_000), min_size=1, max_size=40), st.floats(1, 100_000))
def test_no_moment_of_the_window_was_further_from_its_last_upload(ages: list[float], window: float) -> None:
    gap = worst_gap(archive(*(T0 - age for age in ages)), T0, window)
    times = sorted(T0 - age for age in ages)
    ends = [moment for moment in [*times[1:], T0] if moment >= T0 - window]
    behind = {end: end - max([moment for moment in times if moment < end], default=end) for end in ends}
    assert gap.seconds == max(behind.values())
    assert gap.at in ends
    assert gap.segments == sum(moment >= T0 - window for moment in times)

"""Charts: well-formed whatever is drawn, everything inside the picture, and no label on another."""

from __future__ import annotations

import itertools
import math
import random
import re
from xml.etree import ElementTree

import pytest
from ansible_collections.governed.delivery.plugins.plugin_utils import bullets, charts, scales
from ansible_collections.governed.delivery.plugins.plugin_utils.charts import Baseline, Chart, Mark, Phase, Series
from hypothesis import example, given
from hypothesis import strategies as st

START = 1774864800.0
NAMES = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=30)  # what is printable
MOMENTS = st.floats(0, 1e6).map(lambda seconds: START + round(seconds, 3))
VALUES = st.one_of(st.none(), st.floats(0, 1e4), st.integers(0, 10**9))

CHARTS = st.builds(
    lambda series, phases, marks, small: Chart("Title <&>", "Words", "ms", tuple(series), tuple(phases), tuple(marks), small),
    st.lists(
        st.builds(
            lambda name, points, base: Series(
                name, "ms", tuple(sorted(points.items())), (Baseline(base, min(points), max(points)),) if base else ()
            ),
            NAMES,
            st.dictionaries(MOMENTS, VALUES, min_size=1, max_size=30),
            st.one_of(st.none(), st.floats(0.1, 10)),
        ),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.tuples(NAMES, MOMENTS, st.floats(0, 5000)), max_size=14).map(
        lambda found: sorted((Phase(name, "dev", start, start + length) for name, start, length in found), key=lambda phase: phase.started)
    ),
    st.lists(st.tuples(NAMES, MOMENTS, NAMES), max_size=12).map(
        lambda found: sorted((Mark(name, at, detail) for name, at, detail in found), key=lambda mark: mark.at)
    ),
    st.booleans(),
)


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(charts.line_chart(chart, "c"))


def size(picture: ElementTree.Element) -> tuple[float, float]:
    _x, _y, width, height = (float(part) for part in picture.attrib["viewBox"].split())
    return width, height


@given(CHARTS)
def test_everything_is_inside_the_picture(chart: Chart) -> None:
    picture = drawn(chart)
    width, height = size(picture)
    for element in picture.iter():
        for name, longest in (
            ("x", width),
            ("x1", width),
            ("x2", width),
            ("cx", width),
            ("y", height),
            ("y1", height),
            ("y2", height),
            ("cy", height),
        ):
            if name in element.attrib:
                assert -0.01 <= float(element.attrib[name]) <= longest + 0.01, element.attrib
        if element.tag == "rect":
            assert float(element.attrib["width"]) >= 0
        if element.tag == "path":
            numbers = [float(number) for number in re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", element.attrib["d"])]
            assert all(math.isfinite(number) for number in numbers)


@given(st.lists(st.tuples(st.floats(0, 600), st.integers(1, 30)), min_size=2, max_size=12))
def test_no_label_of_a_mark_lies_on_another_or_on_a_line(found: list[tuple[float, int]]) -> None:
    """Nor does one go missing: where there is no room, its letter joins the one before it."""
    marks = sorted((Mark("m" * length, START + at, "detail") for at, length in found), key=lambda mark: mark.at)
    labels = charts._mark_labels(marks, scales.time_scale([(START, START + 600)], charts.LEFT, charts.RIGHT), letters_only=False)
    assert len(labels) == len(marks)
    told = " ".join(label.text for label in labels).split()
    assert {charts.letter_of(index) for index in range(len(marks))} <= set(told)
    spelt = [label for label in labels if label.text.count(" ") != 1 or "m" in label.text]
    spelt = [label for label in spelt if label.text and not all(len(word) == 1 for word in label.text.split()[1:])]
    for first, second in itertools.combinations(spelt, 2):
        if first.row == second.row:
            assert first.right <= second.left or second.right <= first.left
        for label, line in ((first, second), (second, first)):
            if line.row <= label.row:
                assert not label.left <= line.line <= label.right


def test_the_chips_of_one_lane_never_touch() -> None:
    drawn_at = random.Random(7)
    for _round in range(50):
        starts = sorted(drawn_at.uniform(0, 600) for _phase in range(15))
        phases = [Phase("copy", "", START + start, START + start + drawn_at.uniform(0, 90)) for start in starts]
        time = scales.time_scale([(START, START + 600)], charts.LEFT, charts.RIGHT)
        lanes = charts._lanes(phases, time)
        for (first, lane), (second, other) in itertools.combinations(zip(phases, lanes, strict=True), 2):
            if lane == other:
                assert charts._chip(first, time)[1] <= charts._chip(second, time)[0] + 1


def test_it_can_be_read_without_seeing_it() -> None:
    picture = drawn(Chart("p95 over time", "Median 0.7 ms.", "ms", (Series("p95", "ms", ((START, 0.7), (START + 1, 0.8))),)))
    assert picture.attrib["role"] == "img"
    title, description, *_rest = picture
    assert picture.attrib["aria-labelledby"] == f"{title.attrib['id']} {description.attrib['id']}"
    assert (title.text, description.text) == ("p95 over time", "Median 0.7 ms.")


def test_a_spike_is_clipped_marked_and_written_beside() -> None:
    points = tuple((START + second, 40.0 if second == 50 else 1.0) for second in range(100))
    picture = charts.line_chart(Chart("t", "d", "ms", (Series("p95", "ms", points),)), "c")
    assert "beyond the axis" in picture
    assert ">40</text>" in picture
    assert ">40</text>" not in charts.line_chart(Chart("t", "d", "ms", (Series("p95", "ms", points[:50]),)), "c")


def test_a_missing_observation_breaks_the_curve() -> None:
    points = tuple((START + second, None if second == 5 else 1.0) for second in range(10))
    assert charts.line_chart(Chart("t", "d", "ms", (Series("p95", "ms", points),)), "c").count('class="curve series-0" d=') == 2


def test_names_are_escaped() -> None:
    nasty = '<script>alert("&")</script>'
    series = Series(nasty, nasty, ((START, 1.0), (START + 9, 2.0)))
    chart = Chart(nasty, nasty, nasty, (series,), (Phase(nasty, nasty, START, START + 9),), (Mark(nasty, START, nasty),))
    picture = charts.line_chart(chart, "c")
    assert "<script" not in picture
    assert ElementTree.fromstring(picture).find("title") is not None


# --- scales -------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e5)).map(lambda pair: (pair[0], sum(pair))), min_size=1, max_size=20))
def test_time_runs_from_left_to_right(extents: list[tuple[float, float]]) -> None:
    scale = scales.time_scale(extents, 60, 844)
    moments = sorted(itertools.chain.from_iterable(extents))
    places = [scale.position(moment) for moment in moments]
    assert all(60 - 1e-6 <= place <= 844 + 1e-6 for place in places)
    assert all(before <= after + 1e-6 for before, after in itertools.pairwise(places))
    ticks = [scale.position(moment) for moment in scale.ticks(72)]
    assert ticks
    assert all(after - before >= 71 for before, after in itertools.pairwise(ticks))


def test_a_long_pause_is_cut_out_and_a_short_one_is_not() -> None:
    assert len(scales.time_scale([(0, 100), (130, 200)], 0, 800).spans) == 1
    assert len(scales.time_scale([(0, 100), (9000, 9100)], 0, 800).spans) == 2


@pytest.mark.parametrize(
    ("values", "clipped"),
    [
        ([1, 1, 9], False),
        ([1] * 9 + [9], True),
        ([1] * 98 + [9] * 2, True),
        ([1] * 90 + [9] * 10, False),
        (list(range(100)), False),
        ([0] * 99 + [5], False),
    ],
)
def test_only_a_few_spikes_are_clipped(values: list[float], clipped: bool) -> None:
    assert (scales.clipped_top(values) < max(values)) == clipped


@given(st.floats(0, 1e12), st.floats(-1e6, 0), st.integers(2, 8))
@example(175_000_000_026.0, -26.0, 7)
@example(5e-5, 0.0, 5)
def test_round_steps_hold_what_they_have_to(top: float, bottom: float, count: int) -> None:
    steps = scales.round_steps(top, bottom, count)
    assert 2 <= len(steps) <= count + 2
    assert steps[0] <= bottom + 1e-6 * (top - bottom) + 1e-9
    assert steps[-1] >= top - 1e-6 * (top - bottom) - 1e-9


@pytest.mark.parametrize(
    ("seconds", "clock", "duration"),
    [(0, "00:00", "0 ms"), (0.0026, "00:00", "2.6 ms"), (75, "01:15", "1 min 15 s"), (3725, "1:02:05", "1 h 2 min"), (30, "00:30", "30 s")],
)
def test_time_is_told_as_people_tell_it(seconds: float, clock: str, duration: str) -> None:
    assert scales.clock(seconds) == clock
    assert scales.duration(seconds) == duration


def test_an_axis_has_little_room() -> None:
    assert [scales.compact(value) for value in (0, 0.25, 500, 9999, 20000, 2_500_000, 3e9)] == [
        "0",
        "0.25",
        "500",
        "9,999",
        "20 k",
        "2.5 M",
        "3 G",
    ]


@given(st.floats(-1e6, 1e6), st.sampled_from(["at_most", "at_least", "equals", ""]), st.floats(-1e6, 1e6), st.floats(0, 1e5))
def test_a_bullet_shows_value_and_limit(value: float, bound: str, limit: float, spread: float) -> None:
    picture = bullets.bullet(value, bound, limit, (value - spread, value + spread))
    if picture is None:
        assert value == limit == 0
        return
    for element in ElementTree.fromstring(picture).iter():
        for name in ("x", "x1", "x2", "cx"):
            if name in element.attrib:
                assert -1.01 <= float(element.attrib[name]) <= bullets.WIDTH + 0.01

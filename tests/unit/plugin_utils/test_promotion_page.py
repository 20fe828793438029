"""The report: tells what the evidence says, whatever that is, and lets nothing in it become markup."""

from __future__ import annotations

import datetime
import html.parser
import json
import math
import re
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._common.errors import Refusal
from ansible_collections.governed.delivery.plugins.module_utils._promotion.evidence import Reading
from ansible_collections.governed.delivery.plugins.plugin_utils import markup, pages, promotion_page, timelines
from ansible_collections.governed.delivery.plugins.plugin_utils.timelines import Timeline
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.plugin_utils import sample

NOW = datetime.datetime(2026, 3, 30, 12, 0, tzinfo=datetime.UTC)
NASTY = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\u2028&amp;\""
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=10,
)


class Page(html.parser.HTMLParser):
    """What a browser would see: elements opened, closed in order, and the text of each."""

    VOID: t.ClassVar[set[str]] = {"meta", "br", "hr", "col", "img"}

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def rendered(**options: t.Any) -> str:
    return promotion_page.render(sample.plan(), sample.reading(**options), NOW)


def heading(page: str) -> str:
    return Page(page).texts["h1"][0]


def test_a_promotion_that_went_through_says_so() -> None:
    page = rendered()
    assert heading(page) == "Promoted through dev, stage and prod"
    seen = Page(page)
    assert seen.open == []
    text = " ".join(part for parts in seen.texts.values() for part in parts)
    for expected in (
        "2,020,656",
        "rows copied under load",
        "2.6",
        "p95_floor_ms",
        "0.5 ms",
        "A mirror on, 3 triggers",
        "9 copy",
        "0.04 ms",
        "26,871",
    ):
        assert expected in text, expected


def test_it_needs_neither_network_nor_script() -> None:
    page = rendered()
    seen = Page(page)
    assert seen.tags.count("script") == 1
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://""", page)
    assert not [name for name, _value in seen.attributes if name.startswith("on")]
    assert len(page) < 300_000


def test_the_evidence_stands_in_the_page() -> None:
    reading = sample.reading()
    embedded = re.search(
        r'<script type="application/json" id="evidence">(.*?)</script>', promotion_page.render(sample.plan(), reading, NOW), re.DOTALL
    )
    assert embedded is not None
    assert json.loads(embedded[1])["statements"] == json.loads(json.dumps(list(reading.statements)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stages": ()}, "No stage has run"),
        ({"stages": ("dev",)}, "Promoted to dev; stage has not run"),
        ({"changed": {"reconcile_mismatches": 3}}, "Stopped at stage: FAIL"),
        ({"changed": {"foreground_failed": None}}, "Stopped at stage: ERROR"),
        ({"changed": {"foreground_p95_change": 0.6}}, "Stopped at stage: INCONCLUSIVE"),
    ],
)
def test_the_headline_says_how_far_it_came(options: dict[str, t.Any], expected: str) -> None:
    assert heading(rendered(**options)) == expected


def test_a_run_that_was_cut_is_not_a_pass() -> None:
    statements = [one for one in sample.statements() if not (one["stage"] == "stage" and one["type"] in ("promoted", "verified"))]
    page = promotion_page.render(sample.plan(), Reading(tuple(statements)), NOW)
    assert heading(page) == "Stage has not ended, or was cut"


def test_a_promotion_under_another_plan_is_listed_and_does_not_count() -> None:
    statements = [{**one, "plan_digest": "0" * 64} for one in sample.statements()]
    page = promotion_page.render(sample.plan(), Reading(tuple(statements)), NOW)
    assert heading(page) == "No stage has run"
    assert "another plan" in page


def test_only_the_last_run_of_a_stage_counts() -> None:
    failed = [{**one, "run": "again"} for one in sample.statements(changed={"rehearsal_mismatches": 1})]
    page = promotion_page.render(sample.plan(), Reading((*sample.statements(), *failed)), NOW)
    assert heading(page) == "Stopped at dev: FAIL"


def test_a_stage_that_broke_is_an_error_even_where_all_that_was_judged_passed() -> None:
    """As when the promotion itself could not be kept."""
    statements = [
        {**one, "type": "not_promoted", "reason": "disk full"} if one["type"] == "promoted" else one
        for one in sample.statements(stages=("dev",))
    ]
    page = promotion_page.render(sample.plan(), Reading(tuple(statements)), NOW)
    assert heading(page) == "Stopped at dev: ERROR"
    assert "disk full" in page


def test_nothing_in_the_evidence_becomes_markup() -> None:
    def spoilt(found: t.Any, key: str = "") -> t.Any:
        if isinstance(found, dict):
            return {name: spoilt(value, name) for name, value in found.items()}
        if isinstance(found, list):
            return [spoilt(value) for value in found]
        kept = key in ("type", "plan", "plan_digest", "stage", "run", "verdict")
        return found + NASTY if isinstance(found, str) and not kept else found

    statements = tuple(spoilt(dict(one)) for one in sample.statements(changed={"foreground_failed": None}))
    page = promotion_page.render(sample.plan(), Reading(statements), NOW)
    seen = Page(page)
    assert seen.tags.count("script") == 1
    assert "img" not in seen.tags
    assert seen.open == []


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from(["measures", "verdicts", "timeline", "at", "by", "reason", "host", "capability"]), junk=JSON)
def test_junk_in_the_evidence_still_gives_a_page(key: str, junk: object) -> None:
    statements = tuple({**one, key: junk} for one in sample.statements())
    page = Page(promotion_page.render(sample.plan(), Reading(statements), NOW))
    assert page.open == []
    assert "h1" in page.texts


def test_an_unreadable_timeline_is_told_and_spoils_nothing() -> None:
    statements = tuple({**one, "timeline": {"phases": [{"name": "copy"}]}} for one in sample.statements())
    page = promotion_page.render(sample.plan(), Reading(statements), NOW)
    assert "A timeline could not be read: hot_table_partitioning: timeline.phases[0]: expected the key started" in page
    assert heading(page) == "Promoted through dev, stage and prod"


@given(st.text(st.characters(exclude_categories=["C"]), max_size=40))
@example(NASTY)
def test_text_is_escaped_and_comes_back(found: str) -> None:
    seen = Page(markup.tag("p", found, title=found))
    assert seen.tags == ["p"]
    assert seen.attributes == [("title", found)]
    assert "".join(seen.texts.get("p", [])) == found


@given(JSON)
def test_embedded_json_ends_nothing_and_comes_back(found: object) -> None:
    embedded = pages.embeddable(found)
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == found


# --- timelines ----------------------------------------------------------------------------------------------------------------


def test_what_two_runs_both_tell_is_drawn_once() -> None:
    first = timelines.parse(sample.timeline("stage", sample.STAGE), "stage")
    assert timelines.merged([first, first]) == first
    other = timelines.parse(sample.timeline("prod", sample.PROD), "prod")
    both = timelines.merged([other, first])
    assert [phase.started for phase in both.phases] == sorted(phase.started for phase in both.phases)
    assert [series.name for series in both.series] == ["foreground p95", "rows copied"]
    assert timelines.parse({}, "dev") == Timeline()


def test_a_later_stage_that_tells_the_earlier_ones_again_adds_only_its_own() -> None:
    """The role's timeline is the whole way of the table, whatever the stage."""
    stage = {
        "phases": [{"name": "copy", "started": 10, "ended": 20}],
        "series": [{"name": "p95", "unit": "ms", "points": [[10, 1], [20, 1]], "baseline": 0.9}],
    }
    prod: dict[str, t.Any] = {
        "phases": [{"name": "copy", "started": 10, "ended": 25}, {"name": "cutover", "started": 30, "ended": 31}],
        "series": [{"name": "p95", "unit": "ms", "points": [[10, 1], [20, 1], [31, 1]], "baseline": 0.9}],
    }
    both = timelines.merged([timelines.parse(stage, "stage"), timelines.parse(prod, "prod")])
    assert [(phase.group, phase.name, phase.ended) for phase in both.phases] == [("stage", "copy", 25), ("prod", "cutover", 31)]
    assert [(line.started, line.ended) for line in both.series[0].baselines] == [(10, 31)]
    prod["series"][0]["baseline"] = 1.1
    both = timelines.merged([timelines.parse(stage, "stage"), timelines.parse(prod, "prod")])
    assert [(line.value, line.started, line.ended) for line in both.series[0].baselines] == [(0.9, 10, 20), (1.1, 20, 31)]


@pytest.mark.parametrize(
    ("timeline", "path"),
    [
        ({"phase": []}, "timeline.phase"),
        ({"phases": {}}, None),
        ({"phases": [{"name": "copy", "started": 2, "ended": 1}]}, "timeline.phases[0].ended"),
        ({"phases": [{"name": "copy", "started": math.nan, "ended": 1}]}, "timeline.phases[0].started"),
        ({"series": [{"name": "p95", "points": [[1]]}]}, "timeline.series[0].points[0]"),
        ({"series": [{"name": "p95", "points": [[1, "2"]]}]}, "timeline.series[0].points[0]"),
        ({"series": [{"name": "p95", "points": [[1, 2]], "baseline": "x"}]}, "timeline.series[0].baseline"),
        ({"marks": [{"name": "x", "at": None}]}, "timeline.marks[0].at"),
        (7, "timeline"),
    ],
)
def test_a_timeline_that_is_none_is_refused_with_its_path(timeline: object, path: str | None) -> None:
    if path is None:
        assert timelines.parse(timeline, "dev").is_empty
    else:
        with pytest.raises(Refusal, match=re.escape(path)):
            timelines.parse(timeline, "dev")

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Made-up series that a service level's selectors match, in promtool's notation."""

from __future__ import annotations

import dataclasses
import decimal
import re
import typing as t

from ..._common.errors import Refusal
from ..._common.prometheus import promql
from ..catalog.slo import Slo
from . import recording

Decimal = decimal.Decimal
NONE = Decimal(0)
OTHERS = ("", "other", "200", "500", "GET", "1", "0")  # values tried where a label must match nothing in particular, or must not match


@dataclasses.dataclass(frozen=True)
class Stretch:
    """So many minutes at so many events a minute, of which a share is bad. ``measured`` is false while the metric is gone."""

    minutes: int
    events: Decimal
    bad: Decimal = NONE
    measured: bool = True


def inputs(slo: Slo, stretches: t.Sequence[Stretch]) -> list[dict[str, str]]:
    """promtool's ``input_series`` for one target that is scraped every minute.

    :raises Refusal: no labels could be found that the selectors match.
    """
    part, total, is_good = recording.part_and_total(slo)
    some, all_ = promql.plain_selector(part), promql.plain_selector(total)
    groups = dict.fromkeys(slo.group_by, "one")
    bad = [stretch.events * stretch.bad for stretch in stretches]
    good = [stretch.events - wrong for stretch, wrong in zip(stretches, bad, strict=True)]
    wanted, rest = (good, bad) if is_good else (bad, good)
    within = _series(some.name, [*some.matchers, *(all_.matchers if some.name == all_.name else ())], [], groups, slo)
    if some.name == all_.name:  # what the part selects is among all; beside it goes what it does not
        beside = _series(all_.name, all_.matchers, some.matchers, groups, slo)
    else:
        beside, rest = _series(all_.name, all_.matchers, [], groups, slo), [stretch.events for stretch in stretches]
    return [{"series": series, "values": _values(stretches, rates)} for series, rates in ((within, wanted), (beside, rest))]


def example(pattern: str) -> str:
    """A text that the regular expression matches as a whole, for the patterns that people write; "" when none was found."""
    first = re.sub(r"\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)[?*]", "", pattern)  # (…)? and (…)*
    first = re.sub(r"\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)\+?", r"\1", first).partition("|")[0]
    tries = (first, re.sub(r"\\d|\[[0-9]-?[0-9]?\]", "5", first))
    for text in (pattern, *tries, *(re.sub(r"\.[*+]?\??", "0", re.sub(r"\\(.)", r"\1", text)) for text in tries), *OTHERS):
        if re.fullmatch(pattern, text):
            return text
    return ""


def _series(
    name: str,
    matchers: t.Sequence[tuple[str, str, str]],
    against: t.Sequence[tuple[str, str, str]],
    groups: t.Mapping[str, str],
    slo: Slo,
) -> str:
    """A series that fits all matchers, and not all of those against it."""
    labels: dict[str, str] = {label: text for label, text in groups.items() if all(label != of for of, _operator, _value in matchers)}
    for label in sorted({label for label, _operator, _value in matchers}):
        own = [matcher for matcher in matchers if matcher[0] == label]
        labels[label] = _fitting(own, slo)
    if against and all(_fits(labels.get(label, ""), operator, value) for label, operator, value in against):
        for label, operator, value in against:
            own = [matcher for matcher in matchers if matcher[0] == label]
            unlike = [text for text in _candidates(own) if not _fits(text, operator, value) and all(_fits(text, *m[1:]) for m in own)]
            if unlike:
                labels[label] = unlike[0]
                break
        else:
            raise _none(slo, "an event that is of the total, and not of its part")
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in sorted(labels.items()) if text)
    return f"{name}{{{inner}}}"


def _fitting(matchers: t.Sequence[tuple[str, str, str]], slo: Slo) -> str:
    for text in _candidates(matchers):
        if all(_fits(text, operator, value) for _label, operator, value in matchers):
            return text
    raise _none(slo, " and ".join(f"{label}{operator}{value}" for label, operator, value in matchers))


def _candidates(matchers: t.Sequence[tuple[str, str, str]]) -> list[str]:
    exact = [value for _label, operator, value in matchers if operator == "="]
    matching = [example(value) for _label, operator, value in matchers if operator == "=~"]
    return [*exact, *matching, *OTHERS]


def _fits(text: str, operator: str, value: str) -> bool:
    is_equal = text == value if operator in ("=", "!=") else re.fullmatch(value, text) is not None
    return is_equal if operator in ("=", "=~") else not is_equal


def _values(stretches: t.Sequence[Stretch], rates: t.Sequence[Decimal]) -> str:
    """``0+10x60 _x5 605+10x3``: the counter at every minute, from the first on; it starts at 0."""
    parts = ["0x0"]
    value = Decimal(0)
    for stretch, rate in zip(stretches, rates, strict=True):
        if stretch.measured:
            parts.append(f"{_plain(value + rate)}+{_plain(rate)}x{stretch.minutes - 1}")
        else:
            parts.append(f"_x{stretch.minutes}")
        value += rate * stretch.minutes
    return " ".join(parts)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _none(slo: Slo, wanted: str) -> Refusal:
    return Refusal(
        f"slo {slo.id}: sli",
        expected="selectors for which a test can make up a series",
        found=f"no labels found for: {wanted}",
        remedy="Write the labels with = or a simple alternative.",
        code="slo_no_example",
    )

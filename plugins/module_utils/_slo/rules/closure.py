# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Whether rules read only what there is: every selector is a raw metric that is allowed, or recorded by these rules.

``promtool check rules`` says SUCCESS to an alert on ``error_budget_burn_2x``, which nothing records; it would be silent for ever.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._common.prometheus import promql

PROMETHEUS_OWN = frozenset(("ALERTS", "ALERTS_FOR_STATE", "up"))


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong with a rule. ``path`` is ``group/rule``; ``code`` is undefined_recording_rule, rule_order, unparseable or recording_twice."""

    code: str
    path: str
    found: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return dataclasses.asdict(self)


def findings(content: t.Mapping[str, t.Any], raw: t.Callable[[str], bool]) -> list[Finding]:
    """All of a rule file's findings, in the order of its rules.

    :param content: a rule file, ``{"groups": [{"name": …, "rules": […]}]}``.
    :param raw: whether a metric of this name comes from elsewhere.
    """
    rules = [
        (str(group.get("name", "")), index, rule)
        for group in content.get("groups") or ()
        for index, rule in enumerate(group.get("rules") or ())
    ]
    recorded: dict[str, list[tuple[str, int]]] = {}
    for group, index, rule in rules:
        if "record" in rule:
            recorded.setdefault(str(rule["record"]), []).append((group, index))
    found = [*_twice(rules)]
    for group, index, rule in rules:
        path = f"{group}/{rule.get('record') or rule.get('alert') or index}"
        try:
            names = dict.fromkeys(selector.name for selector in promql.selectors(str(rule.get("expr", ""))))
        except promql.NoPromql as why:
            found.append(Finding("unparseable", path, str(why), "Correct the expression."))
            continue
        for name in names:
            found += _named(name, path, (group, index), recorded, raw)
    return found


def allowed(patterns: t.Sequence[str]) -> t.Callable[[str], bool]:
    """A test for raw metrics: regular expressions that match the whole name, and those that Prometheus itself makes."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return lambda name: name in PROMETHEUS_OWN or any(pattern.fullmatch(name) for pattern in compiled)


def _named(
    name: str, path: str, place: tuple[str, int], recorded: t.Mapping[str, list[tuple[str, int]]], raw: t.Callable[[str], bool]
) -> t.Iterator[Finding]:
    group, index = place
    if not name:
        yield Finding("undefined_recording_rule", path, "a selector without a metric's name", "Name the metric.")
    elif name not in recorded:
        if not raw(name):
            yield Finding(
                "undefined_recording_rule",
                path,
                f"{name}, which no rule records and which is no known metric",
                "Record it, correct its name, or allow it as a raw metric.",
            )
    elif all(other == group and number >= index for other, number in recorded[name]):
        yield Finding(
            "rule_order",
            path,
            f"{name}, which this group records only later",
            "Record it before it is read: else it is a round old, or a circle.",
        )


def _twice(rules: t.Sequence[tuple[str, int, t.Mapping[str, t.Any]]]) -> t.Iterator[Finding]:
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for group, _index, rule in rules:
        name = str(rule.get("record") or rule.get("alert") or "")
        key = (name, tuple(sorted((str(label), str(text)) for label, text in (rule.get("labels") or {}).items())))
        if "record" in rule and key in seen:
            yield Finding(
                "recording_twice", f"{group}/{name}", "two rules that record the same series", "Remove one: each overwrites the other's."
            )
        seen.add(key)

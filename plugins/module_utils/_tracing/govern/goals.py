# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a sampler is to achieve, and the policies that do."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._common import shape, words
from ..otlp.spans import FIRST_SERVER_ERROR, LAST_SERVER_ERROR, RESPONSE_STATUS
from ..policies import versions
from ..policies.versions import Version

BASELINE = "baseline"
NOT_ERRORS: t.Mapping[str, t.Any] = {
    "name": "no_errors",
    "type": "not",
    "not": {"not_sub_policy": {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}},
}


@dataclasses.dataclass(frozen=True)
class Match:
    """Traces with a span, or a resource, whose attribute has one of these values, or begins with one of these whole parts of a path."""

    name: str
    attribute: str
    values: tuple[str, ...]
    prefixes: tuple[str, ...]

    @property
    def block(self) -> dict[str, t.Any]:
        """The settings of a policy of the type ``string_attribute``."""
        if not self.prefixes:
            return {"key": self.attribute, "values": list(self.values)}
        patterns = [f"^{_quoted(value)}$" for value in self.values] + [f"^{_quoted(prefix.rstrip('/'))}(/|$)" for prefix in self.prefixes]
        return {"key": self.attribute, "values": patterns, "enabled_regex_matching": True}


@dataclasses.dataclass(frozen=True)
class Goals:
    """Shares from 0 to 1 of traces; percentages from 0 to 100.

    :param baseline_percentage: share of ordinary traces to keep; None when it is to be found from recorded traces.
    """

    error_keep_min: float
    volume_cut_min: float
    slow_milliseconds: int | None
    baseline_min_percentage: float
    baseline_percentage: float | None
    always_keep: tuple[Match, ...]
    never_keep: tuple[Match, ...]


def parse(told: t.Mapping[str, t.Any], version: Version) -> Goals:
    """The module's option.

    :raises Refusal: something in it cannot be.
    """
    for key in ("error_keep_min", "volume_cut_min"):
        if not words.is_number(told[key]) or not 0 <= told[key] <= 1:
            raise shape.wrong(f"goals.{key}", "a share from 0 to 1", words.described(told[key]), "Write 0.95 for 95 percent.")
    for key in ("baseline_min_percentage", "baseline_percentage"):
        if told[key] is not None and (not words.is_number(told[key]) or not 0 < told[key] <= 100):
            raise shape.wrong(f"goals.{key}", "a percentage above 0 and up to 100", words.described(told[key]), "Correct it.")
    if told["slow_ms"] is not None and told["slow_ms"] < 1:
        raise shape.wrong("goals.slow_ms", "1 or more", words.described(told["slow_ms"]), "Correct it.")
    always = tuple(_match(entry, f"goals.always_keep[{index}]") for index, entry in enumerate(told["always_keep"] or []))
    never = tuple(_match(entry, f"goals.never_keep[{index}]") for index, entry in enumerate(told["never_keep"] or []))
    shape.unique([match.name for match in (*always, *never)], "goals.always_keep and never_keep")
    since = versions.NESTED["drop"]["not"]
    if never and version < since:
        raise shape.wrong(
            "goals.never_keep",
            f"a collector of {since} or later, whose drop policies can leave errors alone",
            str(version),
            "Upgrade the collector, or leave never_keep out.",
        )
    return Goals(
        told["error_keep_min"],
        told["volume_cut_min"],
        told["slow_ms"],
        told["baseline_min_percentage"],
        told["baseline_percentage"],
        always,
        never,
    )


def policies(goals: Goals, baseline_percentage: float) -> list[dict[str, t.Any]]:
    """The policies as the collector takes them. A percentage of 0 leaves the baseline out.

    Nothing that drops reaches an error, so that what is never kept is still kept when it fails.
    """
    made = [_dropping(match) for match in goals.never_keep]
    made += [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "server_errors", "type": "numeric_attribute", "numeric_attribute": _server_errors()},
    ]
    if goals.slow_milliseconds is not None:
        made.append({"name": "slow", "type": "latency", "latency": {"threshold_ms": goals.slow_milliseconds}})
    made += [{"name": match.name, "type": "string_attribute", "string_attribute": match.block} for match in goals.always_keep]
    if baseline_percentage > 0:
        made.append({"name": BASELINE, "type": "probabilistic", "probabilistic": {"sampling_percentage": words.plain(baseline_percentage)}})
    return made


def _dropping(match: Match) -> dict[str, t.Any]:
    """A server error whose status is unset is an error, too."""
    not_server_errors = {
        "name": "no_server_errors",
        "type": "not",
        "not": {"not_sub_policy": {"name": "server_errors", "type": "numeric_attribute", "numeric_attribute": _server_errors()}},
    }
    matching = {"name": f"is_{match.name}", "type": "string_attribute", "string_attribute": match.block}
    return {"name": match.name, "type": "drop", "drop": {"drop_sub_policy": [matching, dict(NOT_ERRORS), not_server_errors]}}


def _server_errors() -> dict[str, t.Any]:
    return {"key": RESPONSE_STATUS[0], "min_value": FIRST_SERVER_ERROR, "max_value": LAST_SERVER_ERROR}


def _match(told: t.Mapping[str, t.Any], path: str) -> Match:
    values, prefixes = tuple(told["values"] or ()), tuple(told["prefixes"] or ())
    if not values and not prefixes:
        raise shape.wrong(path, "values or prefixes", "neither", "Add one.")
    for index, prefix in enumerate(prefixes):
        if not prefix.rstrip("/"):
            raise shape.wrong(f"{path}.prefixes[{index}]", "a prefix that is not everything", repr(prefix), "Correct it.")
    return Match(shape.name(told["name"], f"{path}.name"), shape.text(told["attribute"], f"{path}.attribute"), values, prefixes)


def _quoted(text: str) -> str:
    """As it stands, for RE2, which takes a backslash before every mark and before no letter."""
    return re.sub(r"([^\w/\- ])", r"\\\1", text, flags=re.ASCII) if text.isascii() else re.escape(text)

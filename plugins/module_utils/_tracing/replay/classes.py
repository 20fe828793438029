# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What kind of trace one is, whatever the policies make of it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..otlp.spans import ERROR as STATUS_ERROR
from ..otlp.spans import FIRST_SERVER_ERROR, LAST_SERVER_ERROR, RESPONSE_STATUS, ResourceSpans, Span, value
from ..policies import model
from ..policies.evaluate import Decision, Policies, Subject

ERROR, FORCED, DROPPED, SLOW, HEALTHY = "error", "forced", "dropped", "slow", "healthy"
CLASSES = (ERROR, FORCED, DROPPED, SLOW, HEALTHY)
"""In the order in which they are asked; a trace is of the first that fits."""

SERVICE, ROUTE = "service.name", "http.route"
MOST_ROUTES = 500
REMEMBERED = 65_536
OTHER = "(other)"


@dataclasses.dataclass(frozen=True)
class Rules:
    """What makes a class.

    :param slow_ms: slow is longer than this; None: nothing is.
    :param forced: policies one of which marks a trace as one to be kept always; nothing that counts, as limiters do.
    :param dropped: likewise, as one never to be kept.
    """

    slow_ms: int | None = None
    forced: tuple[model.Policy, ...] = ()
    dropped: tuple[model.Policy, ...] = ()


class Classifier:
    """Classes by the same look at the spans that the policies take. Make it before the first span is seen.

    An error is a span with status ERROR, or a response of 500 to 599 whatever its status.

    :param policies: whose conditions do the looking.
    """

    def __init__(self, policies: Policies, rules: Rules) -> None:
        conditions = policies.conditions
        self.error_bits = conditions.bit(model.StatusCode(frozenset({STATUS_ERROR})))
        for key in RESPONSE_STATUS:
            self.error_bits |= conditions.bit(model.NumericAttribute(key, FIRST_SERVER_ERROR, LAST_SERVER_ERROR))
        self._slow = 0 if rules.slow_ms is None else conditions.bit(model.Latency(rules.slow_ms))
        self._forced = [policies.vote(policy.test) for policy in rules.forced]
        self._dropped = [policies.vote(policy.test) for policy in rules.dropped]
        self._known: dict[int, str] = {}
        self._places: set[tuple[str, str]] = set()

    def of(self, bits: int) -> str:
        """The class for all that is known of a trace (:meth:`Policies.bits`)."""
        found = self._known.get(bits)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[bits] = self._class(Subject(bits, 0, 0, 0.0))
        return found

    def place(self, service: str, route: str) -> tuple[str, str]:
        """Service and route as they are counted: after so many different ones the rest is one."""
        place = (service, route)
        if place not in self._places:
            if len(self._places) >= MOST_ROUTES:
                return (OTHER, OTHER)
            self._places.add(place)
        return place

    def _class(self, subject: Subject) -> str:
        if subject.bits & self.error_bits:
            return ERROR
        if any(vote(subject) in (Decision.SAMPLED, Decision.DROPPED) for vote in self._forced):
            return FORCED
        if any(vote(subject) in (Decision.SAMPLED, Decision.DROPPED) for vote in self._dropped):
            return DROPPED
        return SLOW if subject.bits & self._slow else HEALTHY


def service_of(resource_spans: ResourceSpans) -> str:
    """The service a resource is of; "" when it says none."""
    for attribute in resource_spans.raw.get("attributes") or ():
        if attribute.get("key") == SERVICE:
            return str(value(attribute.get("value")))
    return ""


def route_of(span: Span) -> str:
    """The route a span serves; "" when it says none."""
    for attribute in span.raw.get("attributes") or ():
        if attribute.get("key") == ROUTE:
            found: t.Any = (attribute.get("value") or {}).get("stringValue", "")
            return str(found)
    return ""

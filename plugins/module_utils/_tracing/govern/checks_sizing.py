# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Layer 2, continued: memory, and the cliff below it."""

from __future__ import annotations

import typing as t

from ..._common import words
from .findings import Finding, error, warning
from .sizing import DEFAULT_DECISION_WAIT, DEFAULT_NUM_TRACES, HEADROOM, Traffic, cliff, duration
from .subject import Subject, section


def findings(subject: Subject) -> t.Iterator[Finding]:
    """Places that are too few, and a decision that comes too soon."""
    sampler = subject.sampler
    places = sampler.get("num_traces", DEFAULT_NUM_TRACES)
    wait = duration(sampler.get("decision_wait", DEFAULT_DECISION_WAIT))
    if words.is_number(places):
        if places < 1:
            yield error("limits", f"{subject.path}.num_traces", expected="1 or more", found=str(places), remedy="Correct it.")
        yield from _caches(subject, places)
    if wait is not None and wait <= 0:
        yield error(
            "limits", f"{subject.path}.decision_wait", expected="1s or more", found=str(sampler["decision_wait"]), remedy="Correct it."
        )
    elif wait is not None and subject.traffic is not None and words.is_number(places):
        yield from _cliff(subject, subject.traffic, places, wait)
        late = subject.traffic.lateness_seconds
        if late is not None and wait < late:
            yield warning(
                "decision_wait_short",
                f"{subject.path}.decision_wait",
                expected=f"at least {late:g}s, after which the last span of a trace arrives",
                found=f"{wait:g}s: what is late is not looked at",
                remedy="Raise it, and num_traces with it.",
            )


def _caches(subject: Subject, places: float) -> t.Iterator[Finding]:
    cache = section(subject.sampler, "decision_cache")
    for key in ("sampled_cache_size", "non_sampled_cache_size"):
        value = cache.get(key, 0)
        if not words.is_number(value):
            continue
        path = f"{subject.path}.decision_cache.{key}"
        if value == 0:
            yield warning(
                "decision_cache_off",
                path,
                expected="a size, ten times num_traces for a start",
                found="none: a span that comes late becomes a trace of its own, and is decided anew",
                remedy="Set it.",
            )
        elif value <= places:
            yield error(
                "decision_cache_too_small",
                path,
                expected=f"more than num_traces, which is {words.number(places)}",
                found=words.number(value),
                remedy="Raise it: a decision that is forgotten while its trace is still held helps nobody.",
            )


def _cliff(subject: Subject, traffic: Traffic, places: float, wait: float) -> t.Iterator[Finding]:
    rate = traffic.new_traces_per_second
    edge = cliff(rate, wait)
    path = f"{subject.path}.num_traces"
    if places < edge:
        yield error(
            "num_traces_cliff",
            path,
            expected=f"at least {words.number(edge)}: {rate:g} new traces/s for {wait:g} s and a tick",
            found=f"{words.number(places)}, with which nearly every trace is dropped before its decision",
            remedy=f"Set {words.number(round(edge * HEADROOM))}.",
        )
    elif places < edge * HEADROOM:
        yield warning(
            "num_traces_headroom",
            path,
            expected=f"{words.number(round(edge * HEADROOM))}, half again what the traffic needs",
            found=words.number(places),
            remedy="Raise it: below what is needed the loss is a cliff.",
        )

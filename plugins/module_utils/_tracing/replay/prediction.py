# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What a replay lets expect of the same traffic: shares with their intervals."""

from __future__ import annotations

import dataclasses
import math
import statistics

from ..._common.errors import Refusal
from .classes import CLASSES
from .outcome import Replay, Tally

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Share:
    """A share of ``of`` things.

    :ivar low: lower end of its interval, and lower still by whatever depends on an unknown condition; None like ``value`` when ``of`` is 0.
    """

    value: float | None
    low: float | None
    high: float | None
    of: int

    def as_dict(self) -> dict[str, float | int | None]:
        return {"value": self.value, "low": self.low, "high": self.high, "of": self.of}


@dataclasses.dataclass(frozen=True)
class Expectation:
    """Of one class, or of all: what is kept, and what is lost before anybody decides. Spans and bytes have no interval: they come in traces."""

    kept_traces: Share
    kept_spans: Share
    kept_bytes: Share
    too_early: int
    too_large: int

    def as_dict(self) -> dict[str, object]:
        return {
            "traces": self.kept_traces.as_dict(),
            "spans": self.kept_spans.as_dict(),
            "bytes": self.kept_bytes.as_dict(),
            "too_early": self.too_early,
            "too_large": self.too_large,
        }


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What to expect. ``volume_cut`` is the share of traces that is not kept, ``span_cut`` and ``byte_cut`` of spans and bytes, late ones with them."""

    all: Expectation
    classes: dict[str, Expectation]
    volume_cut: Share
    span_cut: Share
    byte_cut: Share

    def as_dict(self) -> dict[str, object]:
        return {
            "all": self.all.as_dict(),
            "classes": {name: expectation.as_dict() for name, expectation in self.classes.items()},
            "volume_cut": self.volume_cut.as_dict(),
            "span_cut": self.span_cut.as_dict(),
            "byte_cut": self.byte_cut.as_dict(),
        }


def predict(replayed: Replay, confidence: float = CONFIDENCE) -> Prediction:
    """Shares kept, by class.

    :raises Refusal: the replay saw no trace: nothing is foretold from nothing.
    """
    total = replayed.tally()
    if not total.all.traces:
        raise Refusal(
            "the recorded traces",
            expected="at least one trace that came to a decision",
            found="none",
            remedy="Record more traces, before they are sampled.",
            code="no_traces",
        )
    everything = _expected(total, confidence)
    cached, kept_by_cache = replayed.late.by_cache, replayed.late.kept_by_cache
    spans = _counted(total.kept.spans + kept_by_cache.spans, total.unknown.spans, total.all.spans + cached.spans)
    size = _counted(total.kept.bytes + kept_by_cache.bytes, total.unknown.bytes, total.all.bytes + cached.bytes)
    return Prediction(
        all=everything,
        classes={name: _expected(replayed.tally(name), confidence) for name in CLASSES},
        volume_cut=_rest(everything.kept_traces),
        span_cut=_rest(spans),
        byte_cut=_rest(size),
    )


def wilson(successes: int, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of a share (E. B. Wilson, 1927): right for shares near 0 and 1, where the usual one is not.

    :param of: at least 1.
    """
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / of
    center = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return (0.0 if not successes else (center - spread) / scale), (1.0 if successes == of else (center + spread) / scale)


def _expected(tally: Tally, confidence: float) -> Expectation:
    return Expectation(
        kept_traces=_estimated(tally.kept.traces, tally.unknown.traces, tally.all.traces, confidence),
        kept_spans=_counted(tally.kept.spans, tally.unknown.spans, tally.all.spans),
        kept_bytes=_counted(tally.kept.bytes, tally.unknown.bytes, tally.all.bytes),
        too_early=tally.too_early.traces,
        too_large=tally.too_large.traces,
    )


def _estimated(kept: int, unknown: int, of: int, confidence: float) -> Share:
    if not of:
        return Share(None, None, None, 0)
    return Share(kept / of, wilson(kept, of, confidence)[0], wilson(kept + unknown, of, confidence)[1], of)


def _counted(kept: int, unknown: int, of: int) -> Share:
    """A share as it was seen: its interval is only what is unknown."""
    return Share(kept / of, kept / of, (kept + unknown) / of, of) if of else Share(None, None, None, 0)


def _rest(share: Share) -> Share:
    if share.value is None or share.low is None or share.high is None:
        return share
    return Share(1 - share.value, 1 - share.high, 1 - share.low, share.of)

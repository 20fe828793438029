# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Layer 4: where the sampler stands among receivers, processors, exporters and other collectors."""

from __future__ import annotations

import typing as t

from . import load_balancing, pipelines
from .document import kind
from .findings import Finding, error, warning
from .pipelines import Pipeline
from .subject import Subject, section

CONTEXT = (
    "k8sattributes",
    "k8s_attributes",
    "resourcedetection",
    "resource_detection",
)  # they look at the connection, or at the first sender
SPAN_METRICS = ("spanmetrics", "span_metrics", "servicegraph", "service_graph")


def findings(subject: Subject) -> t.Iterator[Finding]:
    """What is missing, in the wrong order, or behind the sampler and should be in front of it."""
    known = pipelines.of(subject.config)
    yield from _undefined(subject, known)
    ours = [pipeline for pipeline in known if subject.processor in pipeline.processors]
    if not ours and subject.sampler:
        yield error(
            "sampler_in_no_pipeline",
            subject.path,
            expected="to stand in a pipeline",
            found="none",
            remedy="Add it to the processors of a pipeline of traces.",
        )
    for pipeline in known:
        yield from _limiter_first(pipeline)
    for pipeline in ours:
        if kind(pipeline.name) != "traces":
            path = f"{pipeline.path}.processors"
            yield error("sampler_without_traces", path, expected="a pipeline of traces", found=pipeline.name, remedy="Remove it there.")
        yield from _order(pipeline, subject.processor)
        yield from _limited(pipeline, known)
    yield from _span_metrics(ours, known)
    if subject.tier is not None:
        yield from load_balancing.findings(subject.tier, subject.version)
    elif subject.replicas > 1:
        yield error(
            "replicas_without_loadbalancer",
            "replicas",
            expected="a tier in front that sends all spans of a trace to the same replica",
            found=f"{subject.replicas} replicas and no such tier: each decides on its part of a trace",
            remedy="Describe it with load_balancing.",
        )


def _undefined(subject: Subject, known: t.Sequence[Pipeline]) -> t.Iterator[Finding]:
    connectors = section(subject.config, "connectors")
    if not known:
        yield error("no_pipelines", "service.pipelines", expected="at least one pipeline", found="none", remedy="Add one.")
    for pipeline in known:
        for role, parts in (("receivers", pipeline.receivers), ("processors", pipeline.processors), ("exporters", pipeline.exporters)):
            defined = {**section(subject.config, role), **({} if role == "processors" else connectors)}
            for part in parts:
                if part not in defined:
                    yield error(
                        f"undefined_{role[:-1]}",
                        f"{pipeline.path}.{role}",
                        expected=f"one of {', '.join(map(str, defined)) or f'no {role}, as none are defined'}",
                        found=part,
                        remedy=f"Define it below {role}, or correct its name.",
                    )
            if not parts and role != "processors":
                yield error(f"no_{role}", f"{pipeline.path}.{role}", expected="at least one", found="none", remedy="Add one.")


def _limiter_first(pipeline: Pipeline) -> t.Iterator[Finding]:
    limiters = [index for index, name in enumerate(pipeline.processors) if kind(name) == "memory_limiter"]
    if limiters and limiters[0] != 0:
        yield error(
            "memory_limiter_not_first",
            f"{pipeline.path}.processors",
            expected="memory_limiter in front of all others: it can only refuse what nobody has taken yet",
            found=", ".join(pipeline.processors),
            remedy="Move it to the front.",
        )


def _order(pipeline: Pipeline, processor: str) -> t.Iterator[Finding]:
    ours = pipeline.processors.index(processor)
    path = f"{pipeline.path}.processors"
    for name in pipeline.processors[:ours]:
        if kind(name) == "batch":
            yield error(
                "tail_sampling_after_batch",
                path,
                expected="batch behind the sampler, which takes every batch apart again",
                found=", ".join(pipeline.processors),
                remedy="Move batch behind it.",
            )
    for name in pipeline.processors[ours + 1 :]:
        if kind(name) in CONTEXT:
            yield error(
                "context_after_sampling",
                path,
                expected=f"{name} in front of the sampler, behind which it no longer sees who sent a span",
                found=", ".join(pipeline.processors),
                remedy="Move it to the front.",
            )


def _limited(pipeline: Pipeline, known: t.Sequence[Pipeline]) -> t.Iterator[Finding]:
    if not any(kind(name) == "memory_limiter" for one in [pipeline, *pipelines.before(pipeline, known)] for name in one.processors):
        yield warning(
            "no_memory_limiter",
            f"{pipeline.path}.processors",
            expected="memory_limiter in front: the sampler holds everything for decision_wait",
            found=", ".join(pipeline.processors),
            remedy="Add it as the first processor.",
        )


def _span_metrics(ours: t.Sequence[Pipeline], known: t.Sequence[Pipeline]) -> t.Iterator[Finding]:
    """Span metrics behind the sampler, unless others are made in front of it and these are only for exemplars."""
    for pipeline in ours:
        counted = [name for one in pipelines.before(pipeline, known) for name in one.exporters if kind(name) in SPAN_METRICS]
        for one in pipelines.behind(pipeline, known):
            for name in one.exporters:
                if kind(name) in SPAN_METRICS and not [before for before in counted if kind(before) == kind(name)]:
                    yield error(
                        "span_metrics_after_sampling",
                        f"{one.path}.exporters",
                        expected=f"{name} fed before traces are sampled",
                        found="only what was kept, with which every rate and every service level is wrong",
                        remedy="Receive into a pipeline that exports to it and to forward; sample in a second one that receives from forward.",
                    )

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. Service levels as OpenSLO v1 writes them (https://github.com/OpenSLO/OpenSLO): SLO, SLI and AlertPolicy, in and out.

What OpenSLO has no field for (owner, tier, runbook, the floor of bad events) stands in annotations. An alert policy says whether to page and to
open tickets; its burn rates have to be those of our own table, as one condition cannot say what several windows do.
"""

from __future__ import annotations

import decimal
import functools
import typing as t

from ..._common import shape, words
from ..._common.errors import Refusal
from ..._common.prometheus import promql
from . import full_form, values
from .slo import Latency, Ratio, Slo

VERSION = "openslo/v1"
KINDS = ("SLO", "SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "Service", "DataSource")
PREFIX = "governed.delivery/"
ANNOTATED = ("owner", "tier", "runbook", "min_bad_events", "absent", "group_by")
# Burn rate, lookback and delay by severity: the first row of each alert, for a period of 30 days.
CONDITIONS: t.Mapping[str, tuple[str, str, str]] = {"page": ("14.4", "1h", "2m"), "ticket": ("3", "1d", "15m")}


def is_one(document: object) -> bool:
    """Whether it says that it is OpenSLO's."""
    return isinstance(document, t.Mapping) and "apiVersion" in document


def entries(documents: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[t.Callable[[], Slo]]:
    """A call for each SLO among the documents, which reads it with what it refers to.

    :raises Refusal: a document is of another version or kind.
    """
    by_kind: dict[tuple[str, str], t.Mapping[str, t.Any]] = {}
    for index, document in enumerate(documents):
        if document.get("apiVersion") != VERSION or document.get("kind") not in KINDS:
            found = f"{document.get('apiVersion')} {document.get('kind')}"
            raise shape.wrong(f"document[{index}]", f"{VERSION} of the kinds {', '.join(KINDS)}", found, "Convert or remove it.")
        by_kind[str(document["kind"]), _name(document, f"document[{index}]")] = document
    for (kind, name), document in by_kind.items():
        if kind == "SLO":
            yield functools.partial(_slo, name, document, by_kind)


def documents(slos: t.Iterable[Slo]) -> list[dict[str, t.Any]]:
    """The service levels as OpenSLO documents: for each an SLO, and an AlertPolicy for pages and for tickets."""
    return [document for slo in slos for document in _documents(slo)]


def _slo(name: str, document: t.Mapping[str, t.Any], others: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]) -> Slo:
    path = f"slo {name}"
    known = ("service", "indicator", "indicatorRef", "timeWindow", "budgetingMethod", "objectives", "alertPolicies", "description")
    spec = shape.mapping(document.get("spec"), f"{path}: spec", required=("service", "objectives"), optional=known)
    if spec.get("budgetingMethod", "Occurrences") != "Occurrences":
        raise shape.wrong(
            f"{path}: budgetingMethod", "Occurrences", words.described(spec["budgetingMethod"]), "Count events, not slices of time."
        )
    service = values.name(spec["service"], f"{path}: service")
    metadata = document["metadata"]
    annotations = metadata.get("annotations") or {}
    entry: dict[str, t.Any] = {
        "name": name.removeprefix(f"{service}-"),
        "objective": _objective(spec["objectives"], path),
        "window": _window(spec.get("timeWindow"), path),
        "sli": _sli(spec, path, others),
        **{key: annotations[PREFIX + key] for key in ANNOTATED if PREFIX + key in annotations},
        **({"description": spec["description"]} if spec.get("description") else {}),
    }
    if "group_by" in entry:
        entry["group_by"] = entry["group_by"].split(",")
    severities, no_data = _policies(spec.get("alertPolicies"), path, others)
    if severities is not None:
        entry["alert"] = {severity: "true" if severity in severities else "false" for severity in CONDITIONS}
        entry.setdefault("absent", no_data)
    return full_form.slo(service, {}, entry, path)


def _objective(found: object, path: str) -> str:
    objectives = shape.sequence(found, f"{path}: objectives")
    if len(objectives) > 1:
        raise shape.wrong(f"{path}: objectives", "one objective", words.described(objectives), "Write an SLO for each.")
    given = shape.mapping(objectives[0], f"{path}: objectives[0]", optional=("target", "targetPercent", "displayName"))
    if "targetPercent" in given:
        return str(given["targetPercent"])
    text = given.get("target")
    share = decimal.Decimal(text) if isinstance(text, str) and values.DECIMAL.match(text) else None
    if share is None:
        raise shape.wrong(f"{path}: objectives[0].target", "a decimal number such as 0.999", words.described(text), "Correct it.")
    return f"{(share * 100).normalize():f}"


def _window(found: object, path: str) -> str:
    windows = shape.sequence(found, f"{path}: timeWindow")
    given = shape.mapping(windows[0], f"{path}: timeWindow[0]", required=("duration",), optional=("isRolling",))
    if given.get("isRolling", "false") != "true":
        raise shape.wrong(f"{path}: timeWindow[0]", "isRolling: true", "a calendar's period", "Use a rolling period.")
    return str(given["duration"])


def _sli(spec: t.Mapping[str, t.Any], path: str, others: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    indicator = others.get(("SLI", str(spec["indicatorRef"]))) if "indicatorRef" in spec else spec.get("indicator")
    if not isinstance(indicator, t.Mapping):
        raise shape.wrong(f"{path}: indicator", "an SLI, here or as a document of the same text", words.described(indicator), "Add it.")
    inner = shape.mapping(indicator.get("spec"), f"{path}: indicator.spec", required=("ratioMetric",), optional=("description",))
    metric = shape.mapping(inner["ratioMetric"], f"{path}: ratioMetric", required=("total",), optional=("counter", "good", "bad"))
    if metric.pop("counter", "true") != "true":
        raise shape.wrong(f"{path}: ratioMetric.counter", "true", "gauges", "Use counters: what happens between two scrapes counts, too.")
    ratio = {key: _query(source, f"{path}: ratioMetric.{key}") for key, source in metric.items()}
    latency = _latency(ratio)
    return {"latency": latency} if latency else {"ratio": ratio}


def _query(found: object, path: str) -> str:
    source = shape.mapping(found, path, required=("metricSource",))["metricSource"]
    given = shape.mapping(source, f"{path}.metricSource", required=("spec",), optional=("type", "metricSourceRef"))
    if given.get("type", "Prometheus") != "Prometheus":
        raise shape.wrong(f"{path}.metricSource.type", "Prometheus", words.described(given["type"]), "Only Prometheus is asked here.")
    return values.selector(shape.mapping(given["spec"], f"{path}.metricSource.spec", required=("query",))["query"], path)


def _latency(ratio: t.Mapping[str, str]) -> dict[str, str] | None:
    """The histogram of which the ratio is a bucket and the count, as this file writes one; None where it is something else."""
    if "good" not in ratio:
        return None
    good = promql.plain_selector(ratio["good"])
    bounds = [value.removesuffix("(\\.0)?") for label, _operator, value in good.matchers if label == "le"]
    total = promql.plain_selector(ratio["total"])
    if len(bounds) != 1 or not good.name.endswith("_bucket") or not values.DECIMAL.match(bounds[0]):
        return None
    if not total.name.endswith("_count"):
        return None
    found = Latency(total.name.removesuffix("_count") + total.text.removeprefix(total.name), decimal.Decimal(bounds[0]))
    return (
        {"histogram": found.histogram, "le": bounds[0]}
        if (values.selector(found.good, ""), found.total) == (good.text, total.text)
        else None
    )


def _policies(found: object, path: str, others: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]) -> tuple[set[str] | None, str]:
    """The severities that the policies alert by, None where there are no policies, and by which of them missing data alerts."""
    if found is None:
        return None, "page"
    severities: set[str] = set()
    no_data = "none"
    for index, reference in enumerate(shape.sequence(found, f"{path}: alertPolicies", empty=True)):
        policy = others.get(("AlertPolicy", reference)) if isinstance(reference, str) else reference
        if not isinstance(policy, t.Mapping) or not isinstance(policy.get("spec"), t.Mapping):
            raise shape.wrong(f"{path}: alertPolicies[{index}]", "an AlertPolicy of the same text", words.described(reference), "Add it.")
        severity = _condition(policy["spec"].get("conditions"), f"{path}: alertPolicies[{index}]", others)
        severities.add(severity)
        if policy["spec"].get("alertWhenNoData") == "true" and no_data != "page":
            no_data = severity
    return severities, no_data


def _condition(found: object, path: str, others: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]) -> str:
    conditions = shape.sequence(found, f"{path}.conditions")
    first = conditions[0]
    reference = first.get("conditionRef") if isinstance(first, t.Mapping) else None
    given = others.get(("AlertCondition", str(reference))) if reference else first
    if len(conditions) > 1 or not isinstance(given, t.Mapping) or not isinstance(given.get("spec"), t.Mapping):
        raise shape.wrong(f"{path}.conditions", "one AlertCondition, here or as a document", words.described(found), "Correct it.")
    severity = str(given["spec"].get("severity"))
    condition = given["spec"].get("condition")
    told = (
        tuple(str(condition.get(key)) for key in ("threshold", "lookbackWindow", "alertAfter")) if isinstance(condition, t.Mapping) else ()
    )
    if severity not in CONDITIONS or told != CONDITIONS[severity]:
        ours = "; ".join(f"{name}: threshold {a}, lookbackWindow {b}, alertAfter {c}" for name, (a, b, c) in CONDITIONS.items())
        raise Refusal(
            f"{path}.conditions",
            expected=f"one of {ours}",
            found=f"{severity}: {', '.join(told) or 'no condition'}",
            remedy="Leave alertPolicies out: pages and tickets then follow the table of windows, of which OpenSLO's condition is one row.",
            code="slo_open_slo_condition",
        )
    return severity


def _documents(slo: Slo) -> t.Iterator[dict[str, t.Any]]:
    told = {
        "owner": slo.owner,
        "tier": slo.tier,
        "runbook": slo.runbook,
        "min_bad_events": str(slo.min_bad_events),
        "absent": slo.absent,
        "group_by": ",".join(slo.group_by),
    }
    severities = [severity for severity, wanted in (("page", slo.pages), ("ticket", slo.tickets)) if wanted]
    if isinstance(slo.sli, Ratio):
        queries = {"bad": slo.sli.bad, "good": slo.sli.good, "total": slo.sli.total}
    else:
        queries = {"good": slo.sli.good, "total": slo.sli.total}
    ratio = {name: {"metricSource": {"type": "Prometheus", "spec": {"query": query}}} for name, query in queries.items() if query}
    yield {
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": {"name": slo.id, "annotations": {PREFIX + key: text for key, text in told.items() if text}},
        "spec": {
            **({"description": slo.description} if slo.description else {}),
            "service": slo.service,
            "indicator": {"metadata": {"name": slo.id}, "spec": {"ratioMetric": {"counter": True, **ratio}}},
            "timeWindow": [{"duration": f"{slo.window_days}d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"targetPercent": float(slo.objective)}],
            "alertPolicies": [f"{slo.id}-{severity}" for severity in severities],
        },
    }
    for severity in severities:
        threshold, lookback, after = CONDITIONS[severity]
        number = float(threshold) if "." in threshold else int(threshold)
        condition = {"kind": "burnrate", "op": "gt", "threshold": number, "lookbackWindow": lookback, "alertAfter": after}
        yield {
            "apiVersion": VERSION,
            "kind": "AlertPolicy",
            "metadata": {"name": f"{slo.id}-{severity}"},
            "spec": {
                "alertWhenBreaching": True,
                "alertWhenResolved": True,
                "alertWhenNoData": slo.absent == severity,
                "conditions": [
                    {
                        "kind": "AlertCondition",
                        "metadata": {"name": f"{slo.id}-{severity}"},
                        "spec": {"severity": severity, "condition": condition},
                    }
                ],
                "notificationTargets": [],
            },
        }


def _name(document: t.Mapping[str, t.Any], path: str) -> str:
    metadata = document.get("metadata")
    return values.name(metadata.get("name") if isinstance(metadata, t.Mapping) else None, f"{path}.metadata.name")

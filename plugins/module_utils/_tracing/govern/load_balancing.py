# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. The tier in front of several samplers: every span of a trace has to reach the same one.

Rendered, and checked against the load-balancing exporter's config.go (contrib v0.161) as it stands in ``KEYS``; no collector of ours has that
exporter, so nothing here was run.
"""

from __future__ import annotations

import typing as t

from ..policies.versions import Version
from .document import kind
from .findings import Finding, error, warning
from .schema import BOOLEAN, DURATION, INTEGER, MAPPING, TEXT, TEXTS, is_of
from .subject import Raw, section

NAMES = ("load_balancing", "loadbalancing")  # the newer and the older one
KEYS: t.Mapping[str, str] = {
    "timeout": DURATION,
    "retry_on_failure": MAPPING,
    "sending_queue": MAPPING,
    "protocol": MAPPING,
    "resolver": MAPPING,
    "routing_key": TEXT,
    "routing_attributes": TEXTS,
}
RESOLVERS: t.Mapping[str, t.Mapping[str, str]] = {
    "static": {"hostnames": TEXTS},
    "dns": {"hostname": TEXT, "port": TEXT, "interval": DURATION, "timeout": DURATION},
    "k8s": {"service": TEXT, "ports": "a list of integers", "timeout": DURATION, "return_hostnames": BOOLEAN},
    "aws_cloud_map": {
        "namespace": TEXT,
        "service_name": TEXT,
        "health_status": TEXT,
        "interval": DURATION,
        "timeout": DURATION,
        "port": INTEGER,
        "owner_account": TEXT,
    },
}
RENAMED_IN = Version(0, 153)
PORT = 4317


def exporter_name(version: Version) -> str:
    """What this version calls it."""
    return NAMES[0] if version >= RENAMED_IN else NAMES[1]


def rendered(version: Version, *, listen: str, resolver: Raw, tls: Raw | None = None) -> dict[str, t.Any]:
    """Configuration of a collector that only hands spans on, by their trace ids.

    The exporter's own queue and its retries are off by default; on, a span that meets a replica that has just gone is sent to another.

    :param listen: address for OTLP over gRPC, as ``0.0.0.0:4317``.
    :param resolver: as the exporter takes it, with one key: ``static``, ``dns``, ``k8s`` or ``aws_cloud_map``.
    """
    name = exporter_name(version)
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": listen}}}},
        "processors": {"memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 20}},
        "exporters": {
            name: {
                "routing_key": "traceID",
                "protocol": {"otlp": {"tls": dict(tls or {"insecure": True})}},
                "resolver": {key: dict(value) for key, value in resolver.items()},
                "sending_queue": {"enabled": True},
                "retry_on_failure": {"enabled": True},
            }
        },
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["memory_limiter"], "exporters": [name]}}},
    }


def headless_service(name: str, namespace: str, selector: t.Mapping[str, str], port: int = PORT) -> dict[str, t.Any]:
    """The Service that names every replica of the samplers by an address of its own, also one that is not ready yet: it may hold traces already."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "governed.delivery"}},
        "spec": {
            "clusterIP": "None",
            "selector": dict(selector),
            "ports": [{"name": "otlp-grpc", "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }


def findings(tier: Raw, version: Version) -> t.Iterator[Finding]:
    """What keeps this configuration from sending all spans of a trace to the same replica."""
    exporters = section(tier, "exporters")
    ours = [name for name in exporters if kind(name) in NAMES]
    used = {
        name for pipeline in section(section(tier, "service"), "pipelines").values() for name in (pipeline or {}).get("exporters") or []
    }
    if not [name for name in ours if name in used]:
        yield error(
            "replicas_without_loadbalancer",
            "load_balancing.exporters",
            expected=f"the exporter {exporter_name(version)} in a pipeline of the tier in front",
            found=", ".join(sorted(map(str, used))) or "none",
            remedy="Have it render the tier, or add the exporter there.",
        )
    for name in ours:
        yield from _exporter(name, exporters[name] if isinstance(exporters[name], dict) else {}, version)


def _exporter(name: str, found: Raw, version: Version) -> t.Iterator[Finding]:
    path = f"load_balancing.exporters.{name}"
    if kind(name) == NAMES[0] and version < RENAMED_IN:
        yield error(
            "key_newer_than_collector",
            path,
            expected=f"{NAMES[1]}, as a collector of version {version} calls it",
            found=f"its name since {RENAMED_IN}",
            remedy="Rename it.",
        )
    yield from _keys(found, KEYS, path)
    key = found.get("routing_key", "traceID")
    if key != "traceID":
        yield error(
            "routing_key_not_trace_id",
            f"{path}.routing_key",
            expected="traceID",
            found=str(key),
            remedy="Correct it: by anything else a trace's spans reach several samplers, and each decides on its part.",
        )
    resolver = section(found, "resolver")
    if len(resolver) != 1 or not set(resolver) <= set(RESOLVERS):
        yield error(
            "resolver_missing",
            f"{path}.resolver",
            expected=f"exactly one of {', '.join(RESOLVERS)}",
            found=", ".join(resolver) or "none",
            remedy="Name one.",
        )
    for how, settings in resolver.items():
        if how in RESOLVERS and isinstance(settings, dict):
            yield from _keys(settings, RESOLVERS[how], f"{path}.resolver.{how}")
    if not section(found, "protocol").get("otlp") and "otlp" not in section(found, "protocol"):
        yield error("value_missing", f"{path}.protocol.otlp", expected="how to reach the replicas", found="nothing", remedy="Add it.")
    for name_of_part in ("sending_queue", "retry_on_failure"):
        if section(found, name_of_part).get("enabled") is not True:
            yield warning(
                "tier_loses_on_change",
                f"{path}.{name_of_part}",
                expected="enabled: true, which is not its default here",
                found="off: spans for a replica that has just gone are lost",
                remedy="Set it.",
            )


def _keys(found: Raw, known: t.Mapping[str, str], path: str) -> t.Iterator[Finding]:
    for key, value in found.items():
        if key not in known:
            expected = f"one of {', '.join(known)}"
            yield error("unknown_key", f"{path}.{key}", expected=expected, found=f"the unknown key {key!r}", remedy="Correct its name.")
        elif known[key] in (TEXT, TEXTS, DURATION, BOOLEAN, INTEGER, MAPPING) and not is_of(value, known[key]):
            yield error("wrong_kind", f"{path}.{key}", expected=known[key], found=repr(value), remedy="Correct it.")

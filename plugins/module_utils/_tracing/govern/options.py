# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection. What the module ``otel_tail_sampling`` can be told."""

from __future__ import annotations

import typing as t

from ..._common import web
from ..._common.argument_spec import ArgumentSpec
from . import reloading

STATES = ("validated", "simulated", "measured", "present", "absent")
MATCH: t.Mapping[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "attribute": {"type": "str", "required": True},
        "values": {"type": "list", "elements": "str"},
        "prefixes": {"type": "list", "elements": "str"},
    },
}

SPEC = ArgumentSpec(
    options={
        "state": {"type": "str", "choices": list(STATES), "default": "validated"},
        "path": {"type": "path"},
        "configmap": {
            "type": "dict",
            "options": {
                "namespace": {"type": "str", "required": True},
                "name": {"type": "str", "required": True},
                "key": {"type": "str", "required": True, "no_log": False},
                "workload": {"type": "str"},
                "kubectl": {"type": "str", "default": "kubectl"},
                "kubeconfig": {"type": "path"},
                "context": {"type": "str"},
            },
        },
        "collector_version": {"type": "str", "required": True},
        "collector": {"type": "path"},
        "processor": {"type": "str", "default": "tail_sampling"},
        "pipelines": {"type": "list", "elements": "str", "default": []},
        "goals": {
            "type": "dict",
            "options": {
                "error_keep_min": {"type": "float", "default": 0.95},
                "volume_cut_min": {"type": "float", "default": 0.60},
                "slow_ms": {"type": "int"},
                "baseline_min_percentage": {"type": "float", "default": 1.0},
                "baseline_percentage": {"type": "float"},
                "always_keep": dict(MATCH),
                "never_keep": dict(MATCH),
            },
        },
        "policies": {"type": "list", "elements": "dict"},
        "decision_wait": {"type": "str", "default": "30s"},
        "settings": {"type": "dict", "default": {}},
        "traffic": {
            "type": "dict",
            "options": {
                "new_traces_per_second": {"type": "float", "required": True},
                "spans_per_trace": {"type": "float", "required": True},
                "bytes_per_span": {"type": "float"},
                "lateness_seconds": {"type": "float"},
            },
        },
        "traces": {"type": "list", "elements": "path", "default": []},
        "incident_traces": {"type": "list", "elements": "path", "default": []},
        "measure_from": {"type": "str", "choices": ["collectors", "replay"], "default": "collectors"},
        "kept": {"type": "list", "elements": "path", "default": []},
        "exemplars": {"type": "list", "elements": "path", "default": []},
        "replicas": {"type": "int", "default": 1},
        "load_balancing": {
            "type": "dict",
            "options": {
                "path": {"type": "path"},
                "listen": {"type": "str", "default": "0.0.0.0:4317"},
                "resolver": {"type": "dict"},
                "tls": {"type": "dict"},
                "service": {
                    "type": "dict",
                    "options": {
                        "name": {"type": "str", "required": True},
                        "namespace": {"type": "str", "required": True},
                        "selector": {"type": "dict", "required": True},
                        "port": {"type": "int", "default": 4317},
                    },
                },
            },
            "required_one_of": [("path", "resolver")],
        },
        "accept": {"type": "list", "elements": "str", "default": []},
        "reload": {"type": "str", "choices": list(reloading.WAYS), "default": "none"},
        "pid_file": {"type": "path"},
        "reload_command": {"type": "list", "elements": "str"},
        "reload_timeout": {"type": "float", "default": 300.0},
        "telemetry": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {name: dict(option) for name, option in web.OPTIONS.items()},
            "mutually_exclusive": list(web.EXCLUSIVE),
            "required_together": list(web.TOGETHER),
        },
        "verify": {
            "type": "dict",
            "options": {
                "window": {"type": "float"},
                "traces_at_least": {"type": "int", "default": 100},
                "tolerance": {"type": "float", "default": 0.02},
                "patience": {"type": "float", "default": 60.0},
            },
            "apply_defaults": True,
        },
    },
    mutually_exclusive=(("path", "configmap"), ("goals", "policies")),
    required_if=(
        ("state", "validated", ("path", "configmap"), True),
        ("state", "simulated", ("path", "configmap"), True),
        ("state", "simulated", ("traces",)),
        ("state", "present", ("path", "configmap"), True),
        ("state", "present", ("goals", "policies"), True),
        ("state", "absent", ("path", "configmap"), True),
        ("measure_from", "replay", ("path", "configmap"), True),
        ("measure_from", "replay", ("traces",)),
        ("reload", "sighup", ("pid_file",)),
        ("reload", "command", ("reload_command",)),
        ("reload", "rollout", ("configmap",)),
    ),
)

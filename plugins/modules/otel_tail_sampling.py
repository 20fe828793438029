# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write or check an OpenTelemetry Collector's tail sampling, foretell what it keeps, and see that it does."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: otel_tail_sampling
short_description: Write or check a collector's tail sampling, foretell what it keeps, and see that it does
version_added: 0.1.0
description:
  - Looks at the tail sampler in the configuration of an OpenTelemetry Collector. What would keep the collector from starting, and what
    loads but does something else than it seems to, is an error with a code of its own; all of them are told at once.
  - Replays recorded traces through the sampler and foretells, for each class of traces, what is kept, in traces, spans and bytes, before anything is changed.
  - Makes policies of O(goals) and finds the share of ordinary traces that may be kept. Where the goals cannot be reached it says which can,
    and never keeps fewer errors for it.
  - Changes a file or a ConfigMap in place. Comments and references as C(${env:X}) stay; nothing but this processor and the named pipelines is touched.
    Then the collector takes it on, and its own metrics have to agree; where they do not, the former content is put back, byte for byte, and the task fails.
  - May be killed at any moment. Either content is there whole, and the next run ends what was begun.
options:
  state:
    description:
      - V(validated) only checks, V(simulated) also replays O(traces), V(measured) tells what the collectors do now as measures.
      - V(present) changes the configuration. V(absent) brings back what was there before the first change; where somebody else has changed it since,
        it only removes the processor.
    type: str
    choices: [validated, simulated, measured, present, absent]
    default: validated
  path:
    description: The collector's configuration file. A hidden folder beside it, C(.<name>.governed), keeps former contents while there are any.
    type: path
  configmap:
    description: The ConfigMap that holds the configuration, in place of O(path). A second one, C(<name>-governed), keeps former contents.
    type: dict
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
      key:
        description: The key of the configuration in it, as C(config.yaml).
        type: str
        required: true
      workload:
        description: What mounts it, as C(deployment/collector). Needed for O(reload=rollout).
        type: str
      kubectl:
        description: The program kubectl, on the host that runs the task.
        type: str
        default: kubectl
      kubeconfig:
        description: Its configuration file.
        type: path
      context:
        description: The context in it.
        type: str
  collector_version:
    description: Version of the collector, as C(0.161.0). What it knows and how it decides depends on it.
    type: str
    required: true
  collector:
    description:
      - The collector's program. With it, C(otelcol validate) has to take the configuration, too.
        Variables that the configuration refers to have to be in the task's C(environment).
    type: path
  processor:
    description: The sampler's id.
    type: str
    default: tail_sampling
  pipelines:
    description: Pipelines that are to have the sampler, in front of C(batch) where there is one. They have to exist.
    type: list
    elements: str
    default: []
  goals:
    description: What to reach. Policies are made of it.
    type: dict
    suboptions:
      error_keep_min:
        description: Share of the traces with an error that has to be kept, from 0 to 1.
        type: float
        default: 0.95
      volume_cut_min:
        description: Share of all traces that has to be left out, from 0 to 1.
        type: float
        default: 0.60
      slow_ms:
        description: Keep every trace that takes longer, in milliseconds.
        type: int
      baseline_min_percentage:
        description: Never keep less of ordinary traces, in percent.
        type: float
        default: 1.0
      baseline_percentage:
        description: Keep this much of ordinary traces, in percent, in place of what the solver finds in O(traces).
        type: float
      always_keep:
        description: Keep every trace that has one of these.
        type: list
        elements: dict
        suboptions: &match
          name:
            description: Name of the policy. Lower-case letters, digits and underscores.
            type: str
            required: true
          attribute:
            description: Attribute of a span or a resource.
            type: str
            required: true
          values:
            description: Whole values.
            type: list
            elements: str
          prefixes:
            description: Beginnings of a path, by whole parts. V(/docs) means C(/docs) and C(/docs/x), and not C(/docsearch).
            type: list
            elements: str
      never_keep:
        description: Keep no trace that has one of these, unless it has an error. Needs a collector of 0.154 or later.
        type: list
        elements: dict
        suboptions: *match
  policies:
    description: The policies as the collector takes them, in place of O(goals).
    type: list
    elements: dict
  decision_wait:
    description: How long to wait after a trace's first span before it is decided.
    type: str
    default: 30s
  settings:
    description:
      - Other settings of the processor, as the collector takes them. They win over what is computed, which is C(num_traces) and C(decision_cache).
    type: dict
    default: {}
  traffic:
    description: What comes in at its busiest, for one replica. C(num_traces) and the memory are computed from it.
    type: dict
    suboptions:
      new_traces_per_second:
        description: New traces in a second, 99th percentile.
        type: float
        required: true
      spans_per_trace:
        description: Spans of a trace, mean.
        type: float
        required: true
      bytes_per_span:
        description: Memory of a span. 3000 until it is measured.
        type: float
      lateness_seconds:
        description: How long after a trace's first span its last one arrives, 99.9th percentile.
        type: float
  traces:
    description:
      - Files of traces recorded in front of the sampler at an ordinary time, as the collector's file exporter writes them in JSON; C(.gz) too.
        Several are one recording, in the order of time.
    type: list
    elements: path
    default: []
  incident_traces:
    description: The same of another time, when there were errors. They have to be kept then, too; the volume's goal is not about it.
    type: list
    elements: path
    default: []
  measure_from:
    description:
      - What O(state=measured) looks at. V(replay) replays O(traces) and O(incident_traces) through the configuration as it is, for where no collector runs
        yet; each measure then says that it is foretold.
    type: str
    choices: [collectors, replay]
    default: collectors
  kept:
    description:
      - Files of the same traces recorded behind the sampler. For O(state=measured), where these and O(traces) may still be written to.
      - Errors of the last O(decision_wait) and 10 seconds are not counted, as they may not be decided yet; with O(telemetry) neither are those from before
        the last collector took on its configuration.
    type: list
    elements: path
    default: []
  exemplars:
    description:
      - Pages of metrics as OpenMetrics text, of the time of O(kept). Ask for them with the header Accept, C(application/openmetrics-text).
        How many of the traces that their exemplars point to are there is then measured, too.
    type: list
    elements: path
    default: []
  replicas:
    description: How many collectors sample.
    type: int
    default: 1
  load_balancing:
    description:
      - The collectors in front, which send all spans of a trace to the same replica. Needed when O(replicas) is more than 1.
      - With O(load_balancing.resolver) their configuration is made, returned, and written to O(load_balancing.path) if that is given.
        Without it, it is read there and checked.
        It was checked against the exporter's documented settings, and never run by us.
    type: dict
    suboptions:
      path:
        description: Their configuration file. They have to be restarted by somebody else.
        type: path
      listen:
        description: Where they listen for OTLP over gRPC.
        type: str
        default: 0.0.0.0:4317
      resolver:
        description: How they find the replicas, as the exporter takes it, with one key. C(static), C(dns), C(k8s) or C(aws_cloud_map).
        type: dict
      tls:
        description: TLS towards the replicas, as the exporter takes it. Insecure when it is left out.
        type: dict
      service:
        description: A headless Service that names every replica. It is returned.
        type: dict
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          namespace:
            description: Its namespace.
            type: str
            required: true
          selector:
            description: Labels of the replicas' pods.
            type: dict
            required: true
          port:
            description: Port of OTLP over gRPC.
            type: int
            default: 4317
  accept:
    description: Codes of errors that are to be warnings.
    type: list
    elements: str
    default: []
  reload:
    description:
      - How the collector takes on a change. V(sighup) to the process of O(pid_file), O(reload_command), or a V(rollout) of O(configmap.workload).
      - Each costs one O(decision_wait) of traffic, which is decided on what has come so far.
    type: str
    choices: [none, sighup, command, rollout]
    default: none
  pid_file:
    description: File with the number of the collector's process.
    type: path
  reload_command:
    description: Program and arguments, as C([systemctl, restart, otelcol]).
    type: list
    elements: str
  reload_timeout:
    description: Seconds that the command or the rollout may take.
    type: float
    default: 300.0
  telemetry:
    description:
      - The page with the collector's own metrics, of each replica by its own address. Without it nothing is verified.
        One address for all of them would answer from another one each time.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: Its address, as C(http://127.0.0.1:8888/metrics).
        type: str
        required: true
      username:
        description: User for basic authentication.
        type: str
      password:
        description: The user's password.
        type: str
      token:
        description: Bearer token.
        type: str
      ca_path:
        description: File or folder of the certificates to trust, in place of the system's.
        type: path
      timeout:
        description: Seconds that one request may take.
        type: float
        default: 30.0
      tries:
        description: How often to ask when there is no answer.
        type: int
        default: 3
      use_proxy:
        description: Whether to go through the proxy that the environment names.
        type: bool
        default: true
  verify:
    description: How to look at the collector's metrics.
    type: dict
    suboptions:
      window:
        description: Seconds to look. Never less than twice O(decision_wait) and two seconds.
        type: float
      traces_at_least:
        description: Fewer decisions in the window say nothing, and fail.
        type: int
        default: 100
      tolerance:
        description: How far the share of kept traces may lie outside what was foretold.
        type: float
        default: 0.02
      patience:
        description: Seconds that the collector may take to answer after its reload.
        type: float
        default: 60.0
attributes:
  check_mode:
    support: full
    description: Checks and foretells as always; changes nothing, and does not ask the collector's metrics but for O(state=measured).
  diff_mode:
    support: full
    description: Shows the processor and its pipelines only, as there may be secrets in the rest.
  idempotent:
    support: full
    description: A second run reports no change, and does not reload.
seealso:
  - module: governed.delivery.promotion_judge
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Is anything wrong with the sampler that we have?
  governed.delivery.otel_tail_sampling:
    path: /etc/otelcol/config.yaml
    collector_version: 0.161.0

- name: What would these goals keep of yesterday's traces?
  governed.delivery.otel_tail_sampling:
    state: simulated
    path: /etc/otelcol/config.yaml
    collector_version: 0.161.0
    pipelines: [traces]
    goals: &goals
      error_keep_min: 0.95
      volume_cut_min: 0.60
      slow_ms: 1000
      always_keep:
        - {name: docs, attribute: http.route, prefixes: [/docs]}
      never_keep:
        - {name: health, attribute: http.route, values: [/health]}
    traces: &ordinary [/var/lib/traces/ordinary.json.gz]
    incident_traces: &incident [/var/lib/traces/incident.json.gz]
  register: foretold

- name: Have it so, and see that the collector does what was foretold
  governed.delivery.otel_tail_sampling:
    state: present
    path: /etc/otelcol/config.yaml
    collector_version: 0.161.0
    collector: /usr/bin/otelcol-contrib
    pipelines: [traces]
    goals: *goals
    traces: *ordinary
    incident_traces: *incident
    traffic: {new_traces_per_second: 2000, spans_per_trace: 8}
    reload: command
    reload_command: [systemctl, restart, otelcol-contrib]
    telemetry:
      - url: http://127.0.0.1:8888/metrics

- name: The same in Kubernetes, for three replicas behind a tier that keeps traces together
  governed.delivery.otel_tail_sampling:
    state: present
    configmap: {namespace: tracing, name: sampler, key: config.yaml, workload: statefulset/sampler}
    collector_version: 0.161.0
    pipelines: [traces]
    goals: *goals
    traces: *ordinary
    incident_traces: *incident
    replicas: 3
    load_balancing:
      path: /srv/manifests/tracing/gateway.yaml
      resolver: {k8s: {service: sampler.tracing}}
      service: {name: sampler, namespace: tracing, selector: {app: sampler}}
    reload: rollout
    telemetry:
      - url: http://sampler-0.sampler.tracing.svc:8888/metrics
      - url: http://sampler-1.sampler.tracing.svc:8888/metrics
      - url: http://sampler-2.sampler.tracing.svc:8888/metrics

- name: Bring back what was there before
  governed.delivery.otel_tail_sampling:
    state: absent
    path: /etc/otelcol/config.yaml
    collector_version: 0.161.0
    reload: command
    reload_command: [systemctl, restart, otelcol-contrib]
"""

RETURN = r"""
config:
  description: The sampler's settings as they are to be.
  returned: success, but for V(absent) and V(measured)
  type: dict
findings:
  description: What is wrong with the configuration. Only warnings, as errors fail.
  returned: success, but for V(absent) and V(measured)
  type: list
  elements: dict
  contains: &finding
    code:
      description: A short reason for programs, stable between releases.
      type: str
    path:
      description: Where it stands.
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    expected:
      description: What has to hold.
      type: str
    found:
      description: What was there instead.
      type: str
    remedy:
      description: What to do next.
      type: str
sizing:
  description: Places in memory, caches and bytes for O(traffic); null without it.
  returned: success, but for V(absent) and V(measured)
  type: dict
predicted:
  description: What is kept of O(traces) and O(incident_traces); null without them.
  returned: success, but for V(absent) and V(measured)
  type: dict
  contains:
    baseline_percentage:
      description: Share of ordinary traces that is kept, where there were O(goals).
      type: float
    ordinary:
      description:
        - Of O(traces). C(classes) and C(routes) with traces, kept, C(rate) and its 95 % C(interval), spans and bytes. C(volume) is all that came and
          was kept of these, late spans too, and C(cut) the share that was not; what cannot be foretold is taken for kept.
        - Which policies decided, what was C(lost), what came C(late), and with several replicas and no tier what was C(split).
      type: dict
    incident:
      description: The same of O(incident_traces); null without them.
      type: dict
load_balancing:
  description: C(config) of the tier in front and the headless C(service), where they were asked for; else null.
  returned: success, but for V(absent) and V(measured)
  type: dict
seen:
  description: What the collectors' metrics counted while it was verified; null when nothing was changed or looked at.
  returned: when O(state=present), and when the collector disagreed
  type: dict
measures:
  description:
    - Measures for a plan's goals. C(volume_cut), C(span_cut), C(sampled_too_early), C(policy_errors), C(export_failures), C(error_keep_rate),
      C(exemplar_hit_rate).
  returned: when O(state=measured)
  type: list
  elements: dict
refusals:
  description: Everything that stands in the way, each with what to do about it.
  returned: failure
  type: list
  elements: dict
  contains:
    object:
      description: What it is about.
      type: str
    expected:
      description: What has to hold.
      type: str
    found:
      description: What was there instead.
      type: str
    remedy:
      description: What to do next.
      type: str
    code:
      description: A short reason for programs.
      type: str
taken_back:
  description: Whether the former configuration is back and taken on.
  returned: when the collector disagreed
  type: bool
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.options import SPEC
from ansible_collections.governed.delivery.plugins.module_utils._tracing.govern.work import work


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rank service levels by how far they are from their promise."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slo_gap
short_description: Rank service levels by how far they are from their promise
version_added: 0.1.0
description:
  - Reads what the rules of M(governed.delivery.slo_rules) have recorded, or a snapshot of it, and orders the service levels of the catalogue by
    excess bad events, which is C(bad - (1 - objective) * total) over the objective's own period. Then by the time until the budget is spent, by tier,
    by id. The same input gives the same bytes.
  - For each that is over its budget it names burn at four windows, who brings the bad events and how that was a week before, the owner, the runbook,
    and a kind of action.
  - Each also gets texts to look further with, PromQL and TraceQL, and what was deployed, where that is told.
  - What has no data, no number, or a period of which less than 95 % was recorded is C(unknown), never healthy. What has fewer bad events
    than its C(min_bad_events) is C(too_few), and not reported.
  - Keeps one comment on an issue up to date, which it finds by a hidden marker.
options:
  catalog:
    description: File of the catalogue of service levels, as M(governed.delivery.slo_rules) reads it.
    type: path
    required: true
  snapshot:
    description: File of a snapshot, in place of a server. O(snapshot_path) writes one.
    type: path
  contributors_window:
    description: Within which time bad events are counted by their labels, as V(6h) or V(1d).
    type: str
    default: 1d
  deployments:
    description: What was deployed when. The last three of a service within the objective's period stand in its report.
    type: list
    elements: dict
    default: []
    suboptions:
      time:
        description: When, with its offset, as V(2026-03-30T10:00:00+00:00).
        type: str
        required: true
      service:
        description: The service as the catalogue calls it.
        type: str
        required: true
      version:
        description: What went out.
        type: str
        required: true
  deployments_query:
    description:
      - PromQL that says the same, as V(max by (service, version\) (deployment_timestamp_seconds\)). Each series has the labels C(service) and C(version),
        and the time in epoch seconds as value. A snapshot keeps the answer.
    type: str
  runbooks:
    description: Folder that the catalogue's runbooks are looked for in. Left out, they are not looked for.
    type: path
  runbooks_url:
    description: What stands before a runbook's path in the report's links, as V(https://git.example.net/ops/blob/main/).
    type: str
    default: ""
  top:
    description: How many to report with their contributors.
    type: int
    default: 10
  markdown_path:
    description: File for the report.
    type: path
  json_path:
    description: File for the same as data.
    type: path
  snapshot_path:
    description: File for what was seen, from which the same report can be made without the server.
    type: path
  comment:
    description:
      - The issue that keeps the report as a comment. A first one is posted only when a service level is over its budget or unknown.
    type: dict
    suboptions:
      url:
        description: Where the API is, as V(https://api.github.com), or a GitLab without C(/api/v4).
        type: str
        required: true
      kind:
        description: Whose API it is.
        type: str
        required: true
        choices: [github, gitlab]
      project:
        description: V(owner/name); for GitLab with all groups before it.
        type: str
        required: true
      issue:
        description: Number of the issue within the project.
        type: int
        required: true
      name:
        description: Tells the comments of several reports on one issue apart.
        type: str
        default: default
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password of O(comment.username).
        type: str
      token:
        description: Token that may read and write comments.
        type: str
      ca_path:
        description: File or folder of the certificates to trust, in place of the system's.
        type: path
      timeout:
        description: Seconds that one request may take.
        type: float
        default: 30.0
      tries:
        description: How often to ask when there is no answer. What changes a comment is sent once.
        type: int
        default: 3
      use_proxy:
        description: Whether to go through the proxy that the environment names.
        type: bool
        default: true
attributes:
  check_mode:
    support: full
    description: Asks and ranks as always; writes no file and no comment.
  diff_mode:
    support: full
    description: Shows files and the comment.
  idempotent:
    support: full
    description: With the same snapshot nothing is written again. Live numbers change.
extends_documentation_fragment:
  - governed.delivery.web.prometheus
seealso:
  - module: governed.delivery.slo_rules
  - module: governed.delivery.promql_measure
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Which services are furthest from their promise?
  governed.delivery.slo_gap:
    catalog: slo/catalog.yaml
    prometheus:
      url: https://prometheus.example.net
      token: "{{ lookup('ansible.builtin.env', 'PROMETHEUS_TOKEN') }}"
    runbooks: "{{ playbook_dir }}"
    markdown_path: build/slo_gap.md
    comment:
      kind: github
      url: https://api.github.com
      token: "{{ lookup('ansible.builtin.env', 'GITHUB_TOKEN') }}"
      project: example/operations
      issue: 42
  delegate_to: localhost
  register: gap

- name: No change while a budget is overspent
  ansible.builtin.fail:
    msg: "{{ gap.slos | selectattr('status', 'eq', 'over') | map(attribute='slo_id') | join(', ') }}"
  when: gap.freeze

- name: The same from a snapshot, without a server
  governed.delivery.slo_gap:
    catalog: slo/catalog.yaml
    snapshot: build/snapshot.json
    json_path: build/slo_gap.json
"""

RETURN = r"""
at:
  description: As of when.
  returned: success
  type: str
slos:
  description: All service levels in their order.
  returned: success
  type: list
  elements: dict
  contains:
    rank:
      description: Its place.
      type: int
    slo_id:
      description: Its id.
      type: str
    service:
      description: Whose it is.
      type: str
    status:
      description: C(over), C(within), C(unknown) or C(too_few).
      type: str
    why:
      description: Why it is unknown, or too few.
      type: str
    owner:
      description: Who has to act.
      type: str
    tier:
      description: Of the service.
      type: str
    objective:
      description: In percent, as the catalogue has it.
      type: str
    window_days:
      description: The objective's period.
      type: int
    bad:
      description: Bad events of the period, null when not seen.
      type: float
    total:
      description: All events of the period, null when not seen.
      type: float
    excess_bad_events:
      description: How many more were bad than allowed; negative when budget is left.
      type: float
    budget_remaining:
      description: Share of the budget that is left.
      type: float
    exhausted_in_seconds:
      description: Until the budget is spent, at the burn of the last six hours. 0 when it is, null when it will not be.
      type: int
    burn:
      description: How many times faster than allowed the budget goes, by window.
      type: dict
    contributors:
      description: The largest three, with labels, bad events, their share, and the share a week before.
      type: list
      elements: dict
    deployments:
      description: Time and version of the last three deployments within the objective's period, the last first.
      type: list
      elements: dict
    queries:
      description:
        - C(bad_events) is PromQL of who brings them. C(exemplars) is a selector for Prometheus' C(/api/v1/query_exemplars).
        - C(traces) is TraceQL for the spans of the service's requests that failed or were too slow, of the first contributor where its labels are
          of OpenTelemetry's conventions.
      type: dict
    suggested:
      description: C(roll_back), C(mend_contributor), C(scale), C(review_objective), C(mend_measurement), C(investigate) or C(none).
      type: str
    reason:
      description: Why that.
      type: str
    runbook:
      description: As the catalogue has it.
      type: str
    runbook_problem:
      description: What is wrong with it, null when nothing is, or when it was not looked for.
      type: str
markdown:
  description: The report.
  returned: success
  type: str
freeze:
  description: Whether any budget is overspent.
  returned: success
  type: bool
measures:
  description: C(slos_over_budget), C(slos_unknown), C(excess_bad_events), and C(runbooks_broken) with O(runbooks).
  returned: success
  type: list
  elements: dict
refusals:
  description: What stands in the way, each with what to do about it.
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.promql import PROMQL_PARSER
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.yaml_text import PYYAML
from ansible_collections.governed.delivery.plugins.module_utils._slo.gap.work import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PROMQL_PARSER, PYYAML])


if __name__ == "__main__":
    main()

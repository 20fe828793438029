# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards and alerts from definitions, with every query checked."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: grafana_dashboard
short_description: Dashboards and alerts from definitions, with every query checked
version_added: 0.1.0
description:
  - Makes dashboards of Grafana 11.6 from short definitions, and a rule file of Prometheus from alerts. The same definition gives the same bytes,
    with a stable uid, a variable for the data source, and no address of a server.
  - Every query is parsed. Every metric in it has to be declared with who produces it, and every label with the metric. Nothing is written otherwise.
  - A panel about a metric that a capability has yet to produce must name it in C(needs), and says so where it is shown. An alert about one is left out of the
    rule file, where it would never fire and look calm.
  - Asks each query of a Prometheus, where there is one, and counts panels without data.
  - Changes only what this collection wrote.
options:
  state:
    description:
      - V(present) writes dashboards and rules, V(absent) removes them, V(rendered) only checks and returns them.
    type: str
    choices: [rendered, present, absent]
    default: present
  dashboards:
    description:
      - Each with C(name), C(title), C(about), perhaps C(since) and C(variables), and C(rows), which have C(title) and C(panels).
        A panel has C(title), C(about), C(unit), C(queries) of C(expression) and C(legend), perhaps C(kind), C(thresholds), C(maximum), C(runbook) and C(needs).
        The module checks what is in them, and docs/dashboards.md describes it.
    type: list
    elements: dict
    required: true
  metrics:
    description: Each with C(name), C(kind), C(about), perhaps C(also) and C(labels), and either C(producer) or C(waits_for).
    type: list
    elements: dict
    required: true
  alerts:
    description: Each with C(name), C(plan), C(expression), C(severity), C(summary), perhaps C(for), C(runbook) and C(needs).
    type: list
    elements: dict
    default: []
  directory:
    description: Folder that Grafana's provisioning reads; a file C(<uid>.json) for each dashboard.
    type: path
  alerts_path:
    description: Rule file of Prometheus.
    type: path
  runbooks:
    description: Folder in which the pages and anchors of all runbooks have to be. Left out, they are not looked for.
    type: path
  runbooks_url:
    description: What stands before a runbook's page in an alert's C(runbook_url), as V(https://wiki.example.net/runbooks/).
    type: str
    default: ""
  grafana:
    description: A Grafana, by its HTTP API.
    type: dict
    suboptions:
      url:
        description: Where it is, with its path if it has one, without C(/api).
        type: str
        required: true
      folder_uid:
        description: The folder for the dashboards. The general one, when it is empty.
        type: str
        default: ""
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password of O(grafana.username).
        type: str
      token:
        description: Token of a service account that may write dashboards.
        type: str
      ca_path:
        description: File or folder of the certificates to trust, in place of the system's.
        type: path
      timeout:
        description: Seconds that one request may take.
        type: float
        default: 30.0
      tries:
        description: How often to ask when there is no answer. What changes a dashboard is sent once.
        type: int
        default: 3
      use_proxy:
        description: Whether to go through the proxy that the environment names.
        type: bool
        default: true
attributes:
  check_mode:
    support: full
    description: Checks, asks and compares as always; writes nothing.
  diff_mode:
    support: full
    description: Shows each dashboard and the rules.
  idempotent:
    support: full
    description: What is as it should be is not written again.
extends_documentation_fragment:
  - governed.delivery.web.prometheus
seealso:
  - module: governed.delivery.slo_rules
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: One dashboard for Grafana's provisioning, and its queries asked of Prometheus
  governed.delivery.grafana_dashboard:
    directory: /var/lib/grafana/dashboards
    prometheus:
      url: https://prometheus.example.net
    metrics:
      - {name: shop_orders_total, kind: counter, labels: [outcome], producer: shop, about: Orders by outcome.}
    dashboards:
      - name: shop
        title: Shop
        about: What the shop sells.
        rows:
          - title: Orders
            panels:
              - title: Orders
                about: A second, by outcome.
                unit: cps
                queries:
                  - expression: sum by (outcome) (rate(shop_orders_total[$__rate_interval]))
                    legend: "{{ '{{outcome}}' }}"
"""

RETURN = r"""
dashboards:
  description: Each dashboard as Grafana takes it.
  returned: success
  type: list
  elements: dict
  contains:
    uid:
      description: Stays the same while the name does.
      type: str
    title:
      description: Its title.
      type: str
    json:
      description: The document.
      type: str
panels:
  description: Every panel with its queries, unit, thresholds, runbook, needs, and how many C(series) Prometheus found, null when it was not asked.
  returned: success
  type: list
  elements: dict
alerts:
  description: Every alert with its plan, query, severity, runbook and needs.
  returned: success
  type: list
  elements: dict
differing:
  description: Places that were not as they should be. In check mode, those that are not.
  returned: success
  type: list
  elements: str
measures:
  description: C(panels), C(panels_waiting), C(panels_without_data) and C(queries_invalid); the two latter are null when no Prometheus answers.
  returned: success
  type: list
  elements: dict
refusals:
  description: What is wrong with the definitions, all of it, each with what to do about it.
  returned: failure
  type: list
  elements: dict
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.promql import PROMQL_PARSER
from ansible_collections.governed.delivery.plugins.module_utils._dashboards.work import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=[PROMQL_PARSER])


if __name__ == "__main__":
    main()

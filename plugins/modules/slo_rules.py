# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make tested recording rules and burn-rate alerts of a catalogue of service levels."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slo_rules
short_description: Make tested recording rules and burn-rate alerts of a catalogue of service levels
version_added: 0.1.0
description:
  - Reads a catalogue of service levels and makes of it a rule file for Prometheus, promtool's tests of each service level's rules,
    and Alertmanager's routes. Recorded are bad and all events, error ratios, burn, and what is left of the budget; every series has the labels
    C(slo_id), C(service) and C(slo).
  - For each service level there is one alert that pages, one that opens a ticket, and one for metrics that are gone. An alert fires when the error
    budget burns too fast in a long and a short window, when enough events were bad for that to mean something, and when the error ratio is
    above the objective's with 95 % certainty. It fires on for some minutes after its cause is gone, so that one incident pages once.
  - Rules are tested by promtool before they are in force; where Prometheus does not take them, all files are put back as they were.
  - Evaluated every minute. Prometheus 2.42 or later.
options:
  state:
    description:
      - V(rendered) gives back the texts and writes nothing. V(present) writes the files. V(absent) removes them.
      - V(restored) brings back what was there before the last change, from O(record).
      - V(measured) asks Prometheus what the rules are worth, as the return value RV(measures).
    type: str
    choices: [rendered, present, absent, restored, measured]
    default: present
  catalog:
    description:
      - File with the catalogue, YAML. Documents may be in the short form C(services), in the full form C(service) with C(slos), or OpenSLO's.
        See the examples.
    type: path
  catalog_text:
    description: The catalogue itself, in place of O(catalog).
    type: str
  rules_file:
    description: Rule file to write, one that Prometheus' C(rule_files) names. Needed for all but V(rendered) and V(measured).
    type: path
  tests_directory:
    description: Folder for the rules and tests of each service level by itself, for C(promtool test rules) elsewhere.
    type: path
  alertmanager_file:
    description: File for routes and inhibitions, to put into Alertmanager's configuration.
    type: path
  record:
    description:
      - File for what was there before a change, which V(restored) brings back.
      - A run that is cut leaves it unfinished. The next V(present) or V(absent) ends the change, and V(restored) still brings back what was there
        before its first write.
    type: path
  page_receiver:
    description: Alertmanager's receiver of pages.
    type: str
    default: page
  ticket_receiver:
    description: Alertmanager's receiver of tickets.
    type: str
    default: ticket
  runbooks_directory:
    description: Folder below which runbooks are, as V(docs/runbooks/gateway.md#errors). A page or anchor that is not there is refused.
    type: path
  runbooks_url:
    description: Address before a runbook's path in the alert's C(runbook_url).
    type: str
    default: ""
  other_rules:
    description: Other rule files that are checked with these, for series that nothing records.
    type: list
    elements: path
    default: []
  raw_metrics:
    description: Regular expressions of metrics that rules may read without recording them. Those of the catalogue are known.
    type: list
    elements: str
    default: []
  promtool:
    description: Where promtool is. Needed to apply, unless O(untested).
    type: path
  amtool:
    description: Where amtool is. It is then asked whether pages and tickets go to their receivers.
    type: path
  untested:
    description: Apply rules that nothing has tested.
    type: bool
    default: false
  reload:
    description:
      - How Prometheus is told. V(http) needs C(--web.enable-lifecycle), V(sighup) needs O(pid_file) and the right to send a signal.
      - Files that are newer than Prometheus' last reading are read again, too.
    type: str
    choices: [none, http, sighup]
    default: none
  pid_file:
    description: File with the number of Prometheus' process.
    type: path
  prometheus:
    description: Where Prometheus is. Needed for O(reload), and for V(measured) without O(history).
    type: dict
    suboptions:
      url:
        description: Its address, with its path if it has one.
        type: str
        required: true
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password of the user.
        type: str
      token:
        description: Bearer token.
        type: str
      ca_path:
        description: File or folder of the certificates to trust, in place of the system's.
        type: path
      timeout:
        description: Seconds that one request may take from its beginning to its end.
        type: float
        default: 30.0
      tries:
        description: How often to ask when there is no answer, or HTTP 429 or 5xx.
        type: int
        default: 3
      use_proxy:
        description: Whether to go through the proxy that the environment names.
        type: bool
        default: true
  history:
    description:
      - File that V(measured) looks back into, where no Prometheus can be asked. JSON, one count of bad events and of all a minute for each C(slo_id),
        and the moments at which the former alerts woke somebody.
      - C({"version":1,"start":1774864800,"origin":"export","slos":{"gateway-availability":{"bad":[0,1],"total":[600,598]}},"pages":[]}).
    type: path
  days:
    description: How many days V(measured) looks back, 1 to 7.
    type: int
    default: 7
  former_pages:
    description: Selector of the former alerts that woke somebody. By default those that page and are not of a service level.
    type: str
    default: ALERTS{alertstate="firing",severity="page",slo_id=""}
requirements:
  - PyYAML
  - promql-parser
attributes:
  check_mode:
    support: full
    description: Reads, renders and tests as always; writes nothing and reloads nothing.
  diff_mode:
    support: full
    description: Shows the files that change.
  idempotent:
    support: full
    description: A second run changes nothing, and tests nothing.
seealso:
  - module: governed.delivery.promql_measure
author:
  - governed.delivery contributors (@governed-delivery)
"""

EXAMPLES = r"""
- name: Alert on what people feel, from two numbers a service
  governed.delivery.slo_rules:
    catalog_text: |
      services:
        gateway: {latency_p95_ms: 1000, availability: 99.9, owner: team-edge, runbook: docs/runbooks/gateway.md#errors}
    rules_file: /etc/prometheus/rules/slo.yml
    promtool: /usr/bin/promtool
    reload: http
    prometheus: {url: "http://127.0.0.1:9090"}

- name: Say everything
  governed.delivery.slo_rules:
    catalog_text: |
      service: gateway
      tier: "1"
      owner: team-edge
      runbook: docs/runbooks/gateway.md#errors
      slos:
        - name: availability
          objective: "99.9"
          window: 28d
          sli:
            ratio:
              bad: http_requests_total{job="gateway",code=~"5.."}
              total: http_requests_total{job="gateway"}
          group_by: [region]
          min_bad_events: 10
          absent: ticket
        - name: fast
          objective: "99"
          sli:
            latency: {histogram: 'http_request_duration_seconds{job="gateway"}', le: 0.5}
          alert: {page: false}
    rules_file: /etc/prometheus/rules/slo.yml
    tests_directory: /srv/slo/tests
    alertmanager_file: /srv/slo/alertmanager.yml
    runbooks_directory: /srv/repository
    runbooks_url: https://git.example.net/platform/blob/main
    promtool: /usr/bin/promtool

- name: Would the sprint's sketch ever fire? (no; error_budget_burn_2x is refused, as nothing records it)
  governed.delivery.slo_rules:
    state: rendered
    catalog: slo/catalog.yaml
    other_rules: [charts/monitoring/slo-gap.rules.yml]

- name: How many pages a day would these rules have sent in the last week, beside those that were sent?
  governed.delivery.slo_rules:
    state: measured
    catalog: slo/catalog.yaml
    prometheus: {url: "http://127.0.0.1:9090"}
  register: worth
"""

RETURN = r"""
slos:
  description: Ids of the service levels, C(<service>-<name>).
  returned: success
  type: list
  elements: str
rules:
  description: How many recording rules there are.
  returned: success, but for V(measured)
  type: int
alerts:
  description: How many alerting rules there are.
  returned: success, but for V(measured)
  type: int
tests_passed:
  description: How many cases promtool has tried; 0 when nothing had to be tested.
  returned: success, but for V(measured)
  type: int
files:
  description: Paths of the files that changed.
  returned: V(present), V(absent) and V(restored)
  type: list
  elements: str
rendered:
  description: The texts.
  returned: V(rendered)
  type: dict
  contains:
    rules:
      description: The rule file.
      type: str
    alertmanager:
      description: Routes and inhibitions.
      type: str
    open_slo:
      description: The catalogue as OpenSLO v1 documents.
      type: str
measures:
  description:
    - C(pages_per_day_before), C(pages_per_day_after), C(slos_without_runbook) and C(undefined_series), as measures. What could not be observed is null.
    - Pages before are the alerts that began to fire; pages after are reckoned over the events of the same days.
  returned: V(measured)
  type: list
  elements: dict
refusals:
  description: What stands in the way, each with what to do about it.
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
"""

from ansible_collections.governed.delivery.plugins.module_utils._common.frame import run_module
from ansible_collections.governed.delivery.plugins.module_utils._common.prometheus.promql import PROMQL_PARSER
from ansible_collections.governed.delivery.plugins.module_utils._slo.catalog.yaml_text import PYYAML
from ansible_collections.governed.delivery.plugins.module_utils._slo.rules.work import SPEC, work


def main() -> None:
    run_module(SPEC, work, libraries=(PYYAML, PROMQL_PARSER))


if __name__ == "__main__":
    main()

# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: plugins/action has what runs.
from __future__ import annotations

DOCUMENTATION = r"""
module: awx_workflow_check
short_description: Check an AWX workflow without AWX
version_added: 0.1.0
description:
  - Reads a workflow as data, checks its graph, and says what would have to be sent to AWX. Asks no AWX.
  - "The graph: one start, no cycles, every node reachable; an approval after the rehearsal on every path into a promotion to prod;
    a failure edge from every promotion to a node that recovers its stage, and from there to one that ends the workflow as failed;
    timeouts everywhere; templates, stages, playbooks and survey variables that exist; schedules that AWX takes."
  - All faults are reported at once, each with the node it is about.
  - Runs on the controller.
author:
  - Governed Delivery contributors (@governed-delivery)
requirements:
  - python-dateutil
options:
  workflow:
    description: Path of a workflow, or the name of one that the collection ships.
    type: str
    required: true
  project_directory:
    description: Folder of the project whose playbooks the templates name. By default the collection itself.
    type: path
  plan_digests:
    description:
      - Digests of plans that the survey offers, 64 hexadecimal digits each.
      - Without this option nothing is rendered, only checked.
    type: list
    elements: str
  organization:
    description: Organization in AWX.
    type: str
    default: Default
  project:
    description: Project in AWX, of that organization.
    type: str
    default: governed.delivery
  execution_environment:
    description: Execution environment in AWX.
    type: str
    default: governed.delivery
  standing:
    description:
      - The workflow's nodes as AWX's API lists them (C(workflow_job_template_nodes)).
      - Every node and edge that stands there and is not in the workflow is a fault, and the other way round.
    type: list
    elements: dict
attributes:
  check_mode:
    description: Can run in check mode and give the same answer.
    support: full
  diff_mode:
    description: Shows what would change.
    support: none
    details: Nothing is changed.
seealso:
  - module: governed.delivery.promotion_plan
"""

EXAMPLES = r"""
- name: Check a workflow of ours
  governed.delivery.awx_workflow_check:
    workflow: workflows/ours.yml
    project_directory: "{{ playbook_dir }}"

- name: Show what would be sent for the shipped one
  governed.delivery.awx_workflow_check:
    workflow: sprint_36
    plan_digests:
      - 5f0c8e1b5f0c8e1b5f0c8e1b5f0c8e1b5f0c8e1b5f0c8e1b5f0c8e1b5f0c8e1b
  register: awx_checked
"""

RETURN = r"""
name:
  description: Name of the workflow.
  returned: success
  type: str
  sample: sprint_36
nodes:
  description: How many nodes it has.
  returned: success
  type: int
  sample: 14
awx_collection:
  description: Whether the collection awx.awx is there to send it.
  returned: success
  type: bool
calls:
  description: Arguments of P(awx.awx.job_template#module), P(awx.awx.workflow_job_template#module) and P(awx.awx.schedule#module).
  returned: success, with O(plan_digests)
  type: dict
  contains:
    job_templates:
      description: One entry a job template.
      type: list
      elements: dict
    workflow:
      description: The workflow with all of its nodes.
      type: dict
    schedules:
      description: One entry a schedule and stage.
      type: list
      elements: dict
refusals:
  description: What is wrong, each with C(object), C(expected), C(found), C(remedy) and C(code).
  returned: failure
  type: list
  elements: dict
"""

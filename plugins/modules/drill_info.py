#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: drill_info
short_description: Say how a disaster drill would go, and when each was held last
version_added: 0.1.0
description:
  - Tells the steps of a scenario with owner, command and planned time, and what the journal of drills tells.
  - Refuses a drill that would hurt others, or while another one is at work, unless in check mode.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Only reads. Refuses nothing but a scenario that there is not.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  scenario:
    description: The scenario, one of C(docs/drills.md).
    type: str
    required: true
  environment_name:
    description: The environment.
    type: str
    required: true
  fleet_prefix:
    description: First part of the names of the fleet, which the drill must not touch.
    type: str
    required: true
  drill_prefix:
    description: First part of the names of the drill's own fleet.
    type: str
    required: true
  own_cloud:
    description: Whether the drill has a cloud of its own.
    type: bool
    default: false
  confirm:
    description: The name of the scenario, where others use the account.
    type: str
    default: ""
  objectives:
    description: C(rto_minutes) and C(rpo_minutes) by scenario; V(default) for all others.
    type: dict
    default: {}
  interval_days:
    description: How often each scenario is to be drilled.
    type: int
    default: 90
  boards:
    description: How many devices take part.
    type: int
    default: 10
  journal:
    description: The journal of drills.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Plan a drill
  steel.fleet.drill_info:
    scenario: iot_outage
    environment_name: local
    fleet_prefix: aws-iot-steel
    drill_prefix: steel-drill
    own_cloud: true
    journal: .local/fleet/drills/journal.jsonl
"""

RETURN = r"""
steps:
  description: Every step, in order.
  type: list
  elements: dict
  returned: success
  sample: [{name: notice_outage, phase: notice, title: See it, owner: on-call engineer, minutes: 5}]
lines:
  description: The steps for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["  5 min  on-call engineer: See that the region does not answer"]
sections:
  description: Sections of a report.
  type: list
  elements: dict
  returned: success
  sample: []
open:
  description: The record of a drill that was cut off; null when there is none.
  type: dict
  returned: success
  sample: null
devices:
  description: The devices that take part.
  type: list
  elements: str
  returned: success
  sample: [device-001, device-002]
pid:
  description: The process of this run of the playbook; 0 where it cannot be told.
  type: int
  returned: success
  sample: 4711
ports:
  description: Ports that are free at this moment, for two clouds.
  type: list
  elements: int
  returned: success
  sample: [40001, 40002, 40003, 40004]
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import local_cloud, playbook_process
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.drill import (
    history,
    page,
    scenarios,
    scope,
    verdict,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.journal import read
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.maintenance.history import told
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import (
    fleet_name,
    numbered_device_ids,
)

PORTS = 4
"""API and MQTT of two clouds."""


def work(context: Context) -> dict[str, Any]:
    params, now = context.params, datetime.now(UTC)
    environment = params["environment_name"]
    chosen = scenarios.scenario(params["scenario"])
    scope.require_apart(
        fleet_name(params["drill_prefix"], environment), fleet_name(params["fleet_prefix"], environment)
    )
    wanted = verdict.objectives(params["objectives"], chosen.name)
    if not context.check_mode:
        scenarios.require_allowed(chosen, params["own_cloud"], params["confirm"])
    records = list(read(Path(params["journal"])))
    left, mine = told(records).open, playbook_process.pid()
    if left is not None and not context.check_mode:
        require_ended(left, mine)
    due = history.table(history.last_of_each(records), now, params["interval_days"])
    rows = scenarios.tabletop(scenarios.steps(chosen, params["own_cloud"]), environment)
    return {
        "changed": False,
        "steps": rows,
        "lines": lines(rows),
        "sections": page.plan_sections(chosen, rows, wanted, due),
        "open": left,
        "pid": mine,
        "devices": numbered_device_ids(1, params["boards"]),
        "ports": local_cloud.free_ports(PORTS),
    }


def require_ended(left: Mapping[str, Any], mine: int) -> None:
    other = int(left.get("pid", 0))
    if other not in (0, mine) and playbook_process.is_playbook(other):
        raise FleetError(
            f"Another drill is at work: {left.get('scenario')}, process {other}, since {left['at']}.",
            "Wait for it to end, or end it; the next drill then takes away what it left.",
        )


def lines(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{row['minutes']:>4} min  {row['phase']:<8} {row['owner']}: {row['title']}"
        + (f"\n            $ {row['command']}" if row["command"] else "")
        for row in rows
    ]


def main() -> None:
    run_module(
        work,
        argument_spec={
            "scenario": {"type": "str", "required": True},
            "environment_name": {"type": "str", "required": True},
            "fleet_prefix": {"type": "str", "required": True},
            "drill_prefix": {"type": "str", "required": True},
            "own_cloud": {"type": "bool", "default": False},
            "confirm": {"type": "str", "default": ""},
            "objectives": {"type": "dict", "default": {}},
            "interval_days": {"type": "int", "default": 90},
            "boards": {"type": "int", "default": 10},
            "journal": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_logs_info
short_description: Group what boards logged by the shape of the message
version_added: 0.1.0
description:
  - Reads a log group in pages, keeps no message but an example of each shape, and counts over time, by device
    and by program.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  log_group:
    description: The log group of the boards, or any other.
    type: str
    required: true
  log_pattern:
    description: A filter pattern of CloudWatch Logs; AWS applies it. Empty takes everything.
    type: str
    default: ""
  since_minutes:
    description: How far to look back.
    type: float
    default: 60
  devices:
    description: Only messages of these, by thing name or device id.
    type: list
    elements: str
    default: []
  programs:
    description: Only messages of these programs.
    type: list
    elements: str
    default: []
  levels:
    description: Only messages of these levels (V(error), V(warn), V(info), V(debug), V(trace)).
    type: list
    elements: str
    default: []
  max_events:
    description: Look at no more messages than that, and say so.
    type: int
    default: 100000
"""

EXAMPLES = r"""
- name: See what goes wrong in the programs
  steel.fleet.fleet_logs_info:
    log_group: /aws/iot/steel-runtime
    levels: [error, warn]
    since_minutes: 1440
"""

RETURN = r"""
count:
  description: Messages that counted.
  type: int
  returned: success
  sample: 120
looked_at:
  description: Messages that were read.
  type: int
  returned: success
  sample: 400
full:
  description: Whether there were more than O(max_events).
  type: bool
  returned: success
  sample: false
levels:
  description: Messages by level.
  type: dict
  returned: success
  sample: {error: 20, info: 100}
groups:
  description: Messages by level and shape, the worst first.
  type: list
  elements: dict
  returned: success
  contains:
    level: {description: The level., type: str, returned: always, sample: error}
    shape: {description: It without what differs., type: str, returned: always, sample: no sensor <n>}
    example: {description: One of them., type: str, returned: always, sample: no sensor 4}
    count: {description: How many., type: int, returned: always, sample: 20}
    devices: {description: Of how many devices., type: int, returned: always, sample: 3}
verdict:
  description: What was found, in a sentence or two.
  type: str
  returned: success
  sample: "120 messages of 3 devices in 2 shapes: 20 error, 100 info."
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from datetime import timedelta
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import logs_and_alarms
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.logs import Choice, Collector


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not params["log_group"]:
        raise FleetError(
            "There is no log group of the boards.", "The monitoring stack makes it: run deploy.yml."
        )
    choice = Choice(*(tuple(params[name]) for name in ("devices", "programs", "levels")))
    end = SystemClock().now()
    start = end - timedelta(minutes=params["since_minutes"])
    collector = Collector(start, end, choice, params["max_events"])
    found = logs_and_alarms.events(
        context.client("logs"), params["log_group"], start, end, params["log_pattern"]
    )
    collector.take_all(found)
    return {
        "changed": False,
        "count": collector.count,
        "looked_at": collector.looked_at,
        "full": collector.full,
        "levels": collector.levels(),
        "groups": [group.as_dict() for group in collector.ordered()],
        "verdict": collector.verdict(),
        "sections": collector.sections(),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "log_group": {"type": "str", "required": True},
            "log_pattern": {"type": "str", "default": ""},
            "since_minutes": {"type": "float", "default": 60},
            **{
                name: {"type": "list", "elements": "str", "default": []}
                for name in ("devices", "programs", "levels")
            },
            "max_events": {"type": "int", "default": 100_000},
        },
    )


if __name__ == "__main__":
    main()

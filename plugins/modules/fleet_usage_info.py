#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_usage_info
short_description: Find the programs and devices that use most memory and processor
version_added: 0.1.0
description:
  - Reads the fleet index once, in pages. Devices stand out by a robust statistic, the modified z-score;
    programs are compared by the medians of the devices that have them and of those without.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  group:
    description: Thing group of the devices.
    type: str
    required: true
  since_minutes:
    description: The figures of a device that was not seen for longer do not count.
    type: float
    default: 1440
  memory_percent:
    description: What the mean of the fleet's memory has to stay below.
    type: float
    default: 80
  cpu_percent:
    description: What the mean of the fleet's processors has to stay below.
    type: float
    default: 70
"""

EXAMPLES = r"""
- name: See which programs and devices use most
  steel.fleet.fleet_usage_info:
    group: aws-iot-steel-production
"""

RETURN = r"""
usage:
  description: What was found.
  type: dict
  returned: success
  contains:
    devices: {description: Devices that count., type: int, returned: always, sample: 97}
    silent: {description: Devices without figures that count., type: int, returned: always, sample: 3}
    mean: {description: Of each figure., type: dict, returned: always, sample: {memory_percent: 41.2}}
    outliers: {description: Devices that stand out., type: list, elements: dict, returned: always, sample: []}
    programs: {description: What programs use., type: list, elements: dict, returned: always, sample: []}
checks:
  description: Targets and outliers, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: []
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import groups
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import usage
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.health.devices import (
    Evidence,
    Limits,
    judge,
)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not params["group"]:
        raise FleetError("There is no thing group of the fleet.", "The core stack makes it: run deploy.yml.")
    limits = Limits(memory_percent=params["memory_percent"], cpu_percent=params["cpu_percent"])
    now = SystemClock().now()
    hits = groups.search(context.client("iot"), params["group"])
    found = usage.examine(
        (judge(hit, Evidence(), limits, now) for hit in hits),
        now,
        params["since_minutes"],
        limits.memory_percent,
        limits.cpu_percent,
    )
    return {
        "changed": False,
        "usage": found.as_dict(),
        "checks": [one.as_dict() for one in found.checks()],
        "sections": found.sections(),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "group": {"type": "str", "required": True},
            "since_minutes": {"type": "float", "default": 1440},
            "memory_percent": {"type": "float", "default": 80},
            "cpu_percent": {"type": "float", "default": 70},
        },
    )


if __name__ == "__main__":
    main()

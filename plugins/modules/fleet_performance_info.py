#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_performance_info
short_description: Say how a fleet performed in a period
version_added: 0.1.0
description:
  - Reads connections, deliveries, program runs, latencies, memory and processor use from CloudWatch, in three
    calls whatever the size of the fleet, and compares them with targets and with the period before.
  - A percentile is CloudWatch's own statistic over all values of the period. Without data no target is met.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  start_date:
    description: First day, in UTC. Empty is seven days before O(end_date).
    type: str
    default: ""
  end_date:
    description: Last day, included. Empty is today, as far as it is over.
    type: str
    default: ""
  validator:
    description: Name of the program validator's function. Empty leaves it out.
    type: str
    default: ""
  memory_percent:
    description: What the mean of the boards' memory has to stay below.
    type: float
    default: 80
  cpu_percent:
    description: What the mean of the boards' processors has to stay below.
    type: float
    default: 70
  fail_on:
    description: Which targets RV(exceeded) names.
    type: list
    elements: str
    choices: [missed, no_data]
    default: [missed]
"""

EXAMPLES = r"""
- name: See how the fleet performed in February
  steel.fleet.fleet_performance_info:
    start_date: 2026-02-01
    end_date: 2026-02-28
    validator: aws-iot-steel-production-steel-program-validator
"""

RETURN = r"""
performance:
  description: What was found.
  type: dict
  returned: success
  contains:
    start: {description: When it begins., type: str, returned: always, sample: "2026-02-01T00:00:00.000Z"}
    end: {description: When it is over., type: str, returned: always, sample: "2026-03-01T00:00:00.000Z"}
    previous_start:
      description: When the period before begins.
      type: str
      returned: always
      sample: "2026-01-04T00:00:00.000Z"
    compared:
      description: Whether CloudWatch still knows the period before.
      type: bool
      returned: always
      sample: true
    step_seconds: {description: Between two points of a curve., type: int, returned: always, sample: 21600}
    verdicts:
      description: How many targets are met, missed, and without data.
      type: dict
      returned: always
      sample: {met: 5, missed: 1, no data: 0}
    figures:
      description: Every figure, with how many values are behind it, the one before, target and verdict.
      type: list
      elements: dict
      returned: always
      sample: []
verdict:
  description: The answer in a sentence or two.
  type: str
  returned: success
  sample: "Targets: 5 met, 1 missed, 0 no data. Missed: Program runs that succeed."
exceeded:
  description: Targets with a verdict of O(fail_on).
  type: list
  elements: str
  returned: success
  sample: ["Program runs that succeed: missed"]
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from functools import partial
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import metric_data
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.performance.figures import (
    Limits,
    plan,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.performance.period import period
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.performance.report import report


def work(context: Context) -> dict[str, Any]:
    params = context.params
    now = SystemClock().now()
    when = period(params["start_date"], params["end_date"], now)
    wanted = plan(params["validator"], Limits(params["memory_percent"], params["cpu_percent"]))
    found = report(wanted, when, now, partial(metric_data.read, context.client("cloudwatch")))
    return {
        "changed": False,
        "performance": found.as_dict(),
        "verdict": found.verdict(),
        "exceeded": found.exceeded(params["fail_on"]),
        "sections": found.sections(),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "start_date": {"type": "str", "default": ""},
            "end_date": {"type": "str", "default": ""},
            "validator": {"type": "str", "default": ""},
            "memory_percent": {"type": "float", "default": 80},
            "cpu_percent": {"type": "float", "default": 70},
            "fail_on": {
                "type": "list",
                "elements": "str",
                "choices": ["missed", "no_data"],
                "default": ["missed"],
            },
        },
    )


if __name__ == "__main__":
    main()

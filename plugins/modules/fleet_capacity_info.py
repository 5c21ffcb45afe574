#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_capacity_info
short_description: Compare the use of an account's limits with its quotas, and say when each is reached
version_added: 0.1.0
description:
  - Counts what can be counted, reads the busiest hour of each day from CloudWatch, and adds the days that
    earlier runs have kept in their reports. Quotas are those of Service Quotas, where it answers, else AWS's
    defaults.
  - The trend is a robust line with an interval. The cost is an estimate at list prices.
  - Never fails because a limit is full. RV(capacity.full) names those at or above O(fail_percent).
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  environment_name:
    description: The environment; earlier runs of others are not looked back on.
    type: str
    required: true
  group:
    description: Thing group of the whole fleet.
    type: str
    required: true
  buckets:
    description: Buckets of the fleet, whose size costs.
    type: list
    elements: str
    default: []
  kms_keys:
    description: How many KMS keys the fleet has.
    type: int
    default: 0
  period_days:
    description: How many days to look back, up to 455.
    type: int
    default: 30
  quotas:
    description: What is allowed, by the names in C(docs/capacity.md), where other sources are not right.
    type: dict
    default: {}
  habits:
    description: What a device does where nobody measured it, by the names in C(docs/capacity.md).
    type: dict
    default: {}
  warn_percent:
    description: A fuller limit is to be looked at.
    type: float
    default: 70
  fail_percent:
    description: A fuller limit is too full.
    type: float
    default: 90
  warn_days:
    description: A limit that may be reached within so many days is to be looked at.
    type: float
    default: 90
  history_directory:
    description: Directory with the reports of earlier runs. It may be missing.
    type: path
"""

EXAMPLES = r"""
- name: See how long the limits will do
  steel.fleet.fleet_capacity_info:
    environment_name: production
    group: aws-iot-steel-production
    period_days: 90
    quotas:
      publish-in: 40000
"""

RETURN = r"""
capacity:
  description: What it comes to.
  type: dict
  returned: success
  contains:
    limits:
      description: Every limit with its use.
      type: list
      elements: dict
      returned: always
      sample:
        - id: rules
          title: Topic rules
          unit: rules
          used: 12
          allowed: 1000
          allowed_by: Service Quotas
          percent: 1.2
          days: {"2026-03-01": 12}
          per_day: 0.1
          per_day_low: 0.0
          per_day_high: 0.2
          reached: {earliest: "2029-05-01", expected: null, latest: null}
          source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html
          why: ""
    cost: {description: The parts of the bill., type: list, elements: dict, returned: always, sample: []}
    dollars_per_1000:
      description: US dollars a month for 1,000 devices; null without a device.
      type: float
      returned: always
      sample: 48.12
    full: {description: Limits that are too full., type: list, elements: str, returned: always, sample: []}
    well: {description: Whether none is., type: bool, returned: always, sample: true}
verdict:
  description: The answer in a few sentences.
  type: str
  returned: success
  sample: "“Topic rules” is the fullest limit: 12 of 1,000 rules (1.2 %)."
figures:
  description: The few numbers for the top of the page.
  type: dict
  returned: success
  sample: {Devices: 100}
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import capacity, health
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import history
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.capacity.cost import Habits, bill
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.capacity.report import (
    Capacity,
    Thresholds,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not params["group"]:
        raise FleetError("There is no thing group of the fleet.", "The core stack makes it: run deploy.yml.")
    thresholds = Thresholds(params["warn_percent"], params["fail_percent"], params["warn_days"])
    habits = Habits.of(params["habits"])
    scope = capacity.Scope(params["group"], params["buckets"], params["period_days"], params["quotas"])
    now = SystemClock().now()
    directory = Path(params["history_directory"]) if params["history_directory"] else None
    earlier = capacity.earlier_days(directory, params["environment_name"]) if directory else []
    read = capacity.look(cache(context.client), scope, earlier, now)
    kept = {"keys": float(params["kms_keys"])}
    if read.gigabytes is not None:
        kept["gigabytes"] = read.gigabytes
    lines = bill(read.devices, habits, read.a_month, kept)
    found = Capacity(read.uses, tuple(lines), read.devices, thresholds, now)
    runs = health.earlier_runs(directory) if directory else ()
    return {
        "changed": False,
        "capacity": found.as_dict(),
        "verdict": found.verdict(),
        "figures": found.figures(),
        "sections": found.sections(
            history.worth_looking_back_on(runs, params["environment_name"], "Devices")
        ),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "environment_name": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "buckets": {"type": "list", "elements": "str", "default": []},
            "kms_keys": {"type": "int", "default": 0, "no_log": False},
            "period_days": {"type": "int", "default": 30},
            "quotas": {"type": "dict", "default": {}},
            "habits": {"type": "dict", "default": {}},
            "warn_percent": {"type": "float", "default": 70},
            "fail_percent": {"type": "float", "default": 90},
            "warn_days": {"type": "float", "default": 90},
            "history_directory": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()

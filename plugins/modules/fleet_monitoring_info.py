#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_monitoring_info
short_description: Read the alarms of a fleet and what its dashboard shows
version_added: 0.1.0
description:
  - Only reads. Two calls, each in pages, whatever the size of the fleet.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
  - steel.fleet.fleet
options:
  validator:
    description: Name of the program validator's function.
    type: str
    default: ""
  since_minutes:
    description: How far back the plots go.
    type: float
    default: 720
"""

EXAMPLES = r"""
- name: Read alarms and plots
  steel.fleet.fleet_monitoring_info:
    name_prefix: aws-iot-steel
    environment_name: production
    validator: aws-iot-steel-production-steel-program-validator
"""

RETURN = r"""
monitoring:
  description: Every alarm with its state, which ring, and which of the monitoring stack are not there.
  type: dict
  returned: success
  sample: {alarms: [], ringing: [], missing: []}
verdict:
  description: The answer in a sentence or two.
  type: str
  returned: success
  sample: "19 alarms, 1 ringing: programs-fail."
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import alarms, metric_data
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.monitoring import page
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.monitoring.dashboard import PERIOD
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.performance.period import Period

MOST_MINUTES = 15 * 24 * 60
"""CloudWatch has points of five minutes for longer; more of them are no plot any more."""


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not 0 < params["since_minutes"] <= MOST_MINUTES:
        raise InvalidInputError(
            f"since_minutes is {params['since_minutes']:g}; it must be above 0 and at most {MOST_MINUTES:,}."
        )
    fleet = fleet_name(params["name_prefix"], params["environment_name"])
    names = {
        "NamePrefix": params["name_prefix"],
        "Environment": params["environment_name"],
        "ValidatorFunction": params["validator"] or f"{fleet}-steel-program-validator",
    }
    cloudwatch = context.client("cloudwatch")
    when = window(SystemClock().now(), params["since_minutes"])
    found = page.Monitoring(
        tuple(alarms.states(cloudwatch, f"{fleet}-")),
        metric_data.read(cloudwatch, page.queries(names), when, PERIOD),
        names,
    )
    return {
        "changed": False,
        "monitoring": found.as_dict(),
        "verdict": found.verdict(),
        "sections": found.sections(),
    }


def window(now: datetime, minutes: float) -> Period:
    """The time until now, from a whole period on: so points lie where the alarms' periods do."""
    start = (now - timedelta(minutes=minutes)).timestamp() // PERIOD * PERIOD
    return Period(datetime.fromtimestamp(start, UTC), now)


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "validator": {"type": "str", "default": ""},
            "since_minutes": {"type": "float", "default": 720},
        },
    )


if __name__ == "__main__":
    main()

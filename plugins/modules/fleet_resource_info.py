#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_resource_info
short_description: Check that a deployment's stacks, and what they made, stand as they should
version_added: 0.1.0
description:
  - Checks stacks, log groups, alarm topic, alarms, dashboard and the program validator.
  - Only what is given is checked. An empty name stands for something that does not exist.
  - The validator is asked about programs by invoking it. It answers, and changes nothing.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Only reads. What does not exist yet is not checked, and what fails is a warning.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  stacks:
    description: Purposes of the stacks that have to be there, such as V(core).
    type: list
    elements: str
    default: []
  unsupported_stacks:
    description: Stacks that this environment cannot have.
    type: list
    elements: str
    default: []
  log_groups:
    description: Log groups that have to be there.
    type: list
    elements: str
    default: []
  log_retention_days:
    description: How many days each of them has to keep what it gets.
    type: int
    default: 30
  alarm_topic_arn:
    description: The topic that every alarm notifies.
    type: str
  alarm_prefix:
    description: What the names of the fleet's alarms begin with.
    type: str
  dashboard:
    description: Name of the dashboard.
    type: str
  validator:
    description: The program validator and what it is asked.
    type: dict
    suboptions:
      function:
        description: Name or ARN of the function.
        type: str
        required: true
      programs:
        description: Programs of which it is known whether they are right.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: What the row calls it, such as V(a right program).
            type: str
            required: true
          source:
            description: Its text.
            type: str
            required: true
          right:
            description: Whether the validator has to accept it.
            type: bool
            required: true
          profile:
            description: What it has to run on.
            type: str
            default: esp32-c3
"""

EXAMPLES = r"""
- name: Check what was deployed
  steel.fleet.fleet_resource_info:
    name_prefix: aws-iot-steel
    environment_name: production
    stacks: [core, storage, validator, monitoring]
    log_groups: [/aws/iot/steel-runtime]
    alarm_topic_arn: arn:aws:sns:us-west-2:123456789012:aws-iot-steel-production-alarms
    alarm_prefix: aws-iot-steel-production-
    dashboard: aws-iot-steel-production
    validator:
      function: aws-iot-steel-production-steel-program-validator
      programs:
        - name: a right program
          source: (led-on)
          right: true
        - name: a wrong program
          source: (led-on
          right: false
"""

RETURN = r"""
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  contains:
    name: {description: What was checked., type: str, returned: always, sample: Stack core is healthy}
    status:
      description: V(passed), V(failed), V(warned) or V(not_checked).
      type: str
      returned: always
      sample: passed
    detail: {description: What was seen., type: str, returned: always, sample: CREATE_COMPLETE}
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import inspection
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import checks, resources
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import Check


def stacks(context: Context) -> Iterator[Check]:
    params = context.params
    cloudformation = context.client("cloudformation")
    for purpose in params["stacks"]:
        name = naming.stack_name(params["name_prefix"], params["environment_name"], purpose)
        yield resources.stack(
            purpose,
            inspection.stack_status(cloudformation, name),
            supported=purpose not in params["unsupported_stacks"],
            may_be_absent=context.check_mode,
        )


def log_groups(context: Context) -> Iterator[Check]:
    logs = context.client("logs")
    days = context.params["log_retention_days"]
    for name in context.params["log_groups"]:
        found = inspection.log_group(logs, name) if name else None
        yield resources.log_group(name, found, days, may_be_absent=context.check_mode)


def topic(context: Context) -> Iterator[Check]:
    arn = context.params["alarm_topic_arn"]
    found = inspection.confirmed_subscriptions(context.client("sns"), arn) if arn else None
    yield resources.topic(found, may_be_absent=context.check_mode)


def alarms(context: Context) -> Iterator[Check]:
    found = inspection.alarms(context.client("cloudwatch"), context.params["alarm_prefix"])
    yield resources.alarms(found, context.params["alarm_topic_arn"] or "", may_be_absent=context.check_mode)


def dashboard(context: Context) -> Iterator[Check]:
    name = context.params["dashboard"]
    body = inspection.dashboard(context.client("cloudwatch"), name) if name else None
    yield resources.dashboard(name, body, may_be_absent=context.check_mode)


def validator(context: Context) -> Iterator[Check]:
    asked = context.params["validator"]
    functions, name = context.client("lambda"), asked["function"]
    for program in asked["programs"]:
        event = {"source": program["source"], "profile": program["profile"]}
        answer = inspection.invoke(functions, name, event) if name else None
        yield resources.validator(
            program["name"], answer, right=program["right"], may_be_absent=context.check_mode
        )


CHECKS: Mapping[str, Callable[[Context], Iterator[Check]]] = {
    "stacks": stacks,
    "log_groups": log_groups,
    "alarm_topic_arn": topic,
    "alarm_prefix": alarms,
    "dashboard": dashboard,
    "validator": validator,
}
"""Option → the checks it asks for, in the order of the report."""


def work(context: Context) -> dict[str, Any]:
    rows = [
        row
        for option, check in CHECKS.items()
        if context.params[option] not in (None, [])
        for row in check(context)
    ]
    seen = checks.before_changes(rows) if context.check_mode else rows
    return {"changed": False, "checks": [row.as_dict() for row in seen]}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "stacks": {"type": "list", "elements": "str", "default": []},
            "unsupported_stacks": {"type": "list", "elements": "str", "default": []},
            "log_groups": {"type": "list", "elements": "str", "default": []},
            "log_retention_days": {"type": "int", "default": 30},
            "alarm_topic_arn": {"type": "str"},
            "alarm_prefix": {"type": "str"},
            "dashboard": {"type": "str"},
            "validator": {
                "type": "dict",
                "options": {
                    "function": {"type": "str", "required": True},
                    "programs": {
                        "type": "list",
                        "elements": "dict",
                        "required": True,
                        "options": {
                            "name": {"type": "str", "required": True},
                            "source": {"type": "str", "required": True},
                            "right": {"type": "bool", "required": True},
                            "profile": {"type": "str", "default": "esp32-c3"},
                        },
                    },
                },
            },
        },
    )


if __name__ == "__main__":
    main()

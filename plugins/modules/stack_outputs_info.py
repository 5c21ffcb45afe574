#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: stack_outputs_info
short_description: Read the outputs of a fleet's CloudFormation stacks
version_added: 0.1.0
description:
  - For playbooks that work with what was deployed before. Fails when nothing was.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
  - steel.fleet.reads
options:
  quick:
    description: Give up soon where AWS does not answer, after two attempts of five seconds each.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read what was deployed
  steel.fleet.stack_outputs_info:
    name_prefix: aws-iot-steel
    environment_name: staging
"""

RETURN = r"""
stacks:
  description: Outputs by stack and key; a stack that does not exist is absent.
  type: dict
  returned: success
  sample: {storage: {ProgramsBucket: aws-iot-steel-staging-programs-123456789012-us-west-2}}
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import account
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.stacks import PURPOSES

QUICK = {"attempts": 2, "timeout_seconds": 5}


def work(context: Context) -> dict[str, Any]:
    name = fleet_name(context.params["name_prefix"], context.params["environment_name"])
    client = context.client("cloudformation", **(QUICK if context.params["quick"] else {}))
    found = account.fleet_stacks(client, name, PURPOSES)
    if not found:
        raise FleetError(
            f"There is no stack {name}-*: nothing was deployed yet.",
            "Deploy first: ansible-playbook deploy.yml",
        )
    return {
        "changed": False,
        "stacks": {purpose: account.outputs_of(stack) for purpose, stack in found.items()},
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "quick": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()

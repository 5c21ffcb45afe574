#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: stack_state_info
short_description: Say what can be done with a CloudFormation stack
version_added: 0.1.0
description:
  - Looks at a stack before it is deployed. A state that CloudFormation refuses to leave by an update ends in
    one message with the reason out of the stack's events and what to do.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  stack_name:
    description: The stack.
    type: str
    required: true
  purpose:
    description: What the operator calls it, for messages.
    type: str
    required: true
  template_body:
    description: The template it is to have.
    type: str
    required: true
  recreate:
    description: Whether a stack whose creation failed may be deleted.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at the core stack
  steel.fleet.stack_state_info:
    stack_name: aws-iot-steel-local-core
    purpose: core
    template_body: "{{ lookup('ansible.builtin.file', 'cloudformation/core.yml') }}"
"""

RETURN = r"""
action:
  description: What deploying it means; one of V(create), V(update), V(delete and create).
  type: str
  returned: success
  sample: update
outputs:
  description: Its outputs by key; empty when it does not exist.
  type: dict
  returned: success
  sample: {ThingTypeName: aws-iot-steel-local-board}
resources:
  description: Logical name and type of every resource of the template.
  type: list
  elements: str
  returned: success
  sample: ["DevicePolicy (AWS::IoT::Policy)"]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import account
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import stacks


def work(context: Context) -> dict[str, Any]:
    params = context.params
    cloudformation = context.client("cloudformation")
    found = account.describe_stack(cloudformation, params["stack_name"])
    stack = None
    if found is not None:
        failures = account.stack_failures(cloudformation, params["stack_name"])
        stack = stacks.Stack(params["stack_name"], params["purpose"], found["StackStatus"], failures)
    return {
        "changed": False,
        "action": stacks.choose(stack, params["recreate"]).value,
        "outputs": account.outputs_of(found or {}),
        "resources": stacks.resources(params["template_body"]),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "stack_name": {"type": "str", "required": True},
            "purpose": {"type": "str", "required": True},
            "template_body": {"type": "str", "required": True},
            "recreate": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()

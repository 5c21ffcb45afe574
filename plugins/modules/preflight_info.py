#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Check versions, configuration, credentials and account before anything is touched
version_added: 0.1.0
description:
  - Fails with every problem it finds, each with the name of the variable and what is allowed.
  - Returns the pre-deployment checklist, each line answered by the machine where it can be.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
  - steel.fleet.reads
options:
  account_id:
    description: The account that the environment declares.
    type: str
    required: true
  region_name:
    description: The region that the environment declares.
    type: str
    required: true
  device_count:
    description: How many devices the fleet shall have.
    type: int
    required: true
  unsupported_stacks:
    description: Stacks that this environment cannot have.
    type: list
    elements: str
    default: []
  custom_endpoint:
    description: MQTT endpoint that the inventory declares, if any.
    type: str
    default: ""
  look_at_account:
    description: Whether to look at credentials and account; without it the checklist is empty.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look before touching anything
  steel.fleet.preflight_info:
    account_id: "123456789012"
    region_name: us-west-2
    name_prefix: aws-iot-steel
    environment_name: staging
    device_count: 100
"""

RETURN = r"""
checklist:
  description: The pre-deployment checklist.
  type: list
  elements: dict
  returned: success
  contains:
    section: {description: Group of lines., type: str, returned: always, sample: Security}
    name: {description: What is checked., type: str, returned: always, sample: Encryption keys}
    status: {description: How it stands., type: str, returned: always, sample: ready}
    detail: {description: What was found., type: str, returned: always, sample: KMS key with rotation}
lines:
  description: The checklist for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["Security:", "  [x] Encryption keys  KMS key with rotation: core stack"]
caller:
  description: ARN of the credentials in use.
  type: str
  returned: success
  sample: arn:aws:iam::123456789012:user/operator
stacks:
  description: Status of the environment's stacks that exist, by purpose.
  type: dict
  returned: success
  sample: {core: CREATE_COMPLETE}
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import account
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import preflight
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.stacks import PURPOSES


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


NOT_LOOKED = {"changed": False, "checklist": [], "lines": [], "caller": "", "stacks": {}}


def work(context: Context) -> dict[str, Any]:
    params = context.params
    configuration = preflight.Configuration(
        params["account_id"], params["region_name"], params["name_prefix"], params["device_count"]
    )
    problems = preflight.version_problems({name: installed(name) for name in preflight.MINIMUM_VERSIONS})
    problems += preflight.configuration_problems(configuration, account.regions_with_iot())
    if problems:
        raise InvalidInputError(" ".join(problems))
    return found_in_account(context) if params["look_at_account"] else NOT_LOOKED


def found_in_account(context: Context) -> dict[str, Any]:
    params = context.params
    # The first call of a run: an endpoint that does not answer is to be said at once.
    identity = account.caller_identity(context.client("sts", attempts=2))
    problem = preflight.account_problem(params["account_id"], identity.account, identity.arn)
    if problem:
        raise InvalidInputError(problem)
    found = account.fleet_stacks(
        context.client("cloudformation"),
        fleet_name(params["name_prefix"], params["environment_name"]),
        PURPOSES,
    )
    stacks = {purpose: stack["StackStatus"] for purpose, stack in found.items()}
    items = preflight.checklist(
        preflight.Facts(
            identity.account, identity.arn, stacks, params["unsupported_stacks"], params["custom_endpoint"]
        )
    )
    return {
        "changed": False,
        "checklist": [item.as_dict() for item in items],
        "lines": preflight.render(items),
        "caller": identity.arn,
        "stacks": stacks,
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "account_id": {"type": "str", "required": True},
            "region_name": {"type": "str", "required": True},
            **FLEET_SPEC,
            "device_count": {"type": "int", "required": True},
            "unsupported_stacks": {"type": "list", "elements": "str", "default": []},
            "custom_endpoint": {"type": "str", "default": ""},
            "look_at_account": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()

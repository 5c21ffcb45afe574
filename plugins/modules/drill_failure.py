#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: drill_failure
short_description: Break something of a drill's own fleet
version_added: 0.1.0
description:
  - Breaks only what has the name of the drill's fleet, and refuses the whole call before anything is broken
    when one name has not.
  - V(failure=objects) deletes every version of every object of O(bucket), V(failure=code) has O(function)
    run code that fails, V(failure=certificates) makes the certificates of O(device_ids) INACTIVE.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Breaks nothing.
    support: full
  idempotent:
    description: Code is broken again and again.
    support: partial
options:
  failure:
    description: What is broken.
    type: str
    choices: [objects, code, certificates]
    required: true
  name_prefix:
    description: First part of the names of the drill's fleet.
    type: str
    required: true
  environment_name:
    description: Second part of them.
    type: str
    required: true
  bucket:
    description: The bucket.
    type: str
  function:
    description: The function.
    type: str
  alias:
    description: The alias by which callers call it.
    type: str
    default: live
  device_ids:
    description: The devices.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Lose every program
  steel.fleet.drill_failure:
    failure: objects
    name_prefix: steel-drill
    environment_name: local
    bucket: steel-drill-local-programs-000000000000-us-west-2
"""

RETURN = r"""
broken:
  description: How many objects' versions, functions or certificates.
  type: int
  returned: not in check mode
  sample: 12
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import breaking
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.drill.scope import Scope
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import thing_name


def work(context: Context) -> dict[str, Any]:
    params = context.params
    scope = Scope(params["name_prefix"], params["environment_name"])
    act = {"objects": objects, "code": code, "certificates": certificates}[params["failure"]]
    return act(context, scope)


def objects(context: Context, scope: Scope) -> dict[str, Any]:
    bucket = scope.require(context.params["bucket"], "Bucket")
    if context.check_mode:
        return {"changed": True}
    broken = breaking.delete_objects(context.client("s3"), bucket)
    return {"changed": broken > 0, "broken": broken}


def code(context: Context, scope: Scope) -> dict[str, Any]:
    function = scope.require(context.params["function"], "Function")
    if context.check_mode:
        return {"changed": True}
    breaking.break_code(context.client("lambda"), function, context.params["alias"])
    return {"changed": True, "broken": 1}


def certificates(context: Context, scope: Scope) -> dict[str, Any]:
    things = [thing_name(scope.prefix, scope.environment, one) for one in context.params["device_ids"]]
    if context.check_mode:
        return {"changed": bool(things)}
    broken = breaking.switch_off(context.client("iot"), scope.environment, things)
    return {"changed": bool(broken), "broken": len(broken)}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "failure": {"type": "str", "choices": ["objects", "code", "certificates"], "required": True},
            "name_prefix": {"type": "str", "required": True},
            "environment_name": {"type": "str", "required": True},
            "bucket": {"type": "str"},
            "function": {"type": "str"},
            "alias": {"type": "str", "default": "live"},
            "device_ids": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[
            ("failure", "objects", ["bucket"]),
            ("failure", "code", ["function"]),
            ("failure", "certificates", ["device_ids"]),
        ],
    )


if __name__ == "__main__":
    main()

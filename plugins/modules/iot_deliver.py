#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_deliver
short_description: Load, execute, stop or remove a program on one device, and wait for its answer
version_added: 0.1.0
description:
  - Speaks the device's protocol over MQTT (WebSocket, signed with the AWS credentials), waits for the
    device's own status report and returns its log; or sends the same by an AWS IoT job, which also reaches a
    device that is offline now.
  - For many devices use M(steel.fleet.iot_rollout), which can be stopped and taken back.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says what would be sent; sends nothing.
    support: full
  idempotent:
    description: Every run asks the device again.
    support: none
options:
  thing:
    description: The device.
    type: str
    required: true
  action:
    description: What the device shall do. V(status) asks for all its programs.
    type: str
    choices: [load, execute, stop, remove, status]
    default: load
  via:
    description: By which way. A job knows V(load) and V(remove) only.
    type: str
    choices: [mqtt, job]
    default: mqtt
  program:
    description: Id of the program. Not needed for O(action=status).
    type: str
    default: ""
  version:
    description: Published version to load; empty takes the newest.
    type: str
    default: ""
  packages_bucket:
    description: Where packages are; needed for O(action=load).
    type: str
    default: ""
  packages_prefix:
    description: Where packages are in their bucket.
    type: str
    default: packages
  websocket_url:
    description: Another address of MQTT over WebSocket than the endpoint's own, such as V(ws://127.0.0.1:4566).
    type: str
    default: ""
  timeout_seconds:
    description: How long to wait for the answer.
    type: float
    default: 30.0
  watch_seconds:
    description: How long to listen for the log of a program that runs.
    type: float
    default: 3.0
"""

EXAMPLES = r"""
- name: Load a program
  steel.fleet.iot_deliver:
    name_prefix: aws-iot-steel
    environment_name: production
    thing: aws-iot-steel-production-device-001
    program: blink_led
    packages_bucket: aws-iot-steel-production-programs-123456789012-us-west-2

- name: See what it holds
  steel.fleet.iot_deliver:
    name_prefix: aws-iot-steel
    environment_name: production
    thing: aws-iot-steel-production-device-001
    action: status
"""

RETURN = r"""
status:
  description: What the device reported, such as V(Running); of a job, its status.
  type: str
  returned: not in check mode
  sample: Running
message:
  description: What it said about that.
  type: str
  returned: not in check mode
  sample: ""
version:
  description: The version that was loaded.
  type: str
  returned: with O(action=load)
  sample: 1.2.0
log:
  description: What the program logged meanwhile.
  type: list
  elements: str
  returned: not in check mode
  sample: ["2026-03-01T09:30:00Z info: blink"]
programs:
  description: What the device holds; only for O(action=status).
  type: list
  elements: dict
  returned: not in check mode
  sample: []
answer:
  description: The same - status, message, log - where the device failed or did not answer.
  type: dict
  returned: failure
  sample: {status: Failed, message: stack overflow}
seconds:
  description: From the question to the answer.
  type: float
  returned: not in check mode
  sample: 0.4
"""

import uuid
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import delivery
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import packages
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import delivery as protocol
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming, programs
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)


def newest_or(s3: Any, params: Any) -> programs.Package:
    """The package to load."""
    bucket, prefix, program = params["packages_bucket"], params["packages_prefix"], params["program"]
    versions = packages.versions(s3, bucket, prefix, program)
    version = params["version"] or (versions[-1] if versions else "")
    package = packages.find(s3, bucket, programs.key_of(prefix, program, version)) if version else None
    if package is None:
        raise FleetError(
            f"{program} {version or '(any version)'} is not published in {bucket or 'the programs bucket'}.",
            "publish_programs.yml publishes it.",
        )
    return package


def check(params: Any) -> None:
    action, via = params["action"], params["via"]
    if action != "status" and not params["program"]:
        raise InvalidInputError(f"action={action} needs program.")
    if via == "job" and action not in ("load", "remove"):
        raise InvalidInputError(f"A job cannot {action}; it can load and remove.", "Use via=mqtt.")


def work(context: Context) -> dict[str, Any]:
    params = context.params
    check(params)
    action, program = params["action"], params["program"]
    package = newest_or(context.client("s3"), params) if action == "load" else None
    version = {"version": package.manifest.version} if package else {}
    if context.check_mode:
        return {"changed": action != "status", **version}
    done = send(context, package)
    result = {
        "changed": action != "status" and done.good,
        "status": done.status,
        "message": done.message,
        "log": list(done.logs),
        "programs": list(done.programs),
        "seconds": round(done.seconds, 3),
        **version,
    }
    if not done.good:
        what = (
            f"reported {done.status}"
            if done.status
            else f"has not answered in {params['timeout_seconds']:g} s"
        )
        said = f": {done.message}" if done.message else "."
        raise FleetError(
            f"{params['thing']} {what} when asked to {action} {program}{said}".strip(),
            "Is it connected? health.yml says so. A job (via=job) also reaches it later.",
            answer={name: value for name, value in result.items() if name != "changed"},
        )
    return result


def send(context: Context, package: programs.Package | None) -> delivery.Delivered:
    params, iot = context.params, context.client("iot")
    action, program, thing = params["action"], params["program"], params["thing"]
    fleet = naming.fleet_name(params["name_prefix"], params["environment_name"])
    run = uuid.uuid4().hex[:8]
    if params["via"] == "job":
        try:
            arn = iot.describe_thing(thingName=thing)["thingArn"]
        except iot.exceptions.ResourceNotFoundException:
            raise FleetError(f"There is no device {thing}.", "Its name is in the inventory.") from None
        document = programs.load_document(package) if package else programs.remove_document(program)
        return delivery.by_job(iot, f"{fleet}-deliver-{run}", arn, document, params["timeout_seconds"])
    body = programs.program_message(package) if package else protocol.request(program, action)
    return delivery.by_mqtt(
        delivery.gateway(iot, params["websocket_url"], f"{fleet}-operator-{run}"),
        thing,
        program,
        action,
        body,
        auto_start=package is None or package.manifest.auto_start,
        timeout_seconds=params["timeout_seconds"],
        watch_seconds=params["watch_seconds"],
    )


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "thing": {"type": "str", "required": True},
            "action": {
                "type": "str",
                "choices": ["load", "execute", "stop", "remove", "status"],
                "default": "load",
            },
            "via": {"type": "str", "choices": ["mqtt", "job"], "default": "mqtt"},
            "program": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "packages_bucket": {"type": "str", "default": ""},
            "packages_prefix": {"type": "str", "default": "packages"},
            **FLEET_SPEC,
            "websocket_url": {"type": "str", "default": ""},
            "timeout_seconds": {"type": "float", "default": 30.0},
            "watch_seconds": {"type": "float", "default": 3.0},
        },
    )


if __name__ == "__main__":
    main()

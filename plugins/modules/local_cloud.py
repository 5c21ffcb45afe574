#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: local_cloud
short_description: Start or stop a local cloud
version_added: 0.1.0
description:
  - Runs ministack, an AWS emulator with IoT Core, MQTT over mutual TLS, CloudFormation, Lambda and more,
    as a process of its own that outlives the playbook.
  - It listens on the loopback address only, enforces IAM and IoT policies, and keeps its state on disk.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Says what would be started or stopped, and does neither.
    support: full
  diff_mode:
    description: Shows the state before and after.
    support: full
  idempotent:
    description: A cloud that runs in O(directory) is used as it is.
    support: full
options:
  state:
    description: Whether the cloud shall run.
    type: str
    choices: [started, stopped]
    default: started
  port:
    description: TCP port of the AWS APIs.
    type: int
    default: 4566
  mqtt_port:
    description: TCP port of MQTT over mutual TLS.
    type: int
    default: 8883
  port_variables:
    description: Variables that move O(port) and O(mqtt_port), for the message that one is taken.
    type: list
    elements: str
    default: [local_cloud_port, local_cloud_mqtt_port]
  directory:
    description: Where the cloud keeps its state, its objects, its log and its process id.
    type: path
    required: true
  region:
    description: Region of requests that name none.
    type: str
    default: us-west-2
  timeout_seconds:
    description: How long it may take to answer its health check.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Have a local cloud
  steel.fleet.local_cloud:
    directory: .local/cloud

- name: Stop it, keeping its state
  steel.fleet.local_cloud:
    directory: .local/cloud
    state: stopped
"""

RETURN = r"""
endpoint_url:
  description: URL of the AWS APIs.
  type: str
  returned: always
  sample: http://127.0.0.1:4566
log:
  description: File that holds what the cloud prints.
  type: str
  returned: always
  sample: .local/cloud/cloud.log
pid:
  description: The process, if it runs.
  type: int
  returned: when the cloud runs
  sample: 4711
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import local_cloud
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError


def work(context: Context) -> dict[str, Any]:
    wanted = context.params["state"]
    settings = local_cloud.Settings(
        directory=Path(context.params["directory"]).resolve(),
        port=context.params["port"],
        mqtt_port=context.params["mqtt_port"],
        region=context.params["region"],
        port_variables=port_variables(context.params["port_variables"]),
    )
    running = local_cloud.find(settings)
    before = "started" if running else "stopped"
    result: dict[str, Any] = {
        "changed": before != wanted,
        "diff": {"before": {"state": before}, "after": {"state": wanted}},
        "endpoint_url": settings.endpoint_url,
        "log": str(settings.log),
    }
    if wanted == "started" and local_cloud.lost_its_state(settings):
        context.warn("The local cloud ended without saving its state; it starts empty. Deploy again.")
    if not context.check_mode:
        running = apply(settings, wanted, context.params["timeout_seconds"])
    if running:
        result["pid"] = running.pid
    return result


def port_variables(names: list[str]) -> tuple[str, str]:
    match names:
        case [port, mqtt_port]:
            return port, mqtt_port
    raise InvalidInputError(
        f"port_variables has {len(names)} names; it must have two, of port and mqtt_port."
    )


def apply(settings: local_cloud.Settings, wanted: str, timeout_seconds: int) -> local_cloud.Running | None:
    if wanted == "started":
        return local_cloud.start(settings, timeout_seconds)
    local_cloud.stop(settings, timeout_seconds)
    return None


def main() -> None:
    run_module(
        work,
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "port": {"type": "int", "default": 4566},
            "mqtt_port": {"type": "int", "default": 8883},
            "port_variables": {
                "type": "list",
                "elements": "str",
                "default": ["local_cloud_port", "local_cloud_mqtt_port"],
            },
            "directory": {"type": "path", "required": True},
            "region": {"type": "str", "default": "us-west-2"},
            "timeout_seconds": {"type": "int", "default": 60},
        },
    )


if __name__ == "__main__":
    main()

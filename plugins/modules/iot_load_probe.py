#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_load_probe
short_description: Connect as many devices at once, send each some messages, and measure
version_added: 0.1.0
description:
  - Connects over mutual TLS as many provisioned devices at the same time, publishes messages to each through
    AWS IoT, and measures how many arrive and how long that takes, from the call to the device.
  - Rates are held to what is asked for, and never above AWS IoT's quotas.
  - The messages are no programs; a board that got one would ignore it.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.device_connection
  - steel.fleet.key_protection
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Connects as nobody and publishes nothing; every row says that it was not checked.
    support: full
  idempotent:
    description: Leaves nothing behind.
    support: full
options:
  devices:
    description: How many devices to connect as, from 1 to 1,000. Fewer are taken where fewer can be.
    type: int
    default: 50
  messages_per_device:
    description: Messages to each device; 100,000 in all at most.
    type: int
    default: 20
  connects_per_second:
    description: Devices that connect each second, 500 at most.
    type: float
    default: 50.0
  messages_per_second:
    description: Messages that are published each second, 20,000 at most.
    type: float
    default: 100.0
  connect_percent:
    description: More than this part of the devices has to connect and stay connected.
    type: float
    default: 99.0
  delivery_percent:
    description: More than this part of the messages has to arrive.
    type: float
    default: 99.5
  response_ms:
    description: 95 of 100 messages have to arrive in less than this.
    type: float
    default: 100.0
  progress_file:
    description: File that always holds how far the run is. Set by the action plugin of the same name.
    type: path
"""

EXAMPLES = r"""
- name: Connect 200 devices and send each 50 messages
  steel.fleet.iot_load_probe:
    name_prefix: aws-iot-steel
    environment_name: staging
    count: 1000
    devices_directory: /var/lib/fleet/staging/devices
    devices: 200
    messages_per_device: 50
"""

RETURN = r"""
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  contains:
    name: {description: What was checked., type: str, returned: always, sample: Messages arrive}
    status:
      description: V(passed), V(failed), V(warned) or V(not_checked).
      type: str
      returned: always
      sample: passed
    detail:
      description: What was seen.
      type: str
      returned: always
      sample: "1,000 of 1,000 (target: above 99.5 %)"
sections:
  description: Tables and plots for a report, as C(docs/reports.md) describes them.
  type: list
  elements: dict
  returned: success
measured:
  description: The figures; milliseconds. None when no device was connected.
  type: dict
  returned: success
  sample: {connected: 50, sent: 1000, arrived: 1000, response_ms: {p50: 8.1, p95: 14.2, p99: 19.9}}
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils import device_connection
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import load_probe
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import messages
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import progress
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import load


def nothing(why: str) -> dict[str, Any]:
    rows = [row.as_dict() for row in load.none_of(why)]
    return {"changed": False, "checks": rows, "sections": [], "measured": {}}


def work(context: Context) -> dict[str, Any]:
    params = context.params
    wanted = load.Load(
        params["devices"],
        params["messages_per_device"],
        params["connects_per_second"],
        params["messages_per_second"],
    )
    wanted.check()
    if context.check_mode:
        return nothing("Check mode connects as no device and publishes nothing.")
    iot, clock = context.client("iot"), SystemClock()
    devices = device_connection.devices(context)
    choice = devices.choose(
        iot,
        wanted.devices,
        clock,
        interrupt=params["interrupt_devices"],
        patience=params["index_timeout_seconds"],
    )
    if not choice.things:
        return nothing(choice.remark)
    data = context.client("iot-data", max_connections=load_probe.CONCURRENT_CALLS)
    show = progress.to_file(Path(params["progress_file"])) if params["progress_file"] else lambda moment: None
    probe = load_probe.LoadProbe(
        wanted,
        device_connection.server(context, iot),
        lambda topic, payload: messages.publish(data, topic, payload),
        clock,
        progress.Meter(show, clock.monotonic, "messages"),
        params["timeout_seconds"],
    )
    measured = probe.run([devices.identity(thing) for thing in choice.things])
    targets = load.Targets(params["connect_percent"], params["delivery_percent"], params["response_ms"])
    rows = load.rows(measured, targets, wanted.devices, choice.remark)
    return {
        "changed": False,
        "checks": [row.as_dict() for row in rows],
        "sections": load.sections(measured, targets),
        "measured": load.figures(measured),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **device_connection.ARGUMENT_SPEC,
            "devices": {"type": "int", "default": 50},
            "messages_per_device": {"type": "int", "default": 20},
            "connects_per_second": {"type": "float", "default": 50.0},
            "messages_per_second": {"type": "float", "default": 100.0},
            "connect_percent": {"type": "float", "default": 99.0},
            "delivery_percent": {"type": "float", "default": 99.5},
            "response_ms": {"type": "float", "default": 100.0},
            "progress_file": {"type": "path"},
        },
        mutually_exclusive=device_connection.MUTUALLY_EXCLUSIVE,
        required_one_of=device_connection.REQUIRED_ONE_OF,
    )


if __name__ == "__main__":
    main()

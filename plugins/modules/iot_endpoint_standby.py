#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_endpoint_standby
short_description: Have devices know where to connect when their endpoint is silent
version_added: 0.1.0
description:
  - One job that stays open tells every device of the fleet's group, and those that join it later. A device
    remembers the standby and goes there by itself when its own endpoint does not answer and the standby lets
    it in. Certificates that are INACTIVE there keep devices out until a failover makes them ACTIVE.
  - A job that tells of another standby ends.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says whether devices would be told.
    support: full
  idempotent:
    description: Devices that are being told of this standby are not told again.
    support: full
options:
  name_prefix:
    description: First part of every name.
    type: str
    required: true
  environment_name:
    description: The environment.
    type: str
    required: true
  group:
    description: The thing group of the whole fleet.
    type: str
    required: true
  endpoint:
    description: Where devices connect then.
    type: str
    required: true
  mqtt_port:
    description: Port of MQTT there.
    type: int
    default: 8883
  endpoint_region:
    description: The region of it.
    type: str
    required: true
  root_ca:
    description: PEM of the authority that vouches for the endpoint, where devices do not know it.
    type: str
    default: ""
  per_minute:
    description: Devices that are told each minute, from 1 to 1000.
    type: int
    default: 1000
  devices:
    description: How many devices are waited for.
    type: int
    default: 0
  timeout_seconds:
    description: How long they are waited for.
    type: float
    default: 300.0
  poll_seconds:
    description: Pause between two looks.
    type: float
    default: 1.0
"""

EXAMPLES = r"""
- name: Prepare a second region
  steel.fleet.iot_endpoint_standby:
    name_prefix: aws-iot-steel
    environment_name: staging
    group: aws-iot-steel-staging
    endpoint: a1b2c3-ats.iot.eu-west-1.amazonaws.com
    endpoint_region: eu-west-1
"""

RETURN = r"""
job_id:
  description: The job.
  type: str
  returned: success
  sample: aws-iot-steel-staging-standby-eu-west-1-9f86d081884c
told:
  description: Devices that know the standby, of those that are waited for.
  type: int
  returned: not in check mode
  sample: 100
"""

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.progress import Meter
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.regions import switch
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.endpoint_standby import Standby
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.endpoint_switch import wave


def work(context: Context) -> dict[str, object]:
    params, clock = context.params, SystemClock()
    fleet = fleet_name(params["name_prefix"], params["environment_name"])
    host, port, region = params["endpoint"], params["mqtt_port"], params["endpoint_region"]
    endpoint = switch.Endpoint(host, port, region, params["root_ca"])
    meter = Meter(lambda moment: None, clock.monotonic, "devices")
    standby = Standby(context.client("iot"), fleet, params["group"], clock, meter)
    job = switch.standby_job_id(fleet, endpoint)
    changed = not standby.is_told(job) or bool(standby.former(job))
    if context.check_mode:
        return {"changed": changed, "job_id": job}
    if changed:
        standby.tell(job, endpoint, wave(params["per_minute"], 0, timeout_minutes=10))
    told = standby.wait(job, params["devices"], params["timeout_seconds"], params["poll_seconds"])
    if told < params["devices"]:
        raise FleetError(
            f"{told} of {params['devices']} devices know it after {params['timeout_seconds']:g} s.",
            f"The job {job} stays open and tells the others once they are connected.",
        )
    return {"changed": changed, "job_id": job, "told": told}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "name_prefix": {"type": "str", "required": True},
            "environment_name": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "endpoint": {"type": "str", "required": True},
            "mqtt_port": {"type": "int", "default": 8883},
            "endpoint_region": {"type": "str", "required": True},
            "root_ca": {"type": "str", "default": ""},
            "per_minute": {"type": "int", "default": 1000},
            "devices": {"type": "int", "default": 0},
            "timeout_seconds": {"type": "float", "default": 300.0},
            "poll_seconds": {"type": "float", "default": 1.0},
        },
    )


if __name__ == "__main__":
    main()

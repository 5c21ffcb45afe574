#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_endpoint_standby
short_description: Let devices know another region's endpoint, for when theirs does not answer
version_added: 0.1.0
description:
  - One job C(endpoint.switch) with C(standby) for the thing group of the fleet. It stays open, so that
    devices that come later are told, too.
  - Where the endpoint becomes another, a new job takes the old one's place.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says whether devices would be told.
    support: full
  idempotent:
    description: A job that tells the same is left alone.
    support: full
options:
  group:
    description: The thing group of the whole fleet.
    type: str
    required: true
  endpoint:
    description: MQTT host name of the other region.
    type: str
    required: true
  mqtt_port:
    description: Port of MQTT there.
    type: int
    default: 8883
  endpoint_region:
    description: The other region.
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
"""

EXAMPLES = r"""
- name: Let devices know the second region
  steel.fleet.iot_endpoint_standby:
    name_prefix: aws-iot-steel
    environment_name: staging
    group: aws-iot-steel-staging
    endpoint: abc-ats.iot.eu-west-1.amazonaws.com
    endpoint_region: eu-west-1
"""

RETURN = r"""
job_id:
  description: The job that tells devices.
  type: str
  returned: success
  sample: aws-iot-steel-staging-standby-eu-west-1-2c26b46b
succeeded:
  description: How many devices know the endpoint.
  type: int
  returned: success
  sample: 100
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import jobs
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.regions.switch import Endpoint
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.endpoint_switch import Standby, wave


def work(context: Context) -> dict[str, Any]:
    params = context.params
    iot = context.client("iot")
    endpoint = Endpoint(
        params["endpoint"], params["mqtt_port"], params["endpoint_region"], params["root_ca"], standby=True
    )
    told = wave(params["per_minute"], jitter_seconds=0, timeout_minutes=10)
    fleet = fleet_name(params["name_prefix"], params["environment_name"])
    standby = Standby(iot, fleet, params["group"], endpoint)
    changed = standby.differs()
    if changed and not context.check_mode:
        standby.tell(told)
    return {"changed": changed, "job_id": standby.job, "succeeded": jobs.counts(iot, standby.job).succeeded}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "group": {"type": "str", "required": True},
            "endpoint": {"type": "str", "required": True},
            "mqtt_port": {"type": "int", "default": 8883},
            "endpoint_region": {"type": "str", "required": True},
            "root_ca": {"type": "str", "default": ""},
            "per_minute": {"type": "int", "default": 1000},
        },
    )


if __name__ == "__main__":
    main()

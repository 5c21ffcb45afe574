#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_endpoint_switch
short_description: Have devices connect to another region, and watch until they do
version_added: 0.1.0
description:
  - Where the region in which devices are still answers, a job C(endpoint.switch) tells them.
  - Where it does not, nobody can tell them; devices that know both endpoints switch by themselves, and this
    module waits for them.
  - A second run finds the job of the first one and goes on waiting.
  - That the fleet was moved here is written on its thing group, so that nobody takes what the other region
    holds for newer afterwards.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says who is connected where, and tells nobody anything.
    support: full
  idempotent:
    description: Where everybody is connected already, nothing is done.
    support: full
options:
  group:
    description: The thing group of the whole fleet.
    type: str
    required: true
  origin:
    description:
      - Connection of the region where devices are.
      - The module's own connection is of the one where they shall be.
    type: dict
    required: true
    suboptions:
      region: {description: Its name., type: str, required: true}
      endpoint_url: {description: URL of its APIs; empty on AWS., type: str}
      profile: {description: A named profile., type: str}
      access_key: {description: Access key., type: str}
      secret_key: {description: Secret key., type: str}
      session_token: {description: Session token., type: str}
  origin_timeout_seconds:
    description: After so long without an answer the origin counts as failed. It is asked twice.
    type: int
    default: 5
  origin_as_of:
    description: Id of the snapshot that stands for an origin that does not answer.
    type: str
    default: ""
  endpoint:
    description: Where devices shall connect. Empty asks AWS IoT.
    type: str
    default: ""
  mqtt_port:
    description: Port of MQTT there.
    type: int
    default: 8883
  root_ca:
    description: PEM of the authority that vouches for the endpoint, where devices do not know it.
    type: str
    default: ""
  per_minute:
    description: Devices that are told each minute, from 1 to 1000.
    type: int
    default: 1000
  jitter_seconds:
    description: A device waits a random part of this before it switches.
    type: int
    default: 30
  timeout_minutes:
    description: How long devices are waited for.
    type: float
    default: 30
  poll_seconds:
    description: Pause between two looks.
    type: float
    default: 5
  progress_file:
    description: Where to write how far it is; set by the action plugin.
    type: path
"""

EXAMPLES = r"""
- name: Move the fleet to eu-west-1
  steel.fleet.iot_endpoint_switch:
    region: eu-west-1
    name_prefix: aws-iot-steel
    environment_name: staging
    group: aws-iot-steel-staging
    origin: {region: us-west-2}
"""

RETURN = r"""
origin_answers:
  description: Whether the region where devices are answers.
  type: bool
  returned: success
  sample: true
origin_why:
  description: Why it does not.
  type: str
  returned: success
  sample: ""
connected_before:
  description: Connected devices in each region when the run began.
  type: dict
  returned: success
  sample: {us-west-2: 100, eu-west-1: 0}
moved:
  description: Whether the fleet was moved here before, so that this region holds what is newer.
  type: bool
  returned: success
  sample: false
serves_since:
  description: When it was; empty where it never was.
  type: str
  returned: success
  sample: 2026-11-28T09-30-00Z
expected:
  description: How many devices shall be connected in the end.
  type: int
  returned: success
  sample: 100
unknown:
  description: Connected devices that the destination does not know and would refuse.
  type: list
  elements: str
  returned: success
  sample: []
job_id:
  description: The job that tells devices; empty where nobody is told.
  type: str
  returned: not in check mode
  sample: aws-iot-steel-staging-switch-eu-west-1-20261128093000
arrived:
  description: How many are connected at the destination.
  type: int
  returned: not in check mode
  sample: 100
missing:
  description: Who is not.
  type: list
  elements: str
  returned: not in check mode
  sample: []
seconds:
  description: How long it took until the last one came, or the time was over.
  type: float
  returned: not in check mode
  sample: 12.3
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import endpoints
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.clients import client
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.pacing import Pacer
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import progress
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.regions.switch import Endpoint, Move
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import some
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.endpoint_switch import Switcher, wave
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates, shown
from ansible_collections.steel.fleet.plugins.module_utils.region_options import CONNECTION

ATTEMPTS = 2


def work(context: Context) -> dict[str, Any]:
    params = context.params
    told = wave(params["per_minute"], params["jitter_seconds"], timeout_minutes=10)
    switcher, destination = ready(context)
    region = destination.meta.region_name
    move = switcher.look(params["origin"]["region"], region)
    moved = move.moved(params["origin_as_of"])
    nothing_to_do = moved and not move.needs_job and move.expected <= move.destination.connected
    if context.check_mode or nothing_to_do:
        return {
            "changed": not nothing_to_do,
            **seen(move, moved),
            **({} if context.check_mode else settled(move)),
        }
    if move.unknown():
        raise FleetError(
            f"{len(move.unknown()):,} connected devices are unknown in {region}: {some(move.unknown())}.",
            "Close the differences first: multi_region.yml.",
        )
    if not moved:
        switcher.mark()
    host = params["endpoint"] or endpoints.mqtt_endpoint(destination)
    job = switcher.move(move, Endpoint(host, params["mqtt_port"], region, params["root_ca"]), told)
    outcome = switcher.watch(move, params["timeout_minutes"] * 60, params["poll_seconds"])
    return {
        "changed": not moved or bool(job) or outcome.arrived > len(move.destination.connected),
        **seen(move, moved),
        "job_id": job,
        "arrived": outcome.arrived,
        "missing": list(outcome.missing),
        "seconds": round(outcome.seconds, 3),
    }


def ready(context: Context) -> tuple[Switcher, Any]:
    params = context.params
    clock = SystemClock()
    quotas = rates(context)
    origin = client("iot", params["origin"], attempts=ATTEMPTS, timeout=params["origin_timeout_seconds"])
    destination = context.client("iot")
    for one in (origin, destination):
        Pacer(quotas, clock).attach(one)
    fleet = fleet_name(params["name_prefix"], params["environment_name"])
    meter = progress.Meter(shown(context), clock.monotonic, "devices")
    return Switcher(origin, destination, fleet, params["group"], clock, meter), destination


def seen(move: Move, moved: bool) -> dict[str, Any]:
    return {
        "moved": moved,
        "serves_since": move.destination.serves_since,
        "origin_answers": move.origin.answers,
        "origin_why": move.origin.why,
        "connected_before": {one.name: len(one.connected) for one in (move.origin, move.destination)},
        "expected": len(move.expected),
        "unknown": move.unknown(),
    }


def settled(move: Move) -> dict[str, Any]:
    return {"job_id": "", "arrived": len(move.expected), "missing": [], "seconds": 0.0}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "group": {"type": "str", "required": True},
            "origin": {"type": "dict", "required": True, "options": CONNECTION},
            "origin_timeout_seconds": {"type": "int", "default": 5},
            "origin_as_of": {"type": "str", "default": ""},
            "endpoint": {"type": "str", "default": ""},
            "mqtt_port": {"type": "int", "default": 8883},
            "root_ca": {"type": "str", "default": ""},
            "per_minute": {"type": "int", "default": 1000},
            "jitter_seconds": {"type": "int", "default": 30},
            "timeout_minutes": {"type": "float", "default": 30},
            "poll_seconds": {"type": "float", "default": 5},
            **QUOTAS_SPEC,
            "progress_file": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()

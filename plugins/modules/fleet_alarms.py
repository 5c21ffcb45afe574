#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_alarms
short_description: Silence alarms for maintenance, and switch them on again
version_added: 0.1.0
description:
  - Alarms that are silenced are written down in a bucket first, so that the next run on any host finds them.
  - Only alarms that this module silenced are switched on again. One that somebody switched off stays off.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says which alarms would change.
    support: full
  diff_mode:
    description: Shows the silent alarms before and after.
    support: full
  idempotent:
    description: Alarms that are as they should be are left alone.
    support: full
options:
  bucket:
    description: The deployment bucket.
    type: str
    required: true
  state:
    description:
      - V(silenced) silences O(alarms). V(restored) switches on whatever was silenced.
      - V(watched) looks at all alarms for O(watch_seconds), or until one rings.
    type: str
    choices: [silenced, restored, watched]
    required: true
  alarms:
    description: Alarms to silence, by the last part of their names. One that does not exist is an error.
    type: list
    elements: str
    default: []
  until:
    description: When they shall be on again, for people.
    type: str
    default: ""
  watch_seconds:
    description: How long to look.
    type: float
    default: 0.0
  poll_seconds:
    description: Pause between two looks.
    type: float
    default: 15.0
"""

EXAMPLES = r"""
- name: Silence what rings when devices restart
  steel.fleet.fleet_alarms:
    name_prefix: aws-iot-steel
    environment_name: staging
    bucket: aws-iot-steel-staging-deploy-000000000000-us-west-2
    state: silenced
    alarms: [devices-silent, connection-storm]
"""

RETURN = r"""
silenced:
  description: Alarms that maintenance keeps silent now.
  type: list
  elements: str
  returned: success
  sample: [aws-iot-steel-staging-devices-silent]
switched:
  description: Alarms that this run silenced or switched on.
  type: list
  elements: str
  returned: success
  sample: [aws-iot-steel-staging-devices-silent]
ringing:
  description: Alarms of the fleet that are in ALARM, silent or not.
  type: list
  elements: str
  returned: success
  sample: []
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import alarms
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import Clock, SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name


def work(context: Context) -> dict[str, Any]:
    params, clock = context.params, SystemClock()
    prefix = f"{fleet_name(params['name_prefix'], params['environment_name'])}-"
    cloudwatch, s3, bucket = context.client("cloudwatch"), context.client("s3"), params["bucket"]
    there = alarms.look(cloudwatch, prefix)
    before, _ = alarms.recorded(s3, bucket)
    switched: list[str] = []
    if params["state"] == "watched":
        there = watch(cloudwatch, prefix, params["watch_seconds"], params["poll_seconds"], clock)
    elif params["state"] == "silenced":
        switched = [name for name in chosen(params["alarms"], prefix, there) if name in there.on]
        if switched and not context.check_mode:
            facts = {"at": iso(clock.now()), "until": params["until"]}
            alarms.silence(cloudwatch, s3, bucket, switched, facts)
    else:
        switched = [name for name in before if name in there.off]
        if before and not context.check_mode:
            switched = alarms.restore(cloudwatch, s3, bucket, prefix)
    after = {"watched": before, "silenced": sorted({*before, *switched}), "restored": []}[params["state"]]
    return {
        "changed": bool(switched) or before != after,
        "diff": {"before": {"silent": before}, "after": {"silent": after}},
        "silenced": after,
        "switched": switched,
        "ringing": list(there.ringing),
    }


def chosen(wanted: list[str], prefix: str, there: alarms.Alarms) -> list[str]:
    names = [f"{prefix}{name}" for name in wanted]
    unknown = [name for name in names if name not in (*there.on, *there.off)]
    if unknown:
        raise InvalidInputError(
            f"There is no alarm {unknown[0]}.",
            "Alarms to silence are named by what follows the fleet's name.",
        )
    return names


def watch(cloudwatch: Any, prefix: str, seconds: float, poll_seconds: float, clock: Clock) -> alarms.Alarms:
    """Look until the time is over or an alarm rings. Silent ones count: they change their state, too."""
    if poll_seconds <= 0:
        raise InvalidInputError(f"poll_seconds is {poll_seconds}; it must be more than 0.")
    end = clock.monotonic() + seconds
    while True:
        found = alarms.look(cloudwatch, prefix)
        left = end - clock.monotonic()
        if found.ringing or left <= 0:
            return found
        clock.sleep(min(poll_seconds, left))


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "bucket": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["silenced", "restored", "watched"], "required": True},
            "alarms": {"type": "list", "elements": "str", "default": []},
            "until": {"type": "str", "default": ""},
            "watch_seconds": {"type": "float", "default": 0.0},
            "poll_seconds": {"type": "float", "default": 15.0},
        },
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_region_mirror
short_description: Bring a fleet's second region to what the first one holds
version_added: 0.1.0
description:
  - Registers certificates under the same id with C(RegisterCertificateWithoutCA), so that devices connect to
    either region with the key they have; makes things, groups, memberships, policies, shadows and rules;
    copies objects that are lacking or older.
  - Follows the first region in what is taken away, too. Memberships end, policies and certificates are taken
    off, and certificates that the first region does not know become INACTIVE. Deletes nothing.
  - Stacks are left to those that deploy them.
  - Refuses where the fleet was moved here last, since what the other region holds is older then.
  - It may be killed at any moment. The next run goes on with what is left.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.regions
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
options:
  replace_newer:
    description: Do it although the fleet was moved here last.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would be done, in how many calls, and how long these take at the quotas.
    support: full
  diff_mode:
    description: Shows the first 500 steps as before and after.
    support: full
  idempotent:
    description: What is as it should be is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Prepare the second region
  steel.fleet.fleet_region_mirror:
    region: eu-west-1
    name_prefix: aws-iot-steel
    environment_name: staging
    origin: {region: us-west-2}
    state_directory: /var/lib/fleet/staging

- name: The first region does not answer; take its last snapshot, and make certificates ACTIVE
  steel.fleet.fleet_region_mirror:
    region: eu-west-1
    name_prefix: aws-iot-steel
    environment_name: staging
    origin: {region: us-west-2}
    snapshot_id: latest
    snapshot_bucket: aws-iot-steel-staging-backup-000000000000-eu-west-1
    public_key_file: /var/lib/fleet/staging/signing/public.pem
"""

RETURN = r"""
region:
  description: The second region.
  type: str
  returned: success
  sample: eu-west-1
endpoint:
  description: MQTT host name of the second region, for devices to know.
  type: str
  returned: success
  sample: abc-ats.iot.eu-west-1.amazonaws.com
steps:
  description: How many steps of each kind.
  type: dict
  returned: success
  sample: {thing: 100, certificate: 100}
differences:
  description: Every field that differed.
  type: list
  elements: dict
  returned: success
  sample: [{kind: certificate, name: 9f…, field: status, first: ACTIVE, second: INACTIVE}]
counts:
  description: Entries that differed, by kind.
  type: dict
  returned: success
  sample: {certificate: 1}
lines:
  description: What differed and what it costs to close, for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["eu-west-1 holds what us-west-2 holds; nothing differs."]
sections:
  description: Sections of a report.
  type: list
  elements: dict
  returned: success
calls:
  description: Calls that close the differences, by operation.
  type: dict
  returned: success
  sample: {UpdateCertificate: 1}
call_seconds:
  description: How long these take at the quotas.
  type: float
  returned: success
  sample: 0.1
remarks:
  description: What could not be compared, and why.
  type: list
  elements: str
  returned: success
  sample: []
requests:
  description: Requests sent to AWS IoT, by region and operation.
  type: dict
  returned: success
  sample: {us-west-2: {ListThings: 2}}
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 0.7
"""

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import endpoints
from ansible_collections.steel.fleet.plugins.module_utils.region_options import OPTIONS, Both, told


def work(context: Context) -> dict[str, object]:
    both = Both(context)
    if not (context.params["replace_newer"] or context.params["snapshot_id"]):
        both.require_older_origin()
    world = both.world()
    seen = world.look()
    plan = seen.plan
    if plan.changed and not context.check_mode:
        world.carry_out(plan)
    return {
        "changed": plan.changed,
        "diff": plan.diff(),
        "steps": plan.counts(),
        "endpoint": endpoints.mqtt_endpoint(both.target("iot")),
        **told(both, seen, closed=not context.check_mode),
    }


def main() -> None:
    run_aws_module(work, argument_spec={**OPTIONS, "replace_newer": {"type": "bool", "default": False}})


if __name__ == "__main__":
    main()

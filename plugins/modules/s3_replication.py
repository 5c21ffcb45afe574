#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: s3_replication
short_description: Have S3 replicate buckets to another region, and look how that goes
version_added: 0.1.0
description:
  - Sets one rule for everything that is written to a bucket from now on. Deletions are not replicated.
  - S3 replicates nothing that is there already; M(steel.fleet.fleet_region_mirror) copies that.
  - Refuses to replace rules that somebody else made.
  - Then looks at the newest objects of each bucket and says how their replication stands.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would be set.
    support: full
  diff_mode:
    description: Shows the replication of each bucket before and after.
    support: full
  idempotent:
    description: What is set is left alone.
    support: full
options:
  role_arn:
    description: The role with which S3 replicates. May be empty in check mode.
    type: str
    required: true
  objects:
    description: Pairs of buckets. A pair with an empty name is left out.
    type: list
    elements: dict
    required: true
    suboptions:
      purpose: {description: What they are for., type: str, required: true}
      origin: {description: The bucket in this region., type: str, required: true}
      bucket: {description: The bucket in the other region., type: str, required: true}
  key_arn:
    description: Key or alias in the other region that encrypts replicas; empty for none of its own.
    type: str
    default: ""
  looked_at:
    description: How many of the newest objects of each bucket are looked at, one call each.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Replicate the programs
  steel.fleet.s3_replication:
    role_arn: arn:aws:iam::000000000000:role/steel-fleet/aws-iot-steel-staging-replication
    objects:
      - purpose: programs
        origin: aws-iot-steel-staging-programs-000000000000-us-west-2
        bucket: aws-iot-steel-staging-programs-000000000000-eu-west-1
"""

RETURN = r"""
set:
  description: Buckets whose replication was set now, or would be.
  type: list
  elements: str
  returned: success
  sample: []
checks:
  description: How replication stands, by bucket, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: [{name: bucket is replicated, status: passed, detail: 20 COMPLETED}]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import replicas, storage
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.regions import replication
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.regions.replication import Replica


def work(context: Context) -> dict[str, Any]:
    params = context.params
    s3 = context.client("s3")
    pairs = [
        Replica(one["origin"], one["bucket"], params["key_arn"])
        for one in params["objects"]
        if one["origin"] and one["bucket"]
    ]
    if context.check_mode:
        pairs = [one for one in pairs if storage.bucket_exists(s3, one.bucket)]
    before = {one.bucket: replicas.replication(s3, one.bucket) for one in pairs}
    after = {one.bucket: replication.wanted(one, params["role_arn"]) for one in pairs}
    differing = [one for one in before if replication.differs(one, before[one], after[one])]
    if differing and not context.check_mode:
        if not params["role_arn"]:
            raise FleetError("role_arn is empty.", "The replication stack makes the role.")
        for bucket in differing:
            replicas.set_replication(s3, bucket, after[bucket])
    return {
        "changed": bool(differing),
        "diff": {
            "before": {one: before[one] for one in differing},
            "after": {one: after[one] for one in differing},
        },
        "set": differing,
        "checks": [
            replication.check(one, statuses(s3, one.bucket, params["looked_at"])).as_dict() for one in pairs
        ],
    }


def statuses(s3: Any, bucket: str, most: int) -> list[str]:
    found = replicas.listed(s3, bucket)
    newest = sorted(found, key=lambda key: found[key].modified, reverse=True)[:most]
    return [replicas.replication_status(s3, bucket, key) for key in newest]


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "role_arn": {"type": "str", "required": True},
            "objects": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    name: {"type": "str", "required": True} for name in ("purpose", "origin", "bucket")
                },
            },
            "key_arn": {"type": "str", "default": "", "no_log": False},
            "looked_at": {"type": "int", "default": 20},
        },
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_restore
short_description: Put a fleet, or some of its devices, back from a snapshot
version_added: 0.1.0
description:
  - Verifies the snapshot, compares it with the registry, and puts back what is missing or differs.
  - Takes nothing away.
  - Running it again after an interruption goes on with what is left.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.backup
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says what would be put back, and how long it takes.
    support: full
  diff_mode:
    description: Shows the first 500 steps as before and after.
    support: full
  idempotent:
    description: What is as it was is left alone.
    support: full
options:
  snapshot_id:
    description: The snapshot, or V(latest).
    type: str
    default: latest
  device_ids:
    description: Only these devices, with their certificates, groups and shadows. Empty restores everything.
    type: list
    elements: str
    default: []
  statuses:
    description: Whether existing certificates get the status they had, switched off ones too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Put one device back
  steel.fleet.fleet_restore:
    name_prefix: aws-iot-steel
    environment_name: staging
    bucket: aws-iot-steel-staging-backup-000000000000-us-west-2
    public_key_file: /var/lib/fleet/staging/signing/public.pem
    device_ids: [device-007]
"""

RETURN = r"""
snapshot_id:
  description: The snapshot.
  type: str
  returned: success
  sample: 2026-11-28T09-30-00Z
steps:
  description: How many steps of each kind.
  type: dict
  returned: success
  sample: {thing: 1, membership: 1}
left:
  description: What differs and is left alone, by reason.
  type: dict
  returned: success
  sample: {}
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["1 thing, 1 membership: 0:01 at the quotas."]
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 0.8
"""

import time
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.backup_options import OPTIONS, backups
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.backup import describe_left
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.backup.restore import Plan
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import thing_name
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.progress import duration
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.quotas import Quotas


def work(context: Context) -> dict[str, Any]:
    params, began = context.params, time.monotonic()
    made, pacer = backups(context, "steps")
    chosen, place = made.find(params["snapshot_id"])
    opened = made.open(chosen, place)
    if not opened.intact:
        wrong = "; ".join(f"{row.name}: {row.detail}" for row in opened.checks if row.status == "failed")
        raise FleetError(
            f"Snapshot {chosen} is damaged and is not restored. {wrong}",
            "Choose another one (verify_backups.yml -e snapshot_id=all says which are whole).",
        )
    prefix, environment = params["name_prefix"], params["environment_name"]
    only = [thing_name(prefix, environment, one) for one in params["device_ids"]]
    plan = made.plan(opened, only, params["statuses"])
    if plan.changed and not context.check_mode:
        made.put_back(opened, plan)
    return {
        "changed": plan.changed,
        "diff": plan.diff(),
        "snapshot_id": chosen,
        "steps": plan.counts(),
        "left": {why: list(names) for why, names in plan.left.items()},
        "lines": lines(plan, pacer.quotas),
        "seconds": round(time.monotonic() - began, 3),
    }


def lines(plan: Plan, quotas: Quotas) -> list[str]:
    steps = ", ".join(f"{count:,} x {kind}" for kind, count in plan.counts().items())
    time_needed = duration(plan.seconds(quotas))
    first = f"{steps}: {time_needed} at the quotas." if steps else "Nothing differs from the snapshot."
    return [first, *describe_left(plan)]


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **OPTIONS,
            "snapshot_id": {"type": "str", "default": "latest"},
            "device_ids": {"type": "list", "elements": "str", "default": []},
            "statuses": {"type": "bool", "default": False},
        },
        required_one_of=[("public_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_snapshot_info
short_description: Verify snapshots of a fleet, byte by byte and against the registry
version_added: 0.1.0
description:
  - Reads every byte of a snapshot, compares it with its signed manifest, and the devices with the registry.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.backup
  - steel.fleet.paced.quotas
  - steel.fleet.reads
  - steel.fleet.fleet
options:
  snapshot_id:
    description: The snapshot, V(latest), or V(all).
    type: str
    default: latest
  rpo_minutes:
    description: The newest snapshot may be so old.
    type: int
    default: 1500
"""

EXAMPLES = r"""
- name: Verify the newest snapshot
  steel.fleet.fleet_snapshot_info:
    name_prefix: aws-iot-steel
    environment_name: staging
    bucket: aws-iot-steel-staging-backup-000000000000-us-west-2
    public_key_file: /var/lib/fleet/staging/signing/public.pem
"""

RETURN = r"""
snapshots:
  description: Ids of all complete snapshots, oldest first.
  type: list
  elements: str
  returned: success
  sample: [2026-11-28T09-30-00Z]
verified:
  description: Ids of the snapshots that were verified and have nothing wrong.
  type: list
  elements: str
  returned: success
  sample: [2026-11-28T09-30-00Z]
taken_at:
  description: When the newest snapshot was taken; empty without one.
  type: str
  returned: success
  sample: 2026-11-28T09:30:00.123Z
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: [{name: It is younger than the recovery point objective, status: passed, detail: ""}]
intact:
  description: Whether no check failed.
  type: bool
  returned: success
  sample: true
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.backup_options import OPTIONS, backups
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.backup import Backups
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.backup import verify
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import Check, failed


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if params["rpo_minutes"] < 1:
        raise InvalidInputError(f"rpo_minutes is {params['rpo_minutes']}; it must be 1 or more.")
    made, _ = backups(context, "snapshots")
    there = made.ids()
    if not there:
        none = failed(verify.YOUNG, f"There is no snapshot in {made.stores[0].name}.")
        return {**result([], [], ""), "checks": [none.as_dict()], "intact": False}
    chosen = {"latest": there[-1:], "all": there}.get(params["snapshot_id"], [params["snapshot_id"]])
    rows: list[Check] = []
    verified, taken_at = [], ""
    for one in chosen:
        for place in range(len(made.stores)):
            found, at = examine(
                made, one, place, is_newest=one == there[-1], rpo_minutes=params["rpo_minutes"]
            )
            where = f"{one} in {made.stores[place].name}"
            rows += [Check(f"{where}: {row.name}", row.status, row.detail) for row in found]
            if one == there[-1]:
                taken_at = at
        if all(row.status != "failed" for row in rows if row.name.startswith(one)):
            verified.append(one)
    intact = all(row.status != "failed" for row in rows)
    return {**result(there, verified, taken_at), "checks": [row.as_dict() for row in rows], "intact": intact}


def result(there: list[str], verified: list[str], taken_at: str) -> dict[str, Any]:
    return {"changed": False, "snapshots": there, "verified": verified, "taken_at": taken_at}


def examine(
    made: Backups, snapshot: str, place: int, *, is_newest: bool, rpo_minutes: int
) -> tuple[list[Check], str]:
    """Rows about one snapshot in one place, and when it was taken."""
    opened = made.open(snapshot, place)
    rows = list(opened.checks)
    if opened.manifest is None or not opened.intact:
        return rows, ""
    if is_newest:
        rows.append(verify.complete(opened.manifest, opened.state, made.registry()))
        rows.append(verify.young(opened.manifest, made.clock.now(), rpo_minutes))
    return rows, iso(opened.manifest.taken)


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **OPTIONS,
            "snapshot_id": {"type": "str", "default": "latest"},
            "rpo_minutes": {"type": "int", "default": 1500},
        },
        required_one_of=[("public_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

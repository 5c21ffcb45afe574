#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_guard_info
short_description: Say what stands in the way of maintenance
version_added: 0.1.0
description:
  - Looks at rollouts, alarms and the last verified backup.
  - The calendar is looked at by M(steel.fleet.maintenance_window_info).
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
  - steel.fleet.reads
options:
  bucket:
    description: The deployment bucket.
    type: str
    required: true
  verified:
    description: File in which C(verify_backups.yml) writes what it verified.
    type: path
    required: true
  backup_minutes:
    description: How old the verified snapshot may be.
    type: int
    default: 1500
  ignored_alarms:
    description: Alarms that may ring, by the last part of their names.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at what stands in the way
  steel.fleet.maintenance_guard_info:
    name_prefix: aws-iot-steel
    environment_name: staging
    bucket: aws-iot-steel-staging-deploy-000000000000-us-west-2
    verified: /var/lib/fleet/staging/maintenance/verified.json
"""

RETURN = r"""
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: [{name: No rollout is running, status: passed, detail: ""}]
may_begin:
  description: Whether nothing stands in the way.
  type: bool
  returned: success
  sample: true
rollouts:
  description: The last rollout of every program and of the firmware.
  type: list
  elements: dict
  returned: success
  sample: []
"""

import json
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import rollout
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import alarms
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.maintenance.guard import (
    Found,
    Rollout,
    rows,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.naming import fleet_name


def work(context: Context) -> dict[str, Any]:
    params = context.params
    prefix = f"{fleet_name(params['name_prefix'], params['environment_name'])}-"
    there = alarms.look(context.client("cloudwatch"), prefix)
    rollouts = last_rollouts(context.client("s3"), params["bucket"])
    found = Found(rollouts, there.ringing, there.off, verified(Path(params["verified"])))
    ignored = [f"{prefix}{name}" for name in params["ignored_alarms"]]
    checks = rows(found, SystemClock().now(), params["backup_minutes"], ignored)
    return {
        "changed": False,
        "checks": [row.as_dict() for row in checks],
        "may_begin": all(row.status != "failed" for row in checks),
        "rollouts": [one.as_dict() for one in rollouts],
    }


def last_rollouts(s3: Any, bucket: str) -> list[Rollout]:
    found = []
    for subject, name in rollout.all_latest(s3, bucket):
        record = rollout.S3Store(s3, bucket, name).load()
        if record is not None:
            data = record[0]
            found.append(Rollout(subject, name, data["version"], data["state"], data["created_at"]))
    return found


def verified(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise FleetError(f"{path} is damaged.", "Remove it, and run verify_backups.yml.") from error
    return found if isinstance(found, dict) else None


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "bucket": {"type": "str", "required": True},
            "verified": {"type": "path", "required": True},
            "backup_minutes": {"type": "int", "default": 1500},
            "ignored_alarms": {"type": "list", "elements": "str", "default": []},
        },
    )


if __name__ == "__main__":
    main()

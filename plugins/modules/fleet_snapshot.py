#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_snapshot
short_description: Take a signed snapshot of everything that a fleet needs
version_added: 0.1.0
description:
  - Reads registry, shadows, policies, rules, jobs, stacks, alarms and objects in pages.
  - Keeps them under their hashes.
  - What the snapshot before has already is neither asked for nor stored again.
  - What changed while it was read is in the result and in the manifest.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.backup
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Reads the fleet and says what a snapshot would hold; stores nothing and deletes nothing.
    support: full
  idempotent:
    description: Every run takes a snapshot.
    support: none
options:
  signing_key_file:
    description: Private key of this host that signs, made on the first use. Not with O(kms_key).
    type: path
  account_id:
    description: The account, for the manifest.
    type: str
    required: true
  region_name:
    description: The region, for the manifest.
    type: str
    required: true
  full:
    description: Whether to write every byte again and take nothing over, after something was found damaged.
    type: bool
    default: false
  retention:
    description: How many snapshots are kept, by C(all_days), C(daily), C(weekly), C(monthly).
    type: dict
    default: {}
    suboptions:
      all_days: {description: Every snapshot of so many days., type: int, default: 2}
      daily: {description: The last one of so many days., type: int, default: 14}
      weekly: {description: The last one of so many weeks., type: int, default: 8}
      monthly: {description: The last one of so many months., type: int, default: 12}
"""

EXAMPLES = r"""
- name: Take a snapshot
  steel.fleet.fleet_snapshot:
    name_prefix: aws-iot-steel
    environment_name: staging
    bucket: aws-iot-steel-staging-backup-000000000000-us-west-2
    signing_key_file: /var/lib/fleet/staging/signing/private.key
    account_id: "000000000000"
    region_name: us-west-2
"""

RETURN = r"""
snapshot_id:
  description: The snapshot's id.
  type: str
  returned: not in check mode
  sample: 2026-11-28T09-30-00Z
counts:
  description: Entries by section.
  type: dict
  returned: success
  sample: {things: 100, certificates: 100}
stored_bytes:
  description: Bytes written, by place.
  type: dict
  returned: not in check mode
  sample: {"s3://backup": 20480}
described_certificates:
  description: Certificates whose text had to be asked for.
  type: int
  returned: not in check mode
  sample: 0
changed_meanwhile:
  description: What changed while the fleet was read, by kind of change.
  type: dict
  returned: success
  sample: {}
expired:
  description: Snapshots that were deleted because they are too old.
  type: list
  elements: str
  returned: not in check mode
  sample: []
remarks:
  description: What is not in the snapshot, and why.
  type: list
  elements: str
  returned: success
  sample: []
public_key:
  description: The public key that the snapshot is checked with, PEM.
  type: str
  returned: not in check mode
  sample: "-----BEGIN PUBLIC KEY-----"
requests:
  description: Requests to AWS IoT by operation, repetitions included.
  type: dict
  returned: success
  sample: {ListThings: 2}
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 1.5
"""

import time
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.backup_options import OPTIONS, backups
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import snapshot
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.signing import KmsSigner
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.backup.retention import Retention
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.signatures import LocalSigner


def work(context: Context) -> dict[str, Any]:
    params, began = context.params, time.monotonic()
    retention = Retention(**params["retention"]) if params["retention"] else Retention()
    if context.check_mode:
        return look(context, began)
    local = None if params["kms_key"] else LocalSigner(Path(params["signing_key_file"]))
    made, pacer = backups(context, "certificates", local.public_pem() if local else "")
    signer = local or KmsSigner(context.client("kms"), params["kms_key"])
    taken = made.take(signer, params["account_id"], params["region_name"], full=params["full"])
    return {
        "changed": True,
        "snapshot_id": taken.manifest.id,
        "counts": dict(taken.manifest.counts),
        "stored_bytes": dict(taken.stored),
        "described_certificates": taken.described,
        "changed_meanwhile": dict(taken.manifest.changed_meanwhile),
        "remarks": list(taken.manifest.remarks),
        "expired": made.expire(retention),
        "public_key": made.public_pem,
        "requests": dict(pacer.attempts),
        "seconds": round(time.monotonic() - began, 3),
    }


def look(context: Context, began: float) -> dict[str, Any]:
    made, pacer = backups(context, "certificates", "not needed to look")
    found = snapshot.read(made.client, made.scope)
    return {
        "changed": True,
        "counts": {name: len(entries) for name, entries in found.state.items()},
        "changed_meanwhile": found.changed_meanwhile,
        "remarks": found.remarks,
        "requests": dict(pacer.attempts),
        "seconds": round(time.monotonic() - began, 3),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **OPTIONS,
            "signing_key_file": {"type": "path", "no_log": False},
            "account_id": {"type": "str", "required": True},
            "region_name": {"type": "str", "required": True},
            "full": {"type": "bool", "default": False},
            "retention": {
                "type": "dict",
                "default": {},
                "options": {
                    "all_days": {"type": "int", "default": 2},
                    "daily": {"type": "int", "default": 14},
                    "weekly": {"type": "int", "default": 8},
                    "monthly": {"type": "int", "default": 12},
                },
            },
        },
        required_one_of=[("signing_key_file", "kms_key")],
        mutually_exclusive=[("signing_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

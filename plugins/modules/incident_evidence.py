#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: incident_evidence
short_description: Collect and hash what is known about the devices of an incident
version_added: 0.1.0
description:
  - Keeps things, groups, certificates, policies, shadows, log events and what CloudTrail knows in a directory
    of the incident, mode 0600, with a manifest of hashes. The manifest's own hash is in the journal.
  - What cannot be had, such as a log group that does not exist, is named with the reason.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
attributes:
  check_mode:
    description: Collects nothing.
    support: full
  idempotent:
    description: Every collection is one of its own.
    support: none
options:
  action:
    description: V(collect) collects; V(verify) proves that what was collected is unchanged.
    type: str
    choices: [collect, verify]
    default: collect
  incident_id:
    description: The incident.
    type: str
    required: true
  directory:
    description: Private directory of the fleet on this host.
    type: path
    required: true
  broker_log_group:
    description: Log group of AWS IoT itself. Empty looks into none.
    type: str
    default: ""
  device_log_group:
    description: Log group of the boards. Empty looks into none.
    type: str
    default: ""
  since_minutes:
    description: How far back logs and CloudTrail are read.
    type: int
    default: 1440
"""

EXAMPLES = r"""
- name: Collect the evidence
  steel.fleet.incident_evidence:
    incident_id: 2026-03-01T09-30-00Z
    directory: /var/lib/fleet/production
    broker_log_group: AWSIotLogsV2
"""

RETURN = r"""
evidence_directory:
  description: Where it is.
  type: str
  returned: for O(action=collect)
  sample: /var/lib/fleet/production/incidents/2026-03-01T09-30-00Z/evidence/2026-03-01T09-31-00.000000Z
manifest_sha256:
  description: Hash of the manifest.
  type: str
  returned: for O(action=collect)
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
files:
  description: What was collected.
  type: list
  elements: dict
  returned: for O(action=collect)
  sample: [{name: shadows.json, bytes: 512, sha256: 9f86d081, records: 2, complete: true}]
missing:
  description: What could not be had, and why.
  type: dict
  returned: for O(action=collect)
  sample: {AWSIotLogsV2: There is no such log group.}
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import incident_evidence as evidence
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import (
    Check,
    failed,
    not_checked,
    passed,
    warned,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.quarantine import Incidents
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if params["since_minutes"] < 1:
        raise InvalidInputError(f"since_minutes is {params['since_minutes']}; it must be 1 or more.")
    incidents = Incidents(Path(params["directory"]))
    if params["action"] == "verify":
        return {
            "changed": False,
            "checks": [one.as_dict() for one in verified(incidents, params["incident_id"])],
        }
    if context.check_mode:
        return {**nothing(), "changed": True}
    groups = [(params["broker_log_group"], "clientId"), (params["device_log_group"], "thing")]
    named = [one for one in groups if one[0]]
    sources = evidence.Sources(context.client, named, params["since_minutes"], rates(context))
    found = evidence.collect(incidents, params["incident_id"], sources)
    rows = [
        *(collected(one) for one in found.items),
        *(not_checked(f"Evidence: {name}", why) for name, why in found.missing.items()),
    ]
    return {
        "changed": True,
        "evidence_directory": str(found.directory),
        "manifest_sha256": found.manifest_sha256,
        "files": [asdict(one) for one in found.items],
        "missing": found.missing,
        "checks": [one.as_dict() for one in rows],
    }


def nothing() -> dict[str, Any]:
    return {"evidence_directory": "", "manifest_sha256": "", "files": [], "missing": {}, "checks": []}


def collected(one: Any) -> Check:
    detail = f"{one.records:,} records, {one.bytes:,} bytes, sha256 {one.sha256}"
    if one.complete:
        return passed(f"Evidence: {one.name}", detail)
    return warned(f"Evidence: {one.name}", f"{detail}; there were more")


def verified(incidents: Incidents, incident: str) -> list[Check]:
    found = evidence.verify(incidents, incident)
    if not found:
        return [not_checked("The evidence is unchanged", f"None was collected for {incident}.")]
    return [
        failed(f"Evidence of {Path(name).name} is unchanged", f"{'; '.join(troubles)} ({name}).")
        if troubles
        else passed(f"Evidence of {Path(name).name} is unchanged", name)
        for name, troubles in found.items()
    ]


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "action": {"type": "str", "choices": ["collect", "verify"], "default": "collect"},
            "incident_id": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "broker_log_group": {"type": "str", "default": ""},
            "device_log_group": {"type": "str", "default": ""},
            "since_minutes": {"type": "int", "default": 1440},
            **QUOTAS_SPEC,
        },
    )


if __name__ == "__main__":
    main()

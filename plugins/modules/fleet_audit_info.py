#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_audit_info
short_description: Audit the security of a fleet and of its account
version_added: 0.1.0
description:
  - Reads policies, certificates, buckets, keys, users, roles, trails and logs in pages, and programs and
    images of this host, and holds them against documented rules.
  - Never fails because of findings. RV(audit.failing) names those at or above O(fail_on).
  - What the cloud does not answer is in RV(audit.not_checked), never among what is well.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Only reads. IAM makes a new credential report where the last one is older than four hours.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  policy:
    description: The device policy.
    type: str
    default: ""
  devices_directory:
    description: Where this host keeps copies of the devices' certificates, for their expiry.
    type: path
    required: true
  principal_sample:
    description: The most devices whose certificates are looked at one by one, one call each.
    type: int
    default: 100
  buckets:
    description: Buckets of the fleet.
    type: list
    elements: str
    default: []
  bucket_key:
    description: KMS key that has to encrypt them, but for O(s3_key_buckets). Empty accepts any encryption.
    type: str
    default: ""
  s3_key_buckets:
    description: Buckets of access logs, which only S3's own key can encrypt.
    type: list
    elements: str
    default: []
  kms_keys:
    description: Keys of the fleet.
    type: list
    elements: str
    default: []
  log_groups:
    description: What names of the fleet's log groups begin with.
    type: list
    elements: str
    default: []
  program_paths:
    description: Programs on this host; files, directories, or patterns.
    type: list
    elements: path
    default: []
  programs_bucket:
    description: Where programs are published. Empty leaves them out.
    type: str
    default: ""
  images:
    description: Images for boards on this host; files, directories of C(.bin) files, or patterns.
    type: list
    elements: path
    default: []
  authority:
    description: Certificate (PEM) of the authority that boards trust. Empty where it could not be fetched.
    type: str
    default: ""
  authority_url:
    description: Where O(authority) is from. Empty leaves it out.
    type: str
    default: ""
  access_key_days:
    description: An older access key is a finding.
    type: float
    default: 90
  unused_days:
    description: A credential, or a role, that is not used for longer is a finding.
    type: float
    default: 90
  certificate_age_days:
    description: An older device certificate is a finding.
    type: int
    default: 365
  certificate_expiring_days:
    description: A device certificate that expires so soon is a finding.
    type: int
    default: 30
  log_retention_days:
    description: The least that a log group has to keep.
    type: int
    default: 30
  suppressions:
    description: Findings that somebody decided to live with, each for a while and with a reason.
    type: list
    elements: dict
    default: []
  fail_on:
    description: The least severe finding that counts as a failure.
    type: str
    choices: [critical, high, medium, low, never]
    default: high
  history_directory:
    description: Directory with the reports of earlier runs, for the history. It may be missing.
    type: path
"""

EXAMPLES = r"""
- name: Audit the fleet's security
  steel.fleet.fleet_audit_info:
    environment_name: production
    name_prefix: aws-iot-steel-production-
    policy: aws-iot-steel-production-device
    devices_directory: /var/lib/fleet/production/devices
    suppressions:
      - rule: iam-unused-role
        resource: role/aws-iot-steel-production-claim-hook
        reason: Devices register once a year
        expires: "2027-06-30"
"""

RETURN = r"""
audit:
  description: What it comes to.
  type: dict
  returned: success
  contains:
    counts: {description: Findings by severity., type: dict, returned: always, sample: {critical: 0, high: 1}}
    findings:
      description: Findings that nobody has agreed to, the worst first.
      type: list
      elements: dict
      returned: always
      sample:
        - id: s3-tls-1f40fc92
          rule: s3-tls
          severity: medium
          resource: my-bucket
          evidence: Its policy does not deny all requests without TLS (aws:SecureTransport).
          fix: Deny s3:* where aws:SecureTransport is false.
          source: AWS Security Hub S3.5
          source_url: https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-5
    suppressed:
      description: Findings that somebody lives with.
      type: list
      elements: dict
      returned: always
      sample: []
    not_checked:
      description: Rules that could not be checked, or not in full, and why.
      type: list
      elements: dict
      returned: always
      sample: [{rule: iot-logging, why: "GetV2LoggingOptions was not answered: 404."}]
    failing:
      description: Ids of the findings at or above O(fail_on).
      type: list
      elements: str
      returned: always
      sample: [s3-tls-1f40fc92]
    well: {description: Whether none fails., type: bool, returned: always, sample: true}
verdict:
  description: The answer in a few sentences.
  type: str
  returned: success
  sample: "No findings. 1 of 40 rules could not be checked in full."
figures:
  description: The few numbers for the top of the page.
  type: dict
  returned: success
  sample: {Critical: 0, High: 1}
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
sarif:
  description: The findings as a log of SARIF 2.1.0, for a code host.
  type: dict
  returned: success
  sample: {version: 2.1.0}
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import health, security_audit
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import account
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import history
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.security.audit import (
    FAIL_ON,
    Audit,
    Suppression,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.security.model import Limits
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.security_audit import Client, Scope

LIMITS = tuple(one.name for one in fields(Limits) if one.name != "now")


def work(context: Context) -> dict[str, Any]:
    params = context.params
    known = [rule.id for rule in security_audit.rules()]
    suppressions = tuple(Suppression.of(one, known) for one in params["suppressions"])
    now = SystemClock().now()
    limits = Limits(now, **{name: params[name] for name in LIMITS})
    client = cache(context.client)
    looks = security_audit.look(client, scope(client, params), limits)
    found = Audit(tuple(looks), suppressions, params["fail_on"], now)
    earlier = health.earlier_runs(Path(params["history_directory"])) if params["history_directory"] else ()
    runs = history.worth_looking_back_on(earlier, params["environment_name"], "Critical")
    return {
        "changed": False,
        "audit": found.as_dict(),
        "verdict": found.verdict(),
        "figures": found.figures(),
        "sections": found.sections(runs),
        "sarif": found.sarif(),
    }


def scope(client: Client, params: Mapping[str, Any]) -> Scope:
    given = {one.name: params[one.name] for one in fields(Scope) if one.name in params}
    return Scope(
        **{
            **given,
            "environment": params["environment_name"],
            "account": account.caller_identity(client("sts")).account,
            "region": client("iot").meta.region_name,
            "devices_directory": Path(params["devices_directory"]),
        }
    )


def main() -> None:
    names = {"type": "list", "elements": "str", "default": [], "no_log": False}
    paths = {"type": "list", "elements": "path", "default": []}
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "policy": {"type": "str", "default": ""},
            "devices_directory": {"type": "path", "required": True},
            "principal_sample": {"type": "int", "default": 100},
            "buckets": names,
            "bucket_key": {"type": "str", "default": "", "no_log": False},
            "s3_key_buckets": names,
            "kms_keys": names,
            "log_groups": names,
            "program_paths": paths,
            "programs_bucket": {"type": "str", "default": ""},
            "images": paths,
            "authority": {"type": "str", "default": ""},
            "authority_url": {"type": "str", "default": ""},
            "access_key_days": {"type": "float", "default": 90, "no_log": False},
            "unused_days": {"type": "float", "default": 90},
            "certificate_age_days": {"type": "int", "default": 365},
            "certificate_expiring_days": {"type": "int", "default": 30},
            "log_retention_days": {"type": "int", "default": 30},
            "suppressions": {"type": "list", "elements": "dict", "default": []},
            "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "high"},
            "history_directory": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()

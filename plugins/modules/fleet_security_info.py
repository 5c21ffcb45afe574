#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_security_info
short_description: Check what protects a fleet's data and keeps its devices apart
version_added: 0.1.0
description:
  - Checks that buckets are encrypted, private, versioned and reachable over TLS only, and that keys rotate.
  - Works out what the device policy allows one device on the topics and the name of another.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Only reads. What does not exist yet is not checked, and what fails is a warning.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  buckets:
    description: The buckets. An empty list stands for buckets that do not exist.
    type: list
    elements: str
    required: true
  bucket_key:
    description:
      - ARN of the KMS key that has to encrypt the buckets, but for O(s3_key_buckets). Empty accepts any
        encryption, and every bucket has some.
    type: str
    default: ""
  s3_key_buckets:
    description: Buckets that S3's own keys encrypt, such as the one of access logs, where S3 takes no other.
    type: list
    elements: str
    default: []
  kms_keys:
    description: ARNs, ids or aliases of the keys. An empty list stands for keys that do not exist.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Check how data is protected
  steel.fleet.fleet_security_info:
    buckets:
      - aws-iot-steel-production-programs-123456789012-us-west-2
    bucket_key: arn:aws:kms:us-west-2:123456789012:key/e20e16c7-7850-4163-bba1-525ade2079ae
    kms_keys:
      - arn:aws:kms:us-west-2:123456789012:key/e20e16c7-7850-4163-bba1-525ade2079ae
"""

RETURN = r"""
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  contains:
    name: {description: What was checked., type: str, returned: always, sample: Bucket programs is encrypted}
    status:
      description: V(passed), V(failed), V(warned) or V(not_checked).
      type: str
      returned: always
      sample: passed
    detail: {description: What was seen., type: str, returned: always, sample: aws:kms}
"""

from collections.abc import Iterator
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import inspection
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import checks, storage
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import Check


def buckets(context: Context) -> Iterator[Check]:
    s3, names = context.client("s3"), context.params["buckets"]
    if not names:
        yield checks.absent("Buckets are protected", "There is none", context.check_mode)
    for name in names:
        key = "" if name in context.params["s3_key_buckets"] else context.params["bucket_key"]
        yield from storage.bucket(name, inspection.bucket(s3, name), key, may_be_absent=context.check_mode)


def keys(context: Context) -> Iterator[Check]:
    kms, names = context.client("kms"), context.params["kms_keys"]
    if not names:
        yield checks.absent("Keys rotate", "There is none", context.check_mode)
    for key in names:
        yield storage.key_rotation(key, inspection.key_rotates(kms, key), may_be_absent=context.check_mode)


def work(context: Context) -> dict[str, Any]:
    rows = [*buckets(context), *keys(context)]
    seen = checks.before_changes(rows) if context.check_mode else rows
    return {"changed": False, "checks": [row.as_dict() for row in seen]}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "buckets": {"type": "list", "elements": "str", "required": True},
            "bucket_key": {"type": "str", "default": "", "no_log": False},
            "s3_key_buckets": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "kms_keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
        },
    )


if __name__ == "__main__":
    main()

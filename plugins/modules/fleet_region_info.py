#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_region_info
short_description: Say where a fleet's second region differs from the first
version_added: 0.1.0
description:
  - Reads both regions in pages, side by side, and compares them field by field.
  - Compared are things, groups, types, certificates, policies, rules, indexing, what shadows wish, objects,
    stacks and functions.
  - What has to be another in every region is made equal before. That is the region's name, ids of keys, and
    the suffix of names in IAM.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.regions
  - steel.fleet.paced.quotas
  - steel.fleet.reads
  - steel.fleet.fleet
"""

EXAMPLES = r"""
- name: Compare two regions
  steel.fleet.fleet_region_info:
    region: eu-west-1
    name_prefix: aws-iot-steel
    environment_name: staging
    origin: {region: us-west-2}
"""

RETURN = r"""
region:
  description: The second region.
  type: str
  returned: success
  sample: eu-west-1
differences:
  description: Every field that differs.
  type: list
  elements: dict
  returned: success
  sample: [{kind: certificate, name: 9f…, field: status, first: ACTIVE, second: INACTIVE}]
counts:
  description: Entries that differ, by kind.
  type: dict
  returned: success
  sample: {certificate: 1}
lines:
  description: What differs and what it costs to close, for a terminal.
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
  description: Calls that would close the differences, by operation.
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
from ansible_collections.steel.fleet.plugins.module_utils.region_options import OPTIONS, Both, told


def work(context: Context) -> dict[str, object]:
    both = Both(context)
    seen = both.world().look()
    return {"changed": False, **told(both, seen)}


def main() -> None:
    run_aws_module(work, argument_spec=OPTIONS)


if __name__ == "__main__":
    main()

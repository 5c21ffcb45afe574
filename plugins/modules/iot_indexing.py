#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_indexing
short_description: Set what AWS IoT fleet indexing knows of things
version_added: 0.1.0
description:
  - Sets what of things is indexed. CloudFormation has no resource for it.
  - AWS builds the index in the background; searches may fail with C(IndexNotReadyException) meanwhile.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would change.
    support: full
  diff_mode:
    description: Shows the settings before and after.
    support: full
  idempotent:
    description: Settings that are right are left alone.
    support: full
options:
  registry:
    description: Whether the registry, and the classic shadows too, are indexed.
    type: str
    choices: ["OFF", REGISTRY, REGISTRY_AND_SHADOW]
    default: REGISTRY_AND_SHADOW
  connectivity:
    description: Whether it is indexed if and since when a device is connected.
    type: str
    choices: ["OFF", STATUS]
    default: STATUS
"""

EXAMPLES = r"""
- name: Index registry, shadows and connectivity
  steel.fleet.iot_indexing:
"""

RETURN = r"""
indexing:
  description: The settings, after the module in normal mode, as they would be in check mode.
  type: dict
  returned: always
  sample: {registry: REGISTRY_AND_SHADOW, connectivity: STATUS}
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import registry


def work(context: Context) -> dict[str, Any]:
    iot = context.client("iot")
    before = registry.indexing(iot)
    wanted = {name: context.params[name] for name in ("registry", "connectivity")}
    if before != wanted and not context.check_mode:
        registry.set_indexing(iot, **wanted)
    return {
        "changed": before != wanted,
        "indexing": wanted,
        "diff": {"before": before, "after": wanted},
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "registry": {
                "type": "str",
                "choices": ["OFF", "REGISTRY", "REGISTRY_AND_SHADOW"],
                "default": "REGISTRY_AND_SHADOW",
            },
            "connectivity": {"type": "str", "choices": ["OFF", "STATUS"], "default": "STATUS"},
        },
    )


if __name__ == "__main__":
    main()

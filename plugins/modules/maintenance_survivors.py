#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_survivors
short_description: End what a killed maintenance left running on this host
version_added: 0.1.0
description:
  - A module outlives a kill of the playbook that runs it, and would go on changing things while they are
    taken back.
  - Whatever maintenance runs has the variable C(FLEET_MAINTENANCE) in its environment. By it such processes
    are found, asked to end, and killed where they do not.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Tells what it would end.
    support: full
  idempotent:
    description: Ends nothing where nothing is left.
    support: full
options:
  mark:
    description: Value of the variable, C(began) of the record of the maintenance that was cut off.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: End what is still at work
  steel.fleet.maintenance_survivors:
    mark: "2026-11-28T09:30:00.000Z"
"""

RETURN = r"""
ended:
  description: Commands of the processes that were ended, or would be.
  type: list
  elements: str
  returned: success
  sample: [python AnsiballZ_iot_rollout.py]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import survivors
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock

VARIABLE = "FLEET_MAINTENANCE"


def work(context: Context) -> dict[str, Any]:
    mark = context.params["mark"]
    if not survivors.can_look():
        context.warn("This system does not tell what a killed maintenance left running: see to it yourself.")
        return {"changed": False, "ended": []}
    dry = context.check_mode
    found = survivors.find(VARIABLE, mark) if dry else survivors.end(VARIABLE, mark, SystemClock())
    return {"changed": bool(found), "ended": sorted(found.values())}


def main() -> None:
    run_module(work, argument_spec={"mark": {"type": "str", "required": True}})


if __name__ == "__main__":
    main()

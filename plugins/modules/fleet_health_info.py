#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_health_info
short_description: Judge every device of a fleet, worst first
version_added: 0.1.0
description:
  - Reads the fleet index once, and beside it the list of certificates, the errors in the log of the boards
    and the records of the last rollouts, all in pages; nothing is asked device by device.
  - Never fails because devices are unwell. RV(fleet.exceeded) names the thresholds that are exceeded.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
  - steel.fleet.reads
options:
  environment_name:
    description: The environment; earlier runs of others are not looked back on.
    type: str
    required: true
  group:
    description: Thing group of the devices.
    type: str
    required: true
  expected_devices:
    description: How many devices there should be. V(0) expects none.
    type: int
    default: 0
  bucket:
    description: Where records of rollouts are. Empty compares no versions.
    type: str
    default: ""
  log_group:
    description: Log group of the boards. Empty counts no errors.
    type: str
    default: ""
  since_minutes:
    description: A device that is away for longer is lost; errors are counted since then.
    type: float
    default: 60
  memory_percent:
    description: A device that uses more of its memory is to be looked at.
    type: float
    default: 80
  cpu_percent:
    description: A device that uses more of its processor is to be looked at.
    type: float
    default: 70
  max_age_days:
    description: A device with an older certificate is to be looked at.
    type: float
    default: 365
  fail_on:
    description: How many percent of the devices may have a trouble. V(100) never exceeds.
    type: dict
    default: {}
    suboptions:
      missing: {description: Not in the fleet index., type: float, default: 5}
      lost: {description: Away for longer than O(since_minutes)., type: float, default: 5}
      program_failed: {description: Reports a failed program., type: float, default: 5}
      certificate: {description: Has no active certificate., type: float, default: 0}
      drifted: {description: Reports another version than it was given., type: float, default: 100}
      memory: {description: Uses more than O(memory_percent)., type: float, default: 100}
      cpu: {description: Uses more than O(cpu_percent)., type: float, default: 100}
      errors: {description: Logged errors., type: float, default: 100}
      old_certificate: {description: Has a certificate older than O(max_age_days)., type: float, default: 100}
      offline: {description: Left less than O(since_minutes) ago., type: float, default: 100}
      never_connected: {description: Never connected., type: float, default: 100}
  history_directory:
    description: Directory with the reports of earlier runs, for the history. It may be missing.
    type: path
"""

EXAMPLES = r"""
- name: Look at every device
  steel.fleet.fleet_health_info:
    environment_name: production
    group: aws-iot-steel-production
    expected_devices: 1000
    fail_on:
      lost: 1
"""

RETURN = r"""
fleet:
  description: What it comes to.
  type: dict
  returned: success
  contains:
    devices: {description: Devices in the index., type: int, returned: always, sample: 100}
    expected: {description: Devices that there should be., type: int, returned: always, sample: 100}
    connected: {description: Devices that are connected., type: int, returned: always, sample: 97}
    statuses: {description: Devices by status., type: dict, returned: always, sample: {failed: 3, passed: 97}}
    troubles: {description: Devices by trouble., type: dict, returned: always, sample: {lost: 3}}
    exceeded:
      description: A sentence for each threshold of O(fail_on) that is exceeded.
      type: list
      elements: str
      returned: always
      sample: ["6 of 100 devices (6 %) are lost; fail_on.lost allows 5 %"]
    well: {description: Whether none is exceeded., type: bool, returned: always, sample: true}
devices:
  description: The 1,000 worst devices; the table among RV(sections) has every one.
  type: list
  elements: dict
  returned: success
  contains:
    thing: {description: The device., type: str, returned: always, sample: aws-iot-steel-local-device-001}
    status:
      description: V(failed), V(warned), V(passed), or V(not_checked) for one that never connected.
      type: str
      returned: always
      sample: failed
    troubles: {description: What is wrong., type: list, elements: str, returned: always, sample: [lost]}
verdict:
  description: The answer in a few sentences.
  type: str
  returned: success
  sample: Yes. 100 of 100 devices are connected.
figures:
  description: The few numbers for the top of the page.
  type: dict
  returned: success
  sample: {Devices: 100, Connected: 97}
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
requests:
  description: Requests to AWS, by operation.
  type: dict
  returned: success
  sample: {SearchIndex: 1, ListCertificates: 1}
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import health
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.pacing import Pacer
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import history
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.health import fleet
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.health.devices import Limits
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.quotas import Quotas
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates

CLOCK = SystemClock()
MOST_DEVICES = 1_000
"""In the result, which Ansible walks through several times. The table of the sections has every device."""
UNPACED = 1e6
"""Factor for services other than AWS IoT, whose requests are only counted."""
LIMITS = ("since_minutes", "memory_percent", "cpu_percent", "max_age_days")


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not params["group"]:
        raise FleetError("There is no thing group of the fleet.", "The core stack makes it: run deploy.yml.")
    limits = Limits(**{name: params[name] for name in LIMITS})
    fail_on = fleet.FailOn.of(params["fail_on"])
    paced = Pacer(rates(context), CLOCK)
    counted = Pacer(Quotas().scaled(UNPACED), CLOCK)
    now = CLOCK.now()
    hits, evidence = health.read(
        client_factory(context, paced, counted),
        params["group"],
        params["bucket"],
        params["log_group"],
        limits.since_minutes,
        now,
    )
    found = fleet.examine(hits, evidence, limits, fail_on, now, params["expected_devices"])
    earlier = health.earlier_runs(Path(params["history_directory"])) if params["history_directory"] else ()
    return {
        "changed": False,
        "fleet": found.as_dict(),
        "devices": [one.as_dict() for one in found.devices[:MOST_DEVICES]],
        "verdict": found.verdict(),
        "figures": found.figures(),
        "sections": found.sections(
            history.worth_looking_back_on(earlier, params["environment_name"], "Devices")
        ),
        "requests": dict(paced.attempts + counted.attempts),
    }


def client_factory(context: Context, paced: Pacer, counted: Pacer) -> Callable[..., Any]:
    def client(service: str, **options: Any) -> Any:
        made = context.client(service, **options)
        (paced if service == "iot" else counted).attach(made)
        return made

    return client


def percentages(**defaults: float) -> dict[str, Any]:
    return {name: {"type": "float", "default": default} for name, default in defaults.items()}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "environment_name": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "expected_devices": {"type": "int", "default": 0},
            "bucket": {"type": "str", "default": ""},
            "log_group": {"type": "str", "default": ""},
            **percentages(**vars(Limits())),
            "fail_on": {"type": "dict", "default": {}, "options": percentages(**vars(fleet.FailOn()))},
            "history_directory": {"type": "path"},
            **QUOTAS_SPEC,
        },
    )


if __name__ == "__main__":
    main()

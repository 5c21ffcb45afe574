#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_symptoms_info
short_description: Say what is wrong with a fleet as a whole
version_added: 0.1.0
description:
  - Looks at alarms, connections, programs, resources, what was changed lately, and the way to the endpoint.
    It counts what fleet indexing returns in pages and makes no call for a single device.
  - A part that AWS does not answer for is a failed row, so that it also says something during an outage.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
  - steel.fleet.reads
options:
  parts:
    description: What to look at.
    type: list
    elements: str
    choices: [endpoint, alarms, stacks, connections, programs, errors, resources, changes]
    required: true
  since_minutes:
    description: How far back logs, metrics and changes are read.
    type: int
    default: 60
  stacks:
    description: Purposes of the stacks that have to stand.
    type: list
    elements: str
    default: [core, storage, validator, monitoring]
  device_log_group:
    description: Log group of the boards.
    type: str
    default: ""
  metric_namespace:
    description: Where the boards' metrics are.
    type: str
    default: Custom/SteelRuntime
  limits:
    description: Metric to the percent from which it is too high.
    type: dict
    default: {MemoryUsage: 85, CpuUsage: 85}
  most_away_percent:
    description: This share of the devices may be away.
    type: float
    default: 10.0
  mqtt_endpoint:
    description: Where devices connect; empty takes what AWS IoT names.
    type: str
    default: ""
  mqtt_port:
    description: The port there.
    type: int
    default: 8883
  ca_url:
    description: Address of the certificate that vouches for the endpoint; empty takes the system's store.
    type: str
    default: ""
  timeout_seconds:
    description: For each step towards the endpoint.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Find out whether programs fail
  steel.fleet.fleet_symptoms_info:
    name_prefix: aws-iot-steel
    environment_name: production
    parts: [programs, errors, changes]
    device_log_group: /aws/iot/steel-runtime
"""

RETURN = r"""
verdict:
  description: One sentence.
  type: str
  returned: success
  sample: "1 of 4: Program blink_led fails nowhere."
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: []
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
runbooks:
  description: Runbooks that the ringing alarms name.
  type: list
  elements: str
  returned: success
  sample: [connection_failures]
"""

from datetime import datetime, timedelta
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import endpoint_probe
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import inspection, registry
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import symptoms as aws_symptoms
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming, symptoms, telemetry
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import resources
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import (
    Check,
    failed,
    not_checked,
)

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # AnsibleAWSModule reports the missing library before any of these is used
    BotoCoreError = ClientError = Exception

PARTS = ("endpoint", "alarms", "stacks", "connections", "programs", "errors", "resources", "changes")
SLOW_SECONDS = 2.0

Found = tuple[list[Check], list[dict[str, Any]]]


class Look:
    """One look at a fleet."""

    def __init__(self, context: Context) -> None:
        self.params = params = context.params
        self._client = context.client
        self.fleet = naming.fleet_name(params["name_prefix"], params["environment_name"])
        self.now: datetime = SystemClock().now()
        self.since = self.now - timedelta(minutes=params["since_minutes"])
        self.runbooks: list[str] = []
        self._tally: symptoms.FleetTally | None = None

    def client(self, service: str, attempts: int = 2) -> Any:
        """Few attempts: whether AWS answers is part of the question."""
        return self._client(service, attempts=attempts)

    def endpoint(self) -> Found:
        params = self.params
        attempts = endpoint_probe.probe(
            self.client("iot", attempts=1),
            endpoint_probe.Target(
                params["mqtt_endpoint"], params["mqtt_port"], params["ca_url"], params["timeout_seconds"]
            ),
        )
        return symptoms.endpoint_rows(attempts, SLOW_SECONDS), []

    def alarms(self) -> Found:
        found = aws_symptoms.alarms(self.client("cloudwatch"), f"{self.fleet}-")
        ringing = [one for one in found if one.state == "ALARM"]
        self.runbooks = sorted({one.runbook for one in ringing if one.runbook})
        return symptoms.alarm_rows(found), symptoms.alarm_section(found)

    def stacks(self) -> Found:
        cloudformation = self.client("cloudformation")
        return [
            resources.stack(
                purpose,
                inspection.stack_status(cloudformation, f"{self.fleet}-{purpose}"),
                supported=True,
                may_be_absent=False,
            )
            for purpose in self.params["stacks"]
        ], []

    def connections(self) -> Found:
        found = self._counted()
        share = self.params["most_away_percent"] / 100
        return symptoms.connection_rows(found, share), symptoms.connection_sections(found)

    def programs(self) -> Found:
        found = self._counted()
        return symptoms.program_rows(found), symptoms.program_sections(found)

    def errors(self) -> Found:
        group, minutes = self.params["device_log_group"], self.params["since_minutes"]
        found = aws_symptoms.errors(self.client("logs"), group, self.since) if group else None
        return symptoms.error_section(found, minutes)

    def resources(self) -> Found:
        params = self.params
        limits = {name: float(value) for name, value in params["limits"].items()}
        series = aws_symptoms.metrics(
            self.client("cloudwatch"), params["metric_namespace"], list(limits), self.since, self.now
        )
        found = self._counted()
        return symptoms.resource_rows(found, series, limits), symptoms.resource_sections(found, series)

    def changes(self) -> Found:
        found = aws_symptoms.changes(self.client("cloudtrail"), self.since)
        return symptoms.change_section(found, self.params["since_minutes"])

    def _counted(self) -> symptoms.FleetTally:
        """The fleet, read once however many parts need it."""
        if self._tally is None:
            iot = self.client("iot")
            try:
                hits = registry.search_things(iot, f"thingName:{self.fleet}-*")
                self._tally = symptoms.tally(hits)
            except (iot.exceptions.IndexNotReadyException, iot.exceptions.ResourceNotFoundException) as error:
                raise FleetError(
                    f"Fleet indexing cannot answer: {error}.",
                    "Role fleet_indexing switches it on; deploy.yml runs it.",
                ) from error
        return self._tally


def work(context: Context) -> dict[str, Any]:
    params = context.params
    for name in ("since_minutes", "timeout_seconds"):
        if params[name] <= 0:
            raise InvalidInputError(f"{name} is {params[name]}; it must be more than 0.")
    if not 0 <= params["most_away_percent"] < 100:
        raise InvalidInputError(
            f"most_away_percent is {params['most_away_percent']}; it can be 0 to less than 100."
        )
    look = Look(context)
    rows: list[Check] = []
    sections: list[dict[str, Any]] = []
    for part in (one for one in PARTS if one in params["parts"]):
        more_rows, more_sections = looked_at(look, part)
        rows += more_rows
        sections += more_sections
    checks = [one.as_dict() for one in rows]
    return {
        "changed": False,
        "verdict": symptoms.verdict(rows),
        "checks": checks,
        "sections": [{"title": "What was looked at", "kind": "checks", "checks": checks}, *sections],
        "runbooks": look.runbooks,
    }


def looked_at(look: Look, part: str) -> Found:
    """A part that cannot be looked at must not hide the others."""
    try:
        found: Found = getattr(look, part)()
    except FleetError as error:
        return [not_checked(f"Part {part}", str(error))], []
    except (BotoCoreError, ClientError) as error:
        return [failed(f"AWS answers about {part}", str(error))], []
    return found


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "required": True},
            "since_minutes": {"type": "int", "default": 60},
            "stacks": {
                "type": "list",
                "elements": "str",
                "default": ["core", "storage", "validator", "monitoring"],
            },
            "device_log_group": {"type": "str", "default": ""},
            "metric_namespace": {"type": "str", "default": telemetry.RUNTIME},
            "limits": {"type": "dict", "default": {telemetry.MEMORY.name: 85, telemetry.CPU.name: 85}},
            "most_away_percent": {"type": "float", "default": 10.0},
            "mqtt_endpoint": {"type": "str", "default": ""},
            "mqtt_port": {"type": "int", "default": 8883},
            "ca_url": {"type": "str", "default": ""},
            "timeout_seconds": {"type": "float", "default": 5.0},
        },
    )


if __name__ == "__main__":
    main()

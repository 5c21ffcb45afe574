#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_quarantine
short_description: Cut devices off, bring them back exactly as they were, or revoke their certificates
version_added: 0.1.0
description:
  - Puts devices behind a policy that denies everything, first for all at once by a thing group, then on every
    certificate; makes the certificates INACTIVE and ends the sessions.
  - Writes down on this host what it found before it changes it, so that a release restores the former state.
    A run that was killed is finished by running it again.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Counts the calls that would change something, and changes and writes nothing.
    support: full
  diff_mode:
    description: Shows the state before and after.
    support: full
  idempotent:
    description: Does only what is left.
    support: full
options:
  action:
    description:
      - V(quarantine) cuts devices off, or finishes that.
      - V(release) brings the devices of an incident back to what they were.
      - V(revoke) revokes the certificates of an incident's devices for good.
      - V(status) only looks.
    type: str
    choices: [quarantine, release, revoke, status]
    default: quarantine
  incident_id:
    description:
      - The incident. For O(action=quarantine) none takes the open one about exactly these devices, or a new
        one named after the time. For the other actions none takes the only one that is open.
    type: str
    default: ""
  device_ids:
    description: The devices to cut off.
    type: list
    elements: str
    default: []
  group:
    description: A thing group to cut off as a whole, with one call, instead of O(device_ids).
    type: str
    default: ""
  reason:
    description: Why; goes into the record.
    type: str
    default: ""
  confirm:
    description: For O(action=revoke) the incident's id, repeated.
    type: str
    default: ""
  directory:
    description: Private directory of the fleet on this host.
    type: path
    required: true
  quarantine_group:
    description: Thing group of the devices in quarantine.
    type: str
    default: ""
  quarantine_policy:
    description: Policy that denies everything.
    type: str
    default: ""
  end_sessions:
    description: Whether to end sessions with C(DeleteConnection). An emulator may not know that call.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Cut two devices off
  steel.fleet.iot_quarantine:
    name_prefix: aws-iot-steel
    environment_name: production
    device_ids: [device-007, device-012]
    reason: their keys were found in a repository
    directory: /var/lib/fleet/production
    quarantine_group: aws-iot-steel-production-quarantine
    quarantine_policy: aws-iot-steel-production-quarantine

- name: Bring them back
  steel.fleet.iot_quarantine:
    name_prefix: aws-iot-steel
    environment_name: production
    action: release
    directory: /var/lib/fleet/production
"""

RETURN = r"""
incident_id:
  description: The incident; empty where there is none.
  type: str
  returned: success
  sample: 2026-03-01T09-30-00Z
state:
  description: How far it is, such as V(quarantined) or V(released).
  type: str
  returned: success
  sample: quarantined
things:
  description: The devices that it is about.
  type: list
  elements: str
  returned: success
  sample: [aws-iot-steel-production-device-007]
opened:
  description: When it was opened (UTC).
  type: str
  returned: success
  sample: "2026-03-01T09:30:00.000Z"
steps:
  description: Calls that changed something, or would.
  type: dict
  returned: success
  sample: {make INACTIVE: 2}
failures:
  description: Device to why it is not done. The incident stays open; running again tries these again.
  type: dict
  returned: success
  sample: {}
remarks:
  description: Device to what a release could not bring back.
  type: dict
  returned: success
  sample: {}
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 1.8
gate_seconds:
  description: Until the group stood before all devices.
  type: float
  returned: success
  sample: 0.2
open_incidents:
  description: Ids of all incidents on this host that are open.
  type: list
  elements: str
  returned: success
  sample: []
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

import dataclasses
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import quarantine as aws_quarantine
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming, quarantine
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import some
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.quarantine import (
    Incidents,
    Responder,
    Result,
    operator,
)
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import (
    ARGUMENT_SPEC,
    concurrency,
    rates,
    shown,
)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    incidents = Incidents(Path(params["directory"]))
    if params["action"] == "status":
        return status(incidents, params["incident_id"])
    iot = context.client("iot", max_connections=concurrency(context))
    if params["action"] == "quarantine":
        scope = scope_of(params, incidents, iot)
        before = state_of(incidents, scope.id)
        result = responder(context, incidents, iot).quarantine(scope)
    else:
        chosen = params["incident_id"] or quarantine.only_open(incidents.all())
        before = state_of(incidents, chosen)
        result = back_or_away(context, incidents, iot, chosen)
    return described(incidents, result, before)


def back_or_away(context: Context, incidents: Incidents, iot: Any, incident: str) -> Result:
    if context.params["action"] == "release":
        return responder(context, incidents, iot).release(incident)
    if context.params["confirm"] != incident:
        raise InvalidInputError(
            f"Revoking is for good, and confirm is not {incident}.", f"Repeat it: confirm={incident}."
        )
    return responder(context, incidents, iot).revoke(incident)


def responder(context: Context, incidents: Incidents, iot: Any) -> Responder:
    at_once = concurrency(context)
    ends_sessions = context.params["end_sessions"]
    return Responder(
        incidents,
        iot,
        context.client("iot-data", max_connections=at_once) if ends_sessions else None,
        rates(context),
        at_once,
        shown(context),
        check_mode=context.check_mode,
    )


def scope_of(params: Any, incidents: Incidents, iot: Any) -> quarantine.Scope:
    """What is to be cut off: named devices, or a group as a whole."""
    prefix, environment, group = params["name_prefix"], params["environment_name"], params["group"]
    if bool(params["device_ids"]) == bool(group):
        raise InvalidInputError("Name either device_ids or group: what is to be cut off?")
    if group:
        things = aws_quarantine.members(iot, group)
        strangers = [one for one in things if naming.device_id_of(one, prefix, environment) is None]
        if strangers:
            raise InvalidInputError(
                f"{len(strangers):,} things of group {group} are of another fleet: {some(strangers)}.",
                "Name the devices instead.",
            )
    else:
        naming.check_device_ids(params["device_ids"], prefix, environment)
        things = sorted(naming.thing_name(prefix, environment, one) for one in params["device_ids"])
    fresh = SystemClock().now().strftime("%Y-%m-%dT%H-%M-%SZ")
    chosen = params["incident_id"] or quarantine.same(incidents.all(), things, group) or fresh
    return quarantine.Scope(
        chosen,
        params["quarantine_group"],
        params["quarantine_policy"],
        tuple(things),
        group,
        params["reason"],
        operator(),
    )


def state_of(incidents: Incidents, incident: str) -> str:
    found = incidents.load(incident)
    return str(found.state) if found else "none"


def status(incidents: Incidents, incident: str) -> dict[str, Any]:
    known = incidents.all()
    if not incident and not known:
        empty = {"incident_id": "", "state": "none", "opened": "", "things": [], "sections": []}
        return {**empty, **nothing_done(), "open_incidents": []}
    found = incidents.require(incident) if incident else known[-1]
    return {**described(incidents, Result(found), str(found.state)), "changed": False}


def nothing_done() -> dict[str, Any]:
    counts = {"steps": {}, "failures": {}, "remarks": {}, "seconds": 0.0, "gate_seconds": 0.0}
    return {**counts, "changed": False}


def described(incidents: Incidents, result: Result, before: str) -> dict[str, Any]:
    known = result.incident
    after = str(known.state)
    numbers = dataclasses.asdict(result)
    return {
        "changed": result.changed or before != after,
        "incident_id": known.scope.id,
        "state": after,
        "opened": known.opened,
        "things": list(known.scope.things),
        **{name: numbers[name] for name in ("steps", "failures", "remarks", "seconds", "gate_seconds")},
        "open_incidents": [one.scope.id for one in incidents.all() if one.state not in quarantine.CLOSED],
        "sections": quarantine.sections(known, result.failures, result.remarks, result.seconds),
        "diff": {"before": f"{known.scope.id}: {before}\n", "after": after_text(result, after)},
    }


def after_text(result: Result, after: str) -> str:
    calls = "".join(f"  {count:,} x {what}\n" for what, count in sorted(result.steps.items()))
    return f"{result.incident.scope.id}: {after}\n{calls}"


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "action": {
                "type": "str",
                "choices": ["quarantine", "release", "revoke", "status"],
                "default": "quarantine",
            },
            "incident_id": {"type": "str", "default": ""},
            "device_ids": {"type": "list", "elements": "str", "default": []},
            "group": {"type": "str", "default": ""},
            "reason": {"type": "str", "default": ""},
            "confirm": {"type": "str", "default": ""},
            "directory": {"type": "path", "required": True},
            "quarantine_group": {"type": "str", "default": ""},
            "quarantine_policy": {"type": "str", "default": ""},
            "end_sessions": {"type": "bool", "default": True},
            **ARGUMENT_SPEC,
        },
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: incident_escalation
short_description: Tell the right people of an incident, each once, level by level
version_added: 0.1.0
description:
  - Level 1 is told at once. Every deadline of the severity that passes without anybody having taken the
    incident on tells the next level, whenever this runs again; a timer may run it.
  - Nobody is told twice of one incident. Who was told is kept on this host.
  - Messages hold no secrets; routing keys and tokens are read from files with mode 0600.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says who would be told, and tells nobody.
    support: full
  idempotent:
    description: Tells only who has to know by now and was not told.
    support: full
options:
  action:
    description: V(call) opens an escalation or goes on with it; V(take) and V(resolve) end the telling.
    type: str
    choices: [call, take, resolve, status]
    default: call
  incident_id:
    description: The incident, such as that of a quarantine. It is what makes two runs one escalation.
    type: str
    required: true
  severity:
    description: P1 to P4, for O(action=call). Calling again can only raise it.
    type: str
    default: ""
  summary:
    description: What is wrong, in one line, for O(action=call).
    type: str
    default: ""
  details:
    description: Facts for the people; what is named like a secret is masked.
    type: dict
    default: {}
  by:
    description: Who takes it on or has resolved it. Empty takes who runs this.
    type: str
    default: ""
  fleet:
    description: What the fleet is called.
    type: str
    required: true
  contacts:
    description:
      - Who can be told - C(level) (1 to 3), C(name), C(channel) (sns, pagerduty, webhook), C(to),
        C(secret_file), C(severities).
    type: list
    elements: dict
    default: []
  directory:
    description: Private directory of the fleet on this host.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Tell the people on call
  steel.fleet.incident_escalation:
    incident_id: 2026-03-01T09-30-00Z
    severity: P1
    summary: Half of the fleet is away
    fleet: aws-iot-steel-production
    directory: /var/lib/fleet/production
    contacts:
      - {level: 1, name: DevOps on call, channel: pagerduty, secret_file: /etc/fleet/pagerduty.key}
      - {level: 2, name: Engineering, channel: sns, to: "arn:aws:sns:us-west-2:123456789012:engineering"}
"""

RETURN = r"""
state:
  description: V(open), V(taken) or V(resolved).
  type: str
  returned: success
  sample: open
severity:
  description: The severity that counts.
  type: str
  returned: success
  sample: P1
told:
  description: Who was told by this run, or would be.
  type: list
  elements: str
  returned: success
  sample: [DevOps on call]
next_deadline:
  description: When the next level is told unless somebody takes it on; empty once somebody has (UTC).
  type: str
  returned: success
  sample: "2026-03-01T09:45:00.000Z"
troubles:
  description: Who could not be told, and why.
  type: list
  elements: str
  returned: success
  sample: []
checks:
  description: Who was told, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import escalation
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation.checks import failed
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.escalation import Desk, Result

ATTEMPTS, TIMEOUT_SECONDS = 2, 10
"""Of SNS: where AWS does not answer, the others are not kept waiting."""
EVENTS = {"take": "taken", "resolve": "resolved"}


def work(context: Context) -> dict[str, Any]:
    params = context.params
    contacts, unusable = escalation.contacts(params["contacts"])
    sns = context.client("sns", attempts=ATTEMPTS, timeout_seconds=TIMEOUT_SECONDS)
    desk = Desk(Path(params["directory"]), sns, contacts, check_mode=context.check_mode)
    troubles: list[str] = []
    if params["action"] == "call":
        names = ("severity", "summary", "fleet", "details")
        result = desk.call(escalation.Call(params["incident_id"], *(params[name] for name in names)))
        troubles = [*result.troubles.values(), *unusable]
    elif params["action"] == "status":
        result = desk.look(params["incident_id"])
    else:
        result = desk.mark(params["incident_id"], EVENTS[params["action"]], params["by"])
    rows = escalation.checks(result.escalation, contacts, result.troubles, SystemClock().now())
    rows += [failed("Every contact of the inventory can be told", why) for why in unusable]
    return {**described(result), "troubles": troubles, "checks": [one.as_dict() for one in rows]}


def described(result: Result) -> dict[str, Any]:
    now, found = SystemClock().now(), result.escalation
    return {
        "changed": result.changed,
        "state": found.state,
        "severity": found.call.severity,
        "told": [one.name for one in result.told],
        "next_deadline": iso(found.due(now)) if found.state == "open" else "",
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "action": {"type": "str", "choices": ["call", "take", "resolve", "status"], "default": "call"},
            "incident_id": {"type": "str", "required": True},
            "severity": {"type": "str", "default": ""},
            "summary": {"type": "str", "default": ""},
            "details": {"type": "dict", "default": {}},
            "by": {"type": "str", "default": ""},
            "fleet": {"type": "str", "required": True},
            "contacts": {"type": "list", "elements": "dict", "default": []},
            "directory": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()

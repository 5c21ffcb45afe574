#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_notification
short_description: Tell people about maintenance
version_added: 0.1.0
description:
  - Composes a message, publishes it to topics of SNS, and posts it to a webhook.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Composes the message and sends nothing.
    support: full
  idempotent:
    description: Every run sends a message.
    support: none
options:
  kind:
    description: V(announce), V(start), V(extend), V(complete) or V(failed).
    type: str
    required: true
  fleet:
    description: What the fleet is called.
    type: str
    required: true
  start_time:
    description: When maintenance begins or began, such as V(2027-01-03T02:00:00Z). Now by default.
    type: str
  duration_minutes:
    description: How long it takes, or took.
    type: int
    default: 0
  details:
    description: More lines for the message.
    type: list
    elements: str
    default: []
  topic_arns:
    description: Topics that get it.
    type: list
    elements: str
    default: []
  webhook_url:
    description: Address that gets C(text), C(kind) and C(fleet) as JSON, as chats take it. It is a secret.
    type: str
"""

EXAMPLES = r"""
- name: Announce maintenance
  steel.fleet.fleet_notification:
    kind: announce
    fleet: aws-iot-steel-production
    start_time: 2027-01-03T02:00:00Z
    duration_minutes: 240
    topic_arns: ["arn:aws:sns:us-west-2:000000000000:stakeholders"]
"""

RETURN = r"""
subject:
  description: The subject.
  type: str
  returned: success
  sample: "Maintenance has begun: aws-iot-steel-production"
text:
  description: The message.
  type: str
  returned: success
  sample: Maintenance of aws-iot-steel-production has begun.
message_ids:
  description: Ids that SNS gave, in the order of the topics.
  type: list
  elements: str
  returned: success
  sample: [0b1c]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import webhook
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.messages import publish_to_topic
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.calendar.windows import moment
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.escalation import is_private
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.notification import compose


def work(context: Context) -> dict[str, Any]:
    params = context.params
    start = moment(params["start_time"], "start_time") if params["start_time"] else SystemClock().now()
    address = params["webhook_url"]
    if address and not is_private(address):
        raise InvalidInputError("notification_webhook_url must begin with https://.")
    message = compose(params["kind"], params["fleet"], start, params["duration_minutes"], params["details"])
    sent = []
    if not context.check_mode:
        sns = context.client("sns") if params["topic_arns"] else None
        sent = [publish_to_topic(sns, arn, message.subject, message.text) for arn in params["topic_arns"]]
        if address:
            text = f"{message.subject}\n\n{message.text}"
            told = {"text": text, "kind": params["kind"], "fleet": params["fleet"]}
            webhook.post(address, told, {}, "The webhook (notification_webhook_url)")
    return {"changed": bool(params["topic_arns"] or address), **message.as_dict(), "message_ids": sent}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "kind": {"type": "str", "required": True},
            "fleet": {"type": "str", "required": True},
            "start_time": {"type": "str"},
            "duration_minutes": {"type": "int", "default": 0},
            "details": {"type": "list", "elements": "str", "default": []},
            "topic_arns": {"type": "list", "elements": "str", "default": []},
            "webhook_url": {"type": "str", "no_log": True},
        },
    )


if __name__ == "__main__":
    main()

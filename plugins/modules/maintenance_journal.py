#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_journal
short_description: Write down what maintenance does, so that the next run can finish or undo it
version_added: 0.1.0
description:
  - The journal is a file of JSON lines, mode 0600. A record is on the disk before the module returns.
  - Without O(event) it only tells what is left open.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Writes nothing.
    support: full
  idempotent:
    description: V(scheduled) and V(ended) are written once; every other record is a new one.
    support: partial
options:
  path:
    description: The journal. Its directory is made, mode 0700.
    type: path
    required: true
  event:
    description: What happened.
    type: str
    choices: [scheduled, started, step, ended]
  step:
    description: The step that was done, for V(event=step).
    type: str
    default: ""
  minutes:
    description: How long the work may take, for V(event=started). The record gets C(began) and C(deadline).
    type: float
  facts:
    description: What else belongs into the record. Never a secret.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write down that alarms are silenced
  steel.fleet.maintenance_journal:
    path: /var/lib/fleet/production/maintenance/journal.jsonl
    event: step
    step: silenced
    facts: {alarms: [fleet-production-devices-silent]}
"""

RETURN = r"""
snapshot_id:
  description: The snapshot that it can go back to; empty before there is one.
  type: str
  returned: success
  sample: 2026-11-28T09-30-00Z
open:
  description: The record of the work that has started and not ended, or would; null when there is none.
  type: dict
  returned: success
  sample: null
overdue:
  description: Whether that work should have ended by now (C(deadline) among the facts of its record).
  type: bool
  returned: success
  sample: false
steps:
  description: Steps that it has done.
  type: list
  elements: str
  returned: success
  sample: [snapshot, silenced]
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.journal import Journal
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.maintenance import history
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_store import explained


def work(context: Context) -> dict[str, Any]:
    params = context.params
    path, event, clock = Path(params["path"]), params["event"], SystemClock()
    facts = record(params, clock.now())
    with explained(path):
        before = history.tell(path)
        changed = event is not None and not is_known(event, before)
        if changed and not context.check_mode:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with Journal(path, clock) as journal:
                journal.write(event, **facts)
        told = history.tell(path)
    would = facts if context.check_mode and event == history.STARTED else None
    return {
        "changed": changed,
        "open": would or told.open,
        "overdue": told.is_overdue(clock.now()),
        "steps": list(told.steps),
        "snapshot_id": told.snapshot_id,
    }


def record(params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is written beside event and time."""
    facts = dict(params["facts"])
    if params["step"]:
        facts["name"] = params["step"]
    if params["minutes"] is not None:
        facts |= {"began": iso(now), "deadline": iso(now + timedelta(minutes=params["minutes"]))}
    return facts


def is_known(event: str, told: history.History) -> bool:
    """Whether the journal says so already."""
    if event == history.SCHEDULED:
        return told.since is not None
    return event == history.ENDED and told.open is None


def main() -> None:
    run_module(
        work,
        argument_spec={
            "path": {"type": "path", "required": True},
            "event": {"type": "str", "choices": list(history.EVENTS)},
            "step": {"type": "str", "default": ""},
            "minutes": {"type": "float"},
            "facts": {"type": "dict", "default": {}},
        },
        required_if=[("event", "step", ["step"]), ("event", "started", ["minutes"])],
    )


if __name__ == "__main__":
    main()

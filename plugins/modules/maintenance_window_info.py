#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_window_info
short_description: Say whether a maintenance window is open, and when the next ones are
version_added: 0.1.0
description:
  - Works out windows, freezes and exceptions of a calendar, and which windows went by unused.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.calendar
attributes:
  check_mode:
    description: Only reads.
    support: full
  idempotent:
    description: Only reads; the answer depends on the time.
    support: full
options:
  fleet:
    description: What the events of the iCalendar file are named after.
    type: str
    default: fleet
  at:
    description: The time to ask for, by default now.
    type: str
  count:
    description: How many of the next windows to list.
    type: int
    default: 6
  journal:
    description: Journal of maintenance, see M(steel.fleet.maintenance_journal). Without it, none is missed.
    type: path
"""

EXAMPLES = r"""
- name: Look at the calendar
  steel.fleet.maintenance_window_info:
    calendar:
      freezes:
        - {from: 2026-12-20, until: 2027-01-03, reason: holidays}
  register: calendar
"""

RETURN = r"""
now:
  description: What may be done now.
  type: dict
  returned: success
  contains:
    at: {description: The time asked for., type: str, returned: always, sample: 2026-12-06T02:10:00.000Z}
    state: {description: "V(open), V(closed) or V(frozen).", type: str, returned: always, sample: open}
    window: {description: The window that is open., type: dict, returned: always, sample: {name: monthly}}
    seconds_left: {description: Until it ends., type: float, returned: always, sample: 6600.0}
    why: {description: For people., type: str, returned: always, sample: No window is open.}
coming:
  description: The next windows. One with text in C(frozen) is not used.
  type: list
  elements: dict
  returned: success
  sample: [{name: monthly, begins: "2026-12-06T02:00:00.000Z", minutes: 120, frozen: ""}]
missed:
  description: Windows since the journal begins that are over and in which no maintenance began.
  type: list
  elements: dict
  returned: success
  sample: []
timers:
  description: Every kind of window as C(OnCalendar) of systemd and as cron of EventBridge and IoT Jobs.
  type: dict
  returned: success
  sample: {monthly: {systemd: ["Sun *-*-01..07 02:00:00 UTC"], aws_cron: ["cron(0 2 ? * SUN#1 *)"]}}
icalendar:
  description: The next windows as an iCalendar file.
  type: str
  returned: success
  sample: "BEGIN:VCALENDAR"
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.calendar_options import CALENDAR
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.calendar import render, windows
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.maintenance import history


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not 1 <= params["count"] <= 100:
        raise InvalidInputError(f"count is {params['count']}; it must be from 1 to 100.")
    calendar = windows.from_config(params["calendar"])
    now = windows.moment(params["at"], "at") if params["at"] else SystemClock().now()
    coming = calendar.coming(now, params["count"])
    told = history.tell(Path(params["journal"])) if params["journal"] else history.NOTHING
    missed = calendar.missed(told.since, now, told.began) if told.since else []
    timers = {
        kind.name: {"systemd": render.systemd(kind.rule), "aws_cron": render.aws_cron(kind.rule)}
        for kind in calendar.recurring
    }
    moment = calendar.at(now)
    return {
        "changed": False,
        "now": moment.as_dict(),
        "coming": [one.as_dict() for one in coming],
        "missed": [one.as_dict() for one in missed],
        "timers": timers,
        "icalendar": render.icalendar(coming, params["fleet"], now),
        "sections": render.sections(moment, coming, missed, watched=told.since is not None),
    }


def main() -> None:
    run_module(
        work,
        argument_spec={
            "calendar": CALENDAR,
            "fleet": {"type": "str", "default": "fleet"},
            "at": {"type": "str"},
            "count": {"type": "int", "default": 6},
            "journal": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()

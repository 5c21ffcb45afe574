#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: schedule_info
short_description: Render the timers with which a control host starts playbooks by itself
version_added: 0.1.0
description:
  - Renders jobs as units of systemd and as lines of a crontab. Installs nothing.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.calendar
  - steel.fleet.reads
options:
  fleet:
    description: The fleet; part of every unit's name.
    type: str
    required: true
  jobs:
    description: What is to run, and when.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: "Of a-z, 0-9 and _.", type: str, required: true}
      playbook: {description: File below C(playbooks/)., type: str, required: true}
      calendar: {description: Whether it runs in every maintenance window., type: bool, default: false}
      rule: {description: "A recurrence rule, in place of O(jobs[].calendar).", type: str}
      start: {description: "Time in UTC, in quotes.", type: raw}
      arguments: {description: More words for C(ansible-playbook)., type: str}
  directory:
    description: The checkout.
    type: path
    required: true
  program:
    description: Path of C(ansible-playbook).
    type: path
    required: true
  inventory:
    description: The inventory that the playbooks run with.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Render a nightly backup
  steel.fleet.schedule_info:
    fleet: aws-iot-steel-production
    jobs:
      - {name: backup, playbook: backup.yml, rule: FREQ=DAILY, start: "01:00"}
    directory: /srv/steel-fleet
    program: /srv/steel-fleet/.venv/bin/ansible-playbook
    inventory: inventory/production
"""

RETURN = r"""
prefix:
  description: What the names of all units of this fleet begin with.
  type: str
  returned: success
  sample: steel-fleet-aws-iot-steel-production-at-
units:
  description: File name and content of the systemd units.
  type: list
  elements: dict
  returned: success
  sample: [{name: steel-fleet-aws-iot-steel-production-at-backup.timer, content: "[Unit]"}]
timers:
  description: Names of the timers among them.
  type: list
  elements: str
  returned: success
  sample: [steel-fleet-aws-iot-steel-production-at-backup.timer]
cron:
  description: Lines of a crontab, for hosts without systemd that run in UTC.
  type: list
  elements: dict
  returned: success
  sample: [{name: at-backup-1, minute: "0", hour: "1", day: "*", month: "*", command: "cd /srv && x"}]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.calendar_options import CALENDAR
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.calendar import timers, windows


def work(context: Context) -> dict[str, Any]:
    params = context.params
    host = timers.Host(params["fleet"], params["directory"], params["program"], params["inventory"])
    jobs = timers.jobs(params["jobs"], host, windows.from_config(params["calendar"]))
    units = timers.units(jobs, host)
    return {
        "changed": False,
        "prefix": host.prefix,
        "units": [{"name": name, "content": content} for name, content in units.items()],
        "timers": [name for name in units if name.endswith(".timer")],
        "cron": [vars(line) for line in timers.cron_jobs(jobs, host)],
    }


def main() -> None:
    run_module(
        work,
        argument_spec={
            "calendar": CALENDAR,
            "fleet": {"type": "str", "required": True},
            "jobs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "playbook": {"type": "str", "required": True},
                    "calendar": {"type": "bool", "default": False},
                    "rule": {"type": "str"},
                    "start": {"type": "raw"},
                    "arguments": {"type": "str"},
                },
            },
            "directory": {"type": "path", "required": True},
            "program": {"type": "path", "required": True},
            "inventory": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()

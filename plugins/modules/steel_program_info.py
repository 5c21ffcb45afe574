#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: steel_program_info
short_description: Check Steel programs as a device would
version_added: 0.1.0
description:
  - Reads Steel (Scheme) programs and reports every error with line, column and what to do about it.
  - Nothing is executed.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Only reads.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  paths:
    description: Files, directories (every C(.scm) file below them) and glob patterns.
    type: list
    elements: path
    default: []
  source:
    description: The text of one program, in place of O(paths).
    type: str
  profile:
    description: What the programs have to run on.
    type: str
    choices: [esp32-c3, linux]
    default: esp32-c3
  fail_on:
    description: Which findings make the module fail.
    type: str
    choices: [error, warning, never]
    default: error
"""

EXAMPLES = r"""
- name: Refuse broken programs
  steel.fleet.steel_program_info:
    paths: [programs]

- name: Look at a program without failing
  steel.fleet.steel_program_info:
    source: "(led-on"
    fail_on: never
"""

RETURN = r"""
programs:
  description: The report of every program, by path.
  type: list
  elements: dict
  returned: always
  contains:
    path: {description: The file., type: str, returned: always, sample: programs/blink_led.scm}
    ok: {description: Whether a device takes it., type: bool, returned: always, sample: true}
    errors: {description: Number of errors., type: int, returned: always, sample: 0}
    warnings: {description: Number of warnings., type: int, returned: always, sample: 0}
    diagnostics:
      description: Findings with code, severity, message, hint, line and column.
      type: list
      elements: dict
      returned: always
      sample: []
text:
  description: The same for people, each finding with its line of the program.
  type: str
  returned: always
  sample: "programs/blink_led.scm: ok"
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme import Report, check
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.files import (
    check_file,
    find_programs,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.profiles import find_profile
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.render import render


def work(context: Context) -> dict[str, Any]:
    params = context.params
    reports = inspect(params["source"], params["paths"], params["profile"])
    result = {"programs": [one.as_dict() for one in reports], "text": render(reports, "text")}
    refused = [one for one in reports if is_refused(one, params["fail_on"])]
    if refused:
        raise InvalidInputError(
            f"{len(refused)} of {len(reports)} programs must not go to a device:\n{result['text']}", **result
        )
    return {"changed": False, **result}


def inspect(source: str | None, paths: list[str], profile: str) -> list[Report]:
    if source is not None:
        return [check(source, path="<source>", profile=profile)]
    return [check_file(path, find_profile(profile)) for path in find_programs(paths)]


def is_refused(report: Report, fail_on: str) -> bool:
    return fail_on != "never" and (not report.ok or (fail_on == "warning" and report.warnings > 0))


def main() -> None:
    run_module(
        work,
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "source": {"type": "str"},
            "profile": {"type": "str", "choices": ["esp32-c3", "linux"], "default": "esp32-c3"},
            "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
        },
        mutually_exclusive=[("paths", "source")],
    )


if __name__ == "__main__":
    main()

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
  - Where a C(program.toml) lies beside a program, its profile and topics count.
  - With O(engine) the real Steel engine gives a second opinion, in a sandbox of its own; the module fails
    where the two disagree. Without it nothing is executed.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.reads
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
    description:
      - What the programs have to run on.
      - Defaults to the profile that C(program.toml) beside a program names, else to V(esp32-c3).
    type: str
    choices: [esp32-c3, linux]
  max_bytes:
    description: Another limit for the size of a program than the profile's.
    type: int
  max_depth:
    description: Another limit for the nesting than the profile's.
    type: int
  engine:
    description:
      - A checkout of this collection, whose Steel engine is asked as well. Not for O(source).
      - Where the engine cannot be had the result says why, and the validator's word stands alone.
    type: path
  build_engine:
    description: Build the engine when it is not there; it needs cargo and its registry, and two minutes once.
    type: bool
    default: false
  run_tests:
    description: Run the tests in C(tests.toml) beside the programs on the engine's simulated board.
    type: bool
    default: false
  fail_on:
    description:
      - Which findings make the module fail.
      - Disagreements and tests that fail count like errors.
    type: str
    choices: [error, warning, never]
    default: error
"""

EXAMPLES = r"""
- name: Refuse broken programs
  steel.fleet.steel_program_info:
    paths: [programs]

- name: Have them judged by the engine as well, and run their tests
  steel.fleet.steel_program_info:
    paths: [programs]
    engine: "{{ playbook_dir }}/.."
    run_tests: true

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
    path: {description: The file., type: str, returned: always, sample: programs/blink_led/blink_led.scm}
    profile: {description: What it was checked for., type: str, returned: always, sample: esp32-c3}
    ok: {description: Whether a device takes it., type: bool, returned: always, sample: true}
    errors: {description: Number of errors., type: int, returned: always, sample: 0}
    warnings: {description: Number of warnings., type: int, returned: always, sample: 0}
    diagnostics:
      description: Findings with code, severity, message, hint, line and column.
      type: list
      elements: dict
      returned: always
      sample: []
    engine:
      description: The engine's verdict, such as V(loads) or V(refused FreeIdentifier), or V(not available).
      type: str
      returned: always
      sample: loads
    tests:
      description: The program's tests that were run, each with C(name) and C(ok).
      type: list
      elements: dict
      returned: always
      sample: [{name: blinks five times, ok: true}]
refused:
  description: Paths of the programs that must not go to a device.
  type: list
  elements: str
  returned: always
  sample: []
engine:
  description: V(used), V(not asked), or why the engine is not available.
  type: str
  returned: always
  sample: used
sections:
  description: Tables for the report of the run.
  type: list
  elements: dict
  returned: always
  sample: []
text:
  description: The same for people, each finding with its line of the program.
  type: str
  returned: always
  sample: "programs/blink_led/blink_led.scm: ok"
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import steel_engine
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    InvalidInputError,
    MissingDependencyError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.program_folder import check_program
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme import Report, check
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.files import find_programs
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.profiles import (
    DEFAULT_PROFILE,
    find_profile,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.render import render
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.program_examination import (
    Examination,
    examine,
    sections,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.steel_engine import Engine


def work(context: Context) -> dict[str, Any]:
    params = context.params
    engine, about_engine = second_opinion(params)
    with engine or contextlib.nullcontext():
        found = examine(inspect(params), engine, run_tests=params["run_tests"])
    problems = [problem for one in found for problem in one.problems]
    text = render([one.report for one in found], "text")
    result = {
        "programs": [one.as_dict() for one in found],
        "refused": [one.report.path for one in found if is_refused(one, "error")],
        "engine": about_engine,
        "sections": sections(found, about_engine),
        "text": "\n".join([text.rstrip("\n"), *problems]),
    }
    refused = [one for one in found if is_refused(one, params["fail_on"])]
    if refused:
        raise InvalidInputError(
            f"{len(refused)} of {len(found)} programs must not go to a device:\n{result['text']}", **result
        )
    return {"changed": False, **result}


def second_opinion(params: Mapping[str, Any]) -> tuple[Engine | None, str]:
    """The engine, and a word on it for the report."""
    if not params["engine"]:
        return None, "not asked"
    locate = steel_engine.build if params["build_engine"] else steel_engine.find
    try:
        return Engine(locate(Path(params["engine"]))), "used"
    except MissingDependencyError as missing:
        return None, f"not available: {missing.hint}"


def inspect(params: Mapping[str, Any]) -> list[Report]:
    limits = {name: params[name] for name in ("max_bytes", "max_depth") if params[name] is not None}
    if params["source"] is not None:
        profile = find_profile(params["profile"] or DEFAULT_PROFILE).with_limits(**limits)
        return [check(params["source"], path="<source>", profile=profile)]
    return [check_program(path, params["profile"], limits) for path in find_programs(params["paths"])]


def is_refused(one: Examination, fail_on: str) -> bool:
    if fail_on == "never":
        return False
    return bool(one.problems) or not one.report.ok or (fail_on == "warning" and one.report.warnings > 0)


def main() -> None:
    run_module(
        work,
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "source": {"type": "str"},
            "profile": {"type": "str", "choices": ["esp32-c3", "linux"]},
            "max_bytes": {"type": "int"},
            "max_depth": {"type": "int"},
            "engine": {"type": "path"},
            "build_engine": {"type": "bool", "default": False},
            "run_tests": {"type": "bool", "default": False},
            "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
        },
        mutually_exclusive=[("paths", "source"), ("engine", "source")],
    )


if __name__ == "__main__":
    main()

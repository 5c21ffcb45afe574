#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: drill_evidence
short_description: Write down how a registry and its boards are, before and after a disaster drill
version_added: 0.1.0
description:
  - Reads lists of things, groups, types, policies, certificates, shadows, rules, stacks, functions and
    objects, of the drill's own fleet or of everything else in the region, and writes them to a file as
    canonical JSON.
    Two files with the same SHA-256 say that nothing changed.
  - What devices report is left out. Nobody could hold it still.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Writes nothing.
    support: full
  idempotent:
    description: Only reads, besides its file.
    support: full
options:
  path:
    description: The file, mode 0600.
    type: path
    required: true
  name_prefix:
    description: First part of the names of the drill's fleet.
    type: str
    required: true
  environment_name:
    description: Second part of them.
    type: str
    required: true
  whose:
    description:
      - V(own) reads the drill's fleet, V(others) everything else.
      - V(boards) asks the virtual boards when they were connected, once none is on its way any more.
    type: str
    choices: [own, others, boards]
    required: true
  bucket_prefix:
    description: Objects are listed of buckets that begin so.
    type: str
    default: ""
  checkout:
    description: A checkout of this collection, with C(twin/), for V(whose=boards).
    type: path
  twin_directory:
    description: Where the boards are, for V(whose=boards).
    type: path
  timeout_seconds:
    description: How long boards that are on their way are waited for, for V(whose=boards).
    type: float
    default: 0.0
  known_at:
    description: Of V(whose=others), certificates that were made later are left out (ISO 8601).
    type: str
    default: ""
  certificates_by_thing:
    description: Whether a certificate goes by the device that has it, since another one takes its place.
    type: bool
    default: false
  may_be_away:
    description: Whether a region that does not answer is written down as such. Otherwise it is an error.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Write down everything that is not the drill's
  steel.fleet.drill_evidence:
    path: /var/lib/fleet/staging/drills/evidence/others-before.json
    name_prefix: steel-drill
    environment_name: staging
    whose: others
    bucket_prefix: aws-iot-steel-staging
"""

RETURN = r"""
sha256:
  description: SHA-256 of the file.
  type: str
  returned: not in check mode
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
counts:
  description: Entries by kind.
  type: dict
  returned: success
  sample: {thing: 100, certificate: 100}
states:
  description: Boards by state, of V(whose=boards).
  type: dict
  returned: for V(whose=boards)
  sample: {connected: 100}
why:
  description: Why boards are not connected.
  type: dict
  returned: for V(whose=boards)
  sample: {}
answered:
  description: Whether the region answered.
  type: bool
  returned: success
  sample: true
"""

import contextlib
import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import drill_evidence
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import registry_export
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import iso, parse_iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.drill.scope import Scope
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_store import explained
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.twins import Twins

with contextlib.suppress(ImportError):  # the runner names the missing library
    from botocore.exceptions import EndpointConnectionError


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if params["whose"] == "boards":
        return boards(context)
    try:
        content = export(context)
    except EndpointConnectionError:
        if not params["may_be_away"]:
            raise
        content = {"answered": False, "sections": {}, "written": {}}
    result = {
        "changed": False,
        "counts": {kind: len(entries) for kind, entries in content["sections"].items()},
        "answered": content["answered"],
    }
    if context.check_mode:
        return result
    path = Path(params["path"])
    with explained(path):
        return {**result, "sha256": drill_evidence.write(path, content)}


def boards(context: Context) -> dict[str, Any]:
    params = context.params
    twins = Twins(Path(params["checkout"]).resolve(), Path(params["twin_directory"]).resolve())
    now = twins.settle(params["timeout_seconds"])
    found = twins.boards()
    result = {
        "changed": False,
        "counts": {"board": len(found)},
        "states": now["states"],
        "why": now["why"],
        "answered": True,
    }
    if context.check_mode:
        return result
    path = Path(params["path"])
    with explained(path):
        content = {"at": iso(datetime.now(UTC)), "boards": found}
        return {**result, "sha256": drill_evidence.write(path, content)}


def export(context: Context) -> dict[str, Any]:
    params = context.params
    attempts = 1 if params["may_be_away"] else 8
    client = functools.cache(lambda service: context.client(service, attempts=attempts))
    choice = registry_export.Choice(
        Scope(params["name_prefix"], params["environment_name"]).owns,
        others=params["whose"] == "others",
        known_at=parse_iso(params["known_at"]) if params["known_at"] else None,
    )
    found = registry_export.read(client, choice, params["bucket_prefix"])
    if choice.others:
        return {"answered": True, "sections": found, "written": {}}
    region = client("iot").meta.region_name
    by_thing = params["certificates_by_thing"]
    return {
        "answered": True,
        "sections": registry_export.neutral(found, region, certificates_by_thing=by_thing),
        "written": {
            name.replace(region, "*"): at
            for name, at in registry_export.written(client, choice, params["bucket_prefix"]).items()
        },
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "path": {"type": "path", "required": True},
            "name_prefix": {"type": "str", "required": True},
            "environment_name": {"type": "str", "required": True},
            "whose": {"type": "str", "choices": ["own", "others", "boards"], "required": True},
            "bucket_prefix": {"type": "str", "default": ""},
            "checkout": {"type": "path"},
            "twin_directory": {"type": "path"},
            "timeout_seconds": {"type": "float", "default": 0.0},
            "known_at": {"type": "str", "default": ""},
            "certificates_by_thing": {"type": "bool", "default": False},
            "may_be_away": {"type": "bool", "default": False},
        },
        required_if=[
            ("whose", "boards", ["checkout", "twin_directory"]),
            ("whose", "own", ["bucket_prefix"]),
            ("whose", "others", ["bucket_prefix"]),
        ],
    )


if __name__ == "__main__":
    main()

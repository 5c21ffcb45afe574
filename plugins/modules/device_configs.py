#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: device_configs
short_description: Write one TOML configuration file per device
version_added: 0.1.0
description:
  - Writes C(<directory>/<device id>.toml) for every device. Only files that differ are written.
  - The files hold names, addresses, settings, and where key and certificate are on the device; never a key.
  - Files of devices that are not named are left alone.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says which files would be written.
    support: full
  diff_mode:
    description: Shows the files that change; the first 20 of them.
    support: full
  idempotent:
    description: Writes nothing the second time.
    support: full
options:
  device_ids:
    description: The devices. Exclusive with O(count).
    type: list
    elements: str
  start_id:
    description: Number of the first device when O(count) says how many there are.
    type: int
    default: 1
  count:
    description: How many devices, named V(device-001) and so on from O(start_id).
    type: int
  directory:
    description: Where the files go; made when it is missing.
    type: path
    required: true
  iot_endpoint:
    description: MQTT host name. Empty asks AWS IoT for the account's own.
    type: str
    default: ""
  sections:
    description:
      - Section (C(device), C(aws), C(steel), C(ota), C(security), C(monitoring)) to its keys and values.
      - C(device.device_id), C(device.thing_name) and C(aws.iot_endpoint) come first by themselves.
      - C({device_id}) and C({thing_name}) in a value stand for the device's own.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write the configuration of 100 devices
  steel.fleet.device_configs:
    name_prefix: aws-iot-steel
    environment_name: production
    count: 100
    directory: device-configs
    sections:
      aws:
        region: us-west-2
        certificate_path: /etc/aws-iot-steel/certs/{device_id}.pem.crt
        private_key_path: /etc/aws-iot-steel/certs/{device_id}.pem.key
      steel:
        max_program_size_bytes: 4096
"""

RETURN = r"""
written:
  description: Names of the files written, or that would be written in check mode.
  type: list
  elements: str
  returned: success
  sample: [device-001.toml]
total:
  description: How many files there are to be.
  type: int
  returned: success
  sample: 100
directory:
  description: Where they are.
  type: str
  returned: success
  sample: device-configs
iot_endpoint:
  description: MQTT host name in the files.
  type: str
  returned: success
  sample: a1b2c3d4e5f6g7-ats.iot.us-west-2.amazonaws.com
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import endpoints
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import device_config, naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)

SHOWN_IN_DIFF = 20


def complete(sections: Mapping[str, Any], iot_endpoint: str) -> dict[str, dict[str, Any]]:
    """The sections with what every device needs first."""
    for name, values in sections.items():
        if not isinstance(values, Mapping):
            raise InvalidInputError(f"sections: {name} is {values!r}; it must be a dictionary.")
    identity = {"device_id": "{device_id}", "thing_name": "{thing_name}"}
    return {
        **sections,
        "device": {**identity, **sections.get("device", {})},
        "aws": {"iot_endpoint": iot_endpoint, **sections.get("aws", {})},
    }


def present(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Text of the files that exist."""
    found = {}
    for name in names:
        try:
            found[name] = (directory / name).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            continue
    return found


def write(directory: Path, files: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        draft = directory / f".{name}.new"
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, directory / name)


def diffs(plan: device_config.Plan) -> list[dict[str, str]]:
    shown = list(plan.after)[:SHOWN_IN_DIFF]
    return [
        {
            "before_header": name,
            "after_header": name,
            "before": plan.before.get(name, ""),
            "after": plan.after[name],
        }
        for name in shown
    ]


def work(context: Context) -> dict[str, Any]:
    params = context.params
    prefix, environment = params["name_prefix"], params["environment_name"]
    device_ids = naming.chosen_device_ids(params["device_ids"], params["start_id"], params["count"])
    naming.check_device_ids(device_ids, prefix, environment)
    iot_endpoint = params["iot_endpoint"] or endpoints.mqtt_endpoint(context.client("iot"))
    sections = complete(params["sections"], iot_endpoint)
    wanted = {
        f"{device_id}.toml": device_config.render(
            sections, device_id, naming.thing_name(prefix, environment, device_id)
        )
        for device_id in device_ids
    }
    directory = Path(params["directory"])
    try:
        plan = device_config.plan(wanted, present(directory, wanted))
        if not context.check_mode:
            write(directory, plan.after)
    except OSError as error:
        raise FleetError(
            f"{error.filename or directory}: {error.strerror}.",
            "Choose another directory (device_configs_directory), or make this one writable.",
        ) from error
    return {
        "changed": plan.changed,
        "diff": diffs(plan),
        "written": list(plan.after),
        "total": len(wanted),
        "directory": str(directory),
        "iot_endpoint": iot_endpoint,
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str"},
            "start_id": {"type": "int", "default": 1},
            "count": {"type": "int"},
            "directory": {"type": "path", "required": True},
            "iot_endpoint": {"type": "str", "default": ""},
            "sections": {"type": "dict", "default": {}},
        },
        mutually_exclusive=[("device_ids", "count")],
        required_one_of=[("device_ids", "count")],
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_identity
short_description: Build the identity images of devices for a short time
version_added: 0.1.0
description:
  - Builds, for each device, the NVS image with its name, where it connects, its certificate, private key and
    configuration, by the schema of a release, from what this host keeps of the device.
  - The images are in a new directory of mode 0700, in memory where the system has that (C(/dev/shm)). Remove
    it after use; what a killed run left is removed by a run some hours later.
  - Nothing secret is returned.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.key_protection
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Builds, too, so that boards can be compared; keeps no new keys.
    support: full
  idempotent:
    description: The same device gets the same bytes, and a new directory.
    support: partial
options:
  device_ids:
    description: The devices.
    type: list
    elements: str
    required: true
  devices_directory:
    description: Where this host keeps keys and certificates, C(devices/) of the fleet's directory.
    type: path
    required: true
  release:
    description: Directory of the release.
    type: path
    required: true
  public_key:
    description: Public key (PEM) that the release is verified with.
    type: str
    required: true
  mqtt_endpoint:
    description: Where devices connect. Empty asks AWS IoT.
    type: str
    default: ""
  mqtt_port:
    description: TCP port there.
    type: int
    default: 8883
  root_ca:
    description: Certificate (PEM) of the authority that vouches for the endpoint.
    type: str
    required: true
  config:
    description: Values of the namespace C(config), beside C(environment).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Build the identity of a device
  steel.fleet.esp_identity:
    name_prefix: aws-iot-steel
    environment_name: local
    device_ids: [device-001]
    devices_directory: .local/fleet/devices
    release: .local/fleet/firmware/1.0.0
    public_key: "{{ lookup('ansible.builtin.file', '.local/fleet/signing/public.pem') }}"
    root_ca: "{{ lookup('ansible.builtin.file', 'AmazonRootCA1.pem') }}"
    config: {log_level: info, report_seconds: 60}
"""

RETURN = r"""
directory:
  description: Where the images are. Remove it after use.
  type: str
  returned: success
  sample: /dev/shm/steel-fleet-identities-x1y2z3
devices:
  description: Device id to the SHA-256 of its identity image.
  type: dict
  returned: success
  sample: {device-001: 0a1b2c}
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils import key_protection
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import board_identity, firmware_release
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import endpoints
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_store import DeviceStore

PREFIX = "steel-fleet-identities-"
MEMORY = "/dev/shm"  # noqa: S108  # in it, a directory of this run's own is made


LEFT_OVER_SECONDS = 6 * 3600
"""No run takes so long: a directory of that age belongs to one that was killed."""


def sweep(place: str) -> None:
    """Remove what killed runs of this user left."""
    for path in Path(place).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > LEFT_OVER_SECONDS:
                shutil.rmtree(path)


def common(context: Context, params: Mapping[str, Any]) -> board_identity.Common:
    return board_identity.Common(
        endpoint=params["mqtt_endpoint"] or endpoints.mqtt_endpoint(context.client("iot")),
        mqtt_port=params["mqtt_port"],
        region=params["region"] or "",
        root_ca=params["root_ca"],
        environment=params["environment_name"],
        config=params["config"],
    )


def keep(directory: Path, identity: board_identity.Identity) -> None:
    files = {"bin": identity.image, "keys": identity.keys}
    for kind, content in files.items():
        if content is not None:
            path = directory / f"{identity.device_id}.{kind}"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    prefix, environment = params["name_prefix"], params["environment_name"]
    naming.check_device_ids(params["device_ids"], prefix, environment)
    release = firmware_release.load(Path(params["release"]), firmware_release.trusted(params["public_key"]))
    directory = Path(params["devices_directory"])
    store = DeviceStore(directory, key_protection.protection(context, directory))
    shared = common(context, params)
    identities = [
        board_identity.build(
            naming.thing_name(prefix, environment, device_id),
            device_id,
            shared,
            store,
            release.manifest,
            release.partitions,
            keep=not context.check_mode,
        )
        for device_id in params["device_ids"]
    ]
    place = MEMORY if os.access(MEMORY, os.W_OK) else tempfile.gettempdir()
    sweep(place)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        for identity in identities:
            keep(directory, identity)
    except OSError:
        shutil.rmtree(directory)
        raise
    return {
        "changed": False,
        "directory": str(directory),
        "devices": {identity.device_id: identity.sha256 for identity in identities},
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str", "required": True},
            "devices_directory": {"type": "path", "required": True},
            "release": {"type": "path", "required": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
            "mqtt_endpoint": {"type": "str", "default": ""},
            "mqtt_port": {"type": "int", "default": 8883},
            "root_ca": {"type": "str", "required": True},
            "config": {"type": "dict", "default": {}},
            **key_protection.ARGUMENT_SPEC,
        },
    )


if __name__ == "__main__":
    main()

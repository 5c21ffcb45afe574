# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules that connect as devices have in common (doc fragment `device_connection`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import key_protection
from .fleet_module import FLEET_SPEC, Context
from .fleetlib.aws import endpoints
from .fleetlib.core.errors import InvalidInputError
from .fleetlib.device_choice import Devices
from .fleetlib.mqtt.session import Server

ARGUMENT_SPEC: Mapping[str, Any] = {
    **FLEET_SPEC,
    "device_ids": {"type": "list", "elements": "str"},
    "start_id": {"type": "int", "default": 1},
    "count": {"type": "int"},
    "devices_directory": {"type": "path", "required": True},
    "interrupt_devices": {"type": "bool", "default": False},
    "index_timeout_seconds": {"type": "float", "default": 30.0},
    "mqtt_endpoint": {"type": "str", "default": ""},
    "mqtt_port": {"type": "int", "default": 8883},
    "ca_file": {"type": "path"},
    "ca_certificates": {"type": "str"},
    "timeout_seconds": {"type": "float", "default": 10.0},
    **key_protection.ARGUMENT_SPEC,
}
MUTUALLY_EXCLUSIVE = (("device_ids", "count"), ("ca_file", "ca_certificates"))
REQUIRED_ONE_OF = (("device_ids", "count"),)


def server(context: Context, iot: Any) -> Server:
    """Where to connect."""
    params = context.params
    if params["timeout_seconds"] <= 0:
        raise InvalidInputError(f"timeout_seconds is {params['timeout_seconds']}; it must be more than 0.")
    return Server(
        params["mqtt_endpoint"] or endpoints.mqtt_endpoint(iot),
        params["mqtt_port"],
        params["ca_file"] or "",
        params["ca_certificates"] or "",
    )


def devices(context: Context) -> Devices:
    """Who may be stood in for."""
    params = context.params
    return Devices.of(
        params["name_prefix"],
        params["environment_name"],
        Path(params["devices_directory"]),
        params["device_ids"],
        params["start_id"],
        params["count"],
        key_protection.protection(context, Path(params["devices_directory"])),
    )

#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: twin_fleet
short_description: Start or stop virtual boards
version_added: 0.1.0
description:
  - Runs virtual boards that start from a flash file and connect as provisioned devices, as a process of its
    own that outlives the playbook. See C(docs/twin.md).
  - It makes the flash of devices that have none yet from the keys and certificates on this host. A board that
    has the right identity keeps its flash, with the firmware and programs on it.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says what would be made, started or stopped, and does none of it.
    support: full
  diff_mode:
    description: Shows the state before and after.
    support: full
  idempotent:
    description: Boards that run are used as they are; only faults that happen once happen again.
    support: partial
options:
  state:
    description:
      - Whether the boards shall run.
      - V(download) puts them into download mode, as a board is whose BOOT button is held, so that they can be
        flashed; the next V(started) ends that. Boards that run are left alone.
    type: str
    choices: [started, stopped, download]
    default: started
  checkout:
    description: A checkout of this collection, with C(twin/) and the engine.
    type: path
    required: true
  directory:
    description: Where the boards keep their flash, mode 0700.
    type: path
    required: true
  devices_directory:
    description: Keys and certificates of the devices, as provisioning keeps them.
    type: path
    required: true
  boards:
    description: How many devices have a board, from O(start_id) on. Boards of other devices stay.
    type: int
    default: 10
  start_id:
    description: Number of the first device.
    type: int
    default: 1
  endpoint:
    description: Host that boards connect to.
    type: str
    default: ""
  mqtt_port:
    description: Port that boards connect to.
    type: int
    default: 8883
  region:
    description: Region that is written into a board's identity.
    type: str
    required: true
  ca_certificates:
    description: The authorities that vouch for the endpoint, as PEM text.
    type: str
    default: ""
  firmware_version:
    description: Version that a new board has.
    type: str
    default: 1.0.0
  report_seconds:
    description: How often a board reports its state and metrics.
    type: int
    default: 300
  engine:
    description: Whether programs run in the Steel engine, where it is built. Without it they fail and say so.
    type: bool
    default: true
  public_key_file:
    description: Public key (PEM) that firmware has to be signed by; empty for no check.
    type: path
    default: ""
  seed:
    description: Faults with a probability hit the same boards again with the same seed.
    type: str
    default: twin
  faults:
    description:
      - "What shall go wrong, such as C({refuse_jobs: 0.1}); see C(docs/twin.md)."
      - What is not named stays as it is.
    type: dict
    default: {}
  faults_boards:
    description: Pattern of the names of boards that O(faults) is about.
    type: str
    default: "*"
  faults_share:
    description: Of how many of those, 0 to 1.
    type: float
    default: 1.0
  timeout_seconds:
    description: How long to wait for the boards to connect.
    type: float
    default: 60.0
"""

EXAMPLES = r"""
- name: Have ten boards
  steel.fleet.twin_fleet:
    checkout: "{{ playbook_dir }}/.."
    directory: .local/twin
    devices_directory: .local/fleet/devices
    name_prefix: aws-iot-steel
    environment_name: local
    endpoint: 127.0.0.1
    region: us-west-2
    ca_certificates: "{{ lookup('ansible.builtin.file', 'ca.pem') }}"
"""

RETURN = r"""
ports:
  description: Boards in download mode, each with the port that serves it.
  type: list
  elements: dict
  returned: when O(state=download)
  sample: [{port: "socket://127.0.0.1:40001", device_id: device-001}]
made:
  description: Boards that got a new flash, by device id.
  type: list
  elements: str
  returned: when O(state=started)
faulty:
  description: Boards on which O(faults) changed something.
  type: list
  elements: str
  returned: when O(state=started) and not in check mode
boards:
  description: How the boards are.
  type: dict
  returned: when they run
  sample: {total: 10, summary: 10 connected, states: {connected: 10}, why: {}, engine: available}
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.twins import Place, Twins


def work(context: Context) -> dict[str, Any]:
    params = context.params
    twins = Twins(Path(params["checkout"]).resolve(), Path(params["directory"]).resolve())
    running = twins.status()
    before, wanted = "started" if running else "stopped", params["state"]
    if wanted == "download":
        return download(twins, params, running, context.check_mode)
    result: dict[str, Any] = {
        "changed": before != wanted,
        "diff": {"before": {"state": before}, "after": {"state": wanted}},
    }
    if wanted == "stopped":
        if not context.check_mode:
            twins.end_download()
        if running and not context.check_mode:
            twins.stop()
        return result
    made = twins.factory(place(params), dry=context.check_mode)["made"]
    result |= {"made": made, "changed": result["changed"] or bool(made)}
    if context.check_mode:
        return result | ({"boards": running} if running else {})
    twins.end_download()
    faulty = start(twins, params, bool(running))
    return result | {
        "boards": twins.settle(params["timeout_seconds"]),
        "faulty": faulty,
        "changed": result["changed"] or bool(faulty),
    }


def download(twins: Twins, params: Any, running: Any, check_mode: bool) -> dict[str, Any]:
    ids = naming.numbered_device_ids(params["start_id"], params["boards"])
    if running or check_mode:
        return {"changed": not running, "ports": [], **({"boards": running} if running else {})}
    ports = twins.download(ids)
    return {"changed": True, "ports": [{"port": ports[one], "device_id": one} for one in ids]}


def place(params: Any) -> Place:
    return Place(
        Path(params["devices_directory"]).resolve(),
        params["name_prefix"],
        params["environment_name"],
        params["boards"],
        params["start_id"],
        params["endpoint"],
        params["mqtt_port"],
        params["region"],
        params["ca_certificates"],
        params["firmware_version"],
        params["report_seconds"],
    )


def start(twins: Twins, params: Any, running: bool) -> list[str]:
    if not running:
        twins.start(
            wait_seconds=params["timeout_seconds"],
            engine=params["engine"],
            seed=params["seed"],
            public_key_file=params["public_key_file"],
        )
    if not params["faults"]:
        return []
    answer = twins.fault(params["faults"], params["faults_boards"], params["faults_share"])
    return list(answer["changed"])


def main() -> None:
    run_module(
        work,
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped", "download"], "default": "started"},
            "checkout": {"type": "path", "required": True},
            "directory": {"type": "path", "required": True},
            "devices_directory": {"type": "path", "required": True},
            **FLEET_SPEC,
            "boards": {"type": "int", "default": 10},
            "start_id": {"type": "int", "default": 1},
            "endpoint": {"type": "str", "default": ""},
            "mqtt_port": {"type": "int", "default": 8883},
            "region": {"type": "str", "required": True},
            "ca_certificates": {"type": "str", "default": ""},
            "firmware_version": {"type": "str", "default": "1.0.0"},
            "report_seconds": {"type": "int", "default": 300},
            "engine": {"type": "bool", "default": True},
            "public_key_file": {"type": "path", "default": ""},
            "seed": {"type": "str", "default": "twin"},
            "faults": {"type": "dict", "default": {}},
            "faults_boards": {"type": "str", "default": "*"},
            "faults_share": {"type": "float", "default": 1.0},
            "timeout_seconds": {"type": "float", "default": 60.0},
        },
    )


if __name__ == "__main__":
    main()

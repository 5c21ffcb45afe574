#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_thing_batch
short_description: Provision a list of devices in AWS IoT
version_added: 0.1.0
description:
  - Gives every device a key made on this host, a certificate, the device policy, a thing with type and
    attributes, and membership of the fleet's group.
  - Works at the account's request quotas, slows down when refused, and shows its progress.
  - It can be killed at any moment. The next run finishes the job; nothing is doubled, nothing is lost, and a
    certificate whose answer never arrived is found by its key and adopted.
  - Complete devices cost no call. The registry is read in pages.
  - Devices that are not named are never touched. Nothing is ever deleted.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.key_protection
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Returns the plan, its calls and its duration, also where type, policy and group do not exist.
    support: full
  diff_mode:
    description: Shows the things that would change; the first 50 of them in full.
    support: full
  idempotent:
    description: Calls nothing for a complete device.
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
  thing_type:
    description: Thing type of every device. In check mode it may be empty, when its name is not known yet.
    type: str
    default: ""
  policy:
    description: Policy of every certificate. In check mode it may be empty, when its name is not known yet.
    type: str
    default: ""
  group:
    description: Thing group that every device joins when it is complete.
    type: str
    default: ""
  attributes:
    description:
      - Attributes kept at these values. Other attributes of a thing are left alone.
      - C(device_id), C(environment) and C(certificate_id) are set without being named here.
    type: dict
    default: {}
  initial_attributes:
    description: Attributes set where a thing has none, and then left to others, such as C(firmware_version).
    type: dict
    default: {}
  device_attributes:
    description: Device id to a dictionary of attributes of its own, which win over O(attributes).
    type: dict
    default: {}
  attributes_file:
    description:
      - CSV file whose first line names the columns, C(device_id) and attributes, or JSON file with attributes
        by device id. O(device_attributes) wins over it.
      - Lines about devices that are not wanted are left alone, so that one file may describe a whole fleet.
    type: path
  state_directory:
    description:
      - Private directory of the fleet on this host, made with mode 0700.
      - It gets C(devices/<thing>/private.key) (0600, never replaced by another one), C(certificate.pem),
        C(certificate.json), a journal and a lock.
    type: path
    required: true
  key_type:
    description: Kind of key that new devices get.
    type: str
    choices: [ec-p256, rsa-2048]
    default: ec-p256
  settle_seconds:
    description: How long a new certificate may take to appear in lists; only matters after a lost answer.
    type: float
    default: 5.0
  strategy:
    description:
      - V(direct) makes every call from this host. With V(bulk) a registration task of AWS registers new
        devices from their signing requests; this host waits for it, takes the certificates in and completes
        the devices. A task that an interrupted run has begun is waited for, never started a second time.
    type: str
    choices: [direct, bulk]
    default: direct
  task_bucket:
    description: Private bucket for the input files of registration tasks. May be empty in check mode.
    type: str
    default: ""
  task_role_arn:
    description: Role with which AWS reads the input file and registers. May be empty in check mode.
    type: str
    default: ""
  task_poll_seconds:
    description: Pause between two looks at a registration task.
    type: float
    default: 10.0
"""

EXAMPLES = r"""
- name: Provision 100 devices
  steel.fleet.iot_thing_batch:
    name_prefix: aws-iot-steel
    environment_name: staging
    count: 100
    thing_type: aws-iot-steel-staging-board
    policy: aws-iot-steel-staging-device
    group: aws-iot-steel-staging
    initial_attributes:
      firmware_version: 1.0.0
    state_directory: /var/lib/fleet/staging

- name: Provision two devices at half the quotas
  steel.fleet.iot_thing_batch:
    name_prefix: aws-iot-steel
    environment_name: staging
    device_ids: [lab-a, lab-b]
    thing_type: aws-iot-steel-staging-board
    policy: aws-iot-steel-staging-device
    group: aws-iot-steel-staging
    state_directory: /var/lib/fleet/staging
    rate_factor: 0.5
"""

RETURN = r"""
counts:
  description: How many devices are wanted and how they stood before this run.
  type: dict
  returned: success
  sample: {wanted: 100, to_create: 100, to_finish: 0, to_update: 0, complete: 0, inactive: 0, problems: 0}
estimate:
  description: Calls by operation, seconds at the quotas, the slowest operation, and the quotas worth raising.
  type: dict
  returned: success
  sample: {calls: {CreateThing: 100}, seconds: 6.7, slowest: AttachPolicy, quotas: AWS defaults}
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["100 devices wanted: 100 to create, 0 to finish, 0 to update, 0 complete."]
missing:
  description: What does not exist yet; only in check mode.
  type: list
  elements: str
  returned: success
  sample: [policy aws-iot-steel-staging-device]
problems:
  description: Thing to the reason why a person has to decide about it.
  type: dict
  returned: success
  sample: {}
remarks:
  description: Thing to what should be known about it, such as a certificate that was switched off.
  type: dict
  returned: success
  sample: {}
encrypted_keys:
  description: Devices whose keys lay in the clear and were encrypted; in check mode those that would be.
  type: int
  returned: success
  sample: 0
done:
  description: Devices completed by this run.
  type: int
  returned: not in check mode
  sample: 100
adopted:
  description: Things that got the certificate which a lost answer had announced.
  type: list
  elements: str
  returned: not in check mode
  sample: []
surplus_certificates:
  description: Certificate id to the thing whose key it has, although the thing uses another one. Delete them.
  type: dict
  returned: not in check mode
  sample: {}
requests:
  description: Requests sent by operation, repetitions included.
  type: dict
  returned: not in check mode
  sample: {CreateThing: 100}
throttled:
  description: Requests that AWS refused for being too many, by operation.
  type: dict
  returned: not in check mode
  sample: {}
seconds:
  description: How long it took.
  type: float
  returned: not in check mode
  sample: 6.9
task:
  description: The registration task that this run has seen last.
  type: dict
  returned: with strategy bulk, when there was one
  sample: {id: 5f0c7c8a, status: Completed, registered: 99, failed: 1}
failed_devices:
  description: Thing to the reason why it is not complete.
  type: dict
  returned: when devices are not complete
  sample: {aws-iot-steel-staging-device-007: "AWS refused AttachPolicy: Rate exceeded (ThrottlingException)."}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils import key_protection
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.registration import RegistrationTasks
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.bulk_registrar import (
    BulkSettings,
    open_task,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import device_table, naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.engine import Settings
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.estimate import Estimate
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.model import Fleet
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.plan import Plan
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.keys import KeyType
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.provisioner import (
    DEVICES,
    Provisioner,
    Result,
)
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import (
    ARGUMENT_SPEC,
    concurrency,
    rates,
    require_all,
    shown,
)


def texts(option: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Attribute values as AWS IoT keeps them. YAML makes numbers of versions such as 1.0."""
    for name, value in values.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise InvalidInputError(f"{option}: {name} is {value!r}; it must be text or a number.")
    return {name: str(value) for name, value in values.items()}


def own_attributes(params: Mapping[str, Any], device_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Attributes of single devices: the file's, and over them those given directly."""
    per_device: dict[str, Any] = dict(params["device_attributes"])
    for device_id, values in per_device.items():
        if not isinstance(values, Mapping):
            raise InvalidInputError(
                f"device_attributes of {device_id} is {values!r}; it must be a dictionary."
            )
    if params["attributes_file"]:
        wanted_ids = frozenset(device_ids)
        for device_id, values in table_in(Path(params["attributes_file"])).items():
            if device_id not in wanted_ids:
                continue
            per_device[device_id] = {**values, **per_device.get(device_id, {})}
    return {one: texts(f"attributes of {one}", values) for one, values in per_device.items()}


def table_in(path: Path) -> dict[str, dict[str, Any]]:
    """The file with attributes of single devices."""
    try:
        return device_table.read(path.name, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"attributes_file: {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"attributes_file: {path} is not UTF-8 text: {error.reason}.") from error


def wanted(params: Mapping[str, Any]) -> Fleet:
    """The fleet that the options describe."""
    device_ids = naming.chosen_device_ids(params["device_ids"], params["start_id"], params["count"])
    return Fleet(
        prefix=params["name_prefix"],
        environment=params["environment_name"],
        device_ids=device_ids,
        type_name=params["thing_type"],
        policy=params["policy"],
        group=params["group"],
        attributes=texts("attributes", params["attributes"]),
        initial_attributes=texts("initial_attributes", params["initial_attributes"]),
        device_attributes=own_attributes(params, device_ids),
    )


def require_complete(result: Result) -> None:
    """Fail when devices are not complete."""
    outcome = result.outcome
    require_all(
        {**result.plan.problems, **outcome.failed},
        len(result.plan.fleet.devices),
        outcome.stopped,
        "complete",
        f"{outcome.done:,} devices were completed; running again goes on from there.",
    )


def bulk_settings(context: Context, iot: Any) -> BulkSettings:
    """How registration tasks are reached."""
    params = context.params
    for option in ("task_bucket", "task_role_arn"):
        if not params[option] and not context.check_mode:
            raise InvalidInputError(
                f"{option} is empty; strategy bulk needs it.",
                "The storage and core stacks make bucket and role: run deploy.yml first.",
            )
    tasks = RegistrationTasks(iot, context.client("s3"), params["task_bucket"], params["task_role_arn"])
    return BulkSettings(
        tasks,
        params["task_bucket"],
        params["task_poll_seconds"],
        params["settle_seconds"],
        params["concurrency"],
    )


def as_planned(plan: Plan, estimate: Estimate, clear: int) -> dict[str, Any]:
    """What both modes return; ``clear``: devices whose keys are to be encrypted."""
    diff, lines = plan.diff(), plan.lines(estimate)
    if clear:
        diff["before"] += f"keys in the clear: {clear:,}\n"
        diff["after"] += "keys in the clear: 0\n"
        lines.append(f"The keys of {clear:,} devices lie in the clear and are to be encrypted.")
    return {
        "changed": plan.changed or clear > 0,
        "diff": diff,
        "lines": lines,
        "encrypted_keys": clear,
        **plan.as_dict(estimate),
    }


def work(context: Context) -> dict[str, Any]:
    params = context.params
    at_once = concurrency(context)
    fleet = wanted(params)
    iot = context.client("iot", max_connections=at_once)
    provisioner = Provisioner(
        fleet,
        Path(params["state_directory"]),
        iot,
        rates(context),
        KeyType(params["key_type"]),
        Settings(at_once, params["settle_seconds"]),
        shown(context),
        bulk_settings=bulk_settings(context, iot) if params["strategy"] == "bulk" else None,
        protection=key_protection.protection(context, Path(params["state_directory"]) / DEVICES),
    )
    if context.check_mode:
        plan, estimate = provisioner.look()
        begun = open_task(Path(params["state_directory"]))
        if begun is not None:
            context.warn(
                f"A registration task for {begun.total:,} devices was begun; a run with strategy bulk goes "
                "on from it. The plan does not know what it has done."
            )
        for thing, problem in plan.problems.items():
            context.warn(f"{thing}: {problem}")
        return as_planned(plan, estimate, len(provisioner.in_the_clear()))
    result = provisioner.provision()
    for line in result.resumed:
        context.warn(line)
    require_complete(result)
    plan, outcome = result.plan, result.outcome
    for certificate, thing in outcome.surplus.items():
        context.warn(f"{thing} has a second certificate, {certificate}, that nothing uses; delete it.")
    return {
        **as_planned(plan, result.estimate, result.encrypted),
        **({"task": result.task.as_dict()} if result.task else {}),
        "done": outcome.done,
        "adopted": outcome.adopted,
        "surplus_certificates": outcome.surplus,
        "requests": result.attempts,
        "throttled": result.throttled,
        "seconds": round(result.seconds, 3),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str"},
            "start_id": {"type": "int", "default": 1},
            "count": {"type": "int"},
            "thing_type": {"type": "str", "default": ""},
            "policy": {"type": "str", "default": ""},
            "group": {"type": "str", "default": ""},
            "attributes": {"type": "dict", "default": {}},
            "initial_attributes": {"type": "dict", "default": {}},
            "device_attributes": {"type": "dict", "default": {}},
            "attributes_file": {"type": "path"},
            "state_directory": {"type": "path", "required": True},
            "key_type": {
                "type": "str",
                "choices": ["ec-p256", "rsa-2048"],
                "default": "ec-p256",
                "no_log": False,
            },
            **ARGUMENT_SPEC,
            **key_protection.ARGUMENT_SPEC,
            "settle_seconds": {"type": "float", "default": 5.0},
            "strategy": {"type": "str", "choices": ["direct", "bulk"], "default": "direct"},
            "task_bucket": {"type": "str", "default": ""},
            "task_role_arn": {"type": "str", "default": ""},
            "task_poll_seconds": {"type": "float", "default": 10.0},
        },
        mutually_exclusive=[("device_ids", "count")],
        required_one_of=[("device_ids", "count")],
    )


if __name__ == "__main__":
    main()

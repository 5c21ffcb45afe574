#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_rollout
short_description: Bring a program version to a fleet in waves that stop themselves, and take it back
version_added: 0.1.0
description:
  - Carries out a rollout plan. Every wave is one AWS IoT job for a thing group; between waves gates measure
    whether the devices are well. A gate that closes aborts the rollout and takes every device that had begun
    back to the version it had.
  - The record in S3 says what was decided and why. It is written conditionally, so a rollout that was
    interrupted by anything is gone on with by anyone from anywhere, and two never work on the same one.
  - Starting the rollout of a version that is open goes on with it.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Simulates the rollout with the real fleet and returns the forecast; writes nothing.
    support: full
  diff_mode:
    description: Shows the state before and after.
    support: full
  idempotent:
    description: Does nothing where every device reports the version, and sends nothing to a device that does.
    support: full
options:
  action:
    description:
      - V(start) begins a rollout, or goes on with the one that is open for this version, and works on it
        until it ends, is paused or only waits for devices that are offline.
      - V(resume) goes on with one, also after a pause.
      - V(pause) stops where it is; devices that have begun finish.
      - V(abort) stops it and takes back every device that had begun, also in a rollout that has finished.
      - V(close) ends one that only waits, for devices that are offline or for a decision about devices whose
        former version was never published; they keep what they have.
      - V(status) only looks.
    type: str
    choices: [start, resume, pause, abort, close, status]
    default: start
  kind:
    description: What is rolled out. For V(firmware) O(packages_bucket) is the firmware bucket.
    type: str
    choices: [program, firmware]
    default: program
  program:
    description: Id of the program. Not needed with O(rollout_id), nor for O(kind=firmware).
    type: str
    default: ""
  version:
    description: The version to roll out; only for O(action=start).
    type: str
  target:
    description: Thing group with the devices; only for O(action=start).
    type: str
  plan:
    description: Name of a ready plan (V(cautious), V(standard), V(urgent)), or a plan as a dictionary.
    type: raw
    default: standard
  bucket:
    description: Where records are, below C(rollouts/).
    type: str
    required: true
  packages_bucket:
    description: Where packages are.
    type: str
    required: true
  packages_prefix:
    description: Where packages are in their bucket.
    type: str
    default: packages
  rollout_id:
    description: The rollout. Empty takes the program's last one.
    type: str
    default: ""
  reason:
    description: Why; goes into the record.
    type: str
    default: ""
  presign_role:
    description: Role that AWS IoT assumes to presign addresses of large programs.
    type: str
    default: ""
  public_key_file:
    description: Public key (PEM) that packages have to be signed with. Empty trusts any signature.
    type: path
  kms_key:
    description: Key in KMS that packages have to be signed with, instead of O(public_key_file).
    type: str
    default: ""
  log_group:
    description: Log group of the boards, for gates that count error logs.
    type: str
    default: ""
  model:
    description: How the fleet behaves, for the forecast.
    type: dict
    default: {}
  poll_seconds:
    description: Pause between two looks.
    type: float
    default: 10.0
  lease_seconds:
    description: After so long without a sign of life somebody else may go on with the rollout.
    type: float
    default: 120.0
  progress_file:
    description: File that always holds the table of waves. Set by the action plugin of the same name.
    type: path
"""

EXAMPLES = r"""
- name: Roll out a program
  steel.fleet.iot_rollout:
    name_prefix: aws-iot-steel
    environment_name: production
    program: blink_led
    version: 1.2.0
    target: aws-iot-steel-production
    plan: cautious
    bucket: aws-iot-steel-production-deploy-123456789012-us-west-2
    packages_bucket: aws-iot-steel-production-programs-123456789012-us-west-2

- name: Take it back
  steel.fleet.iot_rollout:
    name_prefix: aws-iot-steel
    environment_name: production
    action: abort
    program: blink_led
    reason: LEDs stay dark
    bucket: aws-iot-steel-production-deploy-123456789012-us-west-2
    packages_bucket: aws-iot-steel-production-programs-123456789012-us-west-2
"""

RETURN = r"""
rollout_id:
  description: The rollout; empty where there is none, in check mode or because every device has the version.
  type: str
  returned: success
  sample: aws-iot-steel-production-blink_led-1f2e3d4c
state:
  description: How it stands, such as V(finished), V(waiting), V(paused), V(returned).
  type: str
  returned: success
  sample: finished
lines:
  description: The table of waves, or the forecast, for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["aws-iot-steel-production-blink_led-1f2e3d4c: finished"]
record:
  description: The record - waves, gates, decisions, curve, requests by operation.
  type: dict
  returned: when there is a rollout
  sample: {state: finished}
devices:
  description: The first 10,000 devices with their wave and what became of them.
  type: list
  elements: dict
  returned: when there is a rollout
  sample: [{thing: aws-iot-steel-production-device-001, wave: canary, outcome: SUCCEEDED}]
stopped:
  description: Why the rollout was aborted; empty when it was not.
  type: str
  returned: when there is a rollout
  sample: ""
sections:
  description: What the report shows.
  type: list
  elements: dict
  returned: success
  sample: []
forecast:
  description: What the simulator says - seconds, blast radius, requests, curve.
  type: dict
  returned: for O(action=start)
  sample: {seconds_p50: 2730.0}
"""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import rollout
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import signing
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.pacing import Pacer
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming, progress
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout import (
    engine,
    forecast,
    plan,
    summary,
    waves,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout.devices import (
    FIRMWARE,
    subject_of,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout.ports import DeviceState
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout.record import (
    OPEN,
    Record,
    from_dict,
    table,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto import signatures
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates

WISHES = {"resume": "run", "pause": "pause", "abort": "abort", "close": "close", "start": "run"}
SHOWN_DEVICES = 10_000
CLOCK = SystemClock()


class Rollouts:
    """What the module works with: clients that are paced and counted, and what the options name."""

    def __init__(self, context: Context) -> None:
        self.params = params = context.params
        self.pacer = Pacer(rates(context), CLOCK)
        self._context = context
        self.s3 = self.client("s3")
        self.subject = FIRMWARE if params["kind"] == FIRMWARE else self._program_subject()
        self.fleet_name = naming.fleet_name(params["name_prefix"], params["environment_name"])
        self.fleet = rollout.AwsFleet(
            self.client,
            self.subject,
            attempts=self.pacer.attempts,
            log_group=params["log_group"],
            presign_role=params["presign_role"],
        )
        bucket, presign = params["packages_bucket"], bool(params["presign_role"])
        key = self._trusted_key()
        self.documents: rollout.ProgramDocuments | rollout.FirmwareDocuments
        if self.subject == FIRMWARE:
            self.documents = rollout.FirmwareDocuments(self.s3, bucket, presign, key)
        else:
            program = self.subject.partition(":")[2]
            self.documents = rollout.ProgramDocuments(
                self.s3, bucket, params["packages_prefix"], program, presign, key
            )

    def _program_subject(self) -> str:
        if self.params["program"]:
            return subject_of(self.params["program"])
        if not self.params["rollout_id"]:
            raise InvalidInputError("program and rollout_id are both empty; one of them says which rollout.")
        return self.record(self.params["rollout_id"]).subject

    def sha256_of(self, version: str) -> str:
        """Of what is published under the version, and signed by whom this rollout trusts."""
        found = self.documents.sha256_of(version)
        if not found:
            raise FleetError(
                f"{self.subject} {version} is not published.",
                "publish_programs.yml publishes programs; firmware_image=<file> publishes firmware.",
            )
        return found

    def _trusted_key(self) -> str:
        """The public key that packages have to be signed with, as PEM; empty for any."""
        path = self.params["public_key_file"]
        if self.params["kms_key"]:
            return signatures.pem_of(signing.public_key(self._context.client("kms"), self.params["kms_key"]))
        if not path:
            return ""
        try:
            return Path(path).read_text()
        except OSError as error:
            raise InvalidInputError(
                f"public_key_file {path} cannot be read: {error.strerror}.",
                "Copy it from the host that publishes; an empty rollout_public_key_file trusts anybody.",
            ) from error

    def client(self, service: str, **options: Any) -> Any:
        made = self._context.client(service, **options)
        if service == "iot":
            self.pacer.attach(made)
        return made

    def choose(self, dry: bool) -> rollout.Chosen:
        """The open rollout of this version, or a new one."""
        bucket, version = self.params["bucket"], self.params["version"]
        return rollout.choose(self.s3, bucket, self.fleet_name, self.subject, version, CLOCK, dry=dry)

    def store(self, rollout_id: str) -> rollout.S3Store:
        return rollout.S3Store(self.s3, self.params["bucket"], rollout_id)

    def chosen(self) -> str:
        return self.params["rollout_id"] or rollout.latest(self.s3, self.params["bucket"], self.subject)

    def record(self, rollout_id: str) -> Record:
        found = self.store(rollout_id).load()
        if found is None:
            raise FleetError(
                f"There is no rollout {rollout_id}.", "rollout_action=status shows the last one."
            )
        return from_dict(found[0])

    def work_on(self, rollout_id: str) -> Record:
        settings = engine.Settings(
            rollout.holder(),
            self.params["poll_seconds"],
            self.params["lease_seconds"],
            rollout.is_dead,
            shown(self.params["progress_file"]),
        )
        return engine.Engine(self.store(rollout_id), self.fleet, self.documents, CLOCK, settings).run()


def shown(path: str | None) -> Callable[[Sequence[str]], None]:
    if not path:
        return lambda lines: None
    show = progress.to_file(Path(path))
    return lambda lines: show(progress.Progress("devices", 0, 0, 0, 0.0, "\n    ".join(lines)))


def start(work: Rollouts, check_mode: bool) -> dict[str, Any]:
    params = work.params
    if not params["version"] or not params["target"]:
        raise InvalidInputError("action=start needs version and target.")
    sha256 = work.sha256_of(params["version"])
    work.documents.of(params["version"], 0)  # what cannot be sent is refused before anything is touched
    parsed = plan.parse(params["plan"])
    chosen = work.choose(dry=True)
    if not chosen.is_new:
        if check_mode:
            return {**described(work, chosen.id, work.record(chosen.id)), "changed": True}
        return carried_on(work, chosen.id, "start")
    states = work.fleet.states(params["target"])
    if states and all(has(state, params["version"]) for state in states.values()):
        return nothing_to_do(len(states), params["version"])
    assignment = waves.assign(parsed, work.fleet.devices(params["target"]))
    model = forecast.model(params["model"], states.values(), CLOCK.now(), params["poll_seconds"])
    foreseen = forecast.forecast(parsed, assignment, model)
    if check_mode:
        lines = foreseen.pop("lines")
        return {**unborn(lines, summary.foreseen(foreseen)), "changed": True, "forecast": foreseen}
    chosen = work.choose(dry=False)
    work.store(chosen.id).put("forecast", foreseen)
    engine.start(
        work.store(chosen.id),
        work.fleet,
        CLOCK,
        parsed,
        rollout_id=chosen.id,
        subject=work.subject,
        version=params["version"],
        sha256=sha256,
        target=params["target"],
        by=rollout.holder(),
    )
    return carried_on(work, chosen.id, "start")


def has(state: DeviceState, version: str) -> bool:
    return state.version == version and state.confirmed and not state.failed


def nothing_to_do(devices: int, version: str) -> dict[str, Any]:
    line = f"{devices:,} devices report {version}; there is nothing to do"
    facts = {"title": "Rollout", "kind": "facts", "facts": {"Devices": devices, "Version": version}}
    return {**unborn([line], [facts]), "changed": False, "forecast": {}}


def unborn(lines: list[str], sections: list[Any]) -> dict[str, Any]:
    """What is returned where there is no rollout."""
    return {"rollout_id": "", "state": "", "stopped": "", "lines": lines, "sections": sections}


def carried_on(work: Rollouts, rollout_id: str, action: str) -> dict[str, Any]:
    """Leave the wish, then work on the rollout, or watch how whoever works on it follows the wish."""
    before = work.record(rollout_id)
    store = work.store(rollout_id)
    if action != "start" or before.state == "paused":
        rollout.ask(store, WISHES[action], rollout.holder(), work.params["reason"], CLOCK)
    try:
        after = work.work_on(rollout_id)
    except engine.BusyError:
        if action not in ("pause", "abort", "close"):
            raise
        after = followed(work, rollout_id, before.state)
    return {
        **described(work, rollout_id, after),
        "changed": after.as_dict()["waves"] != before.as_dict()["waves"] or after.state != before.state,
        "diff": {"before": "\n".join(table(before)) + "\n", "after": "\n".join(table(after)) + "\n"},
    }


def followed(work: Rollouts, rollout_id: str, state: str) -> Record:
    """Wait until the one who works on the rollout has seen the wish."""
    deadline = time.monotonic() + max(60.0, 10 * work.params["poll_seconds"])
    while time.monotonic() < deadline:
        record = work.record(rollout_id)
        if record.state != state:
            return record
        time.sleep(min(1.0, work.params["poll_seconds"]))
    raise FleetError(
        f"{record.lease.get('holder', 'Whoever works on it')} has not followed within a minute.",
        "The wish stays; rollout_action=status shows when it is followed.",
    )


def described(work: Rollouts, rollout_id: str, record: Record) -> dict[str, Any]:
    devices = list(itertools.islice(outcomes(work, record), SHOWN_DEVICES))
    foreseen = work.store(rollout_id).get("forecast") or {}
    return {
        "rollout_id": rollout_id,
        "state": record.state,
        "stopped": summary.ending(record),
        "lines": table(record),
        "record": record.as_dict(),
        "devices": devices,
        "forecast": foreseen,
        "sections": summary.sections(record, devices, foreseen),
    }


def outcomes(work: Rollouts, record: Record) -> Any:
    """Every device with its wave and what became of it, from the lists beside the record and open jobs."""
    store = work.store(record.id)
    for number, wave in enumerate(record.waves):
        before = store.get(f"before/{number}") or {}
        was = {thing: version for version, things in before.get("versions", {}).items() for thing in things}
        found = dict.fromkeys(before.get("already", ()), "ALREADY")
        for part in wave.parts:
            kept = store.get(f"outcomes/{part.job}")
            if kept:
                found |= {thing: status for status, things in kept["by_status"].items() for thing in things}
            else:
                found |= {one.thing: one.status for one in work.fleet.executions(part.job)}
        back = set(wave.not_returned) | set(wave.not_returnable)
        for thing in (store.get(f"waves/{number}") or {"things": ()})["things"]:
            outcome = found.get(thing, "PENDING")
            if wave.state in ("returned", "return_open", "returning") and outcome not in (
                "PENDING",
                "ALREADY",
            ):
                outcome = f"{outcome}, {'not back' if thing in back else 'back'}"
            yield {"thing": thing, "wave": wave.name, "was": was.get(thing, ""), "outcome": outcome}


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if params["poll_seconds"] <= 0 or params["lease_seconds"] < 3 * params["poll_seconds"]:
        raise InvalidInputError(
            "poll_seconds must be more than 0, and lease_seconds at least three times that."
        )
    rollouts = Rollouts(context)
    if params["action"] == "start":
        return start(rollouts, context.check_mode)
    rollout_id = rollouts.chosen()
    record = rollouts.record(rollout_id)
    if params["action"] == "status" or context.check_mode:
        would = params["action"] != "status" and (record.state in OPEN or params["action"] == "abort")
        return {**described(rollouts, rollout_id, record), "changed": would}
    return carried_on(rollouts, rollout_id, params["action"])


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "action": {
                "type": "str",
                "choices": ["start", "resume", "pause", "abort", "close", "status"],
                "default": "start",
            },
            "kind": {"type": "str", "choices": ["program", "firmware"], "default": "program"},
            "program": {"type": "str", "default": ""},
            "version": {"type": "str"},
            "target": {"type": "str"},
            "plan": {"type": "raw", "default": "standard"},
            "bucket": {"type": "str", "required": True},
            "packages_bucket": {"type": "str", "required": True},
            "packages_prefix": {"type": "str", "default": "packages"},
            "rollout_id": {"type": "str", "default": ""},
            "reason": {"type": "str", "default": ""},
            "presign_role": {"type": "str", "default": ""},
            "public_key_file": {"type": "path"},
            "kms_key": {"type": "str", "default": "", "no_log": False},
            "log_group": {"type": "str", "default": ""},
            "model": {"type": "dict", "default": {}},
            **QUOTAS_SPEC,
            "poll_seconds": {"type": "float", "default": 10.0},
            "lease_seconds": {"type": "float", "default": 120.0},
            "progress_file": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()

"""The disasters that are rehearsed, step by step. A step is a task file of role ``disaster_recovery``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ..errors import InvalidInputError


class Phase(StrEnum):
    """What a step is for."""

    PREPARE = "prepare"
    FAIL = "fail"
    NOTICE = "notice"
    RECOVER = "recover"
    VERIFY = "verify"


@dataclass(frozen=True)
class Step:
    """Something that somebody does."""

    name: str
    """Of its task file, too."""
    phase: Phase
    title: str
    owner: str
    command: str
    """What is typed when it is no drill. ``{environment}`` is filled in."""
    minutes: int
    """Planned for a fleet in production."""


@dataclass(frozen=True)
class Scenario:
    """A disaster."""

    name: str
    title: str
    failure: str
    """What is broken, in the drill's own fleet only."""
    steps: tuple[str, ...]
    """After the common preparation."""
    needs_own_cloud: bool = False
    """Nobody can break this in a cloud that others use."""
    not_drilled: str = ""
    """What of it no drill reaches here."""


ON_CALL, DEVOPS, AWS, DRILL = "on-call engineer", "DevOps, level 2", "AWS", "the drill"


def _play(play: str) -> str:
    return f"ansible-playbook {play} -i inventory/{{environment}}"


STEPS: Final[Mapping[str, Step]] = {
    step.name: step
    for step in (
        Step("have_cloud", Phase.PREPARE, "Start a cloud that is the drill's own", DRILL, "", 1),
        Step("have_stacks", Phase.PREPARE, "Deploy the drill's stacks", DEVOPS, _play("deploy.yml"), 10),
        Step(
            "have_devices",
            Phase.PREPARE,
            "Provision the drill's devices",
            DEVOPS,
            _play("playbooks/provision.yml"),
            10,
        ),
        Step(
            "have_boards",
            Phase.PREPARE,
            "Connect a virtual board for each",
            DEVOPS,
            _play("playbooks/twin.yml"),
            5,
        ),
        Step(
            "have_backup",
            Phase.PREPARE,
            "Take and verify a snapshot",
            DEVOPS,
            _play("playbooks/backup.yml"),
            10,
        ),
        Step(
            "have_second_region",
            Phase.PREPARE,
            "Bring the second region to what the first one holds",
            DEVOPS,
            _play("playbooks/multi_region.yml"),
            30,
        ),
        Step("lose_cloud", Phase.FAIL, "The cloud's process ends", DRILL, "", 0),
        Step("lose_bucket", Phase.FAIL, "Every version of every program is deleted", DRILL, "", 0),
        Step(
            "lose_function", Phase.FAIL, "The validator's code is replaced by code that fails", DRILL, "", 0
        ),
        Step("lose_certificates", Phase.FAIL, "Certificates of devices become INACTIVE", DRILL, "", 0),
        Step("lose_publishing", Phase.FAIL, "What the pipeline builds from is deleted", DRILL, "", 0),
        Step(
            "notice_outage",
            Phase.NOTICE,
            "See that the region does not answer",
            ON_CALL,
            _play("playbooks/runbooks/iot_outage.yml"),
            5,
        ),
        Step(
            "notice_bucket",
            Phase.NOTICE,
            "See which objects a restore would write",
            ON_CALL,
            _play("playbooks/restore.yml") + " --check --diff",
            5,
        ),
        Step(
            "notice_function",
            Phase.NOTICE,
            "See that a right program is not found valid",
            ON_CALL,
            _play("playbooks/publish_programs.yml"),
            5,
        ),
        Step(
            "notice_certificates",
            Phase.NOTICE,
            "See why a device cannot connect",
            ON_CALL,
            _play("playbooks/runbooks/connection_failures.yml") + " -e device_id=<device>",
            5,
        ),
        Step(
            "notice_publishing",
            Phase.NOTICE,
            "See that the pipeline has nothing to build from",
            ON_CALL,
            _play("deploy.yml") + " --check",
            5,
        ),
        Step("return_of_cloud", Phase.RECOVER, "AWS brings the region back", AWS, "", 120),
        Step(
            "fail_over",
            Phase.RECOVER,
            "Send the devices to the second region",
            DEVOPS,
            _play("playbooks/runbooks/region_failover.yml"),
            30,
        ),
        Step(
            "restore_objects",
            Phase.RECOVER,
            "Put the objects back from the snapshot",
            DEVOPS,
            _play("playbooks/restore.yml") + " -e confirm={environment}",
            15,
        ),
        Step(
            "restore_function",
            Phase.RECOVER,
            "Bring back the code that is deployed, by its hash",
            DEVOPS,
            "aws lambda update-alias --function-name <validator> --name live --function-version <before>",
            10,
        ),
        Step(
            "replace_certificates",
            Phase.RECOVER,
            "Give the devices that are cut off new certificates, and flash them",
            DEVOPS,
            _play("playbooks/provision.yml") + " -e device_ids=…",
            60,
        ),
        Step(
            "rotate_certificates",
            Phase.RECOVER,
            "Rotate the certificates of those that are still connected",
            DEVOPS,
            _play("playbooks/certificates.yml") + " -e certificate_action=rotate",
            60,
        ),
        Step(
            "publish_directly",
            Phase.RECOVER,
            "Upload what the pipeline builds from, and publish the programs from this host",
            DEVOPS,
            _play("playbooks/publish_programs.yml"),
            10,
        ),
        Step(
            "check_boards",
            Phase.VERIFY,
            "Every device is connected again",
            ON_CALL,
            _play("playbooks/health.yml"),
            10,
        ),
        Step(
            "check_program",
            Phase.VERIFY,
            "A device takes a program from the bucket and runs it",
            ON_CALL,
            _play("playbooks/deliver.yml") + " -e device_id=<device> -e program=blink_led",
            5,
        ),
        Step(
            "check_validator",
            Phase.VERIFY,
            "A right program is found valid",
            ON_CALL,
            _play("playbooks/publish_programs.yml"),
            5,
        ),
        Step(
            "check_registry",
            Phase.VERIFY,
            "The registry is as it was, field by field",
            DEVOPS,
            _play("playbooks/validate.yml"),
            10,
        ),
    )
}
"""Step name → step."""

_COMMON: Final = ("have_cloud", "have_stacks", "have_devices", "have_boards", "have_backup")

SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "region_failure",
            "The region is lost; devices go on in the second one",
            "The first region's cloud is stopped and does not come back.",
            (
                "have_second_region",
                "lose_cloud",
                "notice_outage",
                "fail_over",
                "check_boards",
                "check_registry",
            ),
            needs_own_cloud=True,
        ),
        Scenario(
            "iot_outage",
            "AWS IoT is away for a while; devices come back by themselves",
            "The drill's own cloud is stopped, and started again when the outage was noticed.",
            ("lose_cloud", "notice_outage", "return_of_cloud", "check_boards", "check_registry"),
            needs_own_cloud=True,
        ),
        Scenario(
            "bucket_loss",
            "The programs are gone from their bucket",
            "Every version of every object in the drill's own programs bucket is deleted.",
            (
                "lose_bucket",
                "notice_bucket",
                "restore_objects",
                "check_program",
                "check_boards",
                "check_registry",
            ),
            not_drilled="The loss of the bucket itself: its stack would be deployed anew first.",
        ),
        Scenario(
            "lambda_failure",
            "The validator fails on every program",
            "The code of the drill's own validator is replaced by code that raises an error.",
            (
                "lose_function",
                "notice_function",
                "restore_function",
                "check_validator",
                "check_boards",
                "check_registry",
            ),
        ),
        Scenario(
            "certificate_expiry",
            "Certificates run out before they were rotated",
            "Certificates of half of the drill's devices become INACTIVE, which shuts them out as an "
            "expired one would.",
            (
                "lose_certificates",
                "notice_certificates",
                "replace_certificates",
                "rotate_certificates",
                "check_boards",
                "check_registry",
            ),
            not_drilled="Expiry by the clock: AWS IoT issues certificates that are valid until 2049.",
        ),
        Scenario(
            "pipeline_failure",
            "The pipeline does not publish; programs have to reach devices all the same",
            "Every object of the drill's own deployment bucket, which the pipeline builds from, is deleted.",
            (
                "lose_publishing",
                "notice_publishing",
                "publish_directly",
                "check_program",
                "check_boards",
                "check_registry",
            ),
        ),
    )
}
"""Scenario name → scenario."""


def scenario(name: str) -> Scenario:
    """The scenario of that name."""
    if name not in SCENARIOS:
        raise InvalidInputError(
            f"dr_scenario is {name!r}; it must be one of {', '.join(SCENARIOS)}.",
            "Give one with -e dr_scenario=…; --check shows its steps and changes nothing.",
        )
    return SCENARIOS[name]


def steps(chosen: Scenario, own_cloud: bool) -> list[Step]:
    """All steps of a scenario, in order. Without a cloud of its own a drill has none to start."""
    common = _COMMON if own_cloud else _COMMON[1:]
    return [STEPS[name] for name in (*common, *chosen.steps)]


def tabletop(chosen: Sequence[Step], environment: str) -> list[dict[str, Any]]:
    """The steps as rows for people, with the minutes that have passed when each is planned to end."""
    rows, passed = [], 0
    for step in chosen:
        passed += step.minutes if step.phase in (Phase.NOTICE, Phase.RECOVER, Phase.VERIFY) else 0
        rows.append(
            {
                "name": step.name,
                "phase": step.phase.value,
                "title": step.title,
                "owner": step.owner,
                "command": step.command.replace("{environment}", environment),
                "minutes": step.minutes,
                "done_after_minutes": passed,
            }
        )
    return rows


def require_allowed(chosen: Scenario, own_cloud: bool, confirm: str) -> None:
    """Refuse what would hurt others: what breaks a shared cloud, and anything there that nobody confirmed.

    Raises:
        InvalidInputError: says what is missing.
    """
    if own_cloud:
        return
    if chosen.needs_own_cloud:
        raise InvalidInputError(
            f"{chosen.name} stops a whole cloud, so it is only drilled in one that is the drill's own.",
            "Here it is a tabletop: repeat with --check. inventory/local drills it for real.",
        )
    if confirm != chosen.name:
        raise InvalidInputError(
            f"{chosen.failure} This is an account that others use.",
            f"Look with --check, then repeat the scenario's name: -e confirm={chosen.name}",
        )

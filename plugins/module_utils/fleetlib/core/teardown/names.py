"""Which of an account's names belong to a fleet. Whatever is in doubt does not.

A name that begins like a fleet's may be another fleet's: ``aws-iot-steel-local-blue-…`` is of
``aws-iot-steel-local`` or of ``aws-iot-steel-local-blue``. So the kinds that templates name are compared as a
whole, and a longer fleet that exists owns everything that begins with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..stacks import PURPOSES

STACK = "AWS::CloudFormation::Stack"
THING = "AWS::IoT::Thing"
JOB = "AWS::IoT::Job"
POLICY = "AWS::IoT::Policy"
GROUP = "AWS::IoT::ThingGroup"
TYPE = "AWS::IoT::ThingType"
BUCKET = "AWS::S3::Bucket"
BUCKET_POLICY = "AWS::S3::BucketPolicy"
KEY = "AWS::KMS::Key"
FUNCTION = "AWS::Lambda::Function"
ALARM = "AWS::CloudWatch::Alarm"
LOG_GROUP = "AWS::Logs::LogGroup"

WORDS: Mapping[str, str] = {
    STACK: "stack",
    THING: "thing",
    JOB: "job",
    POLICY: "IoT policy",
    GROUP: "thing group",
    TYPE: "thing type",
    BUCKET: "bucket",
    BUCKET_POLICY: "bucket policy",
    KEY: "KMS key",
    FUNCTION: "function",
    ALARM: "alarm",
    LOG_GROUP: "log group",
}
"""What people call the kinds."""

TYPE_END = "-esp32-c3"
"""What a fleet's thing type has after the fleet's name: so other fleets are known by theirs."""

BUCKETS = ("programs", "firmware", "backup", "deploy", "trail", "builds", "logs")
"""Buckets of the templates; the one that gets the access logs of the others comes last."""

FUNCTIONS = ("steel-program-validator", "telemetry", "claim-hook")
LOG_GROUPS = (
    *(f"/aws/lambda/{{fleet}}-{function}" for function in FUNCTIONS),
    "/aws/iot/{fleet}-telemetry",
    "/aws/codebuild/{fleet}-validate-programs",
)

_OF_A_ROLLOUT = re.compile(r"-.+-[0-9a-f]{8}-w[0-9]+-[0-9]+")
"""What the group of a wave has after the fleet's name (`rollout.choose`)."""


@dataclass(frozen=True)
class Names:
    """The names of one fleet in one region."""

    fleet: str
    account: str
    region: str
    others: frozenset[str] = frozenset()
    """Other fleets of the region."""

    def seeing(self, types: Iterable[str], stacks: Iterable[str] = ()) -> Names:
        """The same, knowing the fleets that these thing types and stacks tell of."""
        told = {one.removesuffix(TYPE_END) for one in types if one.endswith(TYPE_END)}
        told |= {one.removesuffix("-core") for one in stacks if one.endswith("-core")}
        longer = frozenset(one for one in told if one.startswith(f"{self.fleet}-"))
        return Names(self.fleet, self.account, self.region, longer)

    def is_like(self, name: str) -> bool:
        """Whether a name begins as the fleet's do; it may be somebody else's all the same."""
        return name == self.fleet or name.startswith(f"{self.fleet}-")

    def may_own(self, name: str) -> bool:
        """The same, where no other fleet that exists owns the name."""
        claimed = any(name == other or name.startswith(f"{other}-") for other in self.others)
        return self.is_like(name) and not claimed

    def owns(self, kind: str, name: str) -> bool:
        """Whether something of this kind and name is certainly the fleet's."""
        if kind == JOB:
            return self.may_own(name)
        if kind == GROUP and _OF_A_ROLLOUT.fullmatch(name.removeprefix(self.fleet)):
            return self.may_own(name)
        return name in self.given(kind)

    def given(self, kind: str) -> list[str]:
        """The names that the templates give to what they make of this kind."""
        ends: Mapping[str, tuple[str, ...]] = {
            STACK: tuple(f"-{one}" for one in PURPOSES),
            POLICY: ("-device", "-quarantine", "-claim"),
            GROUP: ("", "-quarantine"),
            TYPE: (TYPE_END,),
            FUNCTION: tuple(f"-{one}" for one in FUNCTIONS),
        }
        if kind == BUCKET:
            return [self.bucket(one) for one in BUCKETS]
        if kind == LOG_GROUP:
            return [one.format(fleet=self.fleet) for one in LOG_GROUPS]
        return [f"{self.fleet}{one}" for one in ends.get(kind, ())]

    def bucket(self, purpose: str) -> str:
        """A bucket of the storage, audit or pipeline stack."""
        return f"{self.fleet}-{purpose}-{self.account}-{self.region}"

    @property
    def log_group_starts(self) -> list[str]:
        """What the fleet's log groups begin with."""
        return sorted({one.partition("{fleet}")[0] + f"{self.fleet}-" for one in LOG_GROUPS})

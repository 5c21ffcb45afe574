"""A security audit: everything is read once, in pages, and held against the rules of core.security."""

from __future__ import annotations

import glob
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from .aws import fleet_state, inspection
from .aws import security as reading
from .core.scheme.files import SUFFIX
from .core.security import access, account, buckets, certificates, defender, firmware, policies, programs
from .core.security.model import Limits, Look, Rule, Unreadable, judge
from .core.validation.registry import Fleet
from .crypto import authorities
from .device_store import DeviceStore

Client = Callable[[str], Any]
"""``client(service)`` makes a boto3 client."""
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Scope:
    """What is audited."""

    environment: str
    name_prefix: str
    """Of everything that the environment's stacks make."""
    account: str
    region: str
    policy: str
    """The device policy."""
    devices_directory: Path
    """Where copies of the devices' certificates are."""
    principal_sample: int
    """Devices whose certificates are looked at one by one."""
    buckets: Sequence[str]
    bucket_key: str
    s3_key_buckets: Sequence[str]
    """Buckets that S3's own key encrypts: those of access logs."""
    kms_keys: Sequence[str]
    log_groups: Sequence[str]
    """What names of log groups begin with."""
    program_paths: Sequence[str]
    programs_bucket: str
    images: Sequence[str]
    """Files, directories of ``.bin`` files, or patterns."""
    authority: str
    """The certificate (PEM) that boards get, from wherever flashing takes it."""
    authority_url: str


def rules() -> list[Rule]:
    """Every rule that there is."""
    tables = (
        policies.TABLE, buckets.TABLE, account.KEYS, account.LOG_GROUPS, account.TRAILS, account.EACH_TRAIL,
        account.IOT_LOGGING, access.USERS, access.ROLES, access.GRANTS, firmware.TABLE, programs.TABLE,
    )  # fmt: skip
    listed = [rule for table in tables for rule, _ in table]
    return [*listed, *certificates.RULES, *defender.RULES.values()]


def look(client: Client, scope: Scope, limits: Limits) -> list[Look]:
    """Hold everything against every rule. What cannot be read is said, rule by rule, and never a pass."""
    return [
        *_policies(client("iot"), scope, limits),
        *_certificates(client("iot"), scope, limits),
        *_trust(scope, limits),
        *_programs(client("s3"), scope, limits),
        *_buckets(client("s3"), scope, limits),
        *_keys(client("kms"), scope, limits),
        *_access(client("iam"), scope, limits),
        *_records(client, scope, limits),
        *defender.judge(reading.ask(reading.defender_audit, client("iot"), limits.now)),
    ]


def _policies(iot: Any, scope: Scope, limits: Limits) -> list[Look]:
    found = reading.ask(reading.iot_policies, iot)
    partition = iot.meta.partition
    subjects = _each(
        found, lambda name, text: policies.IotPolicy(name, text, scope.account, scope.region, partition)
    )
    return judge(policies.TABLE, subjects, limits)


def _certificates(iot: Any, scope: Scope, limits: Limits) -> list[Look]:
    fleet = reading.ask(fleet_state.read_fleet, iot, scope.environment, scope.policy, "")
    if isinstance(fleet, Unreadable):
        return certificates.judge(fleet, {}, {}, limits)
    expires = DeviceStore(scope.devices_directory).expiries(fleet.things)
    principals = reading.ask(fleet_state.principals, iot, _sample(fleet, scope.principal_sample))
    return certificates.judge(
        fleet, expires, {} if isinstance(principals, Unreadable) else principals, limits
    )


def _sample(fleet: Fleet, most: int) -> list[str]:
    things = sorted(fleet.things)
    return sorted(random.sample(things, min(most, len(things))))


def _trust(scope: Scope, limits: Limits) -> list[Look]:
    subjects: dict[str, firmware.Trust | Unreadable] = {}
    if scope.authority:
        subjects[scope.authority_url] = firmware.Trust(authorities.of([scope.authority]))
    elif scope.authority_url:
        subjects[scope.authority_url] = Unreadable("It could not be fetched.")
    for path in _files(scope.images, ".bin"):
        image = path.read_bytes()
        found = authorities.of(firmware.certificates_in(image))
        subjects[str(path)] = firmware.Trust(found, firmware.is_program(image))
    return judge(firmware.TABLE, subjects, limits)


def _programs(s3: Any, scope: Scope, limits: Limits) -> list[Look]:
    here = {
        str(path): programs.Program(path.read_text(errors="replace"))
        for path in _files(scope.program_paths, SUFFIX)
    }
    published: Mapping[str, str] | Unreadable = {}
    if scope.programs_bucket:
        published = reading.ask(reading.published_programs, s3, scope.programs_bucket)
    there = _each(published, lambda _, text: programs.Program(text))
    if isinstance(there, Unreadable):
        return [replace(one, unreadable=there.why) for one in judge(programs.TABLE, here, limits)]
    return judge(programs.TABLE, {**here, **there}, limits)


def _buckets(s3: Any, scope: Scope, limits: Limits) -> list[Look]:
    found: dict[str, buckets.Bucket | Unreadable] = {}
    for name in scope.buckets:
        bucket = reading.ask(inspection.bucket, s3, name) or Unreadable("It does not exist.")
        if isinstance(bucket, buckets.Bucket):
            own = name in scope.s3_key_buckets
            bucket = replace(bucket, wanted_key="" if own else scope.bucket_key, is_log_bucket=own)
        found[name] = bucket
    return judge(buckets.TABLE, found, limits)


def _keys(kms: Any, scope: Scope, limits: Limits) -> list[Look]:
    found: dict[str, bool | Unreadable] = {}
    for key in scope.kms_keys:
        rotates = reading.ask(inspection.key_rotates, kms, key)
        found[key] = Unreadable("It does not exist.") if rotates is None else rotates
    return judge(account.KEYS, found, limits)


def _access(iam: Any, scope: Scope, limits: Limits) -> list[Look]:
    report = reading.ask(reading.credential_report, iam)
    details = reading.ask(reading.authorization_details, iam)
    users = report if isinstance(report, Unreadable) else access.users_of(report)
    roles = details if isinstance(details, Unreadable) else access.roles_of(details, scope.name_prefix)
    grants = details if isinstance(details, Unreadable) else access.grants_of(details)
    return [
        *judge(access.USERS, users, limits),
        *judge(access.ROLES, roles, limits),
        *judge(access.GRANTS, grants, limits),
    ]


def _records(client: Client, scope: Scope, limits: Limits) -> list[Look]:
    """What is written down: CloudTrail, AWS IoT's log, log groups."""
    trails = reading.ask(reading.trails, client("cloudtrail"))
    whole = trails if isinstance(trails, Unreadable) else {"CloudTrail": trails}
    each = trails if isinstance(trails, Unreadable) else {f"trail/{one.name}": one for one in trails}
    logging = reading.ask(reading.iot_logging, client("iot"))
    groups: dict[str, account.LogGroup | Unreadable] = {}
    for prefix in scope.log_groups:
        found = reading.ask(reading.log_groups, client("logs"), prefix)
        groups |= {prefix: found} if isinstance(found, Unreadable) else found
    return [
        *judge(account.TRAILS, whole, limits),
        *judge(account.EACH_TRAIL, each, limits),
        *judge(
            account.IOT_LOGGING, logging if isinstance(logging, Unreadable) else {"AWS IoT": logging}, limits
        ),
        *judge(account.LOG_GROUPS, groups, limits),
    ]


def _each(found: Mapping[str, A] | Unreadable, make: Callable[[str, A], B]) -> dict[str, B] | Unreadable:
    if isinstance(found, Unreadable):
        return found
    return {name: make(name, one) for name, one in found.items()}


def _files(places: Sequence[str], suffix: str) -> list[Path]:
    """Files, those below directories, and what patterns find, each once; a place may be empty."""
    found: dict[Path, None] = {}
    for place in places:
        for path in map(Path, sorted(glob.glob(str(Path(place).expanduser()), recursive=True))):
            inside = sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]
            found.update(dict.fromkeys(one for one in inside if one.is_file()))
    return list(found)

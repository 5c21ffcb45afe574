"""A rollout on AWS: the engine's ports over IoT Jobs, thing groups, fleet indexing and S3."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .aws import documents, groups, jobs, logs_and_alarms, packages
from .aws import firmware as images
from .core import programs
from .core.clock import Clock, iso
from .core.errors import FleetError
from .core.objects import digest
from .core.rollout import devices, firmware
from .core.rollout.gate import Counts
from .core.rollout.plan import Wave
from .core.rollout.ports import DeviceState, Execution
from .core.rollout.record import ENDED
from .core.rollout.waves import Device
from .crypto import signatures

COMMAND_SECONDS = 600
"""How long an operator's gate command may take."""

UNTRUSTED = "The signature of {what} is not by the key that this rollout trusts, or its bytes were changed."
UNTRUSTED_HINT = "Publish it again with the right key, or see rollout_public_key_file and rollout_kms_key."

_POINTERS = "rollouts/current/"

_PROGRAM_IN_ID = 21
"""Of 64 characters of a job's id, what fleet (26), hash, wave and part leave."""


class S3Store:
    """`ports.Store` of one rollout, in a bucket."""

    def __init__(self, s3: Any, bucket: str, rollout_id: str) -> None:
        """Everything is below ``rollouts/<id>/``."""
        self._s3, self._bucket = s3, bucket
        self._start = f"rollouts/{rollout_id}/"

    def load(self) -> tuple[dict[str, Any], str] | None:
        """The record and its version."""
        return documents.read(self._s3, self._bucket, f"{self._start}record.json")

    def save(self, data: Mapping[str, Any], version: str | None) -> str:
        """Write the record if it still has this version."""
        return documents.replace(self._s3, self._bucket, f"{self._start}record.json", data, version)

    def put(self, name: str, data: Mapping[str, Any]) -> None:
        """Keep a list of devices beside the record."""
        documents.write(self._s3, self._bucket, f"{self._start}{name}.json", data)

    def get(self, name: str) -> dict[str, Any] | None:
        """What `put` kept."""
        found = documents.read(self._s3, self._bucket, f"{self._start}{name}.json")
        return found[0] if found else None

    def wish(self) -> dict[str, str]:
        """What an operator asked for last."""
        return self.get("wish") or {}


@dataclass(frozen=True)
class Chosen:
    """A rollout by its id, and whether it is a new one."""

    id: str
    is_new: bool


def choose(
    s3: Any, bucket: str, fleet: str, subject: str, version: str, clock: Clock, *, dry: bool = False
) -> Chosen:
    """The rollout of a subject that is open for this version, or the id of a new one.

    There is one open rollout of a subject at a time: an object in S3 names it, written conditionally, so that
    of two operators who start at once both get the same. Raises `FleetError` where one of another version is
    open. ``fleet`` begins the id, and so the names of jobs and groups. ``dry`` writes nothing.
    """
    key = _pointer(subject)
    found = documents.read(s3, bucket, key)
    if found is not None:
        pointer = found[0]
        record = S3Store(s3, bucket, pointer["rollout"]).load()
        state = record[0]["state"] if record else "not begun"
        if pointer["version"] == version and state not in ENDED:
            return Chosen(pointer["rollout"], record is None)
        if record and state not in ENDED:
            raise FleetError(
                f"Rollout {pointer['rollout']} of {subject} {pointer['version']} is still open ({state}).",
                "Let it end, or end it: rollout_action=resume, abort, or close when it only waits.",
            )
    name = f"{subject}|{version}|{iso(clock.now())}|{holder()}"
    readable = subject.partition(":")[2][:_PROGRAM_IN_ID] or subject
    new = f"{fleet}-{readable}-{sha256(name.encode()).hexdigest()[:8]}"
    if not dry:
        documents.replace(s3, bucket, key, {"rollout": new, "version": version}, found[1] if found else None)
    return Chosen(new, True)


def latest(s3: Any, bucket: str, subject: str) -> str:
    """The id of a subject's last rollout."""
    found = documents.read(s3, bucket, _pointer(subject))
    if found is None:
        raise FleetError(f"There was never a rollout of {subject}.", "rollout.yml starts one.")
    return str(found[0]["rollout"])


def all_latest(s3: Any, bucket: str) -> list[tuple[str, str]]:
    """(subject, id of its last rollout) of every subject that ever had one."""
    keys = documents.keys(s3, bucket, _POINTERS)
    subjects = [key.removeprefix(_POINTERS).removesuffix(".json").replace("/", ":") for key in keys]
    return [(subject, latest(s3, bucket, subject)) for subject in subjects]


def latest_records(s3: Any, bucket: str, most: int) -> list[dict[str, Any]]:
    """The records of the last rollouts of those ``most`` subjects that had one last."""
    newest = sorted(documents.written(s3, bucket, _POINTERS), key=lambda one: one[1], reverse=True)[:most]
    pointers = (documents.read(s3, bucket, key) for key, _ in newest)
    records = (S3Store(s3, bucket, found[0]["rollout"]).load() for found in pointers if found)
    return [found[0] for found in records if found]


def ask(store: S3Store, wish: str, by: str, why: str, clock: Clock) -> None:
    """Leave a wish for whoever works on the rollout, now or later."""
    store.put("wish", {"wish": wish, "by": by, "why": why, "at": iso(clock.now())})


def _pointer(subject: str) -> str:
    return f"{_POINTERS}{subject.replace(':', '/')}.json"


class AwsFleet:
    """`ports.Fleet` on AWS."""

    def __init__(
        self,
        client: Callable[..., Any],
        subject: str,
        *,
        attempts: Counter[str],
        log_group: str = "",
        presign_role: str = "",
    ) -> None:
        """``client(service)`` makes a boto3 client, whose requests are counted in ``attempts``."""
        self._client = client
        self._iot = client("iot", max_connections=groups.CONCURRENCY)
        self._subject = subject
        self._attempts = attempts
        self._log_group, self._presign_role = log_group, presign_role

    def devices(self, group: str) -> list[Device]:
        """The devices of a group."""
        return [devices.device(hit) for hit in groups.search(self._iot, group)]

    def states(self, group: str) -> dict[str, DeviceState]:
        """What the devices of a group report."""
        found = groups.search(self._iot, group)
        return {hit["thingName"]: devices.state(hit, self._subject) for hit in found}

    def gone(self, things: Sequence[str]) -> set[str]:
        """Which of these are in the registry no more."""
        return groups.gone(self._iot, things)

    def make_group(self, name: str, things: Sequence[str]) -> None:
        """Make sure that a group of the rollout exists and has these members."""
        groups.make(self._iot, name, things)

    def delete_group(self, name: str) -> None:
        """Delete a group of the rollout."""
        groups.delete(self._iot, name)

    def create_job(
        self, job: str, group: str, document: Mapping[str, Any], wave: Wave, keep_open: bool
    ) -> None:
        """Start a job for a group."""
        presigned = "${aws:iot:s3-presigned-url" in json.dumps(document)
        jobs.create(
            self._iot,
            job,
            groups.arn(self._iot, group),
            document,
            wave,
            keep_open=keep_open,
            presign_role=self._presign_role if presigned else "",
            comment=f"Rollout of {self._subject}, wave {wave.name}",
        )

    def counts(self, job: str) -> Counts:
        """Executions of a job by status."""
        return jobs.counts(self._iot, job)

    def executions(self, job: str) -> Iterable[Execution]:
        """The last execution of every device."""
        return jobs.executions(self._iot, job)

    def cancel(self, job: str, why: str, running_too: bool) -> None:
        """Cancel a job."""
        jobs.cancel(self._iot, job, why, running_too=running_too)

    def alarms(self, names: Sequence[str]) -> tuple[str, ...]:
        """Which of these alarms are in ALARM."""
        return logs_and_alarms.ringing(self._client("cloudwatch"), names)

    def error_logs(self, since: str) -> tuple[str, ...] | None:
        """Devices that logged errors since then."""
        if not self._log_group:
            return None
        return logs_and_alarms.devices_with_errors(self._client("logs"), self._log_group, since)

    def command(self, command: Sequence[str], facts: Mapping[str, str]) -> tuple[int, str]:
        """Run an operator's command: exit code and its last line."""
        try:
            done = subprocess.run(
                list(command),
                env={**os.environ, **facts},
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return 1, str(error)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return done.returncode, lines[-1][:200] if lines else ""

    def calls(self) -> dict[str, int]:
        """Requests so far, by operation."""
        return dict(self._attempts)


class ProgramDocuments:
    """`ports.Documents` of a program, from its packages."""

    def __init__(
        self, s3: Any, bucket: str, prefix: str, program_id: str, presign: bool, public_key: str = ""
    ) -> None:
        """``presign``: whether devices may fetch large code by a presigned address.

        With ``public_key`` (PEM) only what its owner signed counts as published.
        """
        self._s3, self._bucket, self._prefix = s3, bucket, prefix
        self._program, self._presign = program_id, presign
        self._public_key = public_key

    def package(self, version: str) -> programs.Package | None:
        """The package of a version."""
        key = programs.key_of(self._prefix, self._program, version)
        return packages.find(self._s3, self._bucket, key)

    def is_trusted(self, package: programs.Package) -> bool:
        """Whether the right one signed it."""
        if not self._public_key:
            return True
        return signatures.verify(self._public_key, package.manifest.canonical(), package.signature.der)

    def sha256_of(self, version: str) -> str:
        """Of what is published under a version; empty for nothing. A wrong signature is a `FleetError`."""
        package = self.package(version)
        if package is not None and not self.is_trusted(package):
            raise FleetError(UNTRUSTED.format(what=f"{self._program} {version}"), UNTRUSTED_HINT)
        return package.manifest.sha256 if package else ""

    def of(self, version: str, jitter_seconds: int) -> dict[str, Any] | None:
        """Brings a device to a version, or removes the program."""
        if not version:
            return programs.remove_document(self._program, jitter_seconds=jitter_seconds)
        package = self.package(version)
        if package is None or not self.is_trusted(package):
            return None
        key = programs.code_key_of(self._prefix, self._program, version)
        url = presigned(self._s3, self._bucket, key) if self._presign else ""
        return programs.load_document(package, jitter_seconds=jitter_seconds, url=url)


class FirmwareDocuments:
    """`ports.Documents` of the firmware, from its published images."""

    def __init__(self, s3: Any, bucket: str, presign: bool, public_key: str = "") -> None:
        """``presign``: whether there is a role with which AWS IoT presigns the images' addresses.

        With ``public_key`` (PEM) a rollout begins only with an image that its owner signed.
        """
        self._s3, self._bucket, self._presign = s3, bucket, presign
        self._public_key = public_key

    def sha256_of(self, version: str) -> str:
        """Of what is published under a version; empty for nothing. Raises `FleetError` for a wrong signature.

        The image is read for it, so hash and signature are those of the bytes that devices get.
        """
        release = self.release(version)
        if release is None:
            return ""
        image = images.image(self._s3, self._bucket, version)
        good = digest(image) == release.sha256
        if good and self._public_key:
            good = signatures.verify(self._public_key, image, release.signature.der)
        if not good:
            raise FleetError(UNTRUSTED.format(what=f"firmware {version}"), UNTRUSTED_HINT)
        return release.sha256

    def release(self, version: str) -> firmware.Release | None:
        """What is published of a version."""
        return images.find(self._s3, self._bucket, version)

    def of(self, version: str, jitter_seconds: int) -> dict[str, Any] | None:
        """Brings a device to a version. A device is never left without firmware."""
        release = self.release(version) if version else None
        if release is None:
            return None
        if not self._presign:
            raise FleetError(
                "Devices could not download the image.",
                "Set rollout_presign_role to a role that AWS IoT may assume to read the firmware bucket.",
            )
        url = presigned(self._s3, self._bucket, firmware.image_key(version))
        return firmware.update_document(release, url, jitter_seconds=jitter_seconds)


def presigned(s3: Any, bucket: str, key: str) -> str:
    """What AWS IoT replaces by a presigned address when a device gets the document."""
    return f"${{aws:iot:s3-presigned-url:https://s3.{s3.meta.region_name}.amazonaws.com/{bucket}/{key}}}"


def holder() -> str:
    """Who runs this: ``user@host:pid``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"


def is_dead(other: str) -> bool:
    """Whether a holder was a process of this host and has ended."""
    who, _, pid = other.rpartition(":")
    if who.rpartition("@")[2] != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

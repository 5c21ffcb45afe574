"""Rotation on AWS: a job for each wave, certificates in shadows, connections in the fleet's index."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..core.clock import Clock
from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE, Certificate, ListedCertificate
from ..core.rollout import devices, plan
from ..core.rotation.model import OPERATION, Wave
from . import certificates, groups, jobs, shadows, things
from .detaching import gone, when_detached
from .provisioning import explained

JOB_COMMENT = "Rotation of device certificates"


class Rotator:
    """See `core.rotation.Cloud`."""

    def __init__(
        self,
        iot: Any,
        iot_data: Any,
        jobs_data: Any,
        policy: str,
        fleet: str,
        clock: Clock,
        timeout_seconds: float,
    ) -> None:
        """Three boto3 clients; ``policy`` of the devices, and the fleet's name, which begins every other."""
        certificates.never_repeat_requests(iot)
        self._timeout_minutes = max(1, math.ceil(timeout_seconds / 60))
        self._iot, self._data, self._jobs = iot, iot_data, jobs_data
        self._policy, self._fleet, self._clock = policy, fleet, clock

    def ask(self, wave: Wave) -> None:
        """A thing group of the wave, and a job for it."""
        group = self._group(wave)
        with explained("making the wave's thing group"):
            groups.make(self._iot, group, wave.members)
            target = groups.arn(self._iot, group)
        document = {"operation": OPERATION, "request": {"rotation": wave.id, "key_type": "ec-p256"}}
        settings = plan.Wave(
            "rotation", "things", (), abort_percent=100, timeout_minutes=self._timeout_minutes
        )
        with explained("CreateJob"):
            jobs.create(self._iot, group, target, document, settings, keep_open=False, comment=JOB_COMMENT)

    def statuses(self, wave: Wave) -> Mapping[str, str]:
        """iot:ListJobExecutionsForJob."""
        with explained("ListJobExecutionsForJob"):
            return {one.thing: one.status for one in jobs.executions(self._iot, self._group(wave))}

    def details(self, wave: Wave, thing: str) -> Mapping[str, str]:
        """iot-jobs-data:DescribeJobExecution."""
        with explained("DescribeJobExecution"):
            return jobs.said(self._iot, self._jobs, self._group(wave), thing)

    def issue(self, signing_request: str) -> Certificate:
        """iot:CreateCertificateFromCsr."""
        with explained("CreateCertificateFromCsr"):
            return certificates.issue(self._iot, signing_request)

    def certificates(self) -> Iterable[ListedCertificate]:
        """iot:ListCertificates."""
        with explained("ListCertificates"):
            return list(certificates.iter_certificates(self._iot))

    def describe(self, certificate_id: str) -> Certificate:
        """iot:DescribeCertificate."""
        with explained("DescribeCertificate"):
            return certificates.describe(self._iot, certificate_id)

    def tie(self, thing: str, certificate_arn: str) -> None:
        """iot:AttachPolicy, iot:AttachThingPrincipal."""
        with explained("AttachPolicy"):
            certificates.attach_policy(self._iot, self._policy, certificate_arn)
        with explained("AttachThingPrincipal"):
            things.attach_certificate(self._iot, thing, certificate_arn)

    def offer(self, thing: str, certificate: Certificate) -> None:
        """iot:UpdateThingShadow."""
        offered = {"certificate": {"id": certificate.id, "pem": certificate.pem}}
        with explained("UpdateThingShadow"):
            shadows.desire(self._data, thing, offered)

    def withdraw(self, thing: str) -> None:
        """iot:UpdateThingShadow."""
        with explained("UpdateThingShadow"):
            shadows.desire(self._data, thing, {"certificate": None})

    def set_active(self, certificate_id: str, active: bool) -> None:
        """iot:UpdateCertificate."""
        with explained("UpdateCertificate"), gone(self._iot):
            certificates.set_status(self._iot, certificate_id, "ACTIVE" if active else "INACTIVE")

    def remove(self, thing: str, certificate_id: str, certificate_arn: str) -> None:
        """iot:DetachThingPrincipal, iot:ListAttachedPolicies, iot:DetachPolicy, iot:DeleteCertificate."""
        with explained("removing a certificate"), gone(self._iot):
            with gone(self._iot):
                things.detach_certificate(self._iot, thing, certificate_arn)
            for policy in certificates.iter_policies(self._iot, certificate_arn):
                certificates.detach_policy(self._iot, policy, certificate_arn)
            when_detached(
                lambda: certificates.delete(self._iot, certificate_id),
                self._iot.exceptions.DeleteConflictException,
                self._clock,
            )

    def connected(self, wave: Wave) -> Collection[str]:
        """iot:SearchIndex over the wave's group."""
        hits = groups.search(self._iot, self._group(wave))
        return {one["thingName"] for one in hits if devices.state(one, "").connected}

    def end(self, wave: Wave, why: str) -> None:
        """iot:CancelJob and iot:DeleteThingGroup."""
        with explained("CancelJob"):
            jobs.cancel(self._iot, self._group(wave), why, running_too=True)
            groups.delete(self._iot, self._group(wave))

    def certificate_of(self, thing: str, certificate_id: str) -> None:
        """iot:UpdateThing."""
        with explained("UpdateThing"):
            things.set_attribute(self._iot, thing, CERTIFICATE_ATTRIBUTE, certificate_id)

    def _group(self, wave: Wave) -> str:
        return f"{self._fleet}-rotation-{wave.id}"

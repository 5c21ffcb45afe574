"""The registry as decommissioning needs it: read before the first change, then undone call by call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.clock import Clock, iso
from ..core.provisioning.decommission import Evidence, others
from ..core.provisioning.ports import DeviceError
from . import certificates, shadows, things
from .detaching import gone, when_detached
from .provisioning import explained


class Registry:
    """See `core.provisioning.decommission.Cloud`."""

    def __init__(self, iot: Any, iot_data: Any, clock: Clock) -> None:
        """Two boto3 clients: control plane and data plane."""
        self._iot, self._data, self._clock = iot, iot_data, clock

    def thing(self, name: str) -> Mapping[str, Any] | None:
        """The thing's own record."""
        with explained("DescribeThing"):
            return things.describe(self._iot, name)

    def evidence(self, name: str, certificate_ids: Sequence[str]) -> Evidence:
        """Groups, certificates, shadow."""
        with explained("reading what the registry has of it"):
            attached = [arn.rpartition("/")[2] for arn in things.principals(self._iot, name)]
            found = [self._certificate(name, one) for one in sorted({*attached, *certificate_ids})]
            return {
                "groups": things.groups_of(self._iot, name),
                "certificates": [one for one in found if one],
                "shadow": shadows.read(self._data, name),
            }

    def deactivate(self, certificate_id: str) -> None:
        """iot:UpdateCertificate."""
        with explained("UpdateCertificate"), gone(self._iot):
            certificates.set_status(self._iot, certificate_id, "INACTIVE")

    def detach(self, name: str, certificate_arn: str) -> None:
        """iot:DetachThingPrincipal."""
        with explained("DetachThingPrincipal"), gone(self._iot):
            things.detach_certificate(self._iot, name, certificate_arn)

    def detach_policy(self, policy: str, certificate_arn: str) -> None:
        """iot:DetachPolicy."""
        with explained("DetachPolicy"), gone(self._iot):
            certificates.detach_policy(self._iot, policy, certificate_arn)

    def delete_certificate(self, certificate_id: str) -> None:
        """iot:DeleteCertificate, once nothing is attached to it any more."""
        with explained("DeleteCertificate"), gone(self._iot):
            when_detached(
                lambda: certificates.delete(self._iot, certificate_id),
                self._iot.exceptions.DeleteConflictException,
                self._clock,
            )

    def delete_shadow(self, name: str) -> None:
        """iot:DeleteThingShadow."""
        with explained("DeleteThingShadow"):
            shadows.delete(self._data, name)

    def delete_thing(self, name: str) -> None:
        """iot:DeleteThing, once no certificate is attached to it any more."""
        with explained("DeleteThing"):
            when_detached(
                lambda: things.delete(self._iot, name),
                self._iot.exceptions.InvalidRequestException,
                self._clock,
            )

    def _certificate(self, name: str, certificate_id: str) -> dict[str, Any] | None:
        with gone(self._iot):
            found = certificates.description(self._iot, certificate_id)
            arn = found["certificateArn"]
            shared = others(certificates.iter_things(self._iot, arn), name)
            if shared:
                raise DeviceError(
                    f"certificate {certificate_id} is also attached to {', '.join(shared)}.",
                    "Nothing was changed. Detach it there first.",
                )
            return {
                "id": certificate_id,
                "arn": arn,
                "status": found["status"],
                "created": iso(found["creationDate"]),
                "pem": found["certificatePem"],
                "policies": list(certificates.iter_policies(self._iot, arn)),
            }
        return None

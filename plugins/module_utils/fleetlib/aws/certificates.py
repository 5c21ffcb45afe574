"""Device certificates and the policies on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..core.provisioning.model import Certificate, ListedCertificate
from ..core.provisioning.ports import AnswerLostError
from ..core.quotas import PAGE_SIZE

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError


def never_repeat_requests(iot: Any) -> None:
    """Make the client raise `AnswerLostError` where it would send a signing request again without knowing
    whether the first one was carried out. What AWS refused, or what never left, is repeated as usual."""
    iot.meta.events.register("response-received.iot.CreateCertificateFromCsr", _require_answer)


def never_repeat_tasks(iot: Any) -> None:
    """Make the client raise `AnswerLostError` where it would start a registration task a second time."""
    iot.meta.events.register("response-received.iot.StartThingRegistrationTask", _require_task)


def _require_task(
    parsed_response: dict[str, Any] | None = None, exception: Exception | None = None, **_: Any
) -> None:
    _require_fields({"taskId"}, parsed_response, exception)


def _require_answer(
    parsed_response: dict[str, Any] | None = None, exception: Exception | None = None, **_: Any
) -> None:
    _require_fields({"certificateId", "certificatePem"}, parsed_response, exception)


def _require_fields(
    fields: set[str], parsed_response: dict[str, Any] | None, exception: Exception | None
) -> None:
    if isinstance(exception, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return  # it never left
    if parsed_response is None:
        raise AnswerLostError from exception
    status = parsed_response["ResponseMetadata"]["HTTPStatusCode"]
    incomplete = status < 300 and not fields <= parsed_response.keys()
    if status >= 500 or incomplete:
        raise AnswerLostError


def issue(iot: Any, signing_request: str) -> Certificate:
    """iot:CreateCertificateFromCsr: an active certificate for the key of a signing request (PEM)."""
    answer = iot.create_certificate_from_csr(certificateSigningRequest=signing_request, setAsActive=True)
    return Certificate(answer["certificateId"], answer["certificateArn"], answer["certificatePem"])


def describe(iot: Any, certificate_id: str) -> Certificate:
    """iot:DescribeCertificate: the certificate itself."""
    found = description(iot, certificate_id)
    return Certificate(found["certificateId"], found["certificateArn"], found["certificatePem"])


def iter_certificates(iot: Any) -> Iterator[ListedCertificate]:
    """iot:ListCertificates: every certificate of the account."""
    for page in iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": PAGE_SIZE}):
        for one in page["certificates"]:
            yield ListedCertificate(
                one["certificateId"], one["certificateArn"], one["status"], one["creationDate"]
            )


def iter_policy_targets(iot: Any, policy: str) -> Iterator[str]:
    """iot:ListTargetsForPolicy: ARNs of the certificates and groups that have a policy."""
    pages = iot.get_paginator("list_targets_for_policy").paginate(
        policyName=policy, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    for page in pages:
        yield from page["targets"]


def attach_policy(iot: Any, policy: str, certificate_arn: str) -> None:
    """iot:AttachPolicy; repeating it changes nothing."""
    iot.attach_policy(policyName=policy, target=certificate_arn)


def detach_policy(iot: Any, policy: str, certificate_arn: str) -> None:
    """iot:DetachPolicy; repeating it changes nothing."""
    iot.detach_policy(policyName=policy, target=certificate_arn)


def description(iot: Any, certificate_id: str) -> dict[str, Any]:
    """iot:DescribeCertificate: all that AWS tells of it."""
    found: dict[str, Any] = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    return found


def iter_policies(iot: Any, certificate_arn: str) -> Iterator[str]:
    """iot:ListAttachedPolicies: names of a certificate's policies."""
    for page in iot.get_paginator("list_attached_policies").paginate(target=certificate_arn):
        yield from (policy["policyName"] for policy in page["policies"])


def iter_things(iot: Any, certificate_arn: str) -> Iterator[str]:
    """iot:ListPrincipalThings: things that a certificate is attached to."""
    for page in iot.get_paginator("list_principal_things").paginate(principal=certificate_arn):
        yield from page["things"]


def set_status(iot: Any, certificate_id: str, status: str) -> None:
    """iot:UpdateCertificate: ``ACTIVE`` or ``INACTIVE``."""
    iot.update_certificate(certificateId=certificate_id, newStatus=status)


def delete(iot: Any, certificate_id: str) -> None:
    """iot:DeleteCertificate. AWS refuses while it is active or anything is attached to it."""
    iot.delete_certificate(certificateId=certificate_id)

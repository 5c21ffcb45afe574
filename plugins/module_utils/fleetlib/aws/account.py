"""Who calls, which regions there are, and which stacks exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import FleetError

try:
    import botocore.session
    from botocore.exceptions import (
        ClientError,
        EndpointConnectionError,
        NoCredentialsError,
        TokenRetrievalError,
    )
except ImportError:  # the module runner names the missing library before anything here is called
    pass

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@dataclass(frozen=True)
class Identity:
    """The caller as AWS sees it."""

    account: str
    arn: str


def regions_with_iot() -> set[str]:
    """Every region that has AWS IoT, from botocore's own endpoint data; no call is made."""
    session = botocore.session.get_session()
    return {
        region for name in PARTITIONS for region in session.get_available_regions("iot", partition_name=name)
    }


def caller_identity(sts: Any) -> Identity:
    """sts:GetCallerIdentity, with an error that says what to do about credentials that do not work."""
    try:
        answer = sts.get_caller_identity()
    except (NoCredentialsError, TokenRetrievalError) as error:
        raise FleetError(
            f"There are no usable AWS credentials: {error}.",
            "Set fleet_profile to a profile of ~/.aws/config, or export AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (`aws sts get-caller-identity` must answer).",
        ) from error
    except EndpointConnectionError as error:
        raise FleetError(
            f"{sts.meta.endpoint_url} does not answer.",
            "If this is the local cloud, start it: ansible-playbook playbooks/local_cloud.yml, or for its "
            "second region playbooks/multi_region.yml. Otherwise look at the network, a proxy, or "
            "fleet_region.",
        ) from error
    except ClientError as error:
        raise FleetError(
            f"AWS refuses the credentials: {error.response['Error'].get('Message', error)}",
            "They are wrong, expired, or of another partition; renew them and try again.",
        ) from error
    return Identity(answer["Account"], answer["Arn"])


def fleet_stacks(cloudformation: Any, name_prefix: str, purposes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Purpose → description of those stacks that exist. One call each: to list all stacks of an account
    is a right that the operator does not have."""
    found = {one: describe_stack(cloudformation, f"{name_prefix}-{one}") for one in purposes}
    return {purpose: stack for purpose, stack in found.items() if stack is not None}


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """The outputs of a described stack by key."""
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def describe_stack(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """cloudformation:DescribeStacks for one stack; None when there is none of that name."""
    try:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def stack_failures(cloudformation: Any, name: str, limit: int = 3) -> list[str]:
    """The latest reasons in a stack's events for resources that failed, the first cause last."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
    ][:limit]

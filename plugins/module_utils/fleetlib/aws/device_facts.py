"""Everything that AWS knows of single devices: about ten calls for each, so for a handful only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..core.connection_diagnosis import Connectivity, LogFacts
from ..core.iot_policy import Policy
from . import registry

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

_DENIED = {"AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedException"}
MOST_LOG_EVENTS = 100
QUERY_TERMS = 5
"""Names in one query: AWS allows 12 terms and 1,000 characters, and a name may have 128."""


@dataclass(frozen=True)
class DescribedCertificate:
    """A certificate as the registry has it."""

    id: str
    arn: str
    status: str
    pem: str


@dataclass
class DeviceReader:
    """Reads devices; policies, which many share, once."""

    iot: Any
    unreadable: set[str] = field(default_factory=set)
    """Policies that the caller's role may not read."""
    _documents: dict[str, str] = field(default_factory=dict)

    def thing(self, name: str) -> dict[str, Any] | None:
        """iot:DescribeThing; None where there is none."""
        try:
            found: dict[str, Any] = self.iot.describe_thing(thingName=name)
        except self.iot.exceptions.ResourceNotFoundException:
            return None
        return found

    def certificates(self, thing: str) -> Iterator[DescribedCertificate]:
        """iot:ListThingPrincipals and DescribeCertificate for each that is a certificate."""
        for page in self.iot.get_paginator("list_thing_principals").paginate(thingName=thing):
            for arn in page["principals"]:
                if ":cert/" in arn:
                    yield self._certificate(arn)

    def policies(self, target: str, group: str = "") -> tuple[Policy, ...]:
        """iot:ListAttachedPolicies and GetPolicy; of a group also those of the groups above it."""
        pages = self.iot.get_paginator("list_attached_policies").paginate(
            target=target, recursive=bool(group)
        )
        names = [one["policyName"] for page in pages for one in page["policies"]]
        documents = [(name, self.document(name)) for name in names]
        return tuple(Policy(name, text, group) for name, text in documents if text is not None)

    def groups(self, thing: str) -> dict[str, tuple[Policy, ...]]:
        """iot:ListThingGroupsForThing: group → its policies."""
        pages = self.iot.get_paginator("list_thing_groups_for_thing").paginate(thingName=thing)
        return {
            one["groupName"]: self.policies(one["groupArn"], one["groupName"])
            for page in pages
            for one in page["thingGroups"]
        }

    def connectivity(self, things: Sequence[str]) -> dict[str, Connectivity]:
        """iot:SearchIndex: those that fleet indexing knows; none where it is off."""
        found = {}
        for start in range(0, len(things), QUERY_TERMS):
            query = " OR ".join(f"thingName:{one}" for one in things[start : start + QUERY_TERMS])
            try:
                for one in registry.search_things(self.iot, query):
                    if "connectivity" in one:
                        found[one["thingName"]] = _connectivity(one["connectivity"])
            except (
                self.iot.exceptions.IndexNotReadyException,
                self.iot.exceptions.ResourceNotFoundException,
            ):
                return {}
        return found

    def _certificate(self, arn: str) -> DescribedCertificate:
        answer = self.iot.describe_certificate(certificateId=arn.rpartition("/")[2])
        one = answer["certificateDescription"]
        return DescribedCertificate(one["certificateId"], arn, one["status"], one["certificatePem"])

    def document(self, name: str) -> str | None:
        """iot:GetPolicy: the default version (JSON); None where the role may not read it."""
        if name in self.unreadable:
            return None
        if name not in self._documents:
            try:
                self._documents[name] = str(self.iot.get_policy(policyName=name)["policyDocument"])
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                self.unreadable.add(name)
        return self._documents.get(name)


def _connectivity(raw: dict[str, Any]) -> Connectivity:
    milliseconds = raw.get("timestamp")
    since = datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
    return Connectivity(bool(raw.get("connected")), since, raw.get("disconnectReason", ""))


def disconnected(iot: Any, name_prefix: str, most: int) -> list[str]:
    """iot:SearchIndex: the first ``most`` things of a fleet that are not connected, by name."""
    query = f"thingName:{name_prefix}* AND connectivity.connected:false"
    return sorted(one["thingName"] for one in registry.search_things(iot, query))[:most]


def log_lines(logs: Any, group: str, fields: Mapping[str, str], since: datetime) -> LogFacts:
    """logs:FilterLogEvents: JSON events since then in which the fields have these values, the last
    `MOST_LOG_EVENTS`."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern(fields), startTime=int(since.timestamp() * 1000)
    )
    lines: list[tuple[int, str]] = []
    try:
        for page in pages:
            found = [one for one in page["events"] if has(one["message"], fields)]
            lines = sorted([*lines, *((one["timestamp"], one["message"]) for one in found)])
            lines = lines[-MOST_LOG_EVENTS:]
    except logs.exceptions.ResourceNotFoundException:
        return LogFacts(group, None)
    return LogFacts(group, tuple(text.strip() for _, text in lines))


def pattern(fields: Mapping[str, str]) -> str:
    """A filter pattern of CloudWatch Logs: JSON events in which every field has that value."""
    return f"{{ {' && '.join(f'$.{name} = {json.dumps(value)}' for name, value in fields.items())} }}"


def has(message: str, fields: Mapping[str, str]) -> bool:
    """The same, decided here: the pattern only saves transfer, and an emulator may not know it."""
    try:
        event = json.loads(message)
    except ValueError:
        return False
    return isinstance(event, dict) and all(event.get(name) == value for name, value in fields.items())

"""A region's registry and what belongs to it, of one owner or of everybody else, to be compared later.

Without what devices report and what alarms do by themselves; a comparison would never be equal.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..core.clock import iso
from ..core.objects import digest
from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE
from ..core.quotas import PAGE_SIZE
from . import certificates, registry

Client = Callable[[str], Any]
Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Choice:
    """Whose."""

    mine: Callable[[str], bool]
    """Whether a name belongs to the owner."""
    others: bool = False
    """Everything that is not the owner's, instead."""
    known_at: datetime | None = None
    """Of the others, certificates made later are left out: they have no name that says whose they are."""

    def takes(self, name: str) -> bool:
        """Whether it is exported."""
        return self.mine(name) != self.others


def read(client: Client, choice: Choice, bucket_prefix: str) -> Sections:
    """Section → name → fields. Objects are listed of buckets that begin with ``bucket_prefix``."""
    iot = client("iot")
    things = {one["thingName"]: one for one in registry.iter_things(iot)}
    policies = _policies(iot)
    found: Sections = {
        "thing": {name: _thing(one, choice) for name, one in things.items() if choice.takes(name)},
        "thing group": _groups(iot, choice, policies),
        "thing type": _types(iot, choice),
        "policy": {
            name: {"document": one["document"]} for name, one in policies.items() if choice.takes(name)
        },
        "certificate": _certificates(iot, choice, things, policies),
        "shadow": _shadows(iot, choice),
        "rule": _rules(iot, choice),
        "stack": _stacks(client("cloudformation"), choice),
        "function": _functions(client("lambda"), choice),
        "object": _objects(client("s3"), choice, bucket_prefix),
    }
    plain: Sections = json.loads(json.dumps(found, sort_keys=True, default=str))
    return plain


def written(client: Client, choice: Choice, bucket_prefix: str) -> dict[str, str]:
    """``bucket/key`` of every object → when it was written."""
    s3 = client("s3")
    return {
        f"{bucket}/{one['Key']}": iso(one["LastModified"])
        for bucket in _buckets(s3, choice, bucket_prefix)
        for one in _listed(s3, bucket)
    }


def neutral(found: Sections, region: str, *, certificates_by_thing: bool = False) -> Sections:
    """The export without the name of its region; with certificates by their devices, if so wished."""
    if certificates_by_thing:
        found = {**found, **_by_thing(found["thing"], found["certificate"])}
    text = json.dumps(found, sort_keys=True).replace(region, "*")
    made: Sections = json.loads(text)
    return made


def _by_thing(things: Mapping[str, Any], known: Mapping[str, Any]) -> Sections:
    mine, bare = {}, {}
    for name, one in things.items():
        attributes = dict(one["attributes"])
        mine[name] = known.get(attributes.pop(CERTIFICATE_ATTRIBUTE, ""), {})
        bare[name] = {**one, "attributes": attributes}
    return {"thing": bare, "certificate": mine}


def _thing(one: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    version = {"version": one.get("version")} if choice.others else {}
    return {"type": one.get("thingTypeName", ""), "attributes": one.get("attributes", {}), **version}


def _policies(iot: Any) -> dict[str, dict[str, Any]]:
    """iot:ListPolicies, GetPolicy, ListTargetsForPolicy."""
    pages = iot.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
    return {
        name: {
            "document": iot.get_policy(policyName=name)["policyDocument"],
            "targets": sorted(certificates.iter_policy_targets(iot, name)),
        }
        for page in pages
        for name in (one["policyName"] for one in page["policies"])
    }


def _on(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """``cert/<id>`` or ``thinggroup/<name>`` → its policies."""
    owners = defaultdict(list)
    for name, policy in sorted(policies.items()):
        for arn in policy["targets"]:
            owners[arn.rpartition(":")[2]].append(name)
    return owners


def _groups(iot: Any, choice: Choice, policies: Mapping[str, Any]) -> dict[str, Any]:
    """iot:ListThingGroups, ListThingsInThingGroup."""
    owners = _on(policies)
    return {
        name: {
            "members": sorted(registry.iter_things_in_group(iot, name)),
            "policies": owners.get(f"thinggroup/{name}", []),
        }
        for page in iot.get_paginator("list_thing_groups").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
        for name in (one["groupName"] for one in page["thingGroups"])
        if choice.takes(name)
    }


def _types(iot: Any, choice: Choice) -> dict[str, Any]:
    """iot:ListThingTypes."""
    pages = iot.get_paginator("list_thing_types").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
    return {
        one["thingTypeName"]: one.get("thingTypeProperties", {})
        for page in pages
        for one in page["thingTypes"]
        if choice.takes(one["thingTypeName"])
    }


def _certificates(
    iot: Any, choice: Choice, things: Mapping[str, Any], policies: Mapping[str, Any]
) -> dict[str, Any]:
    """iot:ListCertificates. A certificate is whose device or policy it is."""
    owners = _on(policies)
    devices = {one.get("attributes", {}).get(CERTIFICATE_ATTRIBUTE): name for name, one in things.items()}
    found = {}
    for one in certificates.iter_certificates(iot):
        attached = owners.get(f"cert/{one.id}", [])
        mine = any(map(choice.mine, [devices.get(one.id, ""), *attached]))
        new = choice.known_at is not None and one.created > choice.known_at
        if mine != choice.others and not (choice.others and new):
            found[one.id] = {"status": one.status, "policies": attached}
    return found


def _shadows(iot: Any, choice: Choice) -> dict[str, Any]:
    """iot:SearchIndex: what is wished of devices; nothing where shadows are not indexed."""
    if registry.indexing(iot)["registry"] != "REGISTRY_AND_SHADOW":
        return {}
    return {
        hit["thingName"]: {"desired": json.loads(hit["shadow"]).get("desired", {})}
        for hit in registry.search_things(iot, "thingName:*")
        if hit.get("shadow") and choice.takes(hit["thingName"])
    }


def _rules(iot: Any, choice: Choice) -> dict[str, Any]:
    """iot:ListTopicRules, GetTopicRule. The name of a rule has _ where others have -."""
    return {
        name: {
            key: value
            for key, value in iot.get_topic_rule(ruleName=name)["rule"].items()
            if key != "createdAt"
        }
        for page in iot.get_paginator("list_topic_rules").paginate()
        for name in (one["ruleName"] for one in page["rules"])
        if choice.takes(name.replace("_", "-"))
    }


def _stacks(cloudformation: Any, choice: Choice) -> dict[str, Any]:
    """cloudformation:DescribeStacks."""
    return {
        one["StackName"]: {"status": one["StackStatus"].removeprefix("UPDATE_").removeprefix("CREATE_")}
        for page in cloudformation.get_paginator("describe_stacks").paginate()
        for one in page["Stacks"]
        if choice.takes(one["StackName"])
    }


def _functions(functions: Any, choice: Choice) -> dict[str, Any]:
    """lambda:ListFunctions, ListAliases: which code there is, and which version callers run."""
    return {
        one["FunctionName"]: {
            "code": one["CodeSha256"],
            "aliases": {
                alias["Name"]: alias["FunctionVersion"]
                for alias in functions.list_aliases(FunctionName=one["FunctionName"])["Aliases"]
            },
        }
        for page in functions.get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if choice.takes(one["FunctionName"])
    }


def _objects(s3: Any, choice: Choice, prefix: str) -> dict[str, Any]:
    """s3:ListObjectsV2, and GetObject of the owner's: where a key encrypts, an object that was written again
    with the same bytes has another ETag."""

    def seen(bucket: str, one: dict[str, Any]) -> dict[str, Any]:
        if choice.others:
            return {"etag": one["ETag"]}
        return {"sha256": digest(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())}

    return {
        f"{bucket}/{one['Key']}": {**seen(bucket, one), "size_bytes": one["Size"]}
        for bucket in _buckets(s3, choice, prefix)
        for one in _listed(s3, bucket)
    }


def _buckets(s3: Any, choice: Choice, prefix: str) -> list[str]:
    """s3:ListBuckets."""
    names = (one["Name"] for one in s3.list_buckets()["Buckets"])
    return sorted(name for name in names if name.startswith(prefix) and choice.takes(name))


def _listed(s3: Any, bucket: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one for page in pages for one in page.get("Contents", ())]

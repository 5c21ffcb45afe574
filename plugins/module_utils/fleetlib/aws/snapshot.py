"""Everything that a fleet needs, read in pages and batches. Calls for one thing at a time are made only for
what is few (policies, groups, rules, jobs, stacks) and for certificates that no snapshot has yet."""

from __future__ import annotations

import contextlib
import fnmatch
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from ..core.errors import FleetError
from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE
from ..core.quotas import PAGE_SIZE
from ..core.regions.serving import unmarked
from . import certificates, inspection, registry, storage

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

CONCURRENCY: Final = 16

Client = Callable[..., Any]
"""``client(service)`` makes a boto3 client."""


@dataclass(frozen=True)
class Source:
    """Objects that belong to a snapshot."""

    purpose: str
    """What the bucket is called in a snapshot, whatever its name is: ``programs``."""
    bucket: str
    prefix: str = ""
    pattern: str = "*"


@dataclass(frozen=True)
class Scope:
    """Which fleet."""

    name: str
    environment: str
    sources: tuple[Source, ...] = ()

    @property
    def query(self) -> str:
        """What finds its things in the fleet's index."""
        return f"thingName:{self.name}-*"

    def owns(self, name: str) -> bool:
        """Whether something of that name is this fleet's."""
        return name == self.name or name.startswith(f"{self.name}-")


@dataclass
class Found:
    """What was read."""

    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: dict[str, Any] = field(default_factory=dict)
    """Certificate id → when it was made."""
    changed_meanwhile: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read(
    client: Client,
    scope: Scope,
    *,
    whole: bool = True,
    meanwhile: Callable[[Mapping[str, Mapping[str, Any]]], None] = lambda state: None,
) -> Found:
    """The state of a fleet, without the text of certificates and objects.

    The lists of things and certificates are read again when everything that is tied to them has been, and
    what differs is recorded: AWS gives no moment's view of a registry. ``meanwhile`` gets what is known so
    far, first without shadows, then with them. Without ``whole`` stacks and objects are left out.
    """
    iot = client("iot", max_connections=CONCURRENCY)
    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        first = pool.submit(_things, iot, scope), pool.submit(_listed, iot)
        shadows = pool.submit(_shadows, iot, scope)
        read_policies = pool.submit(_policies, pool, iot, scope)
        types = pool.submit(_types, iot, scope)
        others = [pool.submit(part, client, scope) for part in (_PARTS if whole else _PARTS[:1])]
        groups, members = _groups(pool, iot, scope)
        policies, owners = read_policies.result()
        things, listed = first[0].result(), first[1].result()
        again = pool.submit(_things, iot, scope), pool.submit(_listed, iot)
        found = Found(state={"types": types.result(), "groups": groups, "policies": policies})
        _join(found, things, listed, members, owners)
        meanwhile(found.state)
        known, found.remarks = shadows.result()
        found.state["shadows"] = _of_these(iot, scope, things, known)
        meanwhile(found.state)
        for part in others:
            sections, remarks = part.result()
            found.state.update(sections)
            found.remarks += remarks
        things_again, listed_again = again[0].result(), again[1].result()
        found.changed_meanwhile = _changes(things, things_again, listed, listed_again)
        if found.changed_meanwhile:
            _join(found, things_again, listed_again, members, owners)
            found.state["shadows"] = _of_these(iot, scope, things_again, known)
    return found


def pems(iot: Any, wanted: Iterable[str], count: Callable[[], None]) -> dict[str, str]:
    """iot:DescribeCertificate for each; one that is gone meanwhile is left out."""

    def describe(one: str) -> tuple[str, str] | None:
        try:
            return one, certificates.describe(iot, one).pem
        except iot.exceptions.ResourceNotFoundException:
            return None
        finally:
            count()

    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        return dict(one for one in pool.map(describe, wanted) if one is not None)


def _things(iot: Any, scope: Scope) -> dict[str, dict[str, Any]]:
    """iot:ListThings, with the version that says whether one was changed."""
    return {
        one["thingName"]: {
            "type": one.get("thingTypeName") or "",
            "attributes": one.get("attributes", {}),
            "version": one.get("version"),
        }
        for one in registry.iter_things(iot, attribute=("environment", scope.environment))
        if scope.owns(one["thingName"])
    }


def _listed(iot: Any) -> dict[str, Any]:
    return {one.id: one for one in certificates.iter_certificates(iot)}


def _types(iot: Any, scope: Scope) -> dict[str, Any]:
    """iot:ListThingTypes."""
    found = {}
    for page in iot.get_paginator("list_thing_types").paginate(PaginationConfig={"PageSize": PAGE_SIZE}):
        for one in page["thingTypes"]:
            if scope.owns(one["thingTypeName"]):
                given = one.get("thingTypeProperties", {})
                found[one["thingTypeName"]] = {
                    "description": given.get("thingTypeDescription", ""),
                    "searchable": sorted(given.get("searchableAttributes", [])),
                }
    return found


def _groups(pool: ThreadPoolExecutor, iot: Any, scope: Scope) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """iot:ListThingGroups, DescribeThingGroup, ListThingsInThingGroup: groups, and thing → its groups."""
    names = [name for name in registry.iter_groups(iot, scope.name) if scope.owns(name)]
    described = {name: pool.submit(iot.describe_thing_group, thingGroupName=name) for name in names}
    listed = {
        name: pool.submit(lambda of: list(registry.iter_things_in_group(iot, of)), name) for name in names
    }
    members = defaultdict(list)
    for name in sorted(names):
        for thing in listed[name].result():
            members[thing].append(name)
    return {name: _group(described[name].result()) for name in names}, members


def _group(found: Mapping[str, Any]) -> dict[str, Any]:
    given = found.get("thingGroupProperties", {})
    return {
        "parent": found.get("thingGroupMetadata", {}).get("parentGroupName", ""),
        "description": given.get("thingGroupDescription", ""),
        "attributes": unmarked(given.get("attributePayload", {}).get("attributes", {})),
        "query": found.get("queryString", ""),
        "policies": [],
    }


def _policies(
    pool: ThreadPoolExecutor, iot: Any, scope: Scope
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """iot:ListPolicies, -PolicyVersions, -TargetsForPolicy, GetPolicyVersion: policies, and who has them."""
    pages = iot.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
    names = sorted(
        one["policyName"] for page in pages for one in page["policies"] if scope.owns(one["policyName"])
    )
    targets = {
        name: pool.submit(lambda of: list(certificates.iter_policy_targets(iot, of)), name) for name in names
    }
    owners = defaultdict(list)
    for name in names:
        for arn in targets[name].result():
            owners[arn.rpartition(":")[2]].append(name)
    return {name: _policy(iot, name) for name in names}, owners


def _policy(iot: Any, name: str) -> dict[str, Any]:
    listed = iot.list_policy_versions(policyName=name)["policyVersions"]
    documents, default = [], ""
    for version in sorted(listed, key=lambda one: int(one["versionId"])):
        text = iot.get_policy_version(policyName=name, policyVersionId=version["versionId"])["policyDocument"]
        documents.append(text)
        if version["isDefaultVersion"]:
            default = text
    return {"documents": documents, "default": default}


def _shadows(iot: Any, scope: Scope) -> tuple[dict[str, Any] | None, list[str]]:
    """iot:SearchIndex: every device found with its classic shadow, None for one without; a hundred a page."""
    try:
        found = registry.search_devices(iot, scope.query)
    except (iot.exceptions.IndexNotReadyException, iot.exceptions.ResourceNotFoundException) as error:
        return None, [f"Shadows: fleet indexing cannot answer ({error.response['Error']['Code']})."]
    return {name: _shadow(hit) for name, hit in found.items()}, []


def _of_these(
    iot: Any, scope: Scope, things: Collection[str], known: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The shadows of these things; none where indexing could not answer.

    Those that name no certificate are looked for anew: each by its name, or all where that takes fewer pages.
    """
    if known is None:
        return {}
    left = sorted(set(things) - known.keys())
    few = len(left) * registry.SEARCH_PAGE_SIZE <= len(things)
    queries = [f"thingName:{name}" for name in left] if few else [scope.query]
    hits = (hit for query in queries for hit in registry.search_things(iot, query))
    found = {**known, **{hit["thingName"]: _shadow(hit) for hit in hits}}
    return {name: shadow for name, shadow in found.items() if shadow and name in things}


def _shadow(hit: Mapping[str, Any]) -> dict[str, Any] | None:
    if not hit.get("shadow"):
        return None
    document = json.loads(hit["shadow"])
    return {part: document[part] for part in ("desired", "reported") if part in document}


def _changes(
    things: Mapping[str, Any],
    things_again: Mapping[str, Any],
    listed: Mapping[str, Any],
    again: Mapping[str, Any],
) -> dict[str, list[str]]:
    both = things.keys() & things_again.keys()
    found = {
        "things made": things_again.keys() - things.keys(),
        "things deleted": things.keys() - things_again.keys(),
        "things changed": {one for one in both if things[one] != things_again[one]},
        "certificates made": again.keys() - listed.keys(),
        "certificates deleted": listed.keys() - again.keys(),
        "certificates changed": {one for one in listed.keys() & again.keys() if listed[one] != again[one]},
    }
    return {kind: sorted(names) for kind, names in found.items() if names}


def _join(
    found: Found,
    things: Mapping[str, dict[str, Any]],
    listed: Mapping[str, Any],
    members: Mapping[str, list[str]],
    owners: Mapping[str, list[str]],
) -> None:
    """Tie together what the lists say. A thing's attribute names its certificate."""
    found.state["things"] = {}
    named = set()
    for name, one in things.items():
        certificate = one["attributes"].get(CERTIFICATE_ATTRIBUTE, "")
        mine = [certificate] if certificate in listed else []
        named.update(mine)
        own = {"type": one["type"], "attributes": one["attributes"]}
        found.state["things"][name] = {**own, "certificates": mine, "groups": members.get(name, [])}
    named |= {target.removeprefix("cert/") for target in owners if target.startswith("cert/")} & listed.keys()
    found.state["certificates"] = {
        one: {"status": listed[one].status, "policies": owners.get(f"cert/{one}", [])} for one in named
    }
    found.created = {one: listed[one].created for one in named}
    for name, group in found.state["groups"].items():
        group["policies"] = owners.get(f"thinggroup/{name}", [])


Sections = tuple[dict[str, dict[str, Any]], list[str]]


def _settings(client: Client, scope: Scope) -> Sections:
    """Indexing, rules and jobs in flight."""
    iot = client("iot")
    found = iot.get_indexing_configuration()
    indexing = {
        name: found[name] for name in ("thingIndexingConfiguration", "thingGroupIndexingConfiguration")
    }
    return {"indexing": indexing, "rules": _rules(iot, scope), "jobs": _jobs(iot, scope)}, []


def _rules(iot: Any, scope: Scope) -> dict[str, Any]:
    """iot:ListTopicRules and GetTopicRule. The name of a rule has _ where others have -."""
    start = scope.name.replace("-", "_")
    found = {}
    for page in iot.get_paginator("list_topic_rules").paginate():
        for one in page["rules"]:
            if one["ruleName"].startswith(f"{start}_"):
                rule = iot.get_topic_rule(ruleName=one["ruleName"])["rule"]
                found[one["ruleName"]] = {k: v for k, v in rule.items() if k not in ("ruleName", "createdAt")}
    return found


def _jobs(iot: Any, scope: Scope) -> dict[str, Any]:
    """iot:ListJobs, DescribeJob and GetJobDocument of jobs that have not ended."""
    found = {}
    for status in ("IN_PROGRESS", "SCHEDULED"):
        for page in iot.get_paginator("list_jobs").paginate(status=status):
            for one in page["jobs"]:
                if scope.owns(one["jobId"]):
                    job = iot.describe_job(jobId=one["jobId"])["job"]
                    document = iot.get_job_document(jobId=one["jobId"]).get("document", "")
                    kept = {k: job[k] for k in sorted(_JOB_PARTS & job.keys())}
                    found[one["jobId"]] = {**kept, "document": document}
    return found


_JOB_PARTS = {
    "abortConfig",
    "description",
    "jobExecutionsRetryConfig",
    "jobExecutionsRolloutConfig",
    "presignedUrlConfig",
    "schedulingConfig",
    "targetSelection",
    "targets",
    "timeoutConfig",
}


def _stacks(client: Client, scope: Scope) -> Sections:
    """cloudformation:DescribeStacks and GetTemplate; lambda:GetFunctionConfiguration."""
    cloudformation = client("cloudformation")
    stacks: dict[str, Any] = {}
    functions: dict[str, Any] = {}
    for purpose in ("core", "storage", "validator", "monitoring", "telemetry", "audit", "pipeline"):
        try:
            (stack,) = cloudformation.describe_stacks(StackName=f"{scope.name}-{purpose}")["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                continue
            raise
        template = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
        stacks[stack["StackName"]] = {
            "parameters": {
                one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])
            },
            "template": template if isinstance(template, str) else json.dumps(template, sort_keys=True),
        }
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        if "FunctionName" in outputs:
            functions |= _function(client("lambda"), outputs["FunctionName"])
    return {"stacks": stacks, "functions": functions}, []


def _function(functions: Any, name: str) -> dict[str, Any]:
    """Its code is an object of the deployment bucket; the hash tells which."""
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        return {}
    return {
        name: {
            k: found[k] for k in ("CodeSha256", "Handler", "MemorySize", "Runtime", "Timeout") if k in found
        }
    }


def _watching(client: Client, scope: Scope) -> Sections:
    """cloudwatch:DescribeAlarms and GetDashboard."""
    cloudwatch = client("cloudwatch")
    alarms = {}
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{scope.name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    for page in pages:
        for one in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
            alarms[one["AlarmName"]] = {k: v for k, v in one.items() if k not in _ALARM_VOLATILE}
    body = inspection.dashboard(cloudwatch, scope.name)
    return {"alarms": _plain(alarms), "dashboards": {scope.name: body} if body else {}}, []


_ALARM_VOLATILE = {
    "AlarmConfigurationUpdatedTimestamp",
    "StateReason",
    "StateReasonData",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "StateValue",
    "EvaluationState",
}


def _objects(client: Client, scope: Scope) -> Sections:
    """s3:ListObjectsV2: what there is; `core.backup` decides whose bytes have to be read."""
    s3 = client("s3")
    found, remarks = {}, []
    for source in scope.sources:
        if not storage.bucket_exists(s3, source.bucket):
            remarks.append(f"Objects: there is no bucket {source.bucket}.")
            continue
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.prefix)
        for page in pages:
            for one in page.get("Contents", ()):
                if fnmatch.fnmatchcase(one["Key"], source.pattern):
                    found[f"{source.purpose}/{one['Key']}"] = {"etag": one["ETag"], "size_bytes": one["Size"]}
    return {"objects": found}, remarks


def _plain(value: Any) -> Any:
    """JSON's own types only; times become text."""
    return json.loads(json.dumps(value, default=str, sort_keys=True))


_PARTS: tuple[Callable[[Client, Scope], Sections], ...] = (_settings, _stacks, _watching, _objects)


def require_indexing(found: Found) -> None:
    """Raise `FleetError` where shadows could not be read: a snapshot without them would look whole."""
    mode = found.state["indexing"]["thingIndexingConfiguration"].get("thingIndexingMode", "OFF")
    off = [] if mode == "REGISTRY_AND_SHADOW" else [f"Shadows are not indexed (thingIndexingMode is {mode})."]
    troubles = off + [one for one in found.remarks if one.startswith("Shadows")]
    if troubles:
        raise FleetError(troubles[0], "Role fleet_indexing switches it on; deploy.yml runs it.")

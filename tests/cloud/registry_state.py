"""The registry of an account as bytes, equal where nothing differs but times of change."""

from __future__ import annotations

import json
from typing import Any


def export(iot: Any) -> bytes:
    """Things, groups, certificates and policies, and what is tied to what."""
    return json.dumps(
        {
            "things": _things(iot),
            "groups": _groups(iot),
            "certificates": _certificates(iot),
            "policies": _policies(iot),
        },
        indent=1,
        sort_keys=True,
        default=str,
    ).encode()


def _all(iot: Any, operation: str, key: str, **options: Any) -> list[Any]:
    return [one for page in iot.get_paginator(operation).paginate(**options) for one in page[key]]


def _things(iot: Any) -> dict[str, Any]:
    found = {one["thingName"]: one for one in _all(iot, "list_things", "things")}
    for name, one in found.items():
        one["principals"] = sorted(_all(iot, "list_thing_principals", "principals", thingName=name))
        groups = _all(iot, "list_thing_groups_for_thing", "thingGroups", thingName=name)
        one["groups"] = sorted(group["groupName"] for group in groups)
    return found


def _groups(iot: Any) -> dict[str, Any]:
    return {
        one["groupName"]: {
            "members": sorted(
                _all(iot, "list_things_in_thing_group", "things", thingGroupName=one["groupName"])
            ),
            "policies": sorted(
                policy["policyName"]
                for policy in _all(iot, "list_attached_policies", "policies", target=one["groupArn"])
            ),
        }
        for one in _all(iot, "list_thing_groups", "thingGroups")
    }


def _certificates(iot: Any) -> dict[str, Any]:
    return {
        one["certificateArn"]: {
            **one,
            "policies": sorted(
                policy["policyName"]
                for policy in _all(iot, "list_attached_policies", "policies", target=one["certificateArn"])
            ),
        }
        for one in _all(iot, "list_certificates", "certificates")
    }


def _policies(iot: Any) -> dict[str, Any]:
    return {
        one["policyName"]: {
            "document": iot.get_policy(policyName=one["policyName"])["policyDocument"],
            "targets": sorted(_all(iot, "list_targets_for_policy", "targets", policyName=one["policyName"])),
        }
        for one in _all(iot, "list_policies", "policies")
    }

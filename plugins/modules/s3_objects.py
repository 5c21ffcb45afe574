#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: s3_objects
short_description: Have a list of objects in a bucket
version_added: 0.1.0
description:
  - Uploads the objects that differ, in the order given, and leaves the others alone.
  - An object's SHA-256 is kept in its metadata (C(sha256)) and compared with it; ETags are no hash of the
    content where the bucket encrypts with KMS. Where the metadata is missing, the object is read.
  - Objects that the list does not name are never touched.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would be uploaded, also to a bucket that does not exist yet.
    support: full
  diff_mode:
    description: Shows hash, size, content type, metadata and tags of what changes, never the content.
    support: full
  idempotent:
    description: Uploads nothing the second time.
    support: full
options:
  bucket:
    description:
      - The bucket.
      - In check mode it may be missing, or empty when its name is not known yet; all objects are new then.
    type: str
    required: true
  objects:
    description: The objects.
    type: list
    elements: dict
    required: true
    suboptions:
      key:
        description: Key of the object.
        type: str
        required: true
      src:
        description: File on the control host.
        type: path
      content:
        description: The content itself, as text; stored as UTF-8.
        type: str
      sha256:
        description:
          - Lower-case hex digest that O(objects[].src) must have.
          - In check mode the file need not exist when this is given.
        type: str
      content_type:
        description: MIME type; taken from the key's extension when not given.
        type: str
      metadata:
        description: Names and values kept with the object. C(sha256) is set by the module.
        type: dict
        default: {}
      tags:
        description: Tags the object must have. Other tags are left alone unless it is written anew.
        type: dict
        default: {}
  immutable:
    description:
      - Whether an object that exists keeps its content for ever. Other content under its key is refused,
        for the whole list, before anything is uploaded.
      - Writes are conditional then, so two writers at once cannot replace each other's object.
    type: bool
    default: false
  wait_for_tag:
    description:
      - Wait until every object has a tag that something else sets, such as a Lambda that validates it.
      - An object that has not got the tag with this value is uploaded again, with the same content.
      - Check mode does not wait.
    type: dict
    suboptions:
      name:
        description: Name of the tag.
        type: str
        required: true
      value:
        description: The value it must have; any other is an error.
        type: str
        required: true
      timeout_seconds:
        description: How long to wait for all objects together.
        type: int
        default: 120
      hint:
        description: Where to look when the tag does not come or has another value; ends the error message.
        type: str
        default: ""
"""

EXAMPLES = r"""
- name: Have the example programs in the bucket, validated in the cloud
  steel.fleet.s3_objects:
    bucket: aws-iot-steel-staging-programs-123456789012
    objects:
      - key: examples/blink_led.scm
        src: programs/blink_led/blink_led.scm
        content_type: text/x-scheme
        metadata: {profile: esp32-c3}
    wait_for_tag:
      name: validation
      value: passed
      hint: Its log group is /aws/lambda/steel-program-validator.

- name: Publish a package that nobody may replace
  steel.fleet.s3_objects:
    bucket: aws-iot-steel-staging-programs-123456789012
    objects:
      - key: packages/blink_led/1.0.0/manifest.json
        content: "{{ manifest | to_json }}"
    immutable: true
"""

RETURN = r"""
objects:
  description: Every object, in the order given.
  type: list
  elements: dict
  returned: success
  contains:
    key: {description: Key., type: str, returned: always, sample: examples/blink_led.scm}
    action:
      description: What was done, or would be done in check mode.
      type: str
      returned: always
      sample: created
    sha256: {description: Hash of the content., type: str, returned: always, sample: 9f86d081884c7d65…}
    size_bytes:
      description: Size of the content; none for a file that does not exist yet.
      type: int
      returned: always
      sample: 812
    tags:
      description: Its tags, as far as O(objects[].tags) or O(wait_for_tag) made the module look at them.
      type: dict
      returned: always
      sample: {validation: passed}
uploaded:
  description: Keys that were uploaded, or would be.
  type: list
  elements: str
  returned: success
  sample: [examples/blink_led.scm]
bucket_exists:
  description: Whether the bucket was there. Only check mode goes on without it.
  type: bool
  returned: success
  sample: true
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import storage
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import objects
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)

ARGUMENT_SPEC = {
    "bucket": {"type": "str", "required": True},
    "objects": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "src": {"type": "path"},
            "content": {"type": "str"},
            "sha256": {"type": "str"},
            "content_type": {"type": "str"},
            "metadata": {"type": "dict", "default": {}},
            "tags": {"type": "dict", "default": {}},
        },
        "mutually_exclusive": [["src", "content"]],
        "required_one_of": [["src", "content"]],
    },
    "immutable": {"type": "bool", "default": False},
    "wait_for_tag": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "required": True},
            "timeout_seconds": {"type": "int", "default": 120},
            "hint": {"type": "str", "default": ""},
        },
    },
}


def read_body(one: Mapping[str, Any], check_mode: bool) -> bytes | None:
    """The content to upload; ``None`` for a file that a check mode run has not made, or not made anew."""
    if one["content"] is not None:
        return one["content"].encode()
    path = Path(one["src"])
    if check_mode and one["sha256"] and not path.exists():
        return None
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"src of {one['key']} cannot be read: {path}: {error.strerror}.",
            "Give a file that the control host can read.",
        ) from error
    if one["sha256"] and objects.digest(body) != one["sha256"]:
        if check_mode:
            return None
        raise FleetError(
            f"{path} has sha256 {objects.digest(body)}, not {one['sha256']} as given for {one['key']}.",
            "The file changed since its hash was taken; make it again.",
        )
    return body


def parse(one: Mapping[str, Any], body: bytes | None) -> objects.Desired:
    return objects.Desired(
        key=one["key"],
        sha256=one["sha256"] if body is None else objects.digest(body),
        size_bytes=None if body is None else len(body),
        content_type=one["content_type"] or objects.content_type(one["key"]),
        metadata={name: str(value) for name, value in one["metadata"].items()},
        tags={name: str(value) for name, value in one["tags"].items()},
    )


def require_bucket(s3: Any, bucket: str, check_mode: bool) -> bool:
    """Whether the bucket exists; outside check mode it must."""
    if bucket and storage.bucket_exists(s3, bucket):
        return True
    if check_mode:
        return False
    raise FleetError(
        f"The bucket {bucket} does not exist." if bucket else "bucket is empty.",
        "The storage stack creates the buckets of an environment: run deploy.yml first.",
    )


def gather(
    s3: Any, bucket: str, desired: Sequence[objects.Desired], with_tags: bool
) -> dict[str, objects.Stored]:
    found = (storage.look(s3, bucket, one.key, with_tags=with_tags or bool(one.tags)) for one in desired)
    return {one.key: one for one in found if one is not None}


def await_tags(s3: Any, bucket: str, keys: Sequence[str], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Wait for the tag; raise when it does not come, or comes with another value."""
    name, expected, timeout = wanted["name"], wanted["value"], wanted["timeout_seconds"]
    found = storage.wait_for_tag(s3, bucket, keys, name, timeout)
    missing = [key for key in keys if key not in found]
    if missing:
        raise FleetError(
            f"After {timeout} s nothing has set the tag {name} on {', '.join(missing)} in {bucket}.",
            wanted["hint"],
            untagged=missing,
        )
    refused = {key: found[key][name] for key in keys if found[key][name] != expected}
    if refused:
        listed = ", ".join(f"{key} ({name}={value})" for key, value in refused.items())
        raise FleetError(
            f"Not every object in {bucket} got {name}={expected}: {listed}.", wanted["hint"], refused=refused
        )
    return found


def work(context: Context) -> dict[str, Any]:
    params, s3 = context.params, context.client("s3")
    bodies = [read_body(one, context.check_mode) for one in params["objects"]]
    desired = [parse(one, body) for one, body in zip(params["objects"], bodies, strict=True)]
    objects.check(desired)
    bucket, wanted = params["bucket"], params["wait_for_tag"]
    exists = require_bucket(s3, bucket, context.check_mode)
    plan = objects.plan(
        desired,
        gather(s3, bucket, desired, wanted is not None) if exists else {},
        immutable=params["immutable"],
        awaited=(wanted["name"], wanted["value"]) if wanted else None,
    )
    tags = {step.desired.key: step.tags for step in plan.steps}
    if not context.check_mode:
        for step, body in zip(plan.steps, bodies, strict=True):
            storage.write(s3, bucket, step, body, immutable=params["immutable"])
        if wanted:
            tags = await_tags(s3, bucket, list(tags), wanted)
    return {
        "changed": plan.changed,
        "bucket_exists": exists,
        "uploaded": [step.desired.key for step in plan.steps if step.uploads],
        "objects": [
            {
                "key": step.desired.key,
                "action": str(step.action),
                "sha256": step.desired.sha256,
                "size_bytes": step.desired.size_bytes,
                "tags": tags[step.desired.key],
            }
            for step in plan.steps
        ],
        "diff": {"before": plan.before, "after": plan.after},
    }


def main() -> None:
    run_aws_module(work, argument_spec=ARGUMENT_SPEC)


if __name__ == "__main__":
    main()

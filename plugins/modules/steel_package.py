#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: steel_package
short_description: Publish Steel programs as immutable, signed packages
version_added: 0.1.0
description:
  - Checks every program, makes a package of it (manifest, code, signature, what validated it) and writes it
    to C(<prefix>/<id>/<version>/package.json), only where nothing is.
  - A version that is published can never be published with other content. Nothing is replaced or deleted.
  - If one program is refused, none is published.
  - What an option does not say is taken from C(program.toml) beside the program, where there is one.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would be published, also where the bucket does not exist yet.
    support: full
  diff_mode:
    description: Shows the manifests that would be published.
    support: full
  idempotent:
    description: Publishes nothing that is published.
    support: full
options:
  bucket:
    description: The programs bucket. In check mode it may be empty, when its name is not known yet.
    type: str
    required: true
  prefix:
    description: Where packages are in the bucket.
    type: str
    default: packages
  programs:
    description: The programs to publish.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: File with the program.
        type: path
        required: true
      id:
        description: What devices know it by. Defaults to the file's name without its extension.
        type: str
      name:
        description: Its name for people. Defaults to that in C(program.toml), else to O(programs[].id).
        type: str
      version:
        description: Semantic version, at most 16 characters. Required where there is no C(program.toml).
        type: str
      profile:
        description: The kind of device it is for. V(esp32-c3) where nothing says otherwise.
        type: str
        choices: [esp32-c3, linux]
      topics:
        description: Topics it publishes to.
        type: list
        elements: str
      auto_start:
        description: Whether a device runs it as soon as it is loaded. V(true) where nothing says otherwise.
        type: bool
      timeout_seconds:
        description: How long one run may take.
        type: int
      memory_bytes:
        description: Memory it needs.
        type: int
      description:
        description: What it does.
        type: str
      author:
        description: Who wrote it.
        type: str
  signing_key_file:
    description: Private key on this host (EC P-256, PEM). Made with mode 0600 when it is not there.
    type: path
  kms_key:
    description: Key in KMS that signs instead (ECC_NIST_P256, SIGN_VERIFY).
    type: str
"""

EXAMPLES = r"""
- name: Publish a program
  steel.fleet.steel_package:
    bucket: aws-iot-steel-production-programs-123456789012-us-west-2
    programs:
      - path: programs/blink_led/blink_led.scm
        version: 1.2.0
    signing_key_file: /var/lib/fleet/production/signing/private.key
"""

RETURN = r"""
packages:
  description: Every program, and what was done with it.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: The program.
      type: str
      returned: always
      sample: blink_led
    version:
      description: Its version.
      type: str
      returned: always
      sample: 1.2.0
    sha256:
      description: Of its code.
      type: str
      returned: always
      sample: 0a1b2c
    size_bytes:
      description: Of its code.
      type: int
      returned: always
      sample: 412
    key:
      description: Where it is in the bucket.
      type: str
      returned: always
      sample: packages/blink_led/1.2.0/package.json
    action:
      description: V(publish) or V(none).
      type: str
      returned: always
      sample: publish
    newest_before:
      description: The newest version that was published before; empty when there was none.
      type: str
      returned: always
      sample: 1.1.0
signing_key_id:
  description: SHA-256 of the public key, or the ARN of the key in KMS. Not known in check mode.
  type: str
  returned: not in check mode
  sample: 5d41402abc4b2a76b9719d911017c592
public_key:
  description: The public half of the signing key, as PEM, where it is a key of this host.
  type: str
  returned: not in check mode, with O(signing_key_file)
  sample: "-----BEGIN PUBLIC KEY-----"
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import packages, storage
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.signing import KmsSigner
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import programs
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.program_folder import (
    METADATA,
    Metadata,
    read_metadata,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.files import check_file
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.scheme.render import render
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.signatures import LocalSigner

PROGRAM_OPTIONS = {
    "path": {"type": "path", "required": True},
    "id": {"type": "str"},
    "name": {"type": "str"},
    "version": {"type": "str"},
    "profile": {"type": "str", "choices": ["esp32-c3", "linux"]},
    "topics": {"type": "list", "elements": "str"},
    "auto_start": {"type": "bool"},
    "timeout_seconds": {"type": "int"},
    "memory_bytes": {"type": "int"},
    "description": {"type": "str"},
    "author": {"type": "str"},
}
METADATA_OPTIONS = set(PROGRAM_OPTIONS) - {"path", "id"}


def validated(given: Mapping[str, Any]) -> tuple[programs.Manifest, str, dict[str, Any]]:
    """Manifest, code and what the checks found; raises when the program must not go to a device."""
    path = Path(given["path"])
    metadata = described(path, given)
    report = check_file(path, metadata.profile, metadata.topics)
    if not report.ok:
        raise InvalidInputError(
            f"{path} must not go to a device:\n{render([report], 'text')}", diagnostics=report.as_dict()
        )
    code = path.read_bytes()
    manifest = programs.Manifest(
        id=given["id"] or path.stem, sha256=digest(code), size_bytes=len(code), **vars(metadata)
    )
    found = {
        "checker": "steel.fleet",
        "profile": metadata.profile,
        "errors": 0,
        "warnings": report.warnings,
    }
    return manifest, code.decode(), found


def described(path: Path, given: Mapping[str, Any]) -> Metadata:
    """What the options say of a program, and beyond that its program.toml."""
    said = {name: value for name, value in given.items() if name in METADATA_OPTIONS and value is not None}
    if "topics" in said:
        said["topics"] = tuple(said["topics"])
    metadata = read_metadata(path)
    if metadata is None and "version" not in said:
        raise InvalidInputError(
            f"{path} has no version.",
            f"Give it one as version (-e program_version=1.0.0), or in a {METADATA} beside it.",
        )
    metadata = metadata or Metadata(name=given["id"] or path.stem, version=said["version"])
    return replace(metadata, **said)


def require_distinct(manifests: list[programs.Manifest]) -> None:
    ids = [manifest.id for manifest in manifests]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise InvalidInputError(
            f"programs: {', '.join(twice)} is given twice.", "Give each an id of its own."
        )


def work(context: Context) -> dict[str, Any]:
    params, s3 = context.params, context.client("s3")
    bucket, prefix = params["bucket"], params["prefix"]
    checked = [validated(one) for one in params["programs"]]
    require_distinct([manifest for manifest, _, _ in checked])
    exists = bool(bucket) and storage.bucket_exists(s3, bucket)
    if not exists and not context.check_mode:
        raise FleetError(f"The bucket {bucket or 'of programs'} does not exist.", "Run deploy.yml first.")
    plan = [plan_one(s3, bucket if exists else "", prefix, manifest) for manifest, _, _ in checked]
    result: dict[str, Any] = {
        "changed": any(one.action == "publish" for one in plan),
        "packages": [one.as_dict() for one in plan],
        "diff": {"before": {}, "after": {one.key: one.as_dict() for one in plan if one.action == "publish"}},
    }
    if context.check_mode:
        return result
    signer = LocalSigner(Path(params["signing_key_file"])) if params["signing_key_file"] else None
    sign = signer or KmsSigner(context.client("kms"), params["kms_key"])
    for one, (manifest, code, found) in zip(plan, checked, strict=True):
        if one.action == "publish":
            value = base64.b64encode(sign.sign(manifest.canonical())).decode()
            signature = programs.Signature(sign.key_id, value)
            package = programs.Package(manifest, code, signature, found, iso(SystemClock().now()))
            packages.publish(s3, bucket, one.key, package)
    return result | {"signing_key_id": sign.key_id, **({"public_key": signer.public_pem()} if signer else {})}


def plan_one(s3: Any, bucket: str, prefix: str, manifest: programs.Manifest) -> programs.Publication:
    key = programs.key_of(prefix, manifest.id, manifest.version)
    if not bucket:
        return programs.plan_publication(manifest, key, None, "")
    versions = packages.versions(s3, bucket, prefix, manifest.id)
    published = packages.find(s3, bucket, key) if manifest.version in versions else None
    return programs.plan_publication(manifest, key, published, versions[-1] if versions else "")


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": "packages"},
            "programs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": PROGRAM_OPTIONS,
            },
            "signing_key_file": {"type": "path", "no_log": False},
            "kms_key": {"type": "str", "no_log": False},
        },
        mutually_exclusive=[("signing_key_file", "kms_key")],
        required_one_of=[("signing_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

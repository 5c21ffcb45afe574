#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_release_info
short_description: Get a firmware release and verify every byte of it
version_added: 0.1.0
description:
  - Reads a release from a directory, or fetches it from the firmware bucket into that directory.
  - Verifies the signatures of manifest and images, hashes, sizes, chip, and that everything has its place.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Fetches, too. What is fetched is a copy that nothing depends on.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  directory:
    description: Where the release is, or is fetched to.
    type: path
    required: true
  bucket:
    description: The firmware bucket, for a release that O(directory) does not have.
    type: str
    default: ""
  version:
    description: The version that is wanted. Empty takes what O(directory) has.
    type: str
    default: ""
  public_key_file:
    description: Public key (PEM) of who signs releases.
    type: path
  kms_key:
    description: Key in KMS that signs releases.
    type: str
"""

EXAMPLES = r"""
- name: Get release 1.0.0
  steel.fleet.esp_release_info:
    directory: /var/lib/fleet/production/firmware/1.0.0
    bucket: aws-iot-steel-production-firmware-123456789012-us-west-2
    version: 1.0.0
    public_key_file: /var/lib/fleet/production/signing/public.pem
"""

RETURN = r"""
release:
  description: What is in it.
  type: dict
  returned: success
  sample: {version: 1.0.0, chip: esp32c3, minimum_revision: "0.3", nvs_encryption: false, images: []}
directory:
  description: Where it is.
  type: str
  returned: success
  sample: /var/lib/fleet/production/firmware/1.0.0
files:
  description: Names of its files, the manifest last.
  type: list
  elements: str
  returned: success
  sample: [selftest.bin, app.bin, manifest.json]
public_key:
  description: The public key (PEM) that it was verified with, for the hosts that flash.
  type: str
  returned: success
  sample: "-----BEGIN PUBLIC KEY-----"
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.firmware_trust import TRUST_SPEC, public_pem
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import firmware_release
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import releases
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware import manifest


def fetch(s3: Any, bucket: str, version: str, directory: Path) -> None:
    """Copy a release from the bucket; the manifest last."""
    body = releases.find(s3, bucket, version)
    if body is None:
        raise FleetError(
            f"There is no firmware release {version} in {bucket}.",
            "Publish it (module esp_release with bucket), or name a directory that has it.",
        )
    found = manifest.read(body, f"s3://{bucket}/{manifest.key(version, manifest.FILE_NAME)}")
    directory.mkdir(parents=True, exist_ok=True)
    for image in found.images:
        content = releases.find(s3, bucket, version, image.file)
        if content is None:
            raise FleetError(f"Release {version} in {bucket} has no {image.file}.", "Publish it again.")
        (directory / image.file).write_bytes(content)
    (directory / manifest.FILE_NAME).write_bytes(body)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    directory, wanted = Path(params["directory"]), params["version"]
    public_key = public_pem(context)
    if params["bucket"] and wanted and not (directory / manifest.FILE_NAME).exists():
        fetch(context.client("s3"), params["bucket"], wanted, directory)
    release = firmware_release.load(directory, firmware_release.trusted(public_key))
    if wanted and release.manifest.version != wanted:
        raise FleetError(f"{directory} has release {release.manifest.version}, not {wanted}.")
    return {
        "changed": False,
        "release": release.as_dict(),
        "directory": str(directory),
        "files": [*(one.file for one in release.manifest.images), manifest.FILE_NAME],
        "public_key": public_key,
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "directory": {"type": "path", "required": True},
            "bucket": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            **TRUST_SPEC,
        },
        mutually_exclusive=[("public_key_file", "kms_key")],
        required_one_of=[("public_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

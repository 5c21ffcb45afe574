#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_rollout_image
short_description: Publish a firmware image for updates over the air, immutable and signed
version_added: 0.1.0
description:
  - Checks that the file is an application image for the ESP32-C3 which fits an app slot, signs its bytes, and
    writes image and description to C(ota/<version>/), only where nothing is.
  - A published version can never be published with other content.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would be published.
    support: full
  idempotent:
    description: Publishes nothing that is published.
    support: full
options:
  bucket:
    description: The firmware bucket.
    type: str
    required: true
  path:
    description: The image.
    type: path
    required: true
  version:
    description: Semantic version, at most 16 characters.
    type: str
    required: true
  compatibility_version:
    description: Oldest version from which a device may update. Empty is C(x.0.0), x being the major version.
    type: str
    default: ""
  description:
    description: What is new.
    type: str
    default: ""
  critical:
    description: Whether devices should not put it off.
    type: bool
    default: false
  slot_bytes:
    description: Size of an app slot.
    type: int
    default: 1572864
  signing_key_file:
    description: Private key on this host (EC P-256, PEM). Made with mode 0600 when it is not there.
    type: path
  kms_key:
    description: Key in KMS that signs instead (ECC_NIST_P256, SIGN_VERIFY).
    type: str
"""

EXAMPLES = r"""
- name: Publish a firmware image
  steel.fleet.iot_rollout_image:
    bucket: aws-iot-steel-production-firmware-123456789012-us-west-2
    path: build/app.bin
    version: 1.3.0
    signing_key_file: /var/lib/fleet/production/signing/private.key
"""

RETURN = r"""
release:
  description: What is published of the image.
  type: dict
  returned: success
  sample: {version: 1.3.0, sha256: 0a1b2c, size_bytes: 912384}
"""

import base64
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import firmware as images
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.signing import KmsSigner
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.programs import (
    Signature,
    check_version,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout import firmware
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.signatures import LocalSigner


def work(context: Context) -> dict[str, Any]:
    params, s3 = context.params, context.client("s3")
    version = check_version("version", params["version"])
    try:
        image = Path(params["path"]).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"path: {params['path']} cannot be read: {error.strerror}.") from error
    firmware.check_image(params["path"], image, params["slot_bytes"])
    unsigned = firmware.Release(
        version=version,
        sha256=digest(image),
        size_bytes=len(image),
        signature=Signature("", ""),
        compatibility_version=params["compatibility_version"] or f"{version.partition('.')[0]}.0.0",
        description=params["description"],
        critical=params["critical"],
        published_at=iso(SystemClock().now()),
    )
    published = images.find(s3, params["bucket"], version)
    if published is not None and not firmware.is_same(unsigned, published):
        raise FleetError(
            f"Firmware {version} is published already, with another content or description.",
            "What is published stays as it is: give the new image a new version.",
        )
    result = {"version": version, "sha256": unsigned.sha256, "size_bytes": unsigned.size_bytes}
    if published is None and not context.check_mode:
        path = params["signing_key_file"]
        signer = LocalSigner(Path(path)) if path else KmsSigner(context.client("kms"), params["kms_key"])
        signature = Signature(signer.key_id, base64.b64encode(signer.sign(image)).decode())
        release = firmware.Release(**{**vars(unsigned), "signature": signature})
        images.publish(s3, params["bucket"], release, image)
    return {"changed": published is None, "release": result}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "version": {"type": "str", "required": True},
            "compatibility_version": {"type": "str", "default": ""},
            "description": {"type": "str", "default": ""},
            "critical": {"type": "bool", "default": False},
            "slot_bytes": {"type": "int", "default": firmware.SLOT_BYTES},
            "signing_key_file": {"type": "path", "no_log": False},
            "kms_key": {"type": "str", "no_log": False},
        },
        mutually_exclusive=[("signing_key_file", "kms_key")],
        required_one_of=[("signing_key_file", "kms_key")],
    )


if __name__ == "__main__":
    main()

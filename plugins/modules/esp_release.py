#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_release
short_description: Build a signed firmware release for boards that are flashed over a cable
version_added: 0.1.0
description:
  - Puts images, partition table and NVS schema together with a manifest, checks that everything fits, and
    signs each image and the manifest.
  - Where O(bucket) is given the release is published to C(flash/<version>/) there, only where nothing is.
  - A release that exists can never become another one under the same version.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Builds in memory, and says whether anything would be written.
    support: full
  idempotent:
    description: Writes nothing where the same release is.
    support: full
options:
  directory:
    description: Where the release is written.
    type: path
    required: true
  version:
    description: Semantic version, at most 16 characters.
    type: str
    required: true
  selftest_source:
    description:
      - Directory with the source of the self-test, which is compiled and becomes the image at 0x0 and the
        application in the first slot. Needs C(riscv64-unknown-elf-gcc).
    type: path
  images:
    description: Images of the release, beside the self-test or instead of it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called.
        type: str
        required: true
      path:
        description: The file.
        type: path
        required: true
      offset:
        description: First byte in flash. C(0) starts the chip; everything else begins a partition.
        type: int
        required: true
  partitions:
    description: The partition table, as the text of ESP-IDF's CSV.
    type: str
    required: true
  nvs_schema:
    description:
      - The values that each board gets, as namespace, key, type (V(string), V(blob), V(u8), V(u16), V(u32)).
        Empty means the schema of this project's boards.
    type: dict
    default: {}
  minimum_revision:
    description: Oldest chip revision that may get the release.
    type: str
    default: "0.3"
  flash_mode:
    description: How the flash is read.
    type: str
    choices: [qio, qout, dio, dout]
    default: dio
  flash_frequency:
    description: How fast the flash is read.
    type: str
    choices: [80m, 40m, 26m, 20m]
    default: 80m
  flash_size:
    description: Size of the flash.
    type: str
    choices: [2MB, 4MB, 8MB, 16MB]
    default: 4MB
  nvs_encryption:
    description: Whether each board's identity is encrypted with keys of its own.
    type: bool
    default: false
  secure_boot:
    description: Whether the release is for boards on which secure boot is on.
    type: bool
    default: false
  flash_encryption:
    description: Whether the release is for boards on which flash encryption is on.
    type: bool
    default: false
  description:
    description: What is new.
    type: str
    default: ""
  bucket:
    description: The firmware bucket to publish to. Empty publishes nowhere.
    type: str
    default: ""
  signing_key_file:
    description: Private key on this host (EC P-256, PEM). Made with mode 0600 when it is not there.
    type: path
  kms_key:
    description: Key in KMS that signs instead (ECC_NIST_P256, SIGN_VERIFY).
    type: str
"""

EXAMPLES = r"""
- name: Build a release of the self-test
  steel.fleet.esp_release:
    directory: /var/lib/fleet/local/firmware/1.0.0
    version: 1.0.0
    selftest_source: firmware/selftest
    partitions: "{{ lookup('ansible.builtin.file', 'firmware/partitions.csv') }}"
    signing_key_file: /var/lib/fleet/local/signing/private.key
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
  sample: /var/lib/fleet/local/firmware/1.0.0
published:
  description: Whether it was published now.
  type: bool
  returned: success
  sample: false
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import firmware_release
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import releases
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.signing import KmsSigner
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware import identity, manifest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.signatures import LocalSigner

FIRST_SLOT = "ota_0"


class Unsigned:
    """Stands in for the key in check mode: keys are not made there."""

    key_id = "check mode"

    def sign(self, data: bytes) -> bytes:
        return b"\0"


def images(params: Mapping[str, Any], flash: manifest.Flash) -> list[firmware_release.Wanted]:
    found = []
    if params["selftest_source"]:
        revision = manifest.parse_revision("minimum_revision", params["minimum_revision"])
        source = Path(params["selftest_source"])
        image = firmware_release.compile_selftest(source, params["version"], revision, flash)
        slot = firmware_release.slot(params["partitions"], FIRST_SLOT)
        found += [
            firmware_release.Wanted("selftest", 0, image),
            firmware_release.Wanted("app", slot.offset, image),
        ]
    for one in params["images"]:
        try:
            content = Path(one["path"]).read_bytes()
        except OSError as error:
            raise InvalidInputError(f"images: {one['path']} cannot be read: {error.strerror}.") from error
        found.append(firmware_release.Wanted(one["name"], one["offset"], content))
    return found


def refuse_another(mine: firmware_release.Release, body: bytes, where: str) -> None:
    if not firmware_release.same(mine, manifest.read(body, where)):
        raise FleetError(
            f"{where} holds release {mine.manifest.version} with another content or description.",
            "A release stays as it is: give the new content a new version.",
        )


def work(context: Context) -> dict[str, Any]:
    params = context.params
    flash = manifest.Flash(params["flash_mode"], params["flash_frequency"], params["flash_size"])
    key = params["signing_key_file"]
    signer: Any = Unsigned()
    if not context.check_mode:
        signer = LocalSigner(Path(key)) if key else KmsSigner(context.client("kms"), params["kms_key"])
    release = firmware_release.build(
        params["version"],
        params["partitions"],
        images(params, flash),
        signer,
        minimum_revision=params["minimum_revision"],
        flash=flash,
        security=manifest.Security(
            params["secure_boot"], params["flash_encryption"], params["nvs_encryption"]
        ),
        nvs=manifest.Nvs("identity", params["nvs_schema"] or identity.SCHEMA),
        description=params["description"],
    )
    directory = Path(params["directory"])
    path = directory / manifest.FILE_NAME
    written = not path.exists()
    if not written:
        refuse_another(release, path.read_bytes(), str(path))
    elif not context.check_mode:
        firmware_release.write(directory, release)
    published = bool(params["bucket"]) and publish(context, release, directory)
    return {
        "changed": written or published,
        "release": release.as_dict(),
        "directory": str(directory),
        "published": published,
    }


def publish(context: Context, release: firmware_release.Release, directory: Path) -> bool:
    """Whether the release had to be published; what is in the directory is, with its signatures."""
    s3, bucket, version = context.client("s3"), context.params["bucket"], release.manifest.version
    body = releases.find(s3, bucket, version)
    if body is not None:
        refuse_another(release, body, f"s3://{bucket}/{manifest.key(version, manifest.FILE_NAME)}")
        return False
    if not context.check_mode:
        files = {one.file: release.contents[one.name] for one in release.manifest.images}
        releases.publish(s3, bucket, version, files, (directory / manifest.FILE_NAME).read_bytes())
    return True


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "directory": {"type": "path", "required": True},
            "version": {"type": "str", "required": True},
            "selftest_source": {"type": "path"},
            "images": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "path": {"type": "path", "required": True},
                    "offset": {"type": "int", "required": True},
                },
            },
            "partitions": {"type": "str", "required": True},
            "nvs_schema": {"type": "dict", "default": {}},
            "minimum_revision": {"type": "str", "default": "0.3"},
            "flash_mode": {"type": "str", "choices": list(manifest.FLASH_MODES), "default": "dio"},
            "flash_frequency": {"type": "str", "choices": list(manifest.FLASH_FREQUENCIES), "default": "80m"},
            "flash_size": {"type": "str", "choices": list(manifest.FLASH_SIZES), "default": "4MB"},
            "nvs_encryption": {"type": "bool", "default": False},
            "secure_boot": {"type": "bool", "default": False},
            "flash_encryption": {"type": "bool", "default": False},
            "description": {"type": "str", "default": ""},
            "bucket": {"type": "str", "default": ""},
            "signing_key_file": {"type": "path", "no_log": False},
            "kms_key": {"type": "str", "no_log": False},
        },
        mutually_exclusive=[("signing_key_file", "kms_key")],
        required_one_of=[("signing_key_file", "kms_key"), ("selftest_source", "images")],
    )


if __name__ == "__main__":
    main()

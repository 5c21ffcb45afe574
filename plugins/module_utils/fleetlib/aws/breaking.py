"""What drills break. `core.drill.scope` is asked before, always."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any, Final

from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE
from . import certificates, function_code, registry

DELETED_AT_ONCE: Final = 1000
"""S3's limit for one DeleteObjects."""
_BROKEN = "def handler(event, context):\n    raise RuntimeError('broken by a drill')\n"


def delete_objects(s3: Any, bucket: str) -> int:
    """s3:ListObjectVersions, DeleteObjects: every version of every object; how many there were."""
    versions = [
        {"Key": one["Key"], "VersionId": one["VersionId"]}
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
    ]
    for start in range(0, len(versions), DELETED_AT_ONCE):
        s3.delete_objects(
            Bucket=bucket, Delete={"Objects": versions[start : start + DELETED_AT_ONCE], "Quiet": True}
        )
    return len(versions)


def break_code(functions: Any, function: str, alias: str) -> None:
    """Have callers of a function run code that fails under the handler's name."""
    module, _, name = functions.get_function_configuration(FunctionName=function)["Handler"].rpartition(".")
    function_code.upload(functions, function, ZipFile=_zipped(module, name))
    function_code.put_live(functions, function, alias)


def switch_off(iot: Any, environment: str, things: Iterable[str]) -> list[str]:
    """iot:ListThings, UpdateCertificate: the things whose certificate is INACTIVE now."""
    wanted = set(things)
    found = {
        one["thingName"]: one["attributes"].get(CERTIFICATE_ATTRIBUTE)
        for one in registry.iter_things(iot, attribute=("environment", environment))
        if one["thingName"] in wanted
    }
    for certificate in found.values():
        if certificate:
            certificates.set_status(iot, certificate, "INACTIVE")
    return sorted(found)


def _zipped(module: str, handler: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{module.replace('.', '/')}.py", _BROKEN.replace("handler", handler, 1))
    return made.getvalue()

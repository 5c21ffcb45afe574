# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of backups have in common: their options, and how these become a `Backups`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .fleet_module import FLEET_SPEC, Context
from .fleetlib.aws.backup_store import BucketStore
from .fleetlib.aws.pacing import Pacer
from .fleetlib.aws.signing import public_key
from .fleetlib.aws.snapshot import Scope, Source
from .fleetlib.backup import Backups, DirectoryStore
from .fleetlib.core import progress
from .fleetlib.core.backup.ports import Store
from .fleetlib.core.backup.verify import fingerprint
from .fleetlib.core.clock import SystemClock
from .fleetlib.core.errors import FleetError
from .fleetlib.core.naming import fleet_name
from .fleetlib.crypto.signatures import pem_of
from .fleetlib.device_store import DeviceStore
from .fleetlib.provisioner import DEVICES
from .paced_module import QUOTAS_SPEC, rates, shown

PACED = ("iot", "iot-data")

OPTIONS: dict[str, Any] = {
    **FLEET_SPEC,
    "bucket": {"type": "str", "required": True},
    "directory": {"type": "path"},
    "objects": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "purpose": {"type": "str", "required": True},
            "bucket": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": ""},
            "pattern": {"type": "str", "default": "*"},
        },
    },
    "public_key_file": {"type": "path", "no_log": False},
    "kms_key": {"type": "str", "no_log": False},
    "state_directory": {"type": "path"},
    **QUOTAS_SPEC,
    "progress_file": {"type": "path"},
}


def backups(context: Context, what: str, public_pem: str = "") -> tuple[Backups, Pacer]:
    """The backups that the options mean, with every call to AWS IoT paced."""
    params = context.params
    clock = SystemClock()
    pacer = Pacer(rates(context), clock)

    @functools.cache
    def client(service: str, **options: Any) -> Any:
        assert context.client is not None  # noqa: S101  # run_aws_module sets it
        made = context.client(service, **options)
        if service in PACED:
            pacer.attach(made)
        return made

    fleet = fleet_name(params["name_prefix"], params["environment_name"])
    sources = tuple(Source(**one) for one in params["objects"] if one["bucket"])
    stores: list[Store] = [BucketStore(client("s3"), params["bucket"])]
    if params["directory"]:
        stores.append(DirectoryStore(Path(params["directory"])))
    made = Backups(
        client,
        Scope(fleet, params["environment_name"], sources),
        stores,
        public_pem or trusted_key(params, client),
        clock,
        progress.Meter(shown(context), clock.monotonic, what),
        local_pems(params["state_directory"]),
    )
    return made, pacer


def trusted_key(params: Mapping[str, Any], client: Callable[..., Any]) -> str:
    """The public key that snapshots have to be signed with."""
    if params["kms_key"]:
        return pem_of(public_key(client("kms"), params["kms_key"]))
    try:
        return Path(params["public_key_file"]).read_text()
    except OSError as error:
        raise FleetError(
            f"The public key {params['public_key_file']} cannot be read: {error.strerror}.",
            "Snapshots are checked with it. Bring it from the host that made them, or name backup_kms_key.",
        ) from error


def local_pems(directory: str | None) -> dict[str, str]:
    """Certificates that this host keeps beside its devices' keys, by id."""
    if not directory:
        return {}
    store = DeviceStore(Path(directory) / DEVICES)
    found = {}
    for path in store.directory.glob("*") if store.directory.is_dir() else ():
        pem = store.certificate_pem(path.name)
        if pem is not None:
            text = pem.decode(errors="replace")
            found[fingerprint(text)] = text
    return found

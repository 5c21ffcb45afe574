"""The identity image of each device, from what this host keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .core.errors import FleetError
from .core.firmware import identity, layout
from .core.firmware.manifest import Manifest
from .core.objects import digest
from .device_store import DeviceStore
from .esp import nvs


@dataclass(frozen=True)
class Common:
    """What all devices of a fleet share."""

    endpoint: str
    mqtt_port: int
    region: str
    root_ca: str
    environment: str
    config: Mapping[str, Any]
    """Values of the namespace ``config``, beside ``environment``."""


@dataclass(frozen=True)
class Identity:
    """The identity of one device, ready to be written."""

    device_id: str
    image: bytes
    keys: bytes | None
    """The ``nvs_keys`` partition, where the identity is encrypted."""

    @property
    def sha256(self) -> str:
        """Of the image, for the record: it tells identities apart and gives nothing away."""
        return digest(self.image)

    def regions(self, manifest: Manifest, partitions: Sequence[layout.Partition]) -> list[layout.Region]:
        """Where it belongs."""
        return layout.own_regions(manifest, partitions, self.image, self.keys)


def build(
    thing: str,
    device_id: str,
    common: Common,
    store: DeviceStore,
    manifest: Manifest,
    partitions: Sequence[layout.Partition],
    *,
    keep: bool,
) -> Identity:
    """The identity of a device. ``keep``: whether new keys for its NVS are kept."""
    values = {
        "identity": {
            "device_id": device_id,
            "thing_name": thing,
            "endpoint": common.endpoint,
            "mqtt_port": common.mqtt_port,
            "region": common.region,
            **_credentials(thing, store),
            "root_ca": common.root_ca,
        },
        "config": {**common.config, "environment": common.environment},
    }
    entries = identity.entries(manifest.nvs.namespaces, values, device_id)
    size = layout.named(manifest.nvs.partition, "nvs", partitions).size
    keys = _keys(thing, store, keep) if manifest.security.nvs_encryption else None
    return Identity(device_id, nvs.build(entries, size, device_id, keys), keys)


def _credentials(thing: str, store: DeviceStore) -> dict[str, str]:
    local = store.scan({thing}).get(thing)
    if local is None or not local.has_key:
        raise _unprovisioned(thing, f"there is no private key in {store.directory / thing}")
    certificate = store.certificate_pem(thing)
    if not local.certificate_id or certificate is None:
        raise _unprovisioned(thing, f"there is no certificate in {store.directory / thing}")
    return {"certificate": certificate.decode(), "private_key": store.key(thing).decode()}


def _unprovisioned(thing: str, why: str) -> FleetError:
    return FleetError(
        f"{thing} cannot be flashed: {why}.",
        "Provision it first (playbooks/provision.yml), or flash it from the host that did.",
    )


def _keys(thing: str, store: DeviceStore, keep: bool) -> bytes:
    kept = store.nvs_keys(thing)
    if kept is not None:
        return kept
    made = nvs.make_keys()
    if keep:
        store.keep_nvs_keys(thing, made)
    return made

"""A release of the self-test, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fleetlib import firmware_release
from fleetlib.core.firmware.identity import SCHEMA
from fleetlib.core.firmware.manifest import Flash, Nvs
from fleetlib.crypto.signatures import LocalSigner


@pytest.fixture(scope="session")
def selftest_image(root) -> bytes:
    """The real image of the self-test firmware."""
    if shutil.which(firmware_release.COMPILER) is None:
        pytest.skip(f"{firmware_release.COMPILER} is not installed: no image of the self-test can be built")
    return firmware_release.compile_selftest(root / "firmware/selftest", "1.0.0", (0, 3), Flash())


@pytest.fixture(scope="session")
def signer(tmp_path_factory) -> LocalSigner:
    """The key that releases are signed with."""
    return LocalSigner(tmp_path_factory.mktemp("signing") / "private.key")


@pytest.fixture(scope="session")
def csv(root) -> str:
    """The partition table of this project."""
    return (root / "firmware/partitions.csv").read_text()


@pytest.fixture(scope="session")
def release(selftest_image, signer, csv) -> firmware_release.Release:
    """A release as a board gets it."""
    wanted = [
        firmware_release.Wanted("selftest", 0, selftest_image),
        firmware_release.Wanted("app", 0x20000, selftest_image),
    ]
    return firmware_release.build("1.0.0", csv, wanted, signer, nvs=Nvs("identity", SCHEMA))


@pytest.fixture
def release_directory(release, tmp_path) -> Path:
    """The same on disk."""
    firmware_release.write(tmp_path / "release", release)
    return tmp_path / "release"


@pytest.fixture(scope="session")
def verify(signer):
    """Trusts that key."""
    return firmware_release.trusted(signer.public_pem())

"""What is refused before anything touches a board."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fleetlib import firmware_release
from fleetlib.core.errors import FleetError, InvalidInputError, MissingDependencyError
from fleetlib.core.firmware import layout, manifest
from fleetlib.core.firmware.manifest import Flash, Security
from fleetlib.crypto.signatures import LocalSigner
from fleetlib.esp import images, partitions


def edit(directory, change):
    """Change the manifest of a release, and sign nothing anew."""
    path = directory / manifest.FILE_NAME
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_release_is_read_back_as_it_was_written(release, release_directory, verify):
    loaded = firmware_release.load(release_directory, verify)
    assert loaded.manifest == release.manifest
    assert loaded.contents == release.contents


def test_the_selftest_says_who_it_is(selftest_image):
    assert images.describe("x", selftest_image) == images.Described("steel-selftest", "1.0.0", 5)


def test_the_same_source_makes_the_same_image(selftest_image, root):
    again = firmware_release.compile_selftest(root / "firmware/selftest", "1.0.0", (0, 3), Flash())
    assert again == selftest_image


def test_without_a_compiler_the_way_out_is_named(root, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match=r"gcc-riscv64-unknown-elf.*built elsewhere"):
        firmware_release.compile_selftest(root / "firmware/selftest", "1.0.0", (0, 3), Flash())


def test_a_truncated_image_is_refused(release_directory, verify):
    path = release_directory / "app.bin"
    path.write_bytes(path.read_bytes()[:-16])
    with pytest.raises(FleetError, match=r"app\.bin has .* bytes; the manifest says .*truncated"):
        firmware_release.load(release_directory, verify)


def test_an_image_with_another_hash_is_refused(release_directory, verify):
    path = release_directory / "app.bin"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(FleetError, match=r"app\.bin does not have the sha256 of the manifest"):
        firmware_release.load(release_directory, verify)


def test_a_release_signed_by_another_key_is_refused(release_directory, tmp_path):
    other = LocalSigner(tmp_path / "other" / "private.key")
    with pytest.raises(FleetError, match="not by the trusted key"):
        firmware_release.load(release_directory, firmware_release.trusted(other.public_pem()))


def test_a_manifest_that_was_changed_is_refused(release_directory, verify):
    edit(release_directory, lambda data: data["images"][0].update(offset=0x200000))
    with pytest.raises(FleetError, match=r"signature of .*manifest\.json is not by the trusted key"):
        firmware_release.load(release_directory, verify)


def test_an_image_signature_of_other_bytes_is_refused(release, release_directory, signer, verify):
    broken = replace(release.manifest.images[1], signature=release.manifest.signature)
    changed = replace(release.manifest, images=(release.manifest.images[0], broken), signature=None)
    changed = changed.signed_with(firmware_release._sign(signer, changed.signed_bytes()))
    (release_directory / manifest.FILE_NAME).write_bytes(changed.as_bytes())
    with pytest.raises(FleetError, match=r"signature of .*app\.bin is not by the trusted key"):
        firmware_release.load(release_directory, verify)


def test_an_unsigned_manifest_is_refused(release_directory, verify):
    edit(release_directory, lambda data: data.update(signature=None))
    with pytest.raises(FleetError, match="is not signed"):
        firmware_release.load(release_directory, verify)


def test_a_missing_release_says_what_a_release_is(tmp_path, verify):
    with pytest.raises(InvalidInputError, match=r"manifest\.json cannot be read.*directory with"):
        firmware_release.load(tmp_path, verify)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(chip="esp32s3"), "chip is 'esp32s3'; it can be esp32c3"),
        (lambda d: d.pop("flash"), "flash is missing"),
        (lambda d: d.update(colour="red"), "colour is unknown"),
        (lambda d: d.update(minimum_revision=3), "minimum_revision is 3"),
        (lambda d: d.update(version="new"), "version is 'new'"),
        (lambda d: d["flash"].update(size="3MB"), "flash.size is '3MB'"),
        (lambda d: d["images"][0].update(file="../x.bin"), r"images\[0\].file is '../x.bin'"),
        (lambda d: d["images"][0].update(offset=-1), r"images\[0\].offset is -1"),
        (lambda d: d["images"][0].update(sha256="0"), r"images\[0\].sha256 is '0'"),
        (lambda d: d["images"][1].update(name="selftest"), "it is given twice"),
        (lambda d: d["images"].clear(), "images is"),
        (lambda d: d["images"][0].update(signature={"key_id": "k", "value": "!"}), "signature"),
        (lambda d: d["security"].update(secure_boot="no"), "security.secure_boot is 'no'"),
        (lambda d: d["nvs"]["namespaces"]["config"].update(x="float"), "config.x is 'float'"),
        (lambda d: d.update(schema=2), "schema is 2"),
    ],
)
def test_a_wrong_value_in_a_manifest_is_named(release_directory, verify, change, said):
    edit(release_directory, change)
    with pytest.raises(FleetError, match=said):
        firmware_release.load(release_directory, verify)


def test_overlapping_partitions_are_refused(signer, csv, selftest_image):
    table = csv.replace("0x12000,  0x6000", "0x12000,  0x7000")
    wanted = [firmware_release.Wanted("selftest", 0, selftest_image)]
    with pytest.raises(InvalidInputError, match=r"partition table is wrong.*overlap"):
        firmware_release.build("1.0.0", table, wanted, signer)


def test_a_table_larger_than_the_flash_is_refused(signer, csv, selftest_image):
    wanted = [firmware_release.Wanted("selftest", 0, selftest_image)]
    with pytest.raises(InvalidInputError, match=r"Partition ota_1 ends at 0x3e0000; the flash has 2MB"):
        firmware_release.build("1.0.0", csv, wanted, signer, flash=Flash(size="2MB"))


def test_an_image_too_large_for_its_partition_is_refused(signer, csv, selftest_image):
    wanted = [firmware_release.Wanted("app", 0x20000, selftest_image + bytes(0x1E0000))]
    with pytest.raises(InvalidInputError, match=r"Image app has .* partition ota_0 holds 1,966,080"):
        firmware_release.build("1.0.0", csv, wanted, signer)


def test_an_image_that_would_run_into_the_partition_table_is_refused(signer, csv, selftest_image):
    wanted = [firmware_release.Wanted("boot", 0, selftest_image + bytes(0x8000))]
    with pytest.raises(InvalidInputError, match="room before the partition table holds 32,768"):
        firmware_release.build("1.0.0", csv, wanted, signer)


def test_an_image_where_no_partition_begins_is_refused(signer, csv, selftest_image):
    wanted = [firmware_release.Wanted("app", 0x30000, selftest_image)]
    with pytest.raises(InvalidInputError, match=r"0x30000, where no partition begins.*0x20000 \(ota_0\)"):
        firmware_release.build("1.0.0", csv, wanted, signer)


def test_an_image_for_another_chip_is_refused(signer, csv, selftest_image):
    other = bytearray(selftest_image)
    other[12] = 9  # ESP32-S3
    wanted = [firmware_release.Wanted("app", 0x20000, bytes(other))]
    with pytest.raises(InvalidInputError, match=r"Image app is an image for chip id 9"):
        firmware_release.build("1.0.0", csv, wanted, signer)


def test_an_image_whose_own_hash_is_wrong_is_refused(signer, csv, selftest_image):
    damaged = bytearray(selftest_image)
    damaged[-1] ^= 1
    wanted = [firmware_release.Wanted("app", 0x20000, bytes(damaged))]
    with pytest.raises(InvalidInputError, match="Image app is damaged"):
        firmware_release.build("1.0.0", csv, wanted, signer)


def test_encryption_of_the_identity_needs_a_partition_for_keys(signer, csv, selftest_image):
    table = "".join(line for line in csv.splitlines(keepends=True) if "nvs_keys" not in line)
    wanted = [firmware_release.Wanted("selftest", 0, selftest_image)]
    with pytest.raises(InvalidInputError, match="no partition of subtype nvs_keys"):
        firmware_release.build("1.0.0", table, wanted, signer, security=Security(nvs_encryption=True))


def test_what_starts_the_chip_is_written_last(release):
    regions = release.shared_regions()
    assert [one.name for one in regions] == ["partition table", "app", "otadata", "selftest"]
    assert all(len(one.data) % layout.SECTOR == 0 for one in regions)


def test_the_partition_table_is_the_one_that_espressif_reads(csv):
    from esp_idf_defs.partitions import PartitionTable

    table = PartitionTable.from_binary(partitions.binary(csv))
    assert [(one.name, one.offset, one.size) for one in table] == [
        (one.name, one.offset, one.size) for one in partitions.parse(csv)
    ]

"""Partition table, storage and images as the vendor's own tools make them, and damaged."""

from __future__ import annotations

import hashlib
import io
import random
from types import SimpleNamespace

import esptool
import pytest
from esp_idf_defs.partitions import PartitionTable
from esp_idf_nvs_partition_gen import nvs_partition_gen
from hypothesis import given
from hypothesis import strategies as st

from twin import factory, image, nvs, partition
from twin.flash import SIZE_BYTES, DamagedError, Flash


def stored(values, version=nvs_partition_gen.Page.VERSION2):
    """A partition of 24 KiB with (namespace, key, encoding, value)."""
    out = io.BytesIO()
    storage = nvs_partition_gen.nvs_open(out, 0x5000, version)
    for namespace in dict.fromkeys(one[0] for one in values):
        nvs_partition_gen.write_entry(storage, namespace, "namespace", "", "")
        for _, key, encoding, value in (one for one in values if one[0] == namespace):
            nvs_partition_gen.write_entry(storage, key, "data", encoding, value)
    nvs_partition_gen.nvs_close(storage)
    return out.getvalue()


def test_the_table_is_read_as_the_vendors_tool_writes_it():
    found = partition.parse(factory.table_bytes())
    theirs = PartitionTable.from_csv(factory.LAYOUT)
    assert [(one.name, one.type, one.subtype, one.offset, one.size) for one in found.partitions] == [
        (one.name, one.type, one.subtype, one.offset, one.size) for one in theirs
    ]
    assert [one.name for one in found.app_slots] == ["ota_0", "ota_1"]


@given(st.integers(0, 0xBFF), st.integers(1, 255))
def test_any_damaged_byte_of_the_table_is_noticed_or_does_not_matter(at, flip):
    data = bytearray(factory.table_bytes())
    data[at] ^= flip
    try:
        found = partition.parse(bytes(data))
    except DamagedError:
        return
    assert found == partition.parse(factory.table_bytes())


@pytest.mark.parametrize(
    ("layout", "why"),
    [
        ("a, data, nvs, 0x9000, 0x2000\nb, data, nvs, 0xa000, 0x1000", "a and b overlap"),
        ("a, app, ota_0, 0x20000, 0x400000", "beyond the chip"),
        ("a, data, nvs, 0x8000, 0x1000", "may not begin at 0x8000"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(layout, why):
    table = PartitionTable.from_csv("x, data, nvs, 0x10000, 0x1000")
    table.clear()
    for line in layout.splitlines():
        table.extend(PartitionTable.from_csv(line.replace("0x8000", "0x9000")))
        if "0x8000" in line:
            table[-1].offset = 0x8000
    with pytest.raises(DamagedError, match=why):
        partition.parse(table.to_binary())


def test_slots_have_to_be_numbered_without_a_gap():
    table = partition.parse(PartitionTable.from_csv("a, app, ota_1, 0x20000, 0x10000").to_binary())
    with pytest.raises(DamagedError, match="not numbered"):
        _ = table.app_slots


KEYS = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=15)
VALUES = st.one_of(
    st.integers(0, 2**16 - 1).map(lambda value: ("u16", str(value), value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: ("i32", str(value), value)),
    st.integers(0, 2**64 - 1).map(lambda value: ("u64", str(value), value)),
    st.text("aä€😀 ", max_size=60).map(lambda value: ("string", value, value)),
    st.integers(1, 4500).map(lambda size: ("binary", b"\x5a" * size, b"\x5a" * size)),
)


@given(st.dictionaries(st.tuples(st.sampled_from(["identity", "config"]), KEYS), VALUES, max_size=3))
def test_storage_is_read_as_the_vendors_tool_writes_it(values):
    if not values:
        return
    data = stored([(*where, encoding, text) for where, (encoding, text, _) in values.items()])
    assert nvs.parse(data, "nvs") == {where: value for where, (_, _, value) in values.items()}


def test_the_old_version_of_the_format_is_read_too():
    data = stored([("n", "blob", "binary", b"x" * 1900)], nvs_partition_gen.Page.VERSION1)
    assert nvs.parse(data, "nvs") == {("n", "blob"): b"x" * 1900}


def test_encrypted_storage_is_read_with_its_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "key,type,encoding,value\nn,namespace,,\na,data,u32,7\nb,data,string,hello\n"
    (tmp_path / "in.csv").write_text(rows + f"c,data,hex2bin,{'ab' * 3000}\n")
    nvs_partition_gen.encrypt(
        SimpleNamespace(
            input="in.csv",
            output="out.bin",
            size="0x6000",
            version=2,
            keygen=True,
            keyfile="key.bin",
            inputkey=None,
            outdir=str(tmp_path),
            key_protect_hmac=False,
            kp_hmac_keygen=False,
            kp_hmac_keyfile=None,
            kp_hmac_inputkey=None,
        )
    )
    data, key = (tmp_path / "out.bin").read_bytes(), (tmp_path / "keys/key.bin").read_bytes()[:64]
    expected = {("n", "a"): 7, ("n", "b"): "hello", ("n", "c"): b"\xab" * 3000}
    assert nvs.parse(data, "nvs", key) == expected
    with pytest.raises(DamagedError, match="wrong checksum"):
        nvs.parse(data, "nvs", bytes(64)[:32] + key[32:])


EXAMPLE = [("n", "a", "u16", "7"), ("n", "b", "string", "hello world"), ("n", "c", "binary", b"\x5a" * 5000)]


@given(st.integers(0, 0x4FFF), st.integers(1, 255))
def test_any_damaged_byte_of_storage_loses_a_value_or_is_noticed_but_never_changes_one(at, flip):
    whole = stored(EXAMPLE)
    data = bytearray(whole)
    data[at] ^= flip
    expected = nvs.parse(whole, "nvs")
    try:
        found = nvs.parse(bytes(data), "nvs")
    except DamagedError:
        return
    assert found.items() <= expected.items()


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=40))
def test_whatever_is_in_storage_is_called_damaged(start, rest):
    with pytest.raises(DamagedError):
        nvs.parse((start + rest * 4096)[:4096], "nvs")


def test_an_image_of_esptool_is_whole(flash: Flash):
    found = image.check(flash, 0x20000, 0x1E0000, "app image")
    assert (found.project, found.version) == (factory.PROJECT, "1.0.0")
    theirs = flash.read(0x20000, found.size)
    assert found.sha256 == theirs[-32:].hex() == hashlib.sha256(theirs[:-32]).hexdigest()


def test_any_damaged_byte_of_an_image_is_noticed(flash: Flash):
    size = image.check(flash, 0x20000, 0x1E0000, "app image").size
    whole = flash.read(0x20000, 8192)
    generator = random.Random(1)
    for at in [*range(40), *generator.sample(range(size), 200), size - 1]:
        data = bytearray(whole)
        data[at] ^= generator.randrange(1, 256)
        flash.write(0x20000, bytes(data))
        with pytest.raises(DamagedError, match="app image"):
            image.check(flash, 0x20000, 0x1E0000, "app image")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"append_digest": False}, "it carries no SHA-256"),
        ({"min_rev_full": 101}, "it is for revisions 101 to 199, the chip has 4"),
    ],
)
def test_an_image_that_the_chip_must_not_start_is_refused(flash: Flash, options, why):
    program = factory.elf({".iram0.text": (0x40380000, b"\x6f\0\0\0")})
    flash.write(0, esptool.elf2image(program, "esp32c3", **{"max_rev_full": 199, **options}))
    with pytest.raises(DamagedError, match=why):
        image.check(flash, 0, 0x8000, "chip image", chip_revision=4)


def test_an_image_of_another_chip_is_refused(flash: Flash):
    program = factory.elf({".iram0.text": (0x40380000, b"\x6f\0\0\0")})
    flash.write(0, esptool.elf2image(program, "esp32c6"))
    with pytest.raises(DamagedError, match="chip id 13, not for the ESP32-C3"):
        image.check(flash, 0, 0x8000, "chip image")


def test_an_image_may_not_reach_beyond_its_slot(flash: Flash):
    with pytest.raises(DamagedError, match="longer than the 4,096 bytes"):
        image.check(flash, 0x20000, 4096, "app image")


def test_a_flash_of_another_size_is_refused(tmp_path):
    path = tmp_path / "flash.bin"
    with pytest.raises(DamagedError, match="No such file"):
        Flash(path).read(0, 1)
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(DamagedError, match=f"has 100 bytes, the chip {SIZE_BYTES:,}"):
        Flash(path).read(0, 1)


def test_writing_erases_whole_sectors(flash: Flash):
    flash.write(0x1000, b"\0" * 4096)
    flash.write(0x1000, b"abc")
    assert flash.read(0x1000, 4096) == b"abc" + b"\xff" * 4093
    with pytest.raises(ValueError, match="does not begin a sector"):
        flash.write(0x1001, b"abc")

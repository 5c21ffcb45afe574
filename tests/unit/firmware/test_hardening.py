"""What may be burnt into a chip, in which order: every rule both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.firmware import hardening
from fleetlib.core.firmware.hardening import FUSES, KEY_BLOCKS, PROTECTED, HardeningError, State, Wanted

DIGEST, OTHER = "ab" * 32, "cd" * 32
NEW = State(
    revision=(0, 4),
    fuses=dict.fromkeys(FUSES, 0),
    writable=dict.fromkeys(PROTECTED, True),
    purposes=dict.fromkeys(KEY_BLOCKS, "USER"),
)
BOOT = Wanted(["secure_boot"], [DIGEST])
ENCRYPTION = Wanted(["flash_encryption"])


def chip(base=NEW, *, fuses=None, protected=(), purposes=None, **changes):
    return replace(
        base,
        fuses={**base.fuses, **(fuses or {})},
        writable={**base.writable, **dict.fromkeys(protected, False)},
        purposes={**base.purposes, **(purposes or {})},
        **changes,
    )


def burnt(base, burns, digests=()):
    """The chip after that plan."""
    keys = {one.name: one.value for one in burns if one.kind == "key"}
    placed = zip((name for name, purpose in keys.items() if "DIGEST" in purpose), digests, strict=False)
    return chip(
        base,
        fuses={one.name: int(one.value) for one in burns if one.kind == "fuse"},
        protected=[one.name for one in burns if one.kind == "protect"],
        purposes=keys,
        digests={**base.digests, **dict(placed)},
    )


def names(burns):
    return [one.name for one in burns]


def test_secure_boot_has_its_key_before_it_is_on_and_revokes_the_places_left():
    burns = names(hardening.plan(NEW, BOOT))
    assert burns.index("BLOCK_KEY0") < burns.index("SECURE_BOOT_EN") < burns.index("RD_DIS")
    assert burns[-2:] == ["SECURE_BOOT_KEY_REVOKE1", "SECURE_BOOT_KEY_REVOKE2"]


def test_secure_boot_closes_jtag_and_direct_boot():
    assert {"DIS_PAD_JTAG", "DIS_USB_JTAG", "DIS_DIRECT_BOOT"} <= set(names(hardening.plan(NEW, BOOT)))


def test_flash_encryption_has_its_key_before_it_is_on_for_good():
    burns = hardening.plan(NEW, ENCRYPTION)
    assert names(burns)[:2] == ["BLOCK_KEY0", "SPI_BOOT_CRYPT_CNT"]
    assert burns[0].value == "XTS_AES_128_KEY"
    assert burns[1].value == "7"
    assert names(burns)[-1] == "DIS_ICACHE"


def test_of_both_steps_flash_encryption_comes_first_and_they_share_no_block():
    burns = hardening.plan(NEW, Wanted(["secure_boot", "flash_encryption"], [DIGEST]))
    keys = [(one.name, one.value) for one in burns if one.kind == "key"]
    assert keys == [("BLOCK_KEY0", "XTS_AES_128_KEY"), ("BLOCK_KEY1", "SECURE_BOOT_DIGEST0")]
    assert names(burns).index("SPI_BOOT_CRYPT_CNT") < names(burns).index("RD_DIS")


@pytest.mark.parametrize("wanted", [BOOT, replace(ENCRYPTION, key_at_hand=True)])
def test_a_hardened_chip_needs_nothing_more(wanted):
    after = burnt(NEW, hardening.plan(NEW, wanted), wanted.digests)
    assert after.profile == tuple(wanted.steps)
    assert hardening.plan(after, wanted) == []


@pytest.mark.parametrize("wanted", [BOOT, replace(ENCRYPTION, key_at_hand=True)])
def test_a_plan_that_was_cut_anywhere_is_finished_by_the_next(wanted):
    burns = hardening.plan(NEW, wanted)
    for cut in range(len(burns)):
        half = burnt(NEW, burns[:cut], wanted.digests)
        assert names(hardening.plan(half, wanted)) == names(burns[cut:])


def test_secure_boot_after_flash_encryption_is_planned():
    encrypted = burnt(NEW, hardening.plan(NEW, ENCRYPTION))
    assert "SECURE_BOOT_EN" in names(hardening.plan(encrypted, BOOT))


def test_flash_encryption_after_secure_boot_is_refused():
    booted = burnt(NEW, hardening.plan(NEW, BOOT), [DIGEST])
    with pytest.raises(HardeningError, match="before secure boot, or not at all"):
        hardening.plan(booted, ENCRYPTION)


def test_a_begun_flash_encryption_whose_key_is_elsewhere_is_refused():
    begun = chip(purposes={"BLOCK_KEY0": "XTS_AES_128_KEY"})
    with pytest.raises(HardeningError, match="does not have"):
        hardening.plan(begun, ENCRYPTION)
    assert names(hardening.plan(begun, replace(ENCRYPTION, key_at_hand=True)))[0] == "SPI_BOOT_CRYPT_CNT"


@pytest.mark.parametrize("count", [3, 5, 6])
def test_flash_encryption_that_was_switched_off_again_is_refused(count):
    off = chip(fuses={"SPI_BOOT_CRYPT_CNT": count}, purposes={"BLOCK_KEY0": "XTS_AES_128_KEY"})
    with pytest.raises(HardeningError, match="switched on and off again"):
        hardening.plan(off, ENCRYPTION)


def test_flash_encryption_without_a_key_in_the_chip_is_refused():
    with pytest.raises(HardeningError, match="no block holds a flash encryption key"):
        hardening.plan(chip(fuses={"SPI_BOOT_CRYPT_CNT": 1}), ENCRYPTION)


def test_flash_encryption_for_development_is_made_final():
    begun = chip(fuses={"SPI_BOOT_CRYPT_CNT": 1}, purposes={"BLOCK_KEY0": "XTS_AES_128_KEY"})
    burns = hardening.plan(begun, replace(ENCRYPTION, key_at_hand=True))
    assert (burns[0].name, burns[0].value) == ("SPI_BOOT_CRYPT_CNT", "7")


def test_a_chip_before_revision_3_is_refused_for_secure_boot_only():
    old = chip(revision=(0, 2))
    with pytest.raises(HardeningError, match=r"revision 0\.2"):
        hardening.plan(old, BOOT)
    assert hardening.plan(old, ENCRYPTION)


def test_another_keys_digest_is_refused_and_the_same_is_kept():
    begun = chip(purposes={"BLOCK_KEY2": "SECURE_BOOT_DIGEST0"}, digests={"BLOCK_KEY2": DIGEST})
    assert "BLOCK_KEY0" not in names(hardening.plan(begun, BOOT))
    with pytest.raises(HardeningError, match="of another key"):
        hardening.plan(begun, replace(BOOT, digests=[OTHER]))


def test_a_digest_that_nobody_asked_for_is_refused_unless_it_is_revoked():
    strange = chip(purposes={"BLOCK_KEY2": "SECURE_BOOT_DIGEST1"}, digests={"BLOCK_KEY2": OTHER})
    with pytest.raises(HardeningError, match="not asked for"):
        hardening.plan(strange, BOOT)
    assert hardening.plan(chip(strange, fuses={"SECURE_BOOT_KEY_REVOKE1": 1}), BOOT)


def test_a_revoked_place_is_refused():
    with pytest.raises(HardeningError, match="revoked"):
        hardening.plan(chip(fuses={"SECURE_BOOT_KEY_REVOKE0": 1}), BOOT)


def test_a_chip_without_a_free_block_is_refused():
    full = chip(purposes=dict.fromkeys(KEY_BLOCKS, "HMAC_UP"))
    with pytest.raises(HardeningError, match="No key block"):
        hardening.plan(full, BOOT)


def test_a_missing_fuse_that_is_protected_is_refused():
    with pytest.raises(HardeningError, match="DIS_USB_JTAG is 0 and write-protected"):
        hardening.plan(chip(protected=["DIS_USB_JTAG"]), BOOT)


def test_a_chip_in_secure_download_mode_is_refused():
    with pytest.raises(HardeningError, match="secure download mode"):
        hardening.plan(chip(fuses={"ENABLE_SECURITY_DOWNLOAD": 1}), BOOT)


@pytest.mark.parametrize("digests", [[], [DIGEST] * 4])
def test_secure_boot_takes_one_to_three_keys(digests):
    with pytest.raises(InvalidInputError, match="one to 3 keys"):
        hardening.plan(NEW, Wanted(["secure_boot"], digests))


@pytest.mark.parametrize("steps", [[], ["secure_download"]])
def test_an_unknown_step_is_named(steps):
    with pytest.raises(InvalidInputError, match="flash_encryption, secure_boot"):
        hardening.plan(NEW, Wanted(steps))

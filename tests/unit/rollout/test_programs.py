"""Packages: versions, manifests, and the messages made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleetlib.core import programs
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.objects import digest
from fleetlib.crypto import signatures

CODE = "(led-on)\n"
MANIFEST = programs.Manifest("blink", "Blink", "1.2.0", digest(CODE.encode()), len(CODE), "esp32-c3")
PACKAGE = programs.Package(
    MANIFEST, CODE, programs.Signature("key", "AAAA"), {"errors": 0}, "2026-01-01T00:00:00Z"
)


@pytest.mark.parametrize(
    "version", ["1.2", "1.2.3.4", "01.0.0", "v1.0.0", "1.0.0+build", 1.0, "1.0.0-", "1.0.0-" + "a" * 20]
)
def test_what_is_no_semantic_version_is_refused(version):
    with pytest.raises(InvalidInputError, match="semantic version"):
        programs.check_version("version", version)


def test_versions_are_ordered_as_semver_orders_them():
    ordered = [
        "0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.b",
        "1.0.0-rc.2",
        "1.0.0-rc.10",
        "1.0.0",
        "1.2.0",
        "1.10.0",
    ]
    assert sorted(set(ordered), key=programs.version_order) == ordered


@pytest.mark.parametrize("program_id", ["", "a/b", "../a", "-a", "a" * 32, "blink led"])
def test_an_id_that_could_leave_its_place_is_refused(program_id):
    with pytest.raises(InvalidInputError, match="cannot be a program's id"):
        replace(MANIFEST, id=program_id)


def test_a_package_survives_the_way_through_its_bytes():
    assert programs.read(PACKAGE.as_bytes(), "here") == PACKAGE


def test_a_package_whose_code_was_changed_is_refused():
    changed = replace(PACKAGE, code="(led-off)\n")
    with pytest.raises(FleetError, match="does not have the sha256 of its manifest"):
        programs.read(changed.as_bytes(), "here")


def test_bytes_that_are_no_package_are_refused():
    with pytest.raises(FleetError, match="here is no program package"):
        programs.read(b"{}", "here")


def test_the_message_has_every_field_that_the_device_requires():
    message = programs.program_message(PACKAGE)
    assert message["checksum"] == digest(message["steel_code"].encode())
    assert {"program_id", "program_name", "version", "auto_start"} <= message.keys()
    assert message["metadata"] == {"created_at": "2026-01-01T00:00:00Z"}


def test_a_large_program_is_fetched_by_the_device():
    code = "; " + "x" * programs.INLINE_BYTES
    large = replace(PACKAGE, code=code)
    with pytest.raises(InvalidInputError, match="rollout_presign_role"):
        programs.load_document(large)
    document = programs.load_document(large, url="${aws:iot:s3-presigned-url:https://x}")
    assert "steel_code" not in document["request"]
    assert len(programs.canonical(document)) < programs.MAX_DOCUMENT_BYTES


def test_the_same_content_is_published_once_and_other_content_never_under_its_version():
    assert programs.plan_publication(MANIFEST, "k", None, "1.1.0").action == "publish"
    assert programs.plan_publication(MANIFEST, "k", PACKAGE, "1.2.0").action == "none"
    with pytest.raises(FleetError, match="is published already, with another sha256, size_bytes"):
        programs.plan_publication(replace(MANIFEST, sha256="0" * 64, size_bytes=1), "k", PACKAGE, "1.2.0")


def test_a_signature_holds_for_its_bytes_only_and_the_key_is_private(tmp_path):
    path = tmp_path / "signing" / "private.key"
    signer = signatures.LocalSigner(path)
    signature = signer.sign(MANIFEST.canonical())
    assert signatures.verify(signer.public_pem(), MANIFEST.canonical(), signature)
    assert not signatures.verify(
        signer.public_pem(), replace(MANIFEST, version="1.2.1").canonical(), signature
    )
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert signatures.LocalSigner(path).key_id == signer.key_id


def test_a_key_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "private.key"
    path.write_text("no key")
    with pytest.raises(FleetError, match="cannot be read"):
        signatures.LocalSigner(path)

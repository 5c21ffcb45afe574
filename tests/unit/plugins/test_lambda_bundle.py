"""The bundle's file is written once, whole, and only when its bytes differ."""

from __future__ import annotations

import hashlib
import zipfile

import pytest

from tests.module_runner import run_module


@pytest.fixture
def bundle(root, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "hook.py").write_text("from fleetlib.core import errors\n")
    dest = tmp_path / "out" / "hook.zip"

    def run(check_mode=False, **options):
        given = {
            "source": str(source),
            "library": str(root / "plugins/module_utils/fleetlib"),
            "dest": str(dest),
        }
        return run_module("lambda_bundle", check_mode, **{**given, **options})

    run.source, run.dest = source, dest
    return run


def test_check_tells_the_hash_then_the_file_is_written_then_nothing_changes(bundle):
    planned = bundle(check_mode=True)
    assert planned["changed"]
    assert not bundle.dest.exists()

    done = bundle()
    assert done["changed"]
    assert done["sha256"] == planned["sha256"] == hashlib.sha256(bundle.dest.read_bytes()).hexdigest()
    assert done["size_bytes"] == bundle.dest.stat().st_size
    assert zipfile.ZipFile(bundle.dest).namelist() == done["names"]
    assert [path.name for path in bundle.dest.parent.iterdir()] == ["hook.zip"]

    again = bundle()
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]


def test_another_handler_is_another_bundle(bundle):
    before = bundle()
    (bundle.source / "hook.py").write_text("import fleetlib\n")
    after = bundle()
    assert after["changed"]
    assert after["diff"] == {"before": {"sha256": before["sha256"]}, "after": {"sha256": after["sha256"]}}


def test_a_place_that_cannot_be_written_is_named(bundle, tmp_path):
    (tmp_path / "file").write_text("")
    result = bundle(dest=str(tmp_path / "file" / "hook.zip"))
    assert result["failed"]
    assert f"dest cannot be written: {tmp_path}/file/hook.zip: " in result["msg"]


def test_a_library_that_is_none_is_named(bundle, tmp_path):
    result = bundle(library=str(tmp_path))
    assert result["failed"]
    assert "is not the directory of fleetlib" in result["msg"]

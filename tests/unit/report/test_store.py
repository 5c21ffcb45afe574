"""Reports on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fleetlib.report import page, store

from tests.browser.sample import record


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_report_is_a_directory_with_record_page_and_summary(tmp_path: Path) -> None:
    saved = store.save(tmp_path, record())

    assert names(saved.directory) == ["index.html", "report.json", "summary.json"]
    assert json.loads((saved.directory / "report.json").read_text("utf-8")) == record()
    assert saved.shown == tmp_path / "deploy/latest/index.html"
    assert saved.shown.exists()
    assert saved.problems == ()
    assert names(tmp_path) == ["deploy", "index.html"]


def test_latest_moves_to_the_newest_real_run_and_not_to_a_check(tmp_path: Path) -> None:
    first = store.save(tmp_path, record())
    checked = store.save(tmp_path, record(check_mode=True))
    assert (tmp_path / "deploy/latest").readlink() == Path(first.directory.name)
    assert checked.shown == tmp_path / "deploy/2026-03-01T09-30-00Z-check/index.html"

    second = store.save(tmp_path, record(result="failed"))

    assert (tmp_path / "deploy/latest").readlink() == Path(second.directory.name)
    assert second.directory.name == "2026-03-01T09-30-00Z-2"


def test_a_check_is_shown_where_it_is_when_there_was_no_real_run(tmp_path: Path) -> None:
    saved = store.save(tmp_path, record(check_mode=True))

    assert saved.shown == saved.directory / "index.html"
    assert not (tmp_path / "deploy/latest").exists()


def test_the_index_lists_every_run_below_and_links_to_it(tmp_path: Path) -> None:
    store.save(tmp_path, record())
    store.save(tmp_path, record() | {"playbook": "runbooks/restart"})

    index = (tmp_path / "index.html").read_text("utf-8")

    for name in ("deploy", "runbooks/restart"):
        assert f'href="{name}/2026-03-01T09-30-00Z/index.html"' in index


@pytest.mark.parametrize("damage", ["", "{", '{"format": 99}', "[]"])
def test_a_damaged_summary_does_not_stop_the_index(tmp_path: Path, damage: str) -> None:
    saved = store.save(tmp_path, record())
    (tmp_path / "old").mkdir()
    (tmp_path / "old/summary.json").write_text(damage)

    store.refresh_index(tmp_path)

    assert saved.directory.name in (tmp_path / "index.html").read_text("utf-8")


def test_a_page_that_cannot_be_made_leaves_the_record_and_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("no template")

    monkeypatch.setattr(page, "run_page", broken)

    saved = store.save(tmp_path, record())

    assert saved.problems == ("The page could not be written: no template",)
    assert saved.shown == tmp_path / "deploy/latest/report.json"
    assert 'href="deploy/2026-03-01T09-30-00Z/report.json"' in (tmp_path / "index.html").read_text("utf-8")


def test_a_record_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        store.save(tmp_path, record() | {"next": [object()]})

    assert names(tmp_path / "deploy") == []


def test_half_a_character_from_a_device_does_not_stop_the_report(tmp_path: Path) -> None:
    odd = record() | {"summary": {"Name": "a\ud800b"}}

    saved = store.save(tmp_path, odd)

    assert saved.problems == ()
    assert json.loads((saved.directory / "report.json").read_text("utf-8"))["summary"] == {"Name": "a\ud800b"}


def test_a_latest_that_is_no_link_is_a_problem_and_the_report_is_shown_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "deploy/latest").mkdir(parents=True)
    (tmp_path / "deploy/latest/mine.txt").write_text("kept")

    saved = store.save(tmp_path, record())

    assert saved.problems[0].startswith("The link to the latest report could not be written")
    assert saved.shown == saved.directory / "index.html"
    assert names(tmp_path / "deploy/latest") == ["mine.txt"]
    assert names(tmp_path / "deploy") == [saved.directory.name, "latest"]

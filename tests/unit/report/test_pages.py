"""The pages, as markup: what is on them, that it is escaped, and that it can be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from fleetlib.report import canvas, page, plots, style

from tests.browser.sample import HOSTILE, record

VOID = {"meta", "link", "br"}


class Outline(HTMLParser):
    """Checks that elements nest, and collects ids, links, tags and text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(markup)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def rich() -> str:
    return page.run_page(record(result="failed"))


@pytest.fixture(scope="module")
def outline(rich: str) -> Outline:
    return Outline(rich)


def test_elements_nest_and_ids_are_unique(outline: Outline) -> None:
    assert len(outline.ids) == len(set(outline.ids))


def test_references_inside_the_page_lead_somewhere(outline: Outline) -> None:
    wanted = {value[1:] for name, value in outline.attributes if name == "href" and value.startswith("#")}
    wanted |= {
        part for name, value in outline.attributes if name == "aria-labelledby" for part in value.split()
    }
    wanted |= {part for _, value in outline.attributes for part in re.findall(r"url\(#([^)]+)\)", value)}

    assert wanted <= set(outline.ids)


def test_hostile_texts_become_text_and_never_markup(rich: str, outline: Outline) -> None:
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert "javascript:" not in {
        value.partition(":")[0] + ":" for name, value in outline.attributes if name == "href"
    }
    assert "<script>alert(1)</script>" in outline.text
    assert HOSTILE not in rich


def test_nothing_on_the_page_is_fetched(rich: str, outline: Outline) -> None:
    sources = [
        value
        for name, value in outline.attributes
        if name in ("src", "srcset", "data", "poster", "xlink:href")
    ]

    assert sources == []
    assert "@import" not in rich
    assert re.findall(r"url\((?!#)", rich) == []
    assert [value for name, value in outline.attributes if name == "href" and value.startswith("data:")] == [
        "data:,"
    ]


def test_the_summary_says_result_place_time_and_changes(outline: Outline) -> None:
    head = outline.text.partition("To the content")[2][:600]

    for words in (
        "failed",
        "local, us-east-1",
        "1 Mar 2026, 09:30 UTC",
        "Connect as one device",
        "6 tasks",
        "Devices 100",
    ):
        assert words in head


def test_every_kind_of_section_is_on_the_page(outline: Outline) -> None:
    for title in (
        "Pre-deployment checklist",
        "Fleet",
        "Stacks",
        "Facts",
        "Notes",
        "Links",
        "Delivery latency",
    ):
        assert title in outline.text


def test_a_plot_has_a_name_a_description_both_widths_and_its_figures(rich: str) -> None:
    for width in canvas.WIDTHS:
        assert re.search(
            rf'<svg viewBox="[^"]+" class="{width}" role="img" aria-labelledby="durations-{width}-title', rich
        )
    assert '<title id="durations-wide-title">Duration of each phase</title>' in rich
    assert "Largest: provisioning, 21.7 s." in rich
    assert rich.count("<summary>The figures</summary>") == 5


def test_plots_use_the_colours_of_the_page_only(rich: str) -> None:
    drawn = "".join(re.findall(r"<svg viewBox.*?</svg>", rich))

    assert re.findall(r"#[0-9a-f]{6}", drawn) == []
    assert set(re.findall(r"var\((--[\w-]+)\)", drawn)) <= set(re.findall(r"(--[\w-]+):", style.STYLE))


def test_a_check_mode_run_says_that_it_changed_nothing_and_leads_with_the_plan() -> None:
    text = Outline(page.run_page(record(check_mode=True))).text

    assert "check mode" in text
    assert "it changed nothing and shows what would change" in text
    assert text.index("Create the stacks") < text.index("Each line of the guide")


def test_an_unfinished_run_says_where_it_stopped() -> None:
    assert (
        "did not reach its end. It stopped in “Report”."
        in Outline(page.run_page(record(result="unfinished"))).text
    )


def test_failed_checks_are_the_verdict_even_where_no_task_failed() -> None:
    failing = record()
    failing["checks"]["failed"] = 2

    assert "2 checks failed" in Outline(page.run_page(failing)).text


def test_a_run_that_did_nothing_says_so_and_has_no_plot() -> None:
    empty = record() | {
        "changes": [],
        "phases": [],
        "sections": [],
        "next": [],
        "summary": {},
        "warnings": [],
    }

    made = page.run_page(empty)

    assert "Nothing changed." in Outline(made).text
    assert "<svg" not in made


@pytest.mark.parametrize(("phases", "seconds"), [(1, 60), (7, 0.5)])
def test_a_single_phase_or_a_short_run_gets_a_table_and_no_plot(phases: int, seconds: float) -> None:
    short = record() | {"sections": []}
    short["phases"] = [phase | {"seconds": seconds} for phase in short["phases"][:phases]]

    made = page.run_page(short)

    assert "<svg" not in made
    assert "Phase Duration Tasks" in Outline(made).text


def test_a_plot_that_fails_leaves_a_notice_and_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr(plots, "bars", broken)

    text = Outline(page.run_page(record())).text

    assert "The plot could not be drawn (RuntimeError: no fonts)." in text
    assert "provisioning 21.7 s" in text


def test_a_missing_plot_library_is_named_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(canvas.importlib, "import_module", missing)

    assert (
        "matplotlib is missing; it is needed for the plots of reports."
        in Outline(page.run_page(record())).text
    )


def test_a_long_table_is_cut_and_says_where_the_rest_is() -> None:
    long = record()
    long["sections"] = [
        {
            "title": "Long",
            "kind": "table",
            "columns": ["n"],
            "rows": [[str(i)] for i in range(700)],
            "id": "x",
        }
    ]

    text = Outline(page.run_page(long)).text

    assert "499" in text
    assert "200 more in report.json" in text


def test_the_page_finds_the_index_from_any_depth() -> None:
    deep = record() | {"playbook": "runbooks/restart"}

    assert '<a href="../../../index.html">All runs</a>' in page.run_page(deep)
    assert '<a href="../../index.html">All runs</a>' in page.run_page(record())


def test_the_same_record_gives_the_same_bytes() -> None:
    assert page.run_page(record()) == page.run_page(record())


def test_sections_without_data_say_so() -> None:
    bare = record()
    bare["sections"] = [
        {"title": "B", "kind": "bars", "bars": [], "id": "x"},
        {"title": "S", "kind": "series", "series": [{"name": "a", "points": []}], "id": "x"},
        {"title": "H", "kind": "histogram", "values": [], "id": "x"},
        {"title": "M", "kind": "map", "cells": [], "id": "x"},
    ]

    assert Outline(page.run_page(bare)).text.count("No data.") == 4


def run(playbook: str, minute: int, **changed: Any) -> dict[str, Any]:
    return {
        "playbook": playbook,
        "started": f"2026-03-01T09:{minute:02}:00Z",
        "environment": "local",
        "check_mode": False,
        "result": "passed",
        "seconds": 5.0,
        "changed": 0,
        "href": f"{playbook}/{minute}/index.html",
        "checks": {"failed": 0, "warned": 0, "not_checked": 0, "passed": 3},
    } | changed


def test_the_index_lists_every_run_newest_first_and_the_last_real_one_of_each_playbook() -> None:
    markup = page.index_page(
        [run("deploy", 1), run("deploy", 3, check_mode=True), run("health", 2, result="failed")]
    )
    latest, every = markup.split('id="runs"')

    assert [re.findall(r'href="(\w+/\d+)/', part) for part in (latest, every)] == [
        ["deploy/1", "health/2"],
        ["deploy/3", "health/2", "deploy/1"],
    ]
    assert "3 passed" in Outline(markup).text


def test_the_index_says_in_short_what_the_last_run_of_each_playbook_found() -> None:
    facts = {"Devices": 100, "Connected": 97, "Lost": 3, "To look at": 0, "Never connected": 1}
    text = Outline(page.index_page([run("health", 1) | {"summary": facts}])).text

    assert "Devices: 100, Connected: 97, Lost: 3, To look at: 0" in text
    assert "Never connected" not in text


def test_the_index_of_no_runs_is_a_page_too() -> None:
    assert "0 runs." in Outline(page.index_page([])).text


def test_a_very_long_index_lists_the_newest_and_says_so() -> None:
    text = Outline(page.index_page([run("deploy", i % 60) for i in range(600)])).text

    assert "600 runs; the newest 500 are listed." in text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast(theme: str) -> None:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
        for part in style.STYLE.split("@media screen", 1)
    )
    colours = light | (dark if theme == "dark" else {})

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
        return (bright + 0.05) / (dim + 0.05)

    for ground in ("bg", "surface"):
        for name in ("ink", "muted", "link", "passed", "warned", "failed", "not-checked"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (theme, name, ground)
        for i in range(1, canvas.SERIES + 1):
            assert contrast(colours[f"series-{i}"], colours[ground]) >= 3, (theme, i, ground)

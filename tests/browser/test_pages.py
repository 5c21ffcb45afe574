"""The pages in a real browser: phone and desk, light and dark, paper, and without any network."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fleetlib.report import store

from .conftest import Opened
from .sample import record

pytestmark = pytest.mark.browser

PAGES = {
    "index": "index.html",
    "passed": "deploy/latest/index.html",
    "checked": "checked/2026-03-01T09-30-00Z-check/index.html",
    "failed": "failed/latest/index.html",
    "health": "health/latest/index.html",
    "interrupted": "runbooks/interrupted/latest/index.html",
}
PAPER = 718
"""Width of A4 between margins of 10 mm, in CSS pixels."""

every_page = pytest.mark.parametrize("name", PAGES)
every_width = pytest.mark.parametrize("width", [380, 1400])

OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true })"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@every_page
@every_width
def test_the_browser_complains_of_nothing_and_asks_for_nothing(
    look: Callable[..., Opened], name: str, width: int
) -> None:
    opened = look(PAGES[name], width)
    opened.page.evaluate(OPEN_ALL)

    assert opened.complaints == []
    assert opened.requests == [opened.page.url]


@every_page
@every_width
def test_nothing_is_wider_than_the_screen(look: Callable[..., Opened], name: str, width: int) -> None:
    opened = look(PAGES[name], width)
    assert opened.page.evaluate(OVERFLOW) == 0

    opened.page.evaluate(OPEN_ALL)

    assert opened.page.evaluate(OVERFLOW) == 0


@pytest.mark.parametrize("name", ["index", "failed", "health"])
@pytest.mark.parametrize(("width", "scheme"), [(380, "dark"), (1400, "light")])
def test_the_rules_of_accessibility_hold(
    look: Callable[..., Opened], name: str, width: int, scheme: str
) -> None:
    opened = look(PAGES[name], width, scheme)
    opened.page.evaluate(OPEN_ALL)

    results = Axe().run(opened.page)

    assert results.violations_count == 0, results.generate_report()


def test_texts_of_devices_run_nothing(look: Callable[..., Opened]) -> None:
    page = look(PAGES["failed"]).page

    assert page.title() == "deploy: failed, 1 Mar 2026, 09:30 UTC".replace("deploy", "failed", 1)
    assert page.evaluate("document.querySelectorAll('script, img, iframe, object').length") == 0
    assert page.get_by_text("<script>alert(1)</script>").count() > 5


@every_width
def test_text_in_plots_is_large_enough_to_read(look: Callable[..., Opened], width: int) -> None:
    heights = look(PAGES["passed"], width).page.evaluate(
        """[...document.querySelectorAll('.plot svg text')].filter(text => text.checkVisibility())
           .map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
    )

    assert len(heights) > 20
    assert min(heights) >= 10


@pytest.mark.parametrize(("width", "shown"), [(380, "narrow"), (1400, "wide")])
def test_each_screen_shows_the_drawing_made_for_it(
    look: Callable[..., Opened], width: int, shown: str
) -> None:
    classes = look(PAGES["passed"], width).page.evaluate(
        """[...document.querySelectorAll('.plot > svg')].filter(svg => svg.checkVisibility())
           .map(svg => svg.getAttribute('class'))"""
    )

    assert classes == [shown] * 4


def test_dark_mode_changes_the_page_and_the_plots(look: Callable[..., Opened]) -> None:
    def colours(scheme: str) -> list[str]:
        return look(PAGES["passed"], 1400, scheme).page.evaluate(
            """[getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.querySelector('.plot svg text')).fill]"""
        )

    assert colours("light") == ["rgb(248, 248, 246)", "rgb(86, 93, 102)"]
    assert colours("dark") == ["rgb(20, 23, 26)", "rgb(163, 171, 179)"]


@every_page
def test_paper_shows_everything_that_the_screen_can_unfold(look: Callable[..., Opened], name: str) -> None:
    page = look(PAGES[name], PAPER, media="print").page

    hidden = page.evaluate(
        """[...document.querySelectorAll('td, th, dd, pre, li')]
           .filter(part => !part.closest('nav') && part.getBoundingClientRect().height === 0)
           .map(part => part.textContent)"""
    )
    cut = page.evaluate(
        """[...document.querySelectorAll('.scroll, pre')]
           .filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.ariaLabel)"""
    )

    broken = page.evaluate(
        """[...document.querySelectorAll('.status')]
           .filter(part => part.checkVisibility() && part.getClientRects().length > 1)
           .map(part => part.textContent)"""
    )

    assert hidden == []
    assert cut == []
    assert broken == []
    assert page.evaluate(OVERFLOW) == 0


def test_paper_is_light_even_in_dark_mode(look: Callable[..., Opened]) -> None:
    page = look(PAGES["passed"], PAPER, "dark", media="print").page

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_page_prints_as_pdf(look: Callable[..., Opened]) -> None:
    assert look(PAGES["passed"]).page.pdf(format="A4").startswith(b"%PDF-")


def test_the_index_leads_to_a_run_and_the_run_back(look: Callable[..., Opened]) -> None:
    page = look(PAGES["index"]).page

    page.get_by_role("link", name="runbooks/interrupted").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "runbooks/interrupted"
    page.get_by_role("link", name="All runs").click()

    assert page.get_by_role("heading", level=1).inner_text() == "All runs"


def test_the_page_works_from_the_keyboard(look: Callable[..., Opened]) -> None:
    page = look(PAGES["passed"]).page

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")

    assert page.url.endswith("#main")


def test_a_fleet_of_ten_thousand_fits_three_megabytes_and_opens_in_two_seconds(
    look: Callable[..., Opened], reports: Path
) -> None:
    saved = store.save(reports, record(devices=10_000) | {"playbook": "large"})
    assert saved.shown.stat().st_size < 3_000_000

    took = []
    for _ in range(3):  # the machine may be busy with something else once
        began = time.monotonic()
        opened = look("large/latest/index.html", 380)
        opened.page.screenshot()
        took.append(time.monotonic() - began)

    assert min(took) < 2
    assert opened.page.locator(".map i").count() == 10_000
    assert opened.page.evaluate(OVERFLOW) == 0

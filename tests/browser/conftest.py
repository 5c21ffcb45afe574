"""A real browser for the tests of the pages: the machine's own Chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fleetlib.report import store
from playwright.sync_api import Browser, Page, sync_playwright

from .sample import health_record, record

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Without one the tests are skipped, and fail where FLEET_REQUIRE_BROWSER=1."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = (
            f"No browser on PATH (looked for {', '.join(BROWSERS)}): the pages were NOT tried in a browser."
        )
        if os.environ.get("FLEET_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason} FLEET_REQUIRE_BROWSER=1 requires it; install chromium.", pytrace=False)
        pytest.skip(f"{reason} Install chromium to run them.")
    # Chromium refuses to run its sandbox as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of a run that passed, one in check mode, one that failed and one that was interrupted."""
    directory = tmp_path_factory.mktemp("reports")
    for playbook, made in {
        "deploy": record(),
        "checked": record(check_mode=True),
        "failed": record(result="failed"),
        "runbooks/interrupted": record(result="unfinished"),
    }.items():
        assert store.save(directory, made | {"playbook": playbook}).problems == ()
    assert store.save(directory, health_record()).problems == ()
    return directory


@dataclass
class Opened:
    """A page in the browser, and what the browser had to say about it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def look(browser: Browser, reports: Path) -> Iterator[Callable[..., Opened]]:
    """``look("deploy/latest/index.html", 380)`` opens a page below the reports at that width."""
    contexts = []

    def open_page(path: str, width: int = 1400, scheme: str = "light", media: str = "screen") -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.emulate_media(media=media, color_scheme=scheme)
        opened = Opened(page)
        page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (opened.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto((reports / path).as_uri(), wait_until="load")
        return opened

    yield open_page
    for context in contexts:
        context.close()

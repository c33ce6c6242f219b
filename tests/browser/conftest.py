"""A real Chromium, and a page in it that tolerates no error: none on the console, none of the content policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.required import refuse
from tests.server import Server, running_server

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 20_000  # only a failure takes that long
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = find_chromium()
    if path is None:
        refuse("no Chromium: install the package chromium")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server that has never received anything."""
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


@pytest.fixture
def problems() -> list[str]:
    """What went wrong on the page so far. A test that brings about an error empties it."""
    return []


@pytest.fixture
def page(context: BrowserContext, problems: list[str]) -> Iterator[Page]:
    """A page; the test fails when it logged an error, threw one, or was refused something by the content policy."""
    opened = context.new_page()

    def note(message: ConsoleMessage) -> None:
        # A page asked for wrongly on purpose is a 400; its test looks at what it says.
        if message.type in ("error", "warning") and "status of 400" not in message.text:
            problems.append(f"{message.type}: {message.text}")

    opened.on("console", note)
    opened.on("pageerror", lambda error: problems.append(f"thrown: {error}"))
    yield opened
    assert problems == []

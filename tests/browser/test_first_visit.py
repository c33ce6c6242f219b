"""The first minutes of a new user: nothing there, then the first data, then an imported file; and starting afresh."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

CONSOLE_TEXT = Path(__file__).parent.parent / "data" / "documented-console" / "stdout.txt"
PATHS = ["/", "/traces/", "/logs/", "/metrics/", "/setup/"]


def test_an_empty_dashboard_says_how_to_send_to_this_very_address(fresh_server: Server, page: Page) -> None:
    page.goto(fresh_server.pages_url)
    command = page.locator(".command", has_text="OTEL_EXPORTER_OTLP_ENDPOINT").first
    expect(command).to_contain_text(f"http://127.0.0.1:{fresh_server.otlp_port}")
    command.get_by_role("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={fresh_server.otlp_url}" in copied
    assert "opentelemetry-instrument" in copied


def test_the_waiting_page_turns_into_the_overview_with_the_first_span(fresh_server: Server, page: Page) -> None:
    page.goto(fresh_server.pages_url)
    expect(page.get_by_text("nothing received yet")).to_be_visible()
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    post(fresh_server, span("the first of all", os.urandom(16)))
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_an_imported_console_text_is_told_and_leads_to_its_trace(fresh_server: Server, page: Page) -> None:
    page.goto(f"{fresh_server.pages_url}/setup/")
    page.locator('input[type="file"]').set_input_files(CONSOLE_TEXT)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Import")
    main = page.get_by_role("main")
    expect(main).to_contain_text(CONSOLE_TEXT.name)
    assert {name: len(fresh_server.csv(name)) for name in ("spans", "logs")} == {"spans": 1, "logs": 11}
    main.locator('a[href*="/traces/"]').first.click()
    expect(page.locator("[data-span-id]")).to_have_count(1)
    page.goto(f"{fresh_server.pages_url}/logs/?range=all")
    page.get_by_text("Creating SandboxClaim").first.click()
    expect(page.locator("details[open]")).to_contain_text("zone assumed")


def test_a_pasted_text_is_imported_too(fresh_server: Server, page: Page) -> None:
    page.goto(f"{fresh_server.pages_url}/setup/")
    page.locator("textarea").fill(CONSOLE_TEXT.read_text())
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Import")
    assert len(fresh_server.csv("logs")) == 11


def test_everything_is_cleared_after_asking(fresh_server: Server, page: Page) -> None:
    post(fresh_server, span("to be cleared", os.urandom(16)))
    page.goto(f"{fresh_server.pages_url}/setup/")
    page.get_by_text("Clear everything").first.click()
    assert len(fresh_server.csv("spans")) == 1
    page.get_by_role("main").get_by_role("button", name=re.compile("Clear|Delete")).click()
    page.wait_for_load_state()
    assert fresh_server.csv("spans") == []
    post(fresh_server, span("after it", os.urandom(16)))
    assert [row["name"] for row in fresh_server.csv("spans")] == ["after it"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("data", ["empty", "busy"])
def test_no_page_scrolls_sideways(
    request: pytest.FixtureRequest, browser: Browser, path: str, width: int, data: str
) -> None:
    server: Server = request.getfixturevalue("server" if data == "busy" else "guarded_server")
    if data == "busy":
        post(server, span("a-very-long-name-" * 20, os.urandom(16)), service="service-" * 20)
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(server.pages_url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_theme_and_time_zone_are_remembered(server: Server, page: Page) -> None:
    post(server, span("for its time", os.urandom(16)))
    page.goto(f"{server.pages_url}/traces/")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("[data-theme-toggle]").first.click()
    page.get_by_role("button", name="Local").first.click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != background
    expect(page.get_by_role("button", name="Local").first).to_have_attribute("aria-pressed", "true")

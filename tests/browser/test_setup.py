"""Setup in a real browser: the receivers' state moves by itself, files are dropped, refusals are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

CONSOLE_TEXT = Path(__file__).parent.parent / "data" / "documented-console" / "stdout.txt"
DROP = """([name, text]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([text], name, {type: "text/plain"}));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped, bubbles: true, cancelable: true}));
}"""


def test_what_arrives_and_what_is_refused_is_told_at_once(fresh_server: Server, page: Page) -> None:
    page.goto(f"{fresh_server.pages_url}/setup/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    expect(page.locator("#state")).to_contain_text("nothing received yet")
    post(fresh_server, span("whole", os.urandom(16)), span("without a whole id", os.urandom(3)))
    expect(page.locator("#state")).to_contain_text("1 span, 0 log records, 0 metric points")
    expect(page.locator("#state")).to_contain_text("1 item refused")


def test_the_checks_appear_after_the_page_and_a_fix_is_copied(fresh_server: Server, page: Page) -> None:
    page.goto(f"{fresh_server.pages_url}/setup/")
    telemetry = page.locator('[data-check="telemetry"]')
    expect(telemetry).to_contain_text("nothing was ever received")
    telemetry.get_by_role("button", name="Copy").click()
    expect(telemetry.get_by_role("button", name="Copied")).to_be_visible()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in page.evaluate("navigator.clipboard.readText()")
    telemetry.get_by_role("button", name="Copied").click()  # once more, before it says Copy again
    expect(telemetry.get_by_role("button", name="Copied")).to_have_count(0)


def test_looking_again_finds_what_has_come(fresh_server: Server, page: Page) -> None:
    page.goto(f"{fresh_server.pages_url}/setup/")
    telemetry = page.locator('[data-check="telemetry"]')
    expect(telemetry).to_have_attribute("data-status", "warning")
    post(fresh_server, span("whole", os.urandom(16)))
    # What was found is remembered for some seconds, and the page looks by itself every twenty.
    expect(telemetry).to_have_attribute("data-status", "ok", timeout=60_000)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_axe_finds_nothing_wrong_with_the_checks(server: Server, page: Page, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{server.pages_url}/setup/")
    expect(page.locator("#checks")).to_have_attribute("aria-busy", "false")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_file_dropped_anywhere_is_imported(fresh_server: Server, page: Page) -> None:
    page.goto(fresh_server.pages_url)
    page.evaluate(DROP, ["dropped.txt", CONSOLE_TEXT.read_text()])
    expect(page.get_by_role("heading", level=1)).to_have_text("Imported")
    expect(page.get_by_role("heading", name="dropped.txt")).to_be_visible()
    assert len(fresh_server.csv("spans")) == 1

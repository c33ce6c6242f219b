"""Setup in a real browser: the receivers' state moves by itself, files are dropped, refusals are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
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


def test_a_file_dropped_anywhere_is_imported(fresh_server: Server, page: Page) -> None:
    page.goto(fresh_server.pages_url)
    page.evaluate(DROP, ["dropped.txt", CONSOLE_TEXT.read_text()])
    expect(page.get_by_role("heading", level=1)).to_have_text("Imported")
    expect(page.get_by_role("heading", name="dropped.txt")).to_be_visible()
    assert len(fresh_server.csv("spans")) == 1

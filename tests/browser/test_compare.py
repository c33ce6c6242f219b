"""Comparisons in a real browser: by keyboard, on any screen, and axe finds nothing."""

from __future__ import annotations

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_claims import QUICKSTART, bring
from tests.browser.test_traces import post, span
from tests.sandboxes.recordings import watch_path
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_two_of_a_kind_are_compared_by_keyboard(server: Server, page: Page, theme: str, width: int) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.pages_url}/claims/compare/?a={QUICKSTART}")
    page.locator('[name="b"]').fill(QUICKSTART)
    page.locator('[name="b"]').press("Enter")
    expect(page.get_by_role("status")).to_contain_text("the same claim")
    expect(page.locator('[data-stage="started"]')).to_be_visible()
    first, second = span("compared", os.urandom(16)), span("compared", os.urandom(16))
    post(server, first)
    post(server, second)
    for path in ("/claims/compare/", "/claims/compare/?a=nobody", page.url.removeprefix(server.pages_url)):
        assert_fits(page, server.pages_url + path, width)
    traces = f"/traces/compare/?a={first.trace_id.hex()}&b={second.trace_id.hex()}"
    page.goto(server.pages_url + traces)
    expect(page.locator('[data-operation="compared"]')).to_be_visible()
    assert_fits(page, server.pages_url + traces, width)


def assert_fits(page: Page, url: str, width: int) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()

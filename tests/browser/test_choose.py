"""Choosing two of a list, the menu Export and copying as Markdown, in a real browser: by keyboard, on any screen."""

from __future__ import annotations

import os
import time

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from playwright.sync_api import Page, expect

from tests.browser.test_compare import assert_fits
from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]


def two_traces(server: Server, name: str) -> list[str]:
    """The ids of two traces of that name, the earlier one first."""
    traces = [os.urandom(16), os.urandom(16)]
    for offset_ms, trace_id in enumerate(traces):
        post(server, span(name, trace_id, offset_ms=offset_ms - 1_000), service=name)
    return [trace_id.hex() for trace_id in traces]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_two_rows_are_chosen_and_compared_by_keyboard(server: Server, page: Page, theme: str, width: int) -> None:
    service = f"chosen-{width}"
    earlier, later = two_traces(server, service)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.pages_url}/traces/?service={service}")
    expect(page.get_by_role("checkbox", name="Compare")).to_have_count(0)
    page.get_by_role("link", name="Compare").press("Enter")
    boxes = page.get_by_role("checkbox", name="Compare")
    expect(boxes).to_have_count(2)
    button = page.get_by_role("button", name="Compare 2")
    expect(button).to_be_disabled()
    boxes.nth(0).press("Space")
    expect(page.get_by_role("status").filter(has_text="1 chosen")).to_be_visible()
    page.keyboard.press("Tab")
    while not boxes.nth(1).evaluate("box => box === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(button).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    button.press("Enter")
    expect(page).to_have_url(f"{server.pages_url}/traces/compare/?a={earlier}&b={later}")
    assert_fits(page, f"{server.pages_url}/traces/?service={service}&choose=1", width)


def test_a_row_anywhere_ticks_its_box_and_a_third_one_has_to_go(server: Server, page: Page) -> None:
    two_traces(server, "pressed")
    two_traces(server, "pressed")
    page.goto(f"{server.pages_url}/traces/?service=pressed&choose=1")
    rows = page.locator("#rows tbody tr")
    for number in range(3):
        rows.nth(number).click()
    expect(page.locator("#rows :checked")).to_have_count(3)
    expect(page.get_by_role("button", name="Compare 2")).to_be_disabled()
    rows.nth(0).click()
    expect(page.get_by_role("button", name="Compare 2")).to_be_enabled()
    page.get_by_role("link", name="Cancel").click()
    rows.nth(0).click()
    expect(page.locator("#trace")).to_be_visible()


def test_the_menu_stays_open_while_rows_arrive(server: Server, page: Page) -> None:
    two_traces(server, "taken-away")
    page.goto(f"{server.pages_url}/traces/?service=taken-away")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    page.locator("#export-open").press("Enter")
    csv = page.locator("#export-csv")
    expect(csv).to_contain_text("2 spans")
    csv.focus()
    two_traces(server, "taken-away")
    expect(csv).to_contain_text("4 spans")
    expect(csv).to_be_focused()
    page.keyboard.press("Escape")
    expect(csv).to_be_hidden()


def test_a_trace_and_a_span_with_all_below_it_are_copied(server: Server, page: Page) -> None:
    trace_id = os.urandom(16)
    base_ns = time.time_ns()
    root = span("copied root", trace_id, base_ns=base_ns)
    child = span("copied | child", trace_id, root, 5, 20, base_ns)
    child.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="no such file"))
    below = span("copied grandchild", trace_id, child, 6, 3, base_ns)
    post(server, root, child, below)
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/?span={child.span_id.hex()}")
    page.get_by_role("link", name="Copy as Markdown").press("Enter")
    expect(page.get_by_role("link", name="Copied", exact=True)).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("### Trace copied root: 50 ms, 1 error")
    assert f"{server.pages_url}/traces/{trace_id.hex()}/" in copied
    expect(page.get_by_role("link", name="Copied", exact=True)).to_have_count(0)
    page.get_by_label("Selected span").get_by_role("link", name="as Markdown").click()
    expect(page.get_by_label("Selected span").get_by_role("link", name="Copied", exact=True)).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("### Span copied \\| child: 20 ms, 1 error")
    assert "copied grandchild" in copied
    assert "copied root" not in copied


def test_where_nothing_can_be_copied_the_text_is_shown(server: Server, page: Page, problems: list[str]) -> None:
    trace_id = os.urandom(16)
    post(server, span("shown instead", trace_id))
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/")
    page.get_by_role("link", name="Copy as Markdown").click()
    expect(page.get_by_text("### Trace shown instead")).to_be_visible()
    expect(page).to_have_url(f"{server.pages_url}/traces/{trace_id.hex()}.md")
    problems.clear()  # Chromium looks for the icon of a text, and there is none


@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_two_times_are_compared_from_the_overview(server: Server, page: Page, theme: str, width: int) -> None:
    service, now_ns = f"times-{width}", time.time_ns()
    for ago_s, length_ms in ((1_200, 10), (120, 40)):
        spans = [
            span("slows", os.urandom(16), ms=length_ms, base_ns=now_ns - ago_s * 10**9 + number * 10**6)
            for number in range(30)
        ]
        post(server, *spans, service=service)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.pages_url}/?range=15m&service={service}")
    page.locator("summary", has_text="Compare").press("Enter")
    page.get_by_role("link", name="The time of the same length before it").press("Enter")
    row = page.locator('#operations [data-operation="slows"]')
    expect(row).to_contain_text("10 ms → 40 ms")
    expect(page.locator("#told")).to_contain_text("p95 of 1 operation")
    page.locator("summary", has_text="Custom").nth(1).press("Enter")
    page.locator('[name="with_from"]').fill("2026-11-23 10:00")
    page.locator('[name="with_to"]').fill("2026-11-23 09:00")
    page.locator('[name="with_to"]').press("Enter")
    expect(page.locator("#with_to-problem")).to_be_visible()
    assert_fits(page, page.url, width)
    assert_fits(page, f"{server.pages_url}/compare/?range=15m&service={service}", width)

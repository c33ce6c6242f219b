"""The overview in a real browser: its charts move with what arrives, a drag chooses an area, and pause holds it all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_claims import bring, open_claim
from tests.browser.test_traces import post, span
from tests.sandboxes.recordings import watch_path
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

MS = 10**6


def lasting(name: str, duration_ms: int, ago_s: int = 30, **attributes: str) -> Span:
    """A span that began some time ago and took so long."""
    made = span(name, os.urandom(16))
    made.start_time_unix_nano = time.time_ns() - ago_s * 10**9
    made.end_time_unix_nano = made.start_time_unix_nano + duration_ms * MS
    for key, value in attributes.items():
        made.attributes.add(key=key).value.string_value = value
    return made


def open_overview(server: Server, page: Page, query: str = "") -> None:
    """The page, drawn and live."""
    page.goto(f"{server.pages_url}/?{query}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")


def heatmap(page: Page) -> Locator:
    drawn = page.locator("#latency-heatmap")
    expect(drawn.locator(".main-svg").first).to_be_visible()
    return drawn


def drag(page: Page, chart: Locator) -> None:
    """Over all of the plot, so that what is in it does not depend on where the cells are."""
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=5)
    page.mouse.up()


def test_what_arrives_moves_the_chart_the_counts_and_the_table(server: Server, page: Page) -> None:
    post(server, lasting("first", 20), service="moves")
    open_overview(server, page, "service=moves")
    twin = heatmap(page).locator("[data-chart-twin]")
    twin.locator("summary").click()
    expect(twin.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#answer")).to_contain_text("No error in 1 operation")
    post(server, lasting("second", 4_000), service="moves")
    expect(twin.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#answer")).to_contain_text("No error in 2 operations")
    expect(page.locator("[data-operation]").first).to_have_attribute("data-operation", "second")


def test_a_drag_over_the_heatmap_lists_what_is_there_and_the_address_keeps_it(server: Server, page: Page) -> None:
    slow = lasting("dragged", 2_000)
    post(server, slow, service="drags")
    open_overview(server, page, "service=drags")
    drag(page, heatmap(page))
    area = page.locator("#area")
    expect(area.get_by_role("heading", level=2)).to_contain_text("1 span in the area")
    expect(area.locator(f'[data-trace-id="{slow.trace_id.hex()}"]')).to_be_visible()
    assert "area_from=" in page.url
    page.reload()
    expect(area.locator(f'[data-trace-id="{slow.trace_id.hex()}"]')).to_be_visible()
    page.locator("[data-area-close]").click()
    expect(area).to_be_hidden()
    page.go_back()
    expect(area).to_be_visible()


def test_an_area_is_chosen_by_keyboard_too(server: Server, page: Page) -> None:
    post(server, *(lasting("quick", 10, size="small") for _ in range(20)), service="typed")
    post(server, *(lasting("slow", 3_000, size="large") for _ in range(8)), service="typed")
    open_overview(server, page, "service=typed")
    page.locator(".area-numbers summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("At least").fill("1s")
    page.keyboard.press("Enter")
    area = page.locator("#area")
    expect(area.get_by_role("heading", level=2)).to_contain_text("8 spans in the area")
    expect(area).to_contain_text("size large")
    expect(page.get_by_label("At least")).to_have_value("1s")


def test_pause_holds_every_part_and_going_on_catches_up(server: Server, page: Page) -> None:
    post(server, lasting("before", 20), service="pauses")
    open_overview(server, page, "service=pauses")
    heatmap(page)
    state = page.locator("[data-live-state]").first
    state.click()
    expect(state).to_contain_text("Paused")
    post(server, lasting("after", 30), service="pauses")
    # Told to this page after the spans above: once it is here, every part had its chance.
    with page.expect_response(lambda answer: answer.url.endswith("/healthz")):
        page.evaluate("fetch('/healthz')")
    expect(page.locator("#answer")).to_contain_text("in 1 operation")
    expect(page.locator("[data-operation]")).to_have_count(1)
    state.click()
    expect(page.locator("#answer")).to_contain_text("in 2 operations")
    expect(page.locator("[data-operation]")).to_have_count(2)


def test_a_new_claim_appears_and_a_list_that_is_read_holds_still(server: Server, page: Page, tmp_path: Path) -> None:
    bring(server, open_claim(tmp_path / "first.jsonl", "overview-first"))
    open_overview(server, page)
    newest = page.locator("#newest")
    expect(newest.locator('[data-claim-uid="overview-first"]')).to_be_visible()
    newest.locator("h2").hover()
    bring(server, open_claim(tmp_path / "second.jsonl", "overview-second"))
    held = page.locator('[data-held="newest"]')
    expect(held).to_have_text("1 new")
    expect(newest.locator('[data-claim-uid="overview-second"]')).to_have_count(0)
    page.locator("h1").hover()
    expect(newest.locator("tbody tr").first).to_have_attribute("data-claim-uid", "overview-second")


def test_a_counter_leads_to_the_claims_it_counts(server: Server, page: Page) -> None:
    bring(server, watch_path("failures"))
    open_overview(server, page, "range=all")
    counter = page.locator(".counters .state.failed a")
    number = int(counter.locator("b").inner_text())
    assert number > 0
    counter.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Claims")
    expect(page.locator("tr[data-claim-uid]")).to_have_count(number)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_scrolls_sideways(server: Server, page: Page, width: int, scheme: str) -> None:
    bring(server, watch_path("burst-drained"))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_overview(server, page, "range=all&heatmap=claims&area_min=1s")
    expect(page.locator("#area h2")).to_be_visible()
    expect(page.locator("#time-to-ready .main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_what_was_drawn_with_the_page_is_not_fetched_again(fresh_server: Server, page: Page) -> None:
    post(fresh_server, lasting("first", 20))
    page.wait_for_timeout(500)  # what follows a commit has been committed too
    parts: list[str] = []
    page.on("request", lambda request: parts.append(request.headers.get("x-partial", "")))
    open_overview(fresh_server, page)
    heatmap(page)
    assert [part for part in parts if part] == []
    post(fresh_server, lasting("second", 20))
    expect(page.locator('[data-operation="second"]')).to_be_visible()
    assert {"answer", "operations"} <= set(parts)

"""Traces in a real browser: they arrive by themselves, open, and can be read with the keyboard alone."""

from __future__ import annotations

import os
import re
import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from playwright.sync_api import Browser, Locator, Page, expect

from tests.collector.test_http import send
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

MS = 10**6


def post(server: Server, *spans: Span, service: str = "my-agent") -> None:
    """One export, as a program would send it."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    resource_spans.scope_spans.add(spans=spans)
    assert send(server, request.SerializeToString()).status == 200


def span(
    name: str, trace_id: bytes, parent: Span | None = None, offset_ms: int = 0, ms: int = 50, base_ns: int = 0
) -> Span:
    start_ns = (base_ns or time.time_ns()) + offset_ms * MS
    return Span(
        name=name,
        trace_id=trace_id,
        span_id=os.urandom(8),
        parent_span_id=parent.span_id if parent else b"",
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + ms * MS,
    )


def test_a_trace_appears_in_the_open_list_by_itself(server: Server, page: Page) -> None:
    page.goto(f"{server.pages_url}/traces/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    trace_id = os.urandom(16)
    post(server, span("appears by itself", trace_id))
    row = page.locator(f'[data-trace-id="{trace_id.hex()}"]')
    expect(row).to_contain_text("appears by itself")
    row.get_by_role("link").click()
    expect(page).to_have_url(f"{server.pages_url}/traces/{trace_id.hex()}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("appears by itself")


def test_a_span_opens_with_its_attributes_and_has_an_address_of_its_own(server: Server, page: Page) -> None:
    trace_id = os.urandom(16)
    root = span("root", trace_id)
    child = span("fails", trace_id, root, 5, 20)
    child.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="no such file"))
    child.attributes.add(key="exit_code").value.int_value = 2
    child.attributes.add(key="<b>name</b>").value.string_value = "<img src=x onerror=alert(1)>"
    post(server, root, child)
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/")
    page.locator(f'[data-span-id="{child.span_id.hex()}"]').click()
    detail = page.get_by_label("Selected span")
    expect(detail).to_contain_text("no such file")
    expect(detail).to_contain_text("exit_code")
    expect(detail).to_contain_text("<img src=x onerror=alert(1)>")  # as text
    expect(page).to_have_url(f"{server.pages_url}/traces/{trace_id.hex()}/?span={child.span_id.hex()}")
    page.reload()
    expect(page.get_by_label("Selected span")).to_contain_text("no such file")


def test_a_late_span_joins_the_open_trace_by_itself(server: Server, page: Page) -> None:
    trace_id = os.urandom(16)
    root = span("started early", trace_id)
    late = span("came late", trace_id, root, 10, 5)
    orphan = span("child first", trace_id, late, 11, 2)
    post(server, root, orphan)
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/")
    expect(page.locator(f'[data-span-id="{orphan.span_id.hex()}"]')).to_be_visible()
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    post(server, late)
    expect(page.locator(f'[data-span-id="{late.span_id.hex()}"]')).to_contain_text("came late")


def test_a_trace_that_is_not_there_yet_shows_itself_when_it_comes(
    server: Server, page: Page, problems: list[str]
) -> None:
    expected = span("was waited for", os.urandom(16))
    answer = page.goto(f"{server.pages_url}/traces/{expected.trace_id.hex()}/")
    assert answer is not None
    assert answer.status == 404
    problems.clear()  # a page that is not there is an error to the browser
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    post(server, expected)
    expect(page.locator(f'[data-span-id="{expected.span_id.hex()}"]')).to_contain_text("was waited for")
    problems.clear()


def test_the_waterfall_is_walked_with_the_keyboard(server: Server, page: Page) -> None:
    trace_id = os.urandom(16)
    root = span("root", trace_id, ms=100)
    first, second = span("first", trace_id, root, 1, 30), span("second", trace_id, root, 40, 30)
    inner = span("inner", trace_id, first, 2, 10)
    post(server, root, first, second, inner)
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/")
    rows = {one.name: page.locator(f'[data-span-id="{one.span_id.hex()}"]') for one in (root, first, second, inner)}
    rows["root"].focus()
    page.keyboard.press("ArrowDown")
    expect(rows["first"]).to_be_focused()
    page.keyboard.press("ArrowLeft")  # collapses
    expect(rows["inner"]).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(rows["second"]).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Selected span")).to_contain_text("second")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Selected span")).to_be_hidden()


def test_the_number_of_errors_leads_from_one_to_the_next(server: Server, page: Page) -> None:
    root = span("root", os.urandom(16))
    children = [span(f"child {number}", root.trace_id, root, number, 20) for number in range(4)]
    for failed in (children[1], children[3]):
        failed.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="refused"))
    post(server, root, *children)
    page.goto(f"{server.pages_url}/traces/{root.trace_id.hex()}/")
    page.get_by_role("button", name="Collapse").click()
    number, selected = page.get_by_role("button", name="2 errors"), page.locator('.rows > [aria-selected="true"]')
    number.click()
    expect(selected).to_contain_text("child 1")
    page.get_by_label("Selected span").get_by_role("button", name="error").click()
    expect(selected).to_contain_text("child 3")
    expect(page.get_by_label("Selected span")).to_contain_text("refused")
    number.focus()
    for name in ("child 1", "child 3"):
        page.keyboard.press("Enter")
        expect(selected).to_contain_text(name)
    expect(number).to_be_focused()


def test_what_is_wrong_with_a_filter_is_said_at_its_field(server: Server, page: Page) -> None:
    page.goto(f"{server.pages_url}/traces/")
    page.get_by_placeholder("Min. duration").fill("fast")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**/traces/?*min_duration=fast*")
    expect(page.get_by_text("is not a duration")).to_be_visible()


def post_long(server: Server, count: int = 5_000) -> list[Span]:
    """A trace of so many spans, one after the other below its first."""
    trace_id, base_ns = os.urandom(16), time.time_ns()
    root = span("root", trace_id, ms=count + 1, base_ns=base_ns)
    others = [span(f"step {number}", trace_id, root, number, 1, base_ns) for number in range(1, count)]
    post(server, root, *others)
    return [root, *others]


def row_of(page: Page, one: Span) -> Locator:
    return page.locator(f'[data-span-id="{one.span_id.hex()}"]')


def test_five_thousand_spans_are_drawn_as_they_are_wanted_and_found(server: Server, page: Page) -> None:
    spans = post_long(server)
    page.goto(f"{server.pages_url}/traces/{spans[0].trace_id.hex()}/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    expect(page.locator("[data-span-id]")).to_have_count(500)
    page.get_by_placeholder("Find in trace").fill("step 4321")
    page.keyboard.press("Enter")
    expect(row_of(page, spans[4_321])).to_be_in_viewport()
    expect(page.locator("[data-found]")).to_have_text("1 of 1 found")
    expect(page.locator("[data-span-id]")).to_have_count(5_000)
    expect(page).to_have_url(re.compile("rows=all"))


def test_the_rest_of_a_long_trace_comes_by_scrolling_and_the_rows_read_stay_in_place(
    server: Server, page: Page
) -> None:
    spans = post_long(server)
    chosen = spans[3_000]
    page.goto(f"{server.pages_url}/traces/{chosen.trace_id.hex()}/?span={chosen.span_id.hex()}")
    expect(row_of(page, chosen)).to_be_in_viewport()
    expect(page.locator("[data-span-id]")).to_have_count(1_000)
    read = row_of(page, spans[2_770])
    top = read.evaluate("row => (row.scrollIntoView(), row.getBoundingClientRect().top)")
    expect(page.locator("[data-span-id]")).to_have_count(5_000)
    moved = read.evaluate("row => row.getBoundingClientRect().top") - top
    assert abs(moved) < 50  # by 50,000 pixels that came above it
    expect(page.get_by_label("Selected span")).to_contain_text("step 3000")


def test_a_long_trace_is_walked_to_its_end_with_the_keyboard(server: Server, page: Page) -> None:
    spans = post_long(server, 1_500)
    page.goto(f"{server.pages_url}/traces/{spans[0].trace_id.hex()}/")
    row_of(page, spans[0]).focus()
    page.keyboard.press("End")
    expect(row_of(page, spans[-1])).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(row_of(page, spans[0])).to_be_focused()


def test_without_javascript_a_link_leads_to_every_span(server: Server, browser: Browser) -> None:
    spans = post_long(server, 1_500)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.pages_url}/traces/{spans[0].trace_id.hex()}/")
    page.get_by_role("link", name="1,000 more spans").click()
    expect(page.locator("[data-span-id]")).to_have_count(1_500)
    context.close()


def test_a_filter_is_suggested_word_by_word_with_the_keyboard_alone(server: Server, page: Page) -> None:
    # Words are those of the newest spans, and the test before this one has made thousands, the last of them in 5 s.
    asked = span("checkout", os.urandom(16), base_ns=time.time_ns() + 60 * 10**9)
    asked.attributes.add(key="till.status_code").value.int_value = 503
    post(server, asked)
    page.goto(f"{server.pages_url}/traces/?range=all")
    search = page.get_by_role("combobox", name="Search traces")
    options = page.locator("#filter-words").get_by_role("option")
    search.press_sequentially("till.st")
    expect(options).to_have_text(["till.status_code"])
    search.press("ArrowDown")
    search.press("Enter")
    expect(search).to_have_value("till.status_code ")
    search.press_sequentially("= 5")
    expect(options).to_have_text(["503"])
    search.press("ArrowDown")
    search.press("Tab")
    expect(search).to_have_value("till.status_code = 503 ")
    search.press_sequentially("a")
    expect(options).to_have_text(["and"])
    search.press("Escape")
    expect(page.locator("#filter-words")).to_be_hidden()
    search.press("Backspace")
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"q=till.status_code"))
    expect(page.locator("tr[data-trace-id]")).to_have_count(1)

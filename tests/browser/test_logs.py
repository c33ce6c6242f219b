"""Logs in a real browser: live without stealing the reader's place, from a record to its trace and back."""

from __future__ import annotations

import os
import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from playwright.sync_api import Page, expect

from tests.browser.test_traces import post, span
from tests.collector.test_http import send
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]


def post_log(server: Server, body: str, trace_id: bytes = b"", span_id: bytes = b"", severity: int = 9) -> None:
    """One log record, as a program would send it."""
    request = ExportLogsServiceRequest()
    record = (
        request.resource_logs.add()
        .scope_logs.add()
        .log_records.add(
            time_unix_nano=time.time_ns(),
            severity_number=severity,
            trace_id=trace_id,
            span_id=span_id,
        )
    )
    record.body.string_value = body
    assert send(server, request.SerializeToString(), path="/v1/logs").status == 200


def test_a_record_leads_to_its_span_and_the_trace_back_to_its_records(server: Server, page: Page) -> None:
    one = span("speaks", os.urandom(16))
    post(server, one)
    post_log(server, "said inside a span", one.trace_id, one.span_id)
    page.goto(f"{server.pages_url}/logs/?q=said+inside")
    page.locator(f'[data-trace-id="{one.trace_id.hex()}"]').click()
    expect(page).to_have_url(f"{server.pages_url}/traces/{one.trace_id.hex()}/?span={one.span_id.hex()}")
    expect(page.get_by_label("Selected span")).to_contain_text("said inside a span")
    page.get_by_role("link", name="All logs of this trace").click()
    expect(page.get_by_text("said inside a span")).to_be_visible()


def test_a_record_opens_to_what_it_holds_as_text(server: Server, page: Page) -> None:
    post_log(server, "<script>document.title='owned'</script>", severity=17)
    page.goto(f"{server.pages_url}/logs/?q=owned")
    page.get_by_text("document.title='owned'").first.click()
    expect(page.locator("details[open]")).to_contain_text("ERROR")
    assert "owned" not in page.title()


def test_a_new_record_appears_by_itself(server: Server, page: Page) -> None:
    page.goto(f"{server.pages_url}/logs/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    post_log(server, "appears by itself")
    expect(page.get_by_text("appears by itself")).to_be_visible()


def test_a_list_that_is_read_holds_still_and_counts(server: Server, page: Page) -> None:
    post_log(server, "being read")
    page.goto(f"{server.pages_url}/logs/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    page.get_by_text("being read").first.hover()
    post_log(server, "must wait")
    button = page.get_by_role("button", name="1 new")
    expect(button).to_be_visible()
    expect(page.get_by_text("must wait")).to_have_count(0)
    button.click()
    expect(page.get_by_text("must wait").first).to_be_visible()


def test_a_redraw_waits_while_the_pointer_is_pressed(server: Server, page: Page) -> None:
    # The redraw that every page begins with has to be over: pressed during it, the page would fetch nothing more.
    page.add_init_script("addEventListener('region:updated', () => { document.documentElement.dataset.drawn = ''; })")
    page.goto(f"{server.pages_url}/logs/")
    expect(page.locator("html[data-drawn]")).to_be_attached()
    page.get_by_role("heading", level=1).hover()
    page.mouse.down()
    with page.expect_response(lambda answer: "x-partial" in answer.request.headers) as answered:
        post_log(server, "while it was pressed")
    answered.value.finished()
    expect(page.get_by_text("while it was pressed")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_text("while it was pressed").first).to_be_visible()


def test_a_paused_page_stands_still_until_it_goes_on(server: Server, page: Page) -> None:
    page.goto(f"{server.pages_url}/logs/")
    state = page.locator("[data-live-state]").first
    expect(state).to_have_text("Live")
    state.click()
    expect(state).to_contain_text("Paused")
    post_log(server, "while it was paused")
    expect(page.get_by_text("while it was paused")).to_have_count(0)
    state.click()
    expect(page.get_by_text("while it was paused")).to_be_visible()


def test_a_restarted_server_is_found_again(fresh_server: Server, page: Page, problems: list[str]) -> None:
    page.goto(f"{fresh_server.pages_url}/logs/")
    state = page.locator("[data-live-state]").first
    expect(state).to_have_text("Live")
    fresh_server.stop()
    expect(state).to_have_text("Reconnecting")
    fresh_server.start()
    expect(state).to_have_text("Live", timeout=30_000)
    post_log(fresh_server, "after the restart")
    expect(page.get_by_text("after the restart")).to_be_visible()
    assert all("WebSocket" in problem or "ERR_CONNECTION_REFUSED" in problem for problem in problems)
    problems.clear()

"""A page that nobody sees lets go of its websocket after a minute, and shows what it missed when it is seen again."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

HIDE = """hidden => {
  for (const [name, value] of [["hidden", hidden], ["visibilityState", hidden ? "hidden" : "visible"]])
    Object.defineProperty(document, name, { get: () => value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def sockets(server: Server, page: Page) -> list[WebSocket]:
    """The websockets of a page that is live."""
    found: list[WebSocket] = []
    page.on("websocket", lambda opened: found.append(opened))  # it takes no built-in function
    page.clock.install()
    page.goto(f"{server.pages_url}/traces/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    return found


def test_a_page_that_nobody_sees_lets_go_and_catches_up(server: Server, page: Page, sockets: list[WebSocket]) -> None:
    page.evaluate(HIDE, True)
    with sockets[0].expect_event("close"):
        page.clock.fast_forward(60_000)
    missed = span("came while hidden", os.urandom(16))
    post(server, missed)
    page.clock.fast_forward(60_000)
    assert len(sockets) == 1  # it does not come back by itself
    page.evaluate(HIDE, False)
    expect(page.locator(f'[data-trace-id="{missed.trace_id.hex()}"]')).to_be_visible()
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    assert len(sockets) == 2
    seen = span("came when seen", os.urandom(16))
    post(server, seen)
    expect(page.locator(f'[data-trace-id="{seen.trace_id.hex()}"]')).to_be_visible()
    assert not sockets[1].is_closed()


def test_a_page_that_is_seen_again_soon_keeps_its_connection(
    server: Server, page: Page, sockets: list[WebSocket]
) -> None:
    page.evaluate(HIDE, True)
    page.clock.fast_forward(59_000)
    missed = span("came while hidden", os.urandom(16))
    post(server, missed)
    page.evaluate(HIDE, False)
    expect(page.locator(f'[data-trace-id="{missed.trace_id.hex()}"]')).to_be_visible()
    page.clock.fast_forward(60_000)
    assert [socket.is_closed() for socket in sockets] == [False]


def test_a_paused_page_stays_paused(server: Server, page: Page, sockets: list[WebSocket]) -> None:
    state = page.locator("[data-live-state]").first
    state.click()
    page.evaluate(HIDE, True)
    with sockets[0].expect_event("close"):
        page.clock.fast_forward(60_000)
    missed = span("came while paused", os.urandom(16))
    post(server, missed)
    with page.expect_websocket():
        page.evaluate(HIDE, False)
    expect(state).to_contain_text("Paused")
    expect(page.locator(f'[data-trace-id="{missed.trace_id.hex()}"]')).not_to_be_attached()
    state.click()
    expect(page.locator(f'[data-trace-id="{missed.trace_id.hex()}"]')).to_be_visible()

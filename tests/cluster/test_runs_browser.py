"""A run in a real browser: the form, rows that grow, cancel, and two runs compared."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import browser, context, page, problems
from tests.cluster.plane import Plane
from tests.cluster.runs import POOL, WAIT_S, claims_left
from tests.server import Server

__all__ = ["browser", "context", "page", "problems"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.server]

WAIT_MS = WAIT_S * 1000


def fill_in(page: Page, runner: Server, plane: Plane, **fields: str) -> None:
    page.goto(f"{runner.pages_url}/runs/new/")
    page.get_by_label("Warm pool").fill(POOL)
    page.get_by_label("Commands", exact=True).fill("echo {i}")
    page.get_by_label("Commands go by").select_option("direct")
    page.get_by_label("Router's URL").fill(plane.router_url)
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)


def run_id(page: Page) -> str:
    found = page.locator("[data-run-id]").get_attribute("data-run-id")
    assert found
    return found


def test_a_run_grows_row_by_row_and_two_of_them_are_compared(plane: Plane, runner: Server, page: Page) -> None:
    fill_in(page, runner, plane, Sandboxes="6", At_a_time="2")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run 1")
    # Nobody reloads: each row comes as its sandbox does, and leads to its claim.
    expect(page.locator("#run-tables tr[data-claim-uid]").first).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[data-run-state]")).to_have_attribute("data-run-state", "finished", timeout=WAIT_MS)
    expect(page.locator("ol.cells .cell")).to_have_count(6)
    expect(page.locator("#run-tables tr[data-claim-uid]")).to_have_count(6)
    expect(page.locator('tr[data-stage="time to ready"]')).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("link", name="Run again").click()
    expect(page.get_by_label("Sandboxes")).to_have_value("6")
    expect(page.get_by_label("Router's URL")).to_have_value(plane.router_url)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run 2")
    expect(page.locator("[data-run-state]")).to_have_attribute("data-run-state", "finished", timeout=WAIT_MS)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator('tr[data-stage="time to ready"] .verdict')).to_be_visible(timeout=WAIT_MS)
    for width in (390, 701, 1001, 1401, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        beyond = "(tables) => tables.map((each) => each.scrollWidth - each.parentElement.clientWidth)"
        assert max(page.locator("#run-tables table").evaluate_all(beyond)) <= 0, width
    assert claims_left(plane, run_id(page)) == []


def test_a_run_is_cancelled_by_its_button(plane: Plane, runner: Server, page: Page) -> None:
    fill_in(page, runner, plane, Warm_pool="slow-pull-pool", Sandboxes="20", At_a_time="2")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#run-tables tbody tr").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-run-state]")).to_have_attribute("data-run-state", "cancelled", timeout=WAIT_MS)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert claims_left(plane, run_id(page)) == []


def test_what_is_wrong_is_said_at_its_field(plane: Plane, runner: Server, page: Page) -> None:
    fill_in(page, runner, plane, Sandboxes="100000")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("At most 500 (RUNS_MAX_SANDBOXES).")).to_be_visible()
    expect(page.get_by_label("Sandboxes")).to_have_value("100000")
    expect(page.get_by_label("Sandboxes")).to_have_attribute("aria-invalid", "true")


def test_only_the_fields_that_matter_are_shown(plane: Plane, runner: Server, page: Page) -> None:
    page.goto(f"{runner.pages_url}/runs/new/")
    page.get_by_label("Commands go by").select_option("tunnel")
    expect(page.get_by_label("Router's namespace")).to_be_visible()
    expect(page.get_by_label("Router's URL")).to_be_hidden()
    page.get_by_label("Pace", exact=True).select_option("rate")
    expect(page.get_by_label("Started a second")).to_be_visible()
    expect(page.get_by_label("At a time")).to_be_hidden()

"""Filters by keyboard: the focus goes along to the page of their answer. Names of any length stay readable."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_metrics import gauge, post_metric
from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

SMALL = """() => [...document.querySelectorAll("a, button, select, summary, label.button")]
  .filter((e) => e.checkVisibility() && !e.closest("p, td, [role=tree], .plotly, .skip"))
  .filter((e) => { const { width, height } = e.getBoundingClientRect(); return height < 24 || width < 24; })
  .map((e) => `${e.localName} ${e.textContent.trim()}`)"""
BEYOND = """() => [...document.querySelectorAll("td")]
  .filter((cell) => cell.checkVisibility())
  .filter((cell) => cell.getBoundingClientRect().right > cell.closest(".table-wrap").getBoundingClientRect().right + 1)
  .map((cell) => cell.textContent.trim())"""
LONG = "reconciliation-orchestrator-" * 6


def test_a_menu_and_a_range_keep_the_focus_while_they_are_applied(server: Server, page: Page) -> None:
    post(server, span("kept", os.urandom(16)))
    page.goto(f"{server.pages_url}/traces/")
    menu = page.get_by_label("Status")
    menu.focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("status="))
    expect(menu).to_be_focused()
    page.get_by_role("link", name="1 h", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("range=1h"))
    expect(page.get_by_role("link", name="1 h", exact=True)).to_be_focused()


def test_going_back_shows_the_filters_of_that_address(server: Server, page: Page) -> None:
    post(server, span("gone back to", os.urandom(16)))
    page.goto(f"{server.pages_url}/traces/")
    menu = page.get_by_label("Status")
    for chosen in ("error", "ok"):
        menu.select_option(chosen)
        expect(page).to_have_url(re.compile(f"status={chosen}"))
    page.go_back()
    expect(menu).to_have_value("error")
    page.go_back()
    expect(menu).to_have_value("")


def test_without_scripts_what_only_they_move_is_not_there(server: Server, browser: Browser) -> None:
    trace_id = os.urandom(16)
    post(server, span("without scripts", trace_id))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.pages_url}/traces/{trace_id.hex()}/")
    expect(page.get_by_role("treeitem")).to_contain_text("without scripts")
    for name in ("Connecting", "Local", "Collapse"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_label("Find in trace")).to_be_hidden()
    page.goto(f"{server.pages_url}/traces/")
    page.get_by_label("Search traces").fill("nothing is called so")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="No trace matches")).to_be_visible()
    context.close()


def test_a_search_goes_on_being_written_after_its_answer(server: Server, page: Page) -> None:
    post(server, span("written on", os.urandom(16)))
    page.goto(f"{server.pages_url}/traces/")
    page.keyboard.press("/")
    page.keyboard.type("writt")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=writt$"))
    search = page.get_by_label("Search traces")
    expect(search).to_be_focused()
    page.keyboard.type("en on")
    expect(search).to_have_value("written on")
    page.goto(f"{server.pages_url}/logs/")
    expect(page.get_by_label("Search logs")).not_to_be_focused()


def test_a_name_that_is_cut_is_said_where_the_pointer_rests(server: Server, page: Page) -> None:
    trace_id = os.urandom(16)
    post(server, span(f"cut {LONG * 3}", trace_id), service=LONG)
    page.goto(f"{server.pages_url}/traces/?service={LONG}")
    link = page.locator("a.row-link")
    page.locator("td.main.stretch").hover()
    expect(link).to_have_attribute("title", f"cut {LONG * 3}")
    page.locator("td .cut").hover(force=True)  # the row's link lies over it
    expect(link).to_have_attribute("title", LONG)
    page.locator("td.number").last.hover(force=True)
    expect(link).to_have_attribute("title", "")


@pytest.mark.parametrize("width", [1440, 720, 390])
def test_names_of_any_length_push_no_column_out_of_sight(server: Server, page: Page, width: int) -> None:
    trace_id = os.urandom(16)
    post(server, span("beside a long name", trace_id), service=LONG)
    post_metric(server, gauge(f"beside.{LONG}", 14_336, "{log_record}"), service=LONG)
    page.set_viewport_size({"width": width, "height": 900})
    for path in (f"/traces/{trace_id.hex()}/?view=statistics", f"/metrics/?service={LONG}"):
        page.goto(server.pages_url + path)
        expect(page.locator("td.main").first).to_be_visible()
        assert page.evaluate(BEYOND) == []
        assert page.evaluate("() => document.querySelector('td.main').getBoundingClientRect().width") > 70


@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_pressed_is_as_high_as_a_finger_needs(server: Server, page: Page, width: int) -> None:
    """WCAG 2.2, 2.5.8: 24 px, but for links in a text, and rows, which are pressed anywhere."""
    trace_id = os.urandom(16)
    post(server, span("pressed", trace_id))
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/", f"/traces/{trace_id.hex()}/", "/traces/", "/logs/?range=all", "/metrics/?range=all"):
        page.goto(server.pages_url + path)
        assert page.evaluate(SMALL) == [], path

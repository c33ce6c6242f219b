"""axe-core finds nothing wrong, in light and in dark, on a wide screen and on a phone."""

from __future__ import annotations

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.test_logs import post_log
from tests.browser.test_metrics import gauge, post_metric
from tests.browser.test_traces import post, span
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

PATHS = ["/traces/?range=all", "/traces/{trace}/?span={span}", "/traces/{trace}/?tab=statistics", "/logs/?range=all"]
PATHS += ["/metrics/?range=all", "/setup/", "/setup/clear/", "/traces/?range=all&min_duration=fast", "/login/"]
PATHS += ["/?range=all&area_min=1ns", "/runs/", "/runs/new/"]
PATHS += ["/metrics/?range=all&metric=seen.by.axe"]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(server: Server, browser: Browser, path: str, theme: str, width: int) -> None:
    root = span("root", os.urandom(16))
    child = span("child", root.trace_id, root)
    child.status.code = child.status.STATUS_CODE_ERROR
    post(server, root, child)
    post_log(server, "something failed", root.trace_id, root.span_id, severity=17)
    post_metric(server, gauge("seen.by.axe", 7))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(server.pages_url + path.format(trace=root.trace_id.hex(), span=child.span_id.hex()))
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()  # where it draws itself, or says why there is nothing to draw
        expect(chart.locator(".main-svg, [data-chart-empty]:not(:empty)").first).to_be_visible()
        chart.locator("[data-chart-twin] summary").click()
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()

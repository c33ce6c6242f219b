"""Charts in a real browser: drawn under the strict content policy, moved by what arrives, held by pause."""

from __future__ import annotations

import re
import time

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_metrics import DELTA, gauge, post_metric
from tests.server import Server, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.server]


def open_stream(server: Server, page: Page, name: str) -> Locator:
    """The page of the newest stream of that name, drawn and live; returns its first chart."""
    (stream,) = server.rows("SELECT max(id) FROM collector_metricstream WHERE name = ?", name)[0]
    page.goto(f"{server.pages_url}/metrics/?stream={stream}")
    chart = page.locator("#metric")
    expect(chart.locator(".main-svg").first).to_be_visible()
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    return chart


def newest(chart: Locator) -> Locator:
    """The newest value in the chart's table twin, which is open."""
    return chart.locator("[data-chart-table] tbody tr").first


def test_a_chart_moves_when_something_arrives_and_its_twin_with_it(server: Server, page: Page) -> None:
    post_metric(server, gauge("moves.in.a.chart", 1024))
    chart = open_stream(server, page, "moves.in.a.chart")
    chart.locator("[data-chart-twin] summary").click()
    expect(newest(chart)).to_contain_text("1.0 KiB")
    post_metric(server, gauge("moves.in.a.chart", 2048))
    expect(newest(chart)).to_contain_text("2.0 KiB")
    expect(chart.locator(".annotation-text").first).to_have_text("2.0 KiB")


def test_a_paused_page_holds_its_charts_and_catches_up(server: Server, page: Page) -> None:
    post_metric(server, gauge("held.in.a.chart", 1024))
    chart = open_stream(server, page, "held.in.a.chart")
    chart.locator("[data-chart-twin] summary").click()
    state = page.locator("[data-live-state]").first
    state.click()
    expect(state).to_contain_text("Paused")
    post_metric(server, gauge("held.in.a.chart", 2048))
    # Told to this page after the one above: once it is here, the chart had its chance.
    with page.expect_response(lambda answer: answer.url.endswith("/healthz")):
        page.evaluate("fetch('/healthz')")
    expect(newest(chart)).to_contain_text("1.0 KiB")
    state.click()
    expect(newest(chart)).to_contain_text("2.0 KiB")


def test_a_chart_takes_the_colours_of_the_theme(server: Server, page: Page) -> None:
    post_metric(server, gauge("two.themes", 7))
    chart = open_stream(server, page, "two.themes")
    label = chart.locator(".annotation-text").first
    expect(label).to_have_css("fill", "rgb(69, 76, 87)")
    page.locator("[data-theme-toggle]").first.click()
    expect(label).to_have_css("fill", "rgb(180, 187, 197)")


def test_on_a_phone_lines_are_named_under_the_chart(server: Server, page: Page) -> None:
    metric = gauge("many.lines", 7)
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=9)
    for number, point in enumerate(metric.gauge.data_points):
        point.attributes.add(key="pool").value.string_value = f"pool {number}"
    post_metric(server, metric)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.pages_url}/metrics/?metric=many.lines")
    names = page.locator("[data-chart-colours] li")
    expect(names).to_have_text(["pool 0", "pool 1"])
    expect(page.locator(".shapelayer path")).to_have_count(2)
    assert len({name.evaluate("item => getComputedStyle(item).color") for name in names.all()}) == 2
    page.set_viewport_size({"width": 1440, "height": 900})
    page.reload()
    expect(page.locator(".annotation-text")).to_have_text(["pool 0 7 B", "pool 1 9 B"])
    expect(page.locator("[data-chart-colours]")).to_be_hidden()


def test_a_chart_takes_the_times_of_the_readers_zone(server: Server, browser: Browser) -> None:
    context = browser.new_context(timezone_id="Asia/Kolkata")  # five hours and a half from UTC
    page = context.new_page()
    post_metric(server, gauge("in.two.zones", 7))
    chart = open_stream(server, page, "in.two.zones")
    tick = chart.locator(".xtick text").first
    utc = tick.text_content() or ""
    page.get_by_role("button", name="Local").first.click()

    def hours_apart() -> int:  # a live axis may have moved on by a tick as well
        return abs(int((tick.text_content() or "").split(":")[0]) - int(utc.split(":")[0]))

    wait_for(lambda: hours_apart() in (5, 6, 18, 19), 20)
    context.close()


def test_every_kind_of_chart_is_drawn_under_the_strict_policy(server: Server, page: Page) -> None:
    metric = Metric(name="every.kind", unit="ms")
    metric.histogram.aggregation_temporality = DELTA
    now = time.time_ns()
    for age_s in (40, 30, 20, 10):
        metric.histogram.data_points.add(
            start_time_unix_nano=now - (age_s + 10) * 10**9,
            time_unix_nano=now - age_s * 10**9,
            count=9,
            explicit_bounds=[10.0, 20.0, 50.0],
            bucket_counts=[1, 5, 2, 1],
        )
    post_metric(server, metric)
    open_stream(server, page, "every.kind")
    for name in ("metric", "metric-heatmap", "metric-rate"):
        figure = page.locator(f"#{name}")
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".main-svg").first).to_be_visible()
        expect(figure.locator("path.js-line, .heatmaplayer image").first).to_be_attached()
    assert page.locator("style").count() == 0  # Plotly adds none: the page's fixture looks for refusals


def drag(page: Page, chart: Locator, from_x: float, to_x: float) -> None:
    """Across the plot, between two shares of its width."""
    box = chart.locator("[data-chart-plot]").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * from_x, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to_x, y + 20, steps=8)
    page.mouse.up()


def shown_range(chart: Locator) -> list[str]:
    """To the millisecond: Plotly tells times in several ways."""
    milliseconds = "at => String(Math.floor(+new Date(typeof at === 'number' ? at : at + 'Z')))"
    script = f"plot => plot.layout.xaxis.range.map({milliseconds})"
    found: list[str] = chart.locator("[data-chart-plot]").evaluate(script)
    return found


def test_the_readers_zoom_stays_while_the_chart_moves_and_fit_ends_it(server: Server, page: Page) -> None:
    post_metric(server, gauge("zoomed.by.the.reader", 1024))
    chart = open_stream(server, page, "zoomed.by.the.reader")
    chart.locator("[data-chart-twin] summary").click()
    fit = chart.get_by_role("button", name="Fit")
    expect(fit).to_be_hidden()
    drag(page, chart, 0.3, 0.6)
    expect(fit).to_be_visible()
    zoomed = shown_range(chart)
    post_metric(server, gauge("zoomed.by.the.reader", 2048))
    expect(newest(chart)).to_contain_text("2.0 KiB")
    assert shown_range(chart) == zoomed
    fit.click()
    expect(fit).to_be_hidden()
    assert shown_range(chart) != zoomed


def test_a_dragged_area_of_a_heatmap_becomes_the_range_of_the_page(server: Server, page: Page) -> None:
    metric = Metric(name="dragged.over", unit="ms")
    metric.histogram.aggregation_temporality = DELTA
    metric.histogram.data_points.add(
        time_unix_nano=time.time_ns(), count=3, explicit_bounds=[10.0, 20.0], bucket_counts=[1, 1, 1]
    )
    post_metric(server, metric)
    open_stream(server, page, "dragged.over")
    heatmap = page.locator("#metric-heatmap")
    heatmap.scroll_into_view_if_needed()
    expect(heatmap.locator(".heatmaplayer image").first).to_be_attached()
    drag(page, heatmap, 0.4, 0.7)
    expect(page).to_have_url(re.compile(r"from=\d{19}&to=\d{19}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("dragged.over")


def test_charts_go_on_after_the_server_was_started_again(fresh_server: Server, page: Page, problems: list[str]) -> None:
    server = fresh_server
    post_metric(server, gauge("goes.on", 1024))
    chart = open_stream(server, page, "goes.on")
    chart.locator("[data-chart-twin] summary").click()
    expect(newest(chart)).to_contain_text("1.0 KiB")
    server.stop()
    state = page.locator("[data-live-state]").first
    expect(state).to_have_text("Reconnecting")
    server.start()
    expect(state).to_have_text("Live")
    post_metric(server, gauge("goes.on", 2048))
    expect(newest(chart)).to_contain_text("2.0 KiB")
    problems.clear()  # that the server was away


def test_a_chart_that_moves_for_long_keeps_no_memory(server: Server, page: Page) -> None:
    """A short version: `python -m bench.heap` moves one a thousand times."""
    post_metric(server, gauge("moves.for.long", 0, "1"))
    chart = open_stream(server, page, "moves.for.long")
    chart.locator("[data-chart-twin] summary").click()
    expect(newest(chart)).to_contain_text("0")
    session = page.context.new_cdp_session(page)

    def heap_after(first: int, last: int) -> float:
        for number in range(first, last):
            post_metric(server, gauge("moves.for.long", number, "1"))
            expect(newest(chart).locator("td").nth(1)).to_have_text(f"{number}")
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    warm_mb = heap_after(1, 15)
    assert heap_after(15, 45) - warm_mb < 4

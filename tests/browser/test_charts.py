"""Charts in a real browser: drawn under the strict content policy, moved by what arrives, held by pause."""

from __future__ import annotations

import time

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_metrics import DELTA, gauge, post_metric
from tests.server import Server

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


def test_a_chart_takes_the_colours_of_the_theme_and_the_times_of_the_zone(server: Server, page: Page) -> None:
    post_metric(server, gauge("two.themes", 7))
    chart = open_stream(server, page, "two.themes")
    label = chart.locator(".annotation-text").first
    expect(label).to_have_css("fill", "rgb(69, 76, 87)")
    page.locator("[data-theme-toggle]").first.click()
    expect(label).to_have_css("fill", "rgb(180, 187, 197)")


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

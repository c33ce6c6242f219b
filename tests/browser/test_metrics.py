"""Metrics in a real browser: values move by themselves, a stream opens and leads to the spans behind its numbers."""

from __future__ import annotations

import os
import re
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from playwright.sync_api import Page, expect

from tests.collector.test_http import send
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA


def post_metric(server: Server, metric: Metric, service: str = "my-agent") -> None:
    """One metric, as a program would send it."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.add(key="service.name").value.string_value = service
    resource_metrics.scope_metrics.add(metrics=[metric])
    assert send(server, request.SerializeToString(), path="/v1/metrics").status == 200


def gauge(name: str, value: int, unit: str = "By") -> Metric:
    metric = Metric(name=name, unit=unit)
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=value)
    return metric


def test_a_value_moves_by_itself(server: Server, page: Page) -> None:
    post_metric(server, gauge("moves.by.itself", 1024))
    page.goto(f"{server.pages_url}/metrics/?q=moves.by.itself")
    row = page.locator("tr[data-stream]")
    expect(row).to_contain_text("1.0 KiB")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    post_metric(server, gauge("moves.by.itself", 2048))
    expect(row).to_contain_text("2.0 KiB")


def test_what_sdks_tell_about_themselves_stays_unfolded_while_values_move(server: Server, page: Page) -> None:
    post_metric(server, gauge("otel.sdk.queue.size", 7, "{span}"), service="folded")
    page.goto(f"{server.pages_url}/metrics/?service=folded")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    row = page.locator("tr[data-stream]")
    expect(row).to_be_hidden()
    page.locator("summary", has_text="What SDKs tell about themselves").click()
    expect(row).to_contain_text("7 spans")
    post_metric(server, gauge("otel.sdk.queue.size", 8, "{span}"), service="folded")
    expect(row).to_contain_text("8 spans")
    expect(row).to_be_visible()


def test_a_stream_opens_by_keyboard_and_leads_to_the_span_of_an_exemplar(server: Server, page: Page) -> None:
    trace_id, span_id = os.urandom(16), os.urandom(8)
    metric = Metric(name="opens.by.keyboard", unit="ms")
    metric.histogram.aggregation_temporality = DELTA
    point = metric.histogram.data_points.add(
        time_unix_nano=time.time_ns(), count=4, sum=90.0, explicit_bounds=[10.0, 20.0], bucket_counts=[1, 2, 1]
    )
    point.exemplars.add(time_unix_nano=time.time_ns(), as_double=42.0, trace_id=trace_id, span_id=span_id)
    post_metric(server, metric)
    page.goto(f"{server.pages_url}/metrics/?q=opens.by.keyboard")
    page.get_by_role("link", name="opens.by.keyboard").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("opens.by.keyboard")
    expect(page.locator("table.points tbody tr")).to_contain_text("≥ 20 ms")
    link = page.locator(f'[data-trace-id="{trace_id.hex()}"]')
    expect(link).to_have_attribute("href", f"/traces/{trace_id.hex()}/?span={span_id.hex()}")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")


def test_a_chart_that_cannot_draw_all_says_so_and_leads_to_what_it_draws(server: Server, page: Page) -> None:
    metric = Metric(name="very.many", unit="ms")
    metric.histogram.aggregation_temporality = DELTA
    now_ns = time.time_ns()
    for at in range(40_010):
        start_ns = now_ns - (40_010 - at) * 10**9
        metric.histogram.data_points.add(
            start_time_unix_nano=start_ns,
            time_unix_nano=start_ns + 10**9,
            count=1,
            explicit_bounds=[10],
            bucket_counts=[1, 0],
        )
    post_metric(server, metric)
    page.goto(f"{server.pages_url}/metrics/?metric=very.many&range=all")
    note = page.locator("#metric [data-chart-note]")
    expect(note).to_contain_text("Drawn are the newest 40,000 of 40,010 points")
    note.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"metric=very\.many.*from=\d+"))
    expect(page.locator("#metric[data-drawn]")).to_be_visible()
    expect(note).to_be_hidden()

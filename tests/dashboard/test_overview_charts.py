"""The overview's charts: what they show of recorded claims and of spans, and what they say when there is nothing."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import plotly.graph_objects as go
import pytest
from django.test import Client

from collector.ingest import save_now
from sandboxes.models import Claim, Run
from tests.dashboard.test_claim import words
from tests.dashboard.test_overview import page
from tests.factories import MS, SECOND, T0_NS, batch, make_span
from tests.sandboxes.loading import load
from tests.sandboxes.runs.test_outcome import run_over

pytestmark = pytest.mark.django_db


def chart(client: Client, name: str, **parameters: str) -> dict[str, Any]:
    response = client.get(f"/charts/{name}.json", {"range": "all", **parameters})
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    if found["figure"]["data"]:
        go.Figure(found["figure"])  # raises for what Plotly would not take
    return found


def drawn(found: dict[str, Any]) -> int:
    """How many a heatmap counts, by its table."""
    return sum(int(row[2].replace(",", "")) for row in found["table"]["rows"])


def test_time_to_ready_has_lines_of_cold_and_of_warm_starts(client: Client) -> None:
    load("burst-drained")
    names = {trace.get("name") for trace in chart(client, "time-to-ready")["figure"]["data"]}
    assert {"cold p50", "cold p95", "cold p99", "warm p50", "warm p95", "warm p99"} <= names


def test_claims_counted_without_their_pool_and_namespace_are_said(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.rollup.cardinality.MOST_OF_A_GROUP", 1)
    load("quickstart-cold")
    assert chart(client, "time-to-ready")["note"] is None
    load("burst-drained")
    assert "further ones are counted together, as (other)" in chart(client, "time-to-ready")["note"]["words"]


def test_runs_of_test_sandboxes_are_marked(client: Client) -> None:
    run_over([claim for claim in load("burst-drained").values() if claim.time_to_ready_ns][:3])
    Run.objects.update(began_ns=Claim.objects.earliest("zero_ns").zero_ns)
    notes = chart(client, "time-to-ready")["figure"]["layout"]["annotations"]
    assert f"run {Run.objects.get().pk}, 3 sandboxes" in [note["text"] for note in notes]


def test_filters_of_claims_hold_for_both_charts(client: Client) -> None:
    load("burst-drained")
    names = {trace.get("name") for trace in chart(client, "time-to-ready", start="warm")["figure"]["data"]}
    assert "warm p50" in names
    assert "cold p50" not in names
    warm = Claim.objects.filter(start_type="warm").exclude(time_to_ready_ns=None).count()
    assert drawn(chart(client, "latency-heatmap", start="warm")) == warm > 0


def test_the_heatmap_counts_each_claim_once_in_two_hues(client: Client) -> None:
    load("burst-drained")
    found = chart(client, "latency-heatmap")
    assert [trace["name"] for trace in found["figure"]["data"]] == ["cold", "warm"]
    assert drawn(found) == Claim.objects.exclude(time_to_ready_ns=None).count() > 0


def test_the_heatmap_counts_operations_where_there_is_no_start_or_when_asked_to(client: Client) -> None:
    save_now(batch(*(make_span(start_ns=T0_NS + n * SECOND, duration_ns=(n + 1) * MS) for n in range(30))))
    assert drawn(chart(client, "latency-heatmap")) == 30
    load("burst-drained")
    assert drawn(chart(client, "latency-heatmap", heatmap="operations")) == 30
    assert drawn(chart(client, "latency-heatmap", service="shop")) == 30
    assert "operations per cell" in words(page(client, range="all", heatmap="operations"))


def test_a_chosen_area_is_outlined(client: Client) -> None:
    save_now(batch(*(make_span(start_ns=T0_NS + n * SECOND, duration_ns=(n + 1) * MS) for n in range(30))))
    assert not chart(client, "latency-heatmap")["figure"]["layout"].get("shapes")
    (shape,) = chart(client, "latency-heatmap", area_min="5ms", area_max="10ms")["figure"]["layout"]["shapes"]
    assert 0 < shape["y0"] < shape["y1"]
    outside = chart(client, "latency-heatmap", area_to=str(T0_NS - 10**15))
    assert not outside["figure"]["layout"].get("shapes")


@pytest.mark.parametrize("name", ["time-to-ready", "latency-heatmap"])
def test_a_chart_of_nothing_says_so(client: Client, name: str) -> None:
    assert chart(client, name)["empty"].startswith("No ")
    assert "of these filters" in chart(client, name, pool="nowhere", heatmap="claims")["empty"]


def test_wrong_parameters_are_named(client: Client) -> None:
    response = client.get("/charts/latency-heatmap.json", {"heatmap": "pods", "sort": "size"})
    assert response.status_code == 400
    assert set(response.json()["problems"]) == {"heatmap", "sort"}


def test_the_api_says_the_same_in_numbers_and_words(client: Client) -> None:
    load("burst-drained")
    save_now(batch(make_span("run", status="error"), make_span("run", duration_ns=2 * SECOND)))
    found = client.get("/api/v1/overview").json()
    assert found["sentence"].startswith("None of 20 claims is stuck or failed. Time to ready p95 ")
    assert sum(found["claims"].values()) == 20
    assert {one["start"] for one in found["time_to_ready"]} == {"all", "cold", "warm"}
    assert (found["operations"]["count"], found["operations"]["errors"]) == (2, 1)
    (slowest,) = found["slowest"]
    assert (slowest["service"], slowest["operation"]) == ("shop", "run")
    assert slowest["now"]["max_ms"] == pytest.approx(2_000)


def test_the_numbers_behind_each_chart_can_be_taken_away(client: Client) -> None:
    load("burst-drained")
    save_now(batch(make_span("run")))
    for parameters in ({"service": "shop"}, {"pool": "simple-sandbox-pool"}, {"area_min": "1s", "sort": "count"}):
        html = page(client, range="all", **parameters)
        links = {unescape(link) for link in re.findall(r'href="(/export/\w+\.csv[^"]*)"', html)}
        assert {link.partition("?")[0] for link in links} == {"/export/claims.csv", "/export/latency.csv"}
        for link in links:
            assert client.get(link).status_code == 200, link

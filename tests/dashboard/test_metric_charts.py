"""Metrics as charts: every kind over time, in its unit, as its table twin tells it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import plotly.graph_objects as go
import pytest
from django.test import Client

from collector.decode.metrics import decode_metrics
from collector.ingest import save_now
from collector.models import MetricStream
from collector.records import MetricKind
from dashboard.metric_charts.spread import common_scale, counts_of, rows_of
from tests.factories import SECOND, MadePoint, batch, make_exemplar, make_histogram, make_point, span_id, trace_id

START = 1_795_540_000 * SECOND
DELTA, CUMULATIVE = 1, 2
DATA = Path(__file__).resolve().parents[1] / "data"


def chart(client: Client, name: str = "metric", **parameters: Any) -> Any:
    answer = client.get(f"/charts/{name}.json", {"range": "all", **parameters})
    assert answer.status_code == 200, answer.content
    return answer.json()


def columns(drawn: Any) -> dict[str, list[str]]:
    """The twin's columns of values, oldest first."""
    table = drawn["table"]
    return {name: [row[at] for row in reversed(table["rows"])] for at, name in enumerate(table["columns"]) if at}


def every(step_s: int, *values: Any, make: Any = make_point, **options: Any) -> list[MadePoint]:
    """A point for each value, that many seconds apart."""
    return [make(value, time_ns=START + at * step_s * SECOND, **options) for at, value in enumerate(values)]


def test_a_gauge_is_drawn_by_its_last_values(db: None, client: Client) -> None:
    save_now(batch(*every(10, 1024, 2048, 4096, unit="By")))
    assert columns(chart(client, metric="requests"))["value"] == ["1.0 KiB", "2.0 KiB", "4.0 KiB"]


@pytest.mark.parametrize(("temporality", "values"), [(DELTA, (20, 30, 10)), (CUMULATIVE, (20, 50, 60))])
def test_a_sum_is_drawn_as_its_growth_a_second(
    db: None, client: Client, temporality: int, values: tuple[int, ...]
) -> None:
    points = [
        make_point(
            value,
            kind=MetricKind.SUM,
            temporality=temporality,
            is_monotonic=True,
            unit="{request}",
            start_ns=START + (10 * at * SECOND if temporality == DELTA else 0),
            time_ns=START + 10 * (at + 1) * SECOND,
        )
        for at, value in enumerate(values)
    ]
    save_now(batch(*points))
    assert columns(chart(client, metric="requests"))["value"] == ["2 requests/s", "3 requests/s", "1 request/s"]


def total(value: int, at_s: int, start_s: int = 0, **options: Any) -> MadePoint:
    options |= {"start_ns": START + start_s * SECOND, "time_ns": START + at_s * SECOND}
    return make_point(value, kind=MetricKind.SUM, temporality=CUMULATIVE, is_monotonic=True, **options)


def test_a_total_that_falls_began_again_and_never_shrinks(db: None, client: Client) -> None:
    save_now(batch(total(100, 10), total(200, 20), total(50, 30), total(150, 40)))
    drawn = chart(client, metric="requests")
    assert columns(drawn)["value"] == ["10 /s", "10 /s", "5 /s", "10 /s"]
    assert "began again" in [note["text"] for note in drawn["figure"]["layout"]["annotations"]]


def test_a_program_that_was_started_again_goes_on_with_its_line(db: None, client: Client) -> None:
    save_now(batch(total(100, 10), total(200, 20), total(30, 40, start_s=30), total(60, 50, start_s=30)))
    assert columns(chart(client, metric="requests")) == {"value": ["10 /s", "10 /s", "3 /s", "3 /s"]}


def test_silence_breaks_the_line(db: None, client: Client) -> None:
    values = every(10, 1, 2, 3, 4, 5, 6)
    late = make_point(7, time_ns=START + 300 * SECOND)
    save_now(batch(*values, late))
    line = chart(client, metric="requests")["figure"]["data"][0]["y"]
    assert line[:6] == [1, 2, 3, 4, 5, 6]
    assert set(line[6:-1]) == {None}
    assert line[-1] == 7


def histograms(temporality: int, *counts: list[int], **options: Any) -> list[MadePoint]:
    found = []
    for at, each in enumerate(counts):
        shown = [sum(column) for column in zip(*counts[: at + 1], strict=True)] if temporality == CUMULATIVE else each
        begin = START if temporality == CUMULATIVE else START + 10 * at * SECOND
        times = {"start_ns": begin, "time_ns": START + 10 * (at + 1) * SECOND}
        found.append(make_histogram([10.0, 20.0, 40.0], shown, temporality=temporality, **times, **options))
    return found


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_histogram_is_drawn_by_the_percentiles_of_each_step(db: None, client: Client, temporality: int) -> None:
    save_now(batch(*histograms(temporality, [10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0])))
    assert columns(chart(client, metric="duration"))["p50"] == ["5.0 ms", "15 ms", "30 ms"]


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_heatmap_counts_each_measurement_once(db: None, client: Client, temporality: int) -> None:
    save_now(batch(*histograms(temporality, [1, 2, 0, 1], [0, 5, 0, 0])))
    rows = chart(client, "metric-heatmap", metric="duration")["table"]["rows"]
    assert sorted((between, count) for _, between, count in rows) == [
        ("0 ms to 10 ms", "1"),
        ("10 ms to 20 ms", "2"),
        ("10 ms to 20 ms", "5"),
        ("over 40 ms", "1"),
    ]


def test_measurements_are_counted_a_second(db: None, client: Client) -> None:
    save_now(batch(*histograms(DELTA, [10, 0, 0, 0], [0, 40, 0, 0])))
    assert columns(chart(client, "metric-rate", metric="duration"))["value"] == ["1 /s", "4 /s"]


class Exponential:
    """A point of an exponential histogram with one bucket."""

    def __init__(self, scale: int, index: int) -> None:
        self.flags = 0
        self.count = 1
        self.detail = {"scale": scale, "positive": {"offset": index, "counts": [1]}, "negative": {}, "zero_count": 0}


def test_exponential_histograms_of_different_scales_share_bounds() -> None:
    fine, coarse = Exponential(3, 17), Exponential(1, 4)  # 2^(17/8) to 2^(18/8), and 2^2 to 2^2.5
    points: Any = [fine, coarse]
    scale = common_scale(points)
    assert scale == 1
    found = [counts_of(MetricKind.EXPONENTIAL_HISTOGRAM, point, scale) for point in points]
    assert found[0] == found[1]
    ((lower, upper),) = found[0]
    assert lower == 4
    assert upper == pytest.approx(2**2.5)


def test_a_summary_is_drawn_by_its_own_quantiles(db: None, client: Client) -> None:
    points = [
        make_point(
            None,
            kind=MetricKind.SUMMARY,
            name="pause",
            unit="ms",
            count=4,
            detail={"quantiles": [[0.5, 3.0 + at], [1.0, 9.0]]},
            time_ns=START + 10 * at * SECOND,
        )
        for at in range(2)
    ]
    save_now(batch(*points))
    assert columns(chart(client, metric="pause")) == {"p50": ["3.0 ms", "4.0 ms"], "max": ["9.0 ms", "9.0 ms"]}


def test_lines_are_split_by_an_attribute(db: None, client: Client) -> None:
    for pool, node, value in (("a", "1", 1), ("a", "2", 3), ("b", "1", 8)):
        save_now(batch(*every(10, value, value, attributes={"pool": pool, "node": node})))
    assert columns(chart(client, metric="requests")) == {"1 a": ["1", "1"], "1 b": ["8", "8"], "2 a": ["3", "3"]}
    assert columns(chart(client, metric="requests", split="pool")) == {"a": ["2", "2"], "b": ["8", "8"]}  # means
    assert columns(chart(client, metric="requests", split="node")) == {"1": ["4.5", "4.5"], "2": ["3", "3"]}


def test_an_exemplar_is_a_dot_that_leads_to_its_span(db: None, client: Client) -> None:
    exemplar = make_exemplar(734, trace=trace_id(5), span=span_id(6), time_ns=START + SECOND)
    save_now(batch(make_histogram([1000.0], [1, 0], time_ns=START + 2 * SECOND, exemplars=[exemplar])))
    dots = chart(client, metric="duration")["figure"]["data"][-1]
    assert dots["customdata"] == [f"/traces/{trace_id(5)}/?span={span_id(6)}"]
    assert dots["text"] == ["734 ms"]


def test_a_metric_without_points_says_so(db: None, client: Client) -> None:
    assert chart(client, metric="nothing")["empty"] == "No point in this time range."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e308, -1e308, 2**63 - 1])
def test_any_number_can_be_drawn(db: None, client: Client, value: float) -> None:
    save_now(batch(*every(10, value, 1.0, unit="s")))
    drawn = chart(client, metric="requests")
    go.Figure(drawn["figure"])


def test_buckets_of_a_heatmap_are_joined_until_they_fit() -> None:
    from_point: Any = Exponential(3, 0)
    from_point.detail["positive"] = {"offset": -400, "counts": [1] * 800}
    scale = common_scale([from_point])
    counts = counts_of(MetricKind.EXPONENTIAL_HISTOGRAM, from_point, scale)
    assert counts.total() == 800
    assert len(counts) <= 160
    assert rows_of([]) == []


def test_recorded_metrics_of_real_programs_are_drawn(db: None, client: Client) -> None:
    for path in sorted(DATA.glob("*/otlp/*metrics.pb")):
        save_now(decode_metrics(path.read_bytes()))
    streams = MetricStream.objects.all()
    assert len(streams) > 50
    drawn = [chart(client, stream=stream.pk) for stream in streams]
    with_data = [one for one in drawn if not one["empty"]]
    assert len(with_data) == len(streams)
    for one in with_data[::10]:
        go.Figure(one["figure"])


# Ranges of more points than are read


def totals(count: int, *, temporality: int, grows: int = 7, restart: int = 0) -> list[MadePoint]:
    """A point a second; a total begins again at `restart`."""
    found = []
    for at in range(1, count + 1):
        since = restart if restart and at >= restart else 0
        value = grows * (at - since) if temporality == CUMULATIVE else grows
        start_ns = START if temporality == CUMULATIVE else START + (at - 1) * SECOND
        options: dict[str, Any] = {"temporality": temporality, "is_monotonic": True, "kind": MetricKind.SUM}
        found.append(make_point(value, start_ns=start_ns, time_ns=START + at * SECOND, **options))
    return found


def ys(drawn: Any, line: int = 0) -> list[float | None]:
    found: list[float | None] = drawn["figure"]["data"][line]["y"]
    return found


@pytest.fixture
def few_points(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr("dashboard.metric_charts.points.MOST_POINTS", 400)


RANGES: list[dict[str, Any]] = [
    {},
    {"range": "", "from": START + 100 * SECOND, "to": START + 900 * SECOND},
    {"range": "", "from": START + 33 * SECOND},
]


@pytest.mark.parametrize("asked", RANGES)
def test_a_long_gauge_is_drawn_whole_and_the_same(
    db: None, client: Client, few_points: Callable[[], None], asked: dict[str, Any]
) -> None:
    save_now(batch(*every(1, *(at * at % 1_009 for at in range(1_000)))))
    whole = chart(client, metric="requests", **asked)
    few_points()
    long = chart(client, metric="requests", **asked, q="")
    assert ys(long) == ys(whole)
    assert long["figure"]["layout"]["xaxis"] == whole["figure"]["layout"]["xaxis"]
    assert long["note"] is None


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
@pytest.mark.parametrize("asked", RANGES)
def test_a_long_total_grows_as_fast(
    db: None, client: Client, few_points: Callable[[], None], temporality: int, asked: dict[str, Any]
) -> None:
    save_now(batch(*totals(1_000, temporality=temporality)))
    few_points()
    drawn = chart(client, metric="requests", **asked)
    values = [value for value in ys(drawn) if value is not None]
    assert len(values) > (0 if "from" in asked and "to" not in asked else 150)  # until now: a few long steps
    assert values == pytest.approx([7] * len(values))
    assert drawn["note"] is None


def test_a_long_total_shows_where_it_began_again(db: None, client: Client, few_points: Callable[[], None]) -> None:
    save_now(batch(*totals(1_000, temporality=CUMULATIVE, restart=500)))
    few_points()
    drawn = chart(client, metric="requests")
    assert [note["text"] for note in drawn["figure"]["layout"]["annotations"]].count("began again") == 1
    assert min(value for value in ys(drawn) if value is not None) >= 0


def test_deltas_that_tell_no_start_are_added_up(db: None, client: Client, few_points: Callable[[], None]) -> None:
    options: dict[str, Any] = {"kind": MetricKind.SUM, "temporality": DELTA, "is_monotonic": True}
    save_now(batch(*every(1, *[2] * 500, *[4.5] * 500, **options)))
    few_points()
    values = [value for value in ys(chart(client, metric="requests")) if value is not None]
    assert (values[60], values[-1]) == pytest.approx((2, 4.5))


def test_a_delta_without_end_leaves_its_step_empty_and_no_other(
    db: None, client: Client, few_points: Callable[[], None]
) -> None:
    options: dict[str, Any] = {"kind": MetricKind.SUM, "temporality": DELTA, "is_monotonic": True}
    save_now(batch(*every(1, *[2.0] * 500, math.inf, *[2.0] * 499, **options)))
    few_points()
    drawn = ys(chart(client, metric="requests"))
    assert {round(value, 9) for value in drawn if value is not None} == {2}


def test_many_streams_of_a_long_range_have_longer_steps(
    db: None, client: Client, few_points: Callable[[], None]
) -> None:
    made = [every(1, *[number] * 300, attributes={"pod": f"p{number}"}) for number in range(6)]
    save_now(batch(*(point for points in made for point in points)))
    few_points()
    drawn = chart(client, metric="requests")
    assert {tuple({*ys(drawn, line)} - {None}) for line in range(6)} == {(number,) for number in range(6)}


@pytest.mark.parametrize("name", ["metric", "metric-heatmap", "metric-rate"])
def test_a_long_histogram_of_totals_is_drawn_whole(
    db: None, client: Client, few_points: Callable[[], None], name: str
) -> None:
    save_now(batch(*histograms(CUMULATIVE, *[[0, 5, 0, 0]] * 600)))
    few_points()
    drawn = chart(client, name, metric="duration")
    assert drawn["note"] is None
    if name == "metric":
        assert set(columns(drawn)["p50"][1:]) == {"15 ms"}
    elif name == "metric-heatmap":
        assert sum(int(count.replace(",", "")) for _, _, count in drawn["table"]["rows"]) == 3_000


def test_of_too_many_deltas_of_a_histogram_the_newest_are_drawn_and_it_is_said(
    db: None, client: Client, few_points: Callable[[], None]
) -> None:
    save_now(batch(*histograms(DELTA, *[[0, 5, 0, 0]] * 600)))
    assert chart(client, metric="duration")["note"] is None
    few_points()
    asked = {"metric": "duration", "service": "shop", "split": "", "range": "all"}
    note = chart(client, **asked)["note"]
    assert note["words"].startswith("Drawn are the newest 400 of 600 points")
    assert note["href"] == f"?metric=duration&service=shop&split=&from={START + 10 * 201 * SECOND + 1}"
    query = dict(parse_qsl(note["href"][1:]))
    assert client.get("/metrics/", query).status_code == 200
    assert chart(client, **query, range="")["note"] is None


def test_lines_beyond_those_that_can_be_told_apart_are_said(db: None, client: Client) -> None:
    made = [every(10, 1, 2, attributes={"pod": f"p{number}"}) for number in range(11)]
    save_now(batch(*(point for points in made for point in points)))
    words = chart(client, metric="requests")["note"]["words"]
    assert words.startswith("Of 11 streams the 8 with most points are drawn")
    words = chart(client, metric="requests", split="pod")["note"]["words"]
    assert words.startswith("Of 11 values of pod the 8 with most points are drawn")


def test_of_equally_long_lines_those_are_drawn_that_come_first_as_people_count(db: None, client: Client) -> None:
    made = [every(10, 1, 2, attributes={"pod": f"p{number}"}) for number in range(11)]
    save_now(batch(*(point for points in made for point in points)))
    assert chart(client, metric="requests")["table"]["columns"][1:] == [f"p{number}" for number in range(8)]
